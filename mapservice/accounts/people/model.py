"""People, what a mailed link stands for, and the names that moderators sign with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from mapservice.errors import InvalidInput

MAX_NAME = 60
MAX_SIGNER_NAME = 100
LOCALES = ("fr", "en")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone whose address is proved (`confirmed_at`); `name` is public and may be empty.

    `slug` names their public page where they chose to have one.
    """

    id: UUID
    email: str
    name: str
    locale: str
    commune: str | None
    created_at: datetime
    confirmed_at: datetime
    slug: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MagicLink:
    """What a mailed link stands for; its secret is in the link alone."""

    purpose: str
    person: UUID
    email: str
    subject: UUID | None
    payload: Mapping[str, Any]
    created_at: datetime
    expires_at: datetime


def clean_name(text: str) -> str:
    """A decider's name, as it is recorded. Raises InvalidInput when empty or too long."""
    name = " ".join(text.split())
    if not name or not name.isprintable() or len(name) > MAX_SIGNER_NAME:
        raise InvalidInput("by", f"must be a name of at most {MAX_SIGNER_NAME} characters")
    return name
