"""Addresses, names, people and the secrets that stand for them."""

import hashlib
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from disposable_email_domains import blocklist
from email_validator import EmailNotValidError, validate_email

from mapservice.errors import InvalidInput

MAX_NAME = 60
LOCALES = ("fr", "en")
SECRET_BYTES = 32


class Mistake(StrEnum):
    """What can be wrong with an address."""

    SYNTAX = "is not an e-mail address"
    DISPOSABLE = "is an address for one use, of a service that throws mail away"


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """`address` is what mail goes to, in ASCII; `key` is the same for all spellings of one mailbox.

    The key is in lower case and leaves out a `+tag`, so that one mailbox is one person. Where a
    server should hold `a+b` for another mailbox than `a`, its two people cannot have an account
    each, but no mail of one goes to the other: mail goes to the address that was proved.
    """

    address: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """By its syntax alone (no look-up is made). Raises InvalidInput, a `Mistake` its reason."""
        try:
            valid = validate_email(
                text.strip(), check_deliverability=False, allow_smtputf8=False, strict=True
            )
        except EmailNotValidError:
            raise InvalidInput("email", Mistake.SYNTAX) from None
        if valid.ascii_email is None:
            raise InvalidInput("email", Mistake.SYNTAX)
        local, _, domain = valid.ascii_email.rpartition("@")
        domain = domain.lower()
        if is_disposable(domain):
            raise InvalidInput("email", Mistake.DISPOSABLE)
        mailbox = local.lower().partition("+")[0] or local.lower()
        return cls(f"{local}@{domain}", f"{mailbox}@{domain}")


def is_disposable(domain: str) -> bool:
    """The list names some thousands of domains; those under them count as well."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))


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
class Token:
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
