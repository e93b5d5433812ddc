"""Keys for tools: their scopes, and a key as its owner sees it."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

# In days: a key that nobody renews ends.
LIVES = (30, 90, 365)
MAX_TOKENS = 10
# What each key begins with, so that scanners of leaked secrets know one when they see it.
SIGN = "mapservice_"
SHOWN_SIGNS = len(SIGN) + 4
LONGEST = 100


class ApiKeyScope(StrEnum):
    """What a key opens; each is limited by the roles of its person at the moment of use."""

    READ_MODERATION = "read:moderation"
    READ_COORDINATION = "read:coordination"
    WRITE_INITIATIVES = "write:initiatives"
    EXPORT = "export"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as its owner sees it: never the secret; `prefix` is how the secret begins."""

    id: UUID
    person: UUID
    name: str
    prefix: str
    scopes: tuple[ApiKeyScope, ...]
    created_at: datetime
    expires_at: datetime
    last_used_on: date | None
    expired: bool


def is_like_ours(text: str) -> bool:
    """Whether the database is worth asking about it."""
    return text.startswith(SIGN) and text.isascii() and len(text) <= LONGEST
