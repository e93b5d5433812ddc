"""Which hosts may be asked for what a person names: those of the public internet (SSRF).

A name says little: where it leads is looked at again when the connection is made (`connection.py`).
"""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from mapservice.errors import InvalidInput

HTTPS_PORT = 443
# Names that no public server has.
PRIVATE_SUFFIXES = (".local", ".localhost", ".internal", ".home.arpa", ".lan", ".test", ".onion")
# Behind these stands an IPv4 address: RFC 6052 (NAT64, which resolvers make up) and RFC 4291.
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What is given out to hosts of the internet; all else of IPv6 leads to a network of one's own.
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


def check_address(address: str, allowed: frozenset[str], *, field: str, most: int) -> SplitResult:
    """The parts of an https address on a public host, at most `most` characters long.

    `allowed` are `host:port` that may be asked all the same, by http too: stand-ins for tests.
    Raises InvalidInput for `field`.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidInput(field, "is not an address") from None
    if len(address) > most:
        raise InvalidInput(field, f"is longer than {most} characters")
    if not address.isascii() or not address.isprintable() or " " in address:
        raise InvalidInput(field, "is not an address")
    if parts.netloc in allowed and parts.scheme in ("http", "https"):
        return parts
    if parts.scheme != "https" or port not in (None, HTTPS_PORT) or "@" in parts.netloc:
        raise InvalidInput(field, "must be an https address without user and port")
    if not is_public_host(host):
        raise InvalidInput(field, "must be on a public host")
    return parts


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
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            address = address.ipv4_mapped
        elif address in NAT64:
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        elif address not in GLOBAL_UNICAST or address.sixtofour or address.teredo:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def stand_ins(told: str) -> frozenset[str]:
    """Hosts that a setting lets be asked in trials though they are not public, as `host:port`."""
    return frozenset(told.replace(",", " ").split())
