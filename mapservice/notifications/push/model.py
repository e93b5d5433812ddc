"""Devices that get notifications, and where a notification may go."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import UUID

from mapservice.errors import InvalidInput
from mapservice.outgoing.public_hosts import check_address

MAX_ENDPOINT = 1_000
MAX_DEVICES = 10
# An uncompressed point of P-256, and the secret beside it (RFC 8291, section 3.2).
POINT_BYTES, SECRET_BYTES = 65, 16
UNCOMPRESSED = 4
# How long a notification is tried, and kept for a device that is switched off.
GIVE_UP_AFTER = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class PushTarget:
    """What a browser gave: where to send to, and the keys to encrypt for it."""

    endpoint: str
    p256dh: bytes
    auth: bytes

    @classmethod
    def parse(cls, endpoint: str, p256dh: str, auth: str, allowed: frozenset[str]) -> Self:
        """Raises InvalidInput naming the field. `allowed` as `check_endpoint` says."""
        check_endpoint(endpoint, allowed)
        point = _decoded("p256dh", p256dh, POINT_BYTES)
        if point[0] != UNCOMPRESSED:
            raise InvalidInput("p256dh", "must be an uncompressed point of P-256")
        return cls(endpoint, point, _decoded("auth", auth, SECRET_BYTES))


@dataclass(frozen=True, slots=True)
class PushDevice:
    """A device of a person, as their page names it."""

    id: UUID
    endpoint: str
    created_at: datetime

    @property
    def host(self) -> str:
        """That of the browser's vendor, which passes notifications on."""
        return urlsplit(self.endpoint).hostname or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushMessage:
    """A notification on its way: `instead` is the mail that goes if no device gets it."""

    id: UUID
    digest: UUID
    endpoint_id: UUID
    person: UUID
    target: PushTarget
    payload: str
    instead: dict[str, Any] | None
    give_up_at: datetime


def check_endpoint(address: str, allowed: frozenset[str]) -> None:
    """Only https, on a public host: what else a person names is not asked (SSRF).

    `allowed` are `host:port` that may be asked all the same, by http too: for tests. Where a name
    leads is looked at again when something is sent (`transport.py`). Raises InvalidInput.
    """
    check_address(address, allowed, field="endpoint", most=MAX_ENDPOINT)


def _decoded(name: str, text: str, length: int) -> bytes:
    try:
        found = base64.urlsafe_b64decode(
            text.strip().rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
        )
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != length:
        raise InvalidInput(name, f"must be {length} bytes in base64url")
    return found
