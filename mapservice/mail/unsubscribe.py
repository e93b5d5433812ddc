"""The signature of a mailed link that does one thing for one person, such as ending the mails."""

import base64
import hashlib
import hmac
from uuid import UUID

LEAVE = "leave"


def signature(follower: UUID, key: bytes, purpose: str = LEAVE) -> str:
    """A link for one purpose is none for another, though the key is the same."""
    made = hmac.digest(key, f"{purpose} {follower}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def is_signed(follower: UUID, key: bytes, given: str, purpose: str = LEAVE) -> bool:
    return hmac.compare_digest(signature(follower, key, purpose).encode(), given.encode())
