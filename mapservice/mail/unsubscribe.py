"""The signature of a mailed link that ends what the mail was sent for."""

import base64
import hashlib
import hmac
from uuid import UUID


def signature(follower: UUID, key: bytes) -> str:
    made = hmac.digest(key, f"leave {follower}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def is_signed(follower: UUID, key: bytes, given: str) -> bool:
    return hmac.compare_digest(signature(follower, key).encode(), given.encode())
