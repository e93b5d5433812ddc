"""Who really asks, where proxies stand in front: believed only of proxies that the operator named.

Each proxy appends the address it was asked from to `X-Forwarded-For`. Read from the right, the
first that is no proxy of ours is the visitor; what a visitor wrote stands left of it.
"""

import ipaddress
from typing import TYPE_CHECKING

import structlog

from mapservice.errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# What a list may say instead of addresses.
NAMED = {
    "loopback": ("127.0.0.0/8", "::1/128"),
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
}

log = structlog.get_logger()


def read_networks(listed: str) -> tuple[Network, ...]:
    """Addresses and CIDR networks between commas or spaces; `loopback` and `private` are some.

    Raises ConfigurationError for what is neither.
    """
    words = listed.replace(",", " ").split()
    found: list[Network] = []
    for word in (text for each in words for text in NAMED.get(each, (each,))):
        try:
            found.append(ipaddress.ip_network(word, strict=False))
        except ValueError:
            raise ConfigurationError(
                f"MAPSERVICE_TRUSTED_PROXIES: {word!r} is no address and no network"
            ) from None
    return tuple(found)


def read_address(text: str) -> Address | None:
    """None for what is none. An IPv4 address mapped into IPv6 is the former; ports are cut off."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


class TrustedProxies:
    """Those that the setting lists; see `read_networks`."""

    def __init__(self, listed: str) -> None:
        self._trusted = read_networks(listed)
        self._warned = False

    def see_through(self, wsgi: "WSGIEnvironment") -> None:
        """Sets `REMOTE_ADDR` and the scheme as they tell; the headers go no further."""
        chain = wsgi.pop("HTTP_X_FORWARDED_FOR", "")
        scheme = wsgi.pop("HTTP_X_FORWARDED_PROTO", "")
        peer = read_address(wsgi.get("REMOTE_ADDR", ""))
        if peer is not None and self._is_trusted(peer):
            wsgi["REMOTE_ADDR"] = str(self._visitor(peer, chain))
            # The nearest proxy's word, the last where several added theirs.
            told = scheme.rpartition(",")[2].strip().lower()
            if told in ("http", "https"):
                wsgi["wsgi.url_scheme"] = told
        elif chain and not self._warned and peer is not None and peer.is_private:
            self._warned = True
            log.warning(
                "forwarded_header_ignored",
                hint="a proxy that stands in front must be named in MAPSERVICE_TRUSTED_PROXIES,"
                " else all its visitors look like one",
            )

    def _visitor(self, peer: Address, chain: str) -> Address:
        """The nearest address that is no proxy of ours; where all are, the farthest.

        What is no address ends the chain: who wrote it cannot be believed further.
        """
        seen = peer
        for text in reversed(chain.split(",") if chain else ()):
            address = read_address(text)
            if address is None:
                break
            seen = address
            if not self._is_trusted(address):
                break
        return seen

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)
