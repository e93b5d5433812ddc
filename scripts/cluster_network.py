"""Where the nodes of `scripts/cluster-trial` stand: on the loopback, or each in its own network.

Namespaces (root, iproute2) hang on a bridge of their own, on which this machine has an address too:
so a node can be cut off, from all or from its peers alone, as a switch or a firewall would do it.
"""

import contextlib
import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pwd import struct_passwd

from mapservice.errors import ConfigurationError

HOST = "127.0.0.1"
# Of the range that RFC 2544 keeps for trials of networks; nothing of it leaves the bridge.
SUBNET, OURS = "198.18.77", 254


class Machines(ABC):
    """One place a node, numbered from 1."""

    network: str

    @abstractmethod
    def address(self, number: int) -> str: ...

    @abstractmethod
    def within(self, number: int, command: Sequence[str], user: struct_passwd | None) -> list[str]:
        """What to run for the command to run there, as that user."""

    @abstractmethod
    def cut_off(self, number: int) -> None:
        """From everybody."""

    @abstractmethod
    def cut_from_peers(self, number: int) -> None:
        """Clients still reach it."""

    @abstractmethod
    def heal(self) -> None: ...

    @abstractmethod
    def end(self) -> None: ...


class Loopback(Machines):
    """All on one address: no network that could be cut."""

    network = f"{HOST}/32"

    def address(self, number: int) -> str:
        del number
        return HOST

    def within(self, number: int, command: Sequence[str], user: struct_passwd | None) -> list[str]:
        del number
        return [*_as(user), *command]

    def cut_off(self, number: int) -> None:
        raise ConfigurationError(f"node {number} has no network of its own to be cut")

    def cut_from_peers(self, number: int) -> None:
        self.cut_off(number)

    def heal(self) -> None:
        """Nothing was cut."""

    def end(self) -> None:
        """Nothing was made."""


class Namespaces(Machines):
    """A network namespace for each node."""

    network = f"{SUBNET}.0/24"

    def __init__(self, count: int) -> None:
        self._mark = f"ms{os.getpid() % 100_000}"
        self._numbers = range(1, count + 1)
        self._bridge = f"{self._mark}b"

    def make(self) -> None:
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("addr", "add", f"{SUBNET}.{OURS}/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        for number in self._numbers:
            space, line = self._space(number), self._line(number)
            _ip("netns", "add", space)
            _ip("link", "add", line, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("link", "set", line, "master", self._bridge, "up")
            _ip("-n", space, "addr", "add", f"{self.address(number)}/24", "dev", "eth0")
            _ip("-n", space, "link", "set", "eth0", "up")
            _ip("-n", space, "link", "set", "lo", "up")

    def address(self, number: int) -> str:
        return f"{SUBNET}.{number}"

    def within(self, number: int, command: Sequence[str], user: struct_passwd | None) -> list[str]:
        return ["ip", "netns", "exec", self._space(number), *_as(user), *command]

    def cut_off(self, number: int) -> None:
        _ip("link", "set", self._line(number), "down")

    def cut_from_peers(self, number: int) -> None:
        """Neither side sends the other anything."""
        for other in self._numbers:
            if other != number:
                for one, to in ((number, other), (other, number)):
                    way = f"{self.address(to)}/32"
                    _ip("-n", self._space(one), "route", "replace", "blackhole", way)

    def heal(self) -> None:
        for number in self._numbers:
            _ip("link", "set", self._line(number), "up")
            for other in self._numbers:
                with contextlib.suppress(ConfigurationError):
                    way = f"{self.address(other)}/32"
                    _ip("-n", self._space(number), "route", "del", "blackhole", way)

    def end(self) -> None:
        """Of what there is: it may end while it is made."""
        for number in self._numbers:
            with contextlib.suppress(ConfigurationError):
                _ip("netns", "del", self._space(number))
        with contextlib.suppress(ConfigurationError):
            _ip("link", "del", self._bridge)

    def _space(self, number: int) -> str:
        return f"{self._mark}n{number}"

    def _line(self, number: int) -> str:
        return f"{self._mark}v{number}"


def can_be_cut() -> bool:
    return os.geteuid() == 0 and bool(shutil.which("ip")) and bool(shutil.which("setpriv"))


def _as(user: struct_passwd | None) -> list[str]:
    if user is None:
        return []
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigurationError(f"ip {' '.join(words)}: {done.stderr.strip()}")
