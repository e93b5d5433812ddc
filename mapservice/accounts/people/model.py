"""Addresses, names, people and the secrets that stand for them."""

import hashlib
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from mapservice.errors import InvalidInput

MAX_NAME = 60
MAX_SIGNER_NAME = 100
LOCALES = ("fr", "en")
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone whose address is proved (`confirmed_at`); `name` is public and may be empty."""

    id: UUID
    email: str
    name: str
    locale: str
    commune: str | None
    created_at: datetime
    confirmed_at: datetime


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


def new_secret() -> str:
    """256 random bits in 43 letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> bytes:
    """What is kept of a secret. It has no salt: there is nothing to guess in 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def clean_display_name(text: str) -> str:
    """One line without signs that cannot be seen or turn the direction. Raises InvalidInput."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if len(name) > MAX_NAME:
        raise InvalidInput("name", f"is longer than {MAX_NAME} signs")
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn") for sign in name):
        raise InvalidInput("name", "holds signs that cannot be shown")
    return name


def clean_name(text: str) -> str:
    """Who decides, as it is recorded. Raises InvalidInput for none, or too long a one."""
    name = " ".join(text.split())
    if not name or not name.isprintable() or len(name) > MAX_SIGNER_NAME:
        raise InvalidInput("by", f"must be a name of at most {MAX_SIGNER_NAME} characters")
    return name
