"""How often something may be tried: counted in the database, so that all workers see one count."""

import hashlib
import math
from dataclasses import dataclass

from mapservice.web import tallies
from mapservice.web.edge import client_address, network_of, secret_key, services

HOUR = 3600


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `tries` within `seconds`, looking back from now."""

    tries: int
    seconds: int = HOUR


def seconds_to_wait(name: str, limit: RateLimit, whose: str) -> int:
    """Counts one more try of `name` by somebody; 0 when it is within the limit.

    What is counted is kept as a keyed digest: no address of a network or mailbox is stored. The
    count holds whatever becomes of the request, since it has a transaction of its own.
    """
    with services().engine.begin() as connection:
        tries = tallies.count(connection, _key(name, whose), limit.seconds)
    return max(1, math.ceil(tries.seconds_left)) if tries.count > limit.tries else 0


def seconds_left(name: str, limit: RateLimit, whose: str) -> int:
    """The same without a try: 0 unless the limit is reached already."""
    with services().engine.connect() as connection:
        tries = tallies.look(connection, _key(name, whose), limit.seconds)
    return max(1, math.ceil(tries.seconds_left)) if tries.count >= limit.tries else 0


def _key(name: str, whose: str) -> bytes:
    key = hashlib.sha256(secret_key()).digest()
    return hashlib.blake2b(f"{name}\n{whose}".encode(), digest_size=16, key=key).digest()


def visitor_network() -> str:
    """The visitor's IPv4 address, or the /64 of an IPv6 one, which is one household's."""
    return network_of(client_address())
