"""The signature of a mailed link that does one thing for one person, such as ending the mails."""

import base64
import hashlib
import hmac
import re
from uuid import UUID

LEAVE = "leave"
_FORM = re.compile(r"[A-Za-z0-9_-]{43}")


def signature(follower: UUID, key: bytes, purpose: str = LEAVE) -> str:
    """A link for one purpose is none for another, though the key is the same."""
    made = hmac.digest(key, f"{purpose} {follower}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def is_signed(follower: UUID, key: bytes, given: str, purpose: str = LEAVE) -> bool:
    return hmac.compare_digest(signature(follower, key, purpose).encode(), given.encode())


def has_form_of_signature(given: str) -> bool:
    """Whether it could be one, for whatever key: a link cut short is no used one."""
    return _FORM.fullmatch(given) is not None
