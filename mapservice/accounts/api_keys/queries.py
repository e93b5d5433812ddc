"""Reading keys: those of a person, and the one that a secret belongs to."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from mapservice.accounts.api_keys.model import ApiKey, ApiKeyScope

COLUMNS = """
SELECT api_token.id, api_token.person, api_token.name, prefix, scopes, api_token.created_at,
       expires_at, last_used_on, expires_at <= now() AS expired
  FROM api_token"""

OF_PERSON = f"{COLUMNS} WHERE person = :person ORDER BY created_at DESC, id"

BY_DIGEST = f"""{COLUMNS}
  JOIN person ON person.id = api_token.person
 WHERE digest = :digest AND expires_at > now()
   AND person.confirmed_at IS NOT NULL AND person.erased_at IS NULL"""


def of_person(connection: Connection, person: UUID) -> Sequence[ApiKey]:
    """The newest first, with those that expired lately."""
    rows = connection.execute(text(OF_PERSON), {"person": person})
    return [_token(row) for row in rows]


def by_digest(connection: Connection, digest: bytes) -> ApiKey | None:
    """The key with this digest of its secret; None if unknown, revoked or expired."""
    row = connection.execute(text(BY_DIGEST), {"digest": digest}).one_or_none()
    return _token(row) if row else None


def export(connection: Connection, person: UUID) -> object:
    """For the person, without what stands for the secrets."""
    return [
        {
            "name": one.name,
            "prefix": one.prefix,
            "scopes": list(one.scopes),
            "created_at": one.created_at,
            "expires_at": one.expires_at,
            "last_used_on": one.last_used_on,
        }
        for one in of_person(connection, person)
    ]


def _token(row: Row[Any]) -> ApiKey:
    return ApiKey(**{**row._mapping, "scopes": tuple(map(ApiKeyScope, row.scopes))})
