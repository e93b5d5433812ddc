"""`mapservice serve`: the whole service of one machine, until Ctrl-C or SIGTERM.

Holds the database (the private cluster, unless a URL is set), brings it up to date, then runs
gunicorn and a worker. Whatever happens, nothing that it started is left behind.
"""

import contextlib
import ipaddress
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Self

from mapservice.db import cluster
from mapservice.db.postmaster import is_running
from mapservice.db.postmaster import tell as tell_person
from mapservice.errors import ConfigurationError, MapserviceError
from mapservice.settings import Settings

PREPARATION = (
    ("Database schema", ("db", "migrate")),
    ("Territories", ("territories", "load", "--if-needed")),
    ("Sample initiatives", ("initiatives", "sample", "--if-empty")),
)
PAUSE = 0.1  # seconds between two looks at the children
LOOK_SECONDS = 5  # between two looks at the cluster, which nobody else watches
READY_SECONDS = 120
GRACE_SECONDS = 25  # longer than gunicorn gives its own workers


@dataclass(frozen=True, slots=True)
class Address:
    """Where people reach the service."""

    host: str
    port: int

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """`HOST` and `PORT`. Raises ConfigurationError for a port that is none."""
        text = environ.get("PORT") or "8000"
        if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
            raise ConfigurationError(f"PORT must be a number from 1 to 65535, not {text!r}")
        return cls(environ.get("HOST") or "127.0.0.1", int(text))

    @property
    def url(self) -> str:
        """An address to open here: a wildcard host is reached through the loopback."""
        host = "localhost" if _is_wildcard(self.host) else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def check_free(self) -> None:
        """Raises ConfigurationError when something else listens there."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise ConfigurationError(
                    f"Cannot listen on {self.host} port {self.port}: {error.strerror}.\n"
                    "Stop what listens there, or choose another: PORT=8123 scripts/start"
                ) from None


def _is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Clock:
    """Tells each step with the seconds since scripts/start began."""

    since: float

    def tell(self, text: str) -> None:
        print(f"[{time.time() - self.since:4.0f} s] {text}", flush=True)


@dataclass(frozen=True, slots=True)
class Database:
    """Its URL, and whether it still runs (somebody else's is not ours to watch)."""

    url: str
    lives: Callable[[], bool]


class Service:
    """The children and the wish to stop; one per process, as signals are."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = dict(environ)
        self.asked_to_stop = 0  # how often
        self.asked_by = ""
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def ask_to_stop(self, number: int, _frame: FrameType | None) -> None:
        self.asked_to_stop += 1
        self.asked_by = signal.Signals(number).name

    def start(self, name: str, command: Sequence[str]) -> None:
        """In a session of its own: Ctrl-C in the terminal reaches us alone, and we pass it on."""
        self._children[name] = subprocess.Popen(
            [*_ending_with_us(), *command], env=self.environ, start_new_session=True
        )

    def run(self, name: str, command: Sequence[str]) -> None:
        """To its end. Raises KeyboardInterrupt, or ConfigurationError when it fails."""
        self.start(name, command)
        while (code := self._children[name].poll()) is None:
            self.pause()
        del self._children[name]
        if code:
            raise ConfigurationError(f"{name}: failed with code {code}")

    def pause(self) -> None:
        """A moment for the children. Raises KeyboardInterrupt."""
        if self.asked_to_stop:
            raise KeyboardInterrupt
        time.sleep(PAUSE)

    def watch(self) -> None:
        """A moment, then raises ConfigurationError if a child has ended by itself."""
        self.pause()
        for name, child in self._children.items():
            if (code := child.poll()) is not None:
                raise ConfigurationError(f"{name} ended by itself (code {code}): stopping")

    def stop(self) -> None:
        """All children, kindly; a second Ctrl-C or too long a wait ends them at once."""
        asked, patience = self.asked_to_stop, time.monotonic() + GRACE_SECONDS
        self._signal(signal.SIGTERM)
        while any(child.poll() is None for child in self._children.values()):
            if self.asked_to_stop > max(asked, 1) or time.monotonic() > patience:
                break
            time.sleep(PAUSE)
        self._signal(signal.SIGKILL)
        for child in self._children.values():
            child.wait()

    def _signal(self, number: signal.Signals) -> None:
        for child in self._children.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, number)


def _ending_with_us() -> list[str]:
    """Linux: a child gets SIGTERM should we be killed in a way that lets us tell nobody."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


def serve(settings: Settings) -> int:
    """Prepares, serves, and stops all. Returns the exit code: 0 when asked to stop."""
    clock = Clock(float(os.environ.get("MAPSERVICE_STARTED") or time.time()))
    service = Service(os.environ)
    with _obeying(service):
        try:
            address = Address.from_env()
            address.check_free()
            with _database(settings) as database:
                service.environ["MAPSERVICE_DATABASE_URL"] = database.url
                service.environ["MAPSERVICE_SECRET_KEY"] = settings.secret_key or _key(settings)
                _work(service, address, database, clock)
        except KeyboardInterrupt:
            clock.tell(f"Stopped ({service.asked_by})")
            return 0
        except MapserviceError as error:
            tell_person(str(error))
    return 1


def _work(service: Service, address: Address, database: Database, clock: Clock) -> None:
    """Raises KeyboardInterrupt or ConfigurationError, never returns; leaves no child."""
    try:
        for title, words in PREPARATION:
            clock.tell(f"{title} …")
            service.run(title, [_program("mapservice"), *words])
        clock.tell("Starting …")
        service.start("gunicorn", [_program("gunicorn"), "-c", "python:mapservice.gunicorn_conf"])
        service.start("worker", [_program("mapservice"), "worker"])
        _wait_until_ready(service, address)
        clock.tell(f"Serving on {address.url} (Ctrl-C stops)")
        while True:
            _watch_for(LOOK_SECONDS, service)
            if not database.lives():
                raise ConfigurationError("The database cluster ended by itself: stopping")
    finally:
        service.stop()


def _watch_for(seconds: float, service: Service) -> None:
    patience = time.monotonic() + seconds
    while time.monotonic() < patience:
        service.watch()


def _wait_until_ready(service: Service, address: Address) -> None:
    patience = time.monotonic() + READY_SECONDS
    while not _is_ready(address):
        service.watch()
        if time.monotonic() > patience:
            raise ConfigurationError(
                f"Not ready after {READY_SECONDS} s: {address.url}/health/ready"
            )


def _is_ready(address: Address) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address.url}/health/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _program(name: str) -> str:
    return str(Path(sysconfig.get_path("scripts")) / name)


@contextlib.contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    if settings.database_url:
        yield Database(settings.database_url, lambda: True)
        return
    hold = cluster.Hold(settings.home)
    try:
        yield Database(hold.place.url(), lambda: is_running(hold.place))
    finally:
        hold.release()


@contextlib.contextmanager
def _obeying(service: Service) -> Iterator[None]:
    """SIGINT and SIGTERM ask the service to stop, and SIGHUP unless `nohup` started us."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    former = {number: signal.signal(number, service.ask_to_stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _key(settings: Settings) -> str:
    """Made once and kept, so that a restart signs nobody out."""
    path = settings.home / "secret.key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text()


def main() -> int:
    """`python -m mapservice.serve`: whether the address is free, asked before the long set-up."""
    try:
        Address.from_env().check_free()
    except ConfigurationError as error:
        tell_person(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
