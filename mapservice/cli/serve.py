"""`mapservice serve`: the whole service of one machine, until Ctrl-C or SIGTERM.

Holds the database (the private cluster, unless a URL is set), brings it up to date, then runs
gunicorn and a worker, and restarts whichever ends by itself. Whatever happens, no process that it
started is left behind.
"""

import contextlib
import ipaddress
import os
import secrets
import signal
import socket
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Self

from mapservice.cli.supervisor import GRACE_SECONDS, READY, ProcessSupervisor, RestartBackoff
from mapservice.db import cluster
from mapservice.db.postmaster import is_running
from mapservice.db.postmaster import tell as tell_person
from mapservice.errors import ConfigurationError, MapserviceError
from mapservice.mail import public_address
from mapservice.settings import Settings, retired_settings

PREPARATION = (
    ("Database schema", ("db", "migrate")),
    ("Territories", ("territories", "load", "--if-needed")),
    ("Sample initiatives", ("initiatives", "sample", "--if-empty")),
    ("Sample groups", ("groups", "sample", "--if-empty")),
    ("Sample events", ("events", "sample", "--if-empty")),
)
WEB, WORKER = "gunicorn", "worker"
LOOK_SECONDS = 1  # between two looks at the cluster, which nothing else watches
READY_SECONDS = 120
# A start that fails so often before serving anything needs a person.
FAILED_STARTS = 3
# Whoever downloads from the processes that a reload replaces may go on for so long.
DRAIN_SECONDS = 600
BACKLOG = 2048  # as gunicorn's own
MOST_WAITING = 200  # clients asked to come again, at one look

AWAY_WORDS = (
    "Le service démarre ; merci de réessayer. The service starts; please try again.\n".encode()
)
AWAY = (
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nCache-Control: no-store\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
    f"Content-Length: {len(AWAY_WORDS)}\r\n\r\n"
).encode() + AWAY_WORDS


@dataclass(frozen=True, slots=True)
class ListenAddress:
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
        """An address to open here: a wildcard host is reached through the loopback.

        By number: the name `localhost` may lead to the other family, where somebody else listens.
        """
        host = self.host
        with contextlib.suppress(ValueError):
            if ipaddress.ip_address(host).is_unspecified:
                host = "::1" if ":" in host else "127.0.0.1"
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def listen(self) -> socket.socket:
        """The socket, which nobody else can have from now on.

        Raises ConfigurationError when somebody else has it.
        """
        listener = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
            listener.listen(BACKLOG)  # two may bind; only one of them can listen
            listener.setblocking(False)
        except OSError as error:
            listener.close()
            raise ConfigurationError(
                f"Cannot listen on {self.host} port {self.port}: {error.strerror}.\n"
                "Stop what listens there, or choose another: PORT=8123 scripts/start"
            ) from None
        return listener


@dataclass(frozen=True, slots=True)
class StartupClock:
    """Prints each step with the seconds since scripts/start began."""

    since: float

    def tell(self, text: str) -> None:
        print(f"[{time.time() - self.since:4.0f} s] {text}", flush=True)


@dataclass(slots=True)
class StandIn:
    """Answers while gunicorn does not run, so that no client waits without an answer.

    The listening socket is ours and stays open: a client would wait until the next start.
    """

    listener: socket.socket
    waiting: list[socket.socket] = field(default_factory=list)

    def answer(self) -> None:
        """Answers those who came before the last look, and have sent a request by now."""
        while self.waiting:
            with contextlib.suppress(OSError), self.waiting.pop() as client:
                client.recv(65536)
                client.send(AWAY)
                client.shutdown(socket.SHUT_WR)

    def take(self) -> None:
        """Accepts those who have come since; they are answered at the next look."""
        while len(self.waiting) < MOST_WAITING:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.setblocking(False)
            self.waiting.append(client)


@dataclass(slots=True)
class ServedDatabase:
    """Its URL, and the lease of our own cluster; None for a server that is not ours to start."""

    url: str
    lease: cluster.ClusterLease | None
    clock: StartupClock
    starter: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    backoff: RestartBackoff = field(default_factory=RestartBackoff)
    revival: Future[None] | None = None
    due: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def look_after(self) -> None:
        """Starts the cluster again when it has ended; in a thread, since recovery takes time."""
        now = time.monotonic()
        if self.lease is None or now < self.due:
            return
        if self.revival is None:
            self.due = now + LOOK_SECONDS
            if not is_running(self.lease.place):
                self.clock.tell("The database cluster ended by itself: starting it again")
                self.revival = self.starter.submit(self.lease.revive)
        elif self.revival.done():
            failure = self.revival.exception()
            self.revival = None
            if failure is None:
                self.clock.tell("The database cluster runs again")
                self.started = now
                return
            wait = self.backoff.failed(now - self.started)
            self.due, self.started = now + wait, now
            self.clock.tell(f"The database cluster does not start, again in {wait:g} s: {failure}")

    def close(self) -> None:
        """When no start of it is under way any more."""
        self.starter.shutdown(wait=True)
        if self.lease is not None:
            self.lease.release()


@dataclass(slots=True)
class ServiceReload:
    """New processes of the code that lies there now, in place of those that serve; by SIGUSR2.

    They share the listening socket: the former ones go on until a new one can answer, then finish
    what they have begun. What does not start in `READY_SECONDS` is given up; all is as it was.
    """

    service: ProcessSupervisor
    web: Sequence[str]
    worker: Sequence[str]
    record: public_address.ServedRecord
    tell: Callable[[str], None]
    asked: int = 0
    begun: int = 0
    ready: int | None = None  # read end of a pipe to the new gunicorn
    due: float = 0.0
    drains: bool = False

    def ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked += 1

    def look_after(self) -> None:
        if self.drains and not self.service.has_retired(WEB):
            self.drains = False
            self.record.tell(drains=False)
        if self.ready is None:
            if self.asked > self.begun:
                self._begin()
            return
        try:
            told: bytes | None = os.read(self.ready, 64)
        except BlockingIOError:
            told = None
        if told:
            self._finish()
        elif told is not None:
            self._give_up("the new gunicorn ended by itself")
        elif time.monotonic() > self.due:
            self._give_up(f"the new gunicorn was not ready after {READY_SECONDS} s")

    def _begin(self) -> None:
        self.tell("Reloading: a new gunicorn starts beside the one that serves …")
        self.begun, self.due = self.asked, time.monotonic() + READY_SECONDS
        self.ready, writer = os.pipe()
        os.set_blocking(self.ready, False)
        self.service.start_successor(WEB, self.web, [writer], {READY: str(writer)})
        os.close(writer)

    def _finish(self) -> None:
        self.service.hand_over(WEB, DRAIN_SECONDS)
        self.service.start_successor(WORKER, self.worker)
        self.service.hand_over(WORKER, GRACE_SECONDS)
        self.drains = True
        self._end("")
        self.tell("Reloaded: the former processes finish what they have begun")

    def _give_up(self, words: str) -> None:
        self.service.give_up_successor(WEB)
        self._end(words)
        self.tell(f"Not reloaded, {words}: the former one goes on")

    def _end(self, failure: str) -> None:
        assert self.ready is not None, "one was begun"
        os.close(self.ready)
        self.ready = None
        self.record.tell(reloads=self.begun, failure=failure, drains=self.drains)


def serve(settings: Settings) -> int:
    """Prepares, serves, and stops all. Returns the exit code: 0 when asked to stop."""
    clock = StartupClock(float(os.environ.get("MAPSERVICE_STARTED") or time.time()))
    service = ProcessSupervisor(os.environ, clock.tell)
    # Signals that ask the service to stop; SIGHUP is none of them under `nohup`.
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    former = {number: signal.signal(number, service.ask_to_stop) for number in numbers}
    try:
        address = ListenAddress.from_env()
        for words in retired_settings():
            tell_person(f"warning: {words}")
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(address.listen())
            url, lease = settings.database_url, None
            if not url:
                lease = cluster.ClusterLease(settings.home)
                url = lease.place.url()
            database = ServedDatabase(url, lease, clock)
            stack.callback(database.close)
            # A key made once and kept signs nobody out at a restart.
            key_file = settings.home / "secret.key"
            if not settings.secret_key and not key_file.exists():
                key_file.parent.mkdir(parents=True, exist_ok=True)
                key_file.touch(mode=0o600)
                key_file.write_text(secrets.token_urlsafe(32))
            service.environ["MAPSERVICE_DATABASE_URL"] = url
            service.environ["MAPSERVICE_SECRET_KEY"] = settings.secret_key or key_file.read_text()
            for name in ("MAPSERVICE_DATABASE_URL", "MAPSERVICE_SECRET_KEY"):
                service.environ.pop(f"{name}_FILE", None)  # read by now
            urls = (settings.database_url, url)
            record = stack.enter_context(public_address.recorded(settings.home, address.url, urls))
            record.tell(key=public_address.key_mark(service.environ["MAPSERVICE_SECRET_KEY"]))
            _work(service, listener, address, database, record)
    except KeyboardInterrupt:
        clock.tell(f"Stopped ({service.asked_by})")
        return 0
    except MapserviceError as error:
        tell_person(str(error))
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    return 1


def _work(
    service: ProcessSupervisor,
    listener: socket.socket,
    address: ListenAddress,
    database: ServedDatabase,
    record: public_address.ServedRecord,
) -> None:
    """Raises KeyboardInterrupt or ConfigurationError, never returns; leaves no child."""
    stand_in = StandIn(listener)
    tell = database.clock.tell

    def idle() -> None:
        database.look_after()
        stand_in.answer()
        if not service.runs(WEB):
            stand_in.take()

    service.idle = idle
    try:
        for title, words in PREPARATION:
            tell(f"{title} …")
            service.run(title, [program("mapservice"), *words])
        tell("Starting …")
        bind = ["--bind", f"fd://{listener.fileno()}"]
        drain = ["--graceful-timeout", str(DRAIN_SECONDS)]
        web = [program("gunicorn"), "-c", "python:mapservice.gunicorn_conf", *drain, *bind]
        worker = [program("mapservice"), "worker"]
        service.keep(WEB, web, [listener.fileno()])
        service.keep(WORKER, worker)
        patience = time.monotonic() + READY_SECONDS
        while not (service.runs(WEB) and _is_ready(address)):
            service.watch()
            if service.failures(WEB) >= FAILED_STARTS:
                raise ConfigurationError(f"{WEB} ended by itself {FAILED_STARTS} times: stopping")
            if time.monotonic() > patience:
                raise ConfigurationError(
                    f"Not ready after {READY_SECONDS} s: {address.url}/health/ready"
                )
        tell(f"Serving on {address.url} (Ctrl-C stops)")
        reload = ServiceReload(service, web, worker, record, tell)
        former = signal.signal(signal.SIGUSR2, reload.ask)
        record.tell(reloads=0)  # it may be asked to from now on
        try:
            while True:
                service.watch()
                reload.look_after()
        finally:
            signal.signal(signal.SIGUSR2, former)
    finally:
        stand_in.answer()
        service.stop()


def _is_ready(address: ListenAddress) -> bool:
    """Asked at our own socket: while gunicorn does not run, the answer is ours, a 503."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address.url}/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def program(name: str) -> str:
    return str(Path(sysconfig.get_path("scripts")) / name)


def main() -> int:
    """`python -m mapservice.cli.serve`: whether the address is free, asked before set-up."""
    try:
        ListenAddress.from_env().listen().close()
    except ConfigurationError as error:
        tell_person(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
