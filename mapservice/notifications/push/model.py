"""Devices that get notifications, and where a notification may go."""

import base64
import binascii
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import UUID

from mapservice.errors import InvalidInput

MAX_ENDPOINT = 1_000
MAX_DEVICES = 10
HTTPS_PORT = 443
# An uncompressed point of P-256, and the secret beside it (RFC 8291, section 3.2).
POINT_BYTES, SECRET_BYTES = 65, 16
UNCOMPRESSED = 4
# How long a notification is tried, and kept for a device that is switched off.
GIVE_UP_AFTER = timedelta(days=2)
# Names that no public server has.
PRIVATE_SUFFIXES = (".local", ".localhost", ".internal", ".home.arpa", ".lan", ".test", ".onion")


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
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidInput("endpoint", "is not an address") from None
    if len(address) > MAX_ENDPOINT or not address.isascii() or not address.isprintable():
        raise InvalidInput("endpoint", "is not an address of a push service")
    if parts.netloc in allowed and parts.scheme in ("http", "https"):
        return
    if parts.scheme != "https" or port not in (None, HTTPS_PORT) or "@" in parts.netloc:
        raise InvalidInput("endpoint", "must be an https address without user and port")
    if not is_public_host(host):
        raise InvalidInput("endpoint", "must be on a public host")


def is_public_host(host: str) -> bool:
    """By its name or number alone."""
    try:
        return is_public_address(host)
    except ValueError:
        name = f".{host.rstrip('.').lower()}"
        # A last part of digits is an IPv4 address in one of its odd spellings.
        last = name.rpartition(".")[2]
        return name.count(".") > 1 and not name.endswith(PRIVATE_SUFFIXES) and not last.isdigit()


def is_public_address(text: str) -> bool:
    """Whether it is one of the public internet. Raises ValueError for what is no address."""
    found = ipaddress.ip_address(text)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    address = mapped or found
    if isinstance(address, ipaddress.IPv6Address) and (address.sixtofour or address.teredo):
        return False
    return address.is_global and not address.is_multicast


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
