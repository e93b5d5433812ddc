"""Keys for tools: their scopes, what is typed to make one, and what is kept of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from mapservice.accounts.people.model import clean_display_name, new_secret
from mapservice.errors import InvalidInput

# In days: a key that nobody renews ends.
LIVES = (30, 90, 365)
MAX_TOKENS = 10
# What each key begins with, so that scanners of leaked secrets know one when they see it.
SIGN = "mapservice_"
SHOWN_SIGNS = len(SIGN) + 4
LONGEST = 100


class ApiKeyScope(StrEnum):
    """What a key opens; each is bound by the roles of its person at the moment of use."""

    READ_MODERATION = "read:moderation"
    READ_COORDINATION = "read:coordination"
    WRITE_INITIATIVES = "write:initiatives"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class ApiKeyRequest:
    """What somebody wants a key for."""

    name: str
    scopes: tuple[ApiKeyScope, ...]
    days: int

    @classmethod
    def parse(cls, name: str, scopes: Iterable[str], days: str) -> Self:
        """Raises InvalidInput naming `name`, `scope` or `days`."""
        called = clean_display_name(name)
        if not called:
            raise InvalidInput("name", "is missing")
        asked = set(scopes)
        unknown = asked - set(ApiKeyScope)
        if unknown or not asked:
            raise InvalidInput("scope", f"is not some of {', '.join(ApiKeyScope)}")
        if days not in map(str, LIVES):
            raise InvalidInput("days", f"is not one of {', '.join(map(str, LIVES))}")
        return cls(called, tuple(scope for scope in ApiKeyScope if scope in asked), int(days))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as its owner sees it: never the secret, `prefix` are its first signs."""

    id: UUID
    person: UUID
    name: str
    prefix: str
    scopes: tuple[ApiKeyScope, ...]
    created_at: datetime
    expires_at: datetime
    last_used_on: date | None
    expired: bool


def new_token() -> str:
    """256 random bits behind the sign of our keys."""
    return SIGN + new_secret()


def is_like_ours(text: str) -> bool:
    """Whether it is worth a look in the database."""
    return text.startswith(SIGN) and text.isascii() and len(text) <= LONGEST
