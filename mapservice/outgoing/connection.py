"""A connection to a host that was looked up here, and to no other.

Every address that the name has must be public, and the connection goes to one of those that were
looked at: a name that changes in between (DNS rebinding) leads nowhere else. Certificates are
those of the name. Behind a proxy (`way_out.py`) the name alone is looked at here: the proxy looks
it up, and its rules refuse addresses that are not public.
"""

import http.client
import socket
import ssl
import time
from urllib.parse import SplitResult

from mapservice.outgoing.public_hosts import HTTPS_PORT, is_public_address
from mapservice.outgoing.way_out import WayOut


class NotPublic(Exception):
    """The name leads, in part at least, to an address that is not public."""


def connect(
    to: SplitResult, allowed: frozenset[str], seconds: float, way: WayOut
) -> http.client.HTTPConnection:
    """`seconds` bound the connection and its handshake, and each wait afterwards; the look-up of
    the name takes what the resolver of the machine takes.

    `allowed` as `public_hosts.check_address` says. Raises NotPublic and OSError.
    """
    host, port = to.hostname or "", to.port or HTTPS_PORT
    addresses = _public_addresses(to, allowed) if way.is_straight else []
    until = time.monotonic() + seconds
    line = _reach(addresses, port, until) if addresses else way.reach(host, port, seconds)
    if to.scheme == "https":
        try:
            line.settimeout(_left(until))
            # An end without the closing note of TLS may be somebody else's cut.
            line = ssl.create_default_context().wrap_socket(
                line, server_hostname=host, suppress_ragged_eofs=False
            )
        except BaseException:
            line.close()
            raise
    line.settimeout(seconds)
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    connection.sock = line
    # Else the port would stand in the Host header, which some servers refuse.
    if port == HTTPS_PORT:
        connection.port = http.client.HTTP_PORT
    return connection


def _public_addresses(to: SplitResult, allowed: frozenset[str]) -> list[str]:
    """At least one."""
    host, port = to.hostname or "", to.port or HTTPS_PORT
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError("is no name that a host can have") from None
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    if to.netloc not in allowed and not all(map(is_public_address, addresses)):
        raise NotPublic("leads to an address that is not public")
    return addresses


def _reach(addresses: list[str], port: int, until: float) -> socket.socket:
    """The first of them that answers. Raises the OSError of the last."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), _left(until))
        except OSError:
            continue
    return socket.create_connection((addresses[-1], port), _left(until))


def _left(until: float) -> float:
    """The seconds until then; not none, which would mean not to wait at all."""
    return max(until - time.monotonic(), 0.001)
