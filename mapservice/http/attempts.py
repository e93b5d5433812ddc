"""Failed passwords, counted per address: after a few, that address has to wait."""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MAX_FAILURES = 5
WAIT_SECONDS = 300
MAX_ADDRESSES = 4096


class Attempts:
    """Kept in the memory of one process and bounded: the addresses longest unseen go first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def seconds_to_wait(self, address: str) -> int:
        """0 for who may try."""
        with self._lock:
            failures, until = self._failures.get(network_of(address), (0, 0.0))
        left = until - self._clock()
        return int(left) + 1 if failures >= MAX_FAILURES and left > 0 else 0

    def failed(self, address: str) -> None:
        network, now = network_of(address), self._clock()
        with self._lock:
            failures, until = self._failures.pop(network, (0, 0.0))
            failures = failures + 1 if until > now else 1
            self._failures[network] = (failures, now + WAIT_SECONDS)
            while len(self._failures) > MAX_ADDRESSES:
                self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        with self._lock:
            self._failures.pop(network_of(address), None)


def network_of(address: str) -> str:
    """The address itself; of IPv6 the network of 64 bits, which is one household's or machine's."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped:  # what a socket of both families says of an IPv4 client
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
