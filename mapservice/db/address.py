"""Where the database is: its URL as libpq reads it, and connections that notice its silence.

One URL may name several servers (`postgresql://h1:5432,h2:5432/db`); they are tried in their order.
Engines, the queue of jobs, listeners and PostgreSQL's own programs all get what is read here, so
that none of them understands another address than the others.
"""

import re
import select
import time
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import psycopg
from psycopg import Connection as Driver
from psycopg import OperationalError
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import Diagnostic

from mapservice.errors import ConfigurationError

# As SQLAlchemy writes it, too.
_SCHEME = re.compile(r"postgres(ql)?(\+psycopg)?://")

# For each server of the address, in seconds. Where there are several, the next one is soon tried.
CONNECT_SECONDS, CONNECT_SECONDS_OF_SEVERAL = 5, 2

# A server that falls silent behind a network is given up after some 10 s, not after two hours.
NETWORK = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}

# A machine may acknowledge what comes although its server stands still. Whoever has waited for so
# long asks the same server for a new connection; without an answer, the old one is given up.
SILENT_SECONDS, ANSWER_SECONDS = 5.0, 3
# Shorter than any wait for a person: an idle connection has nothing else to do.
PING_SECONDS = 2.0
# Where PostgreSQL says that nobody waits for a standby any more (replication/syncrep.c).
SYNCHRONOUS_WAIT = "SyncRepWaitForLSN"
_LOOK_SECONDS = 0.1  # psycopg's own; so often it looks for Ctrl-C

Result = TypeVar("Result")


def connection_parameters(url: str) -> dict[str, Any]:
    """libpq's parameters of a URL, with deadlines where it says none.

    Of several servers one that takes writes is meant, unless the URL says otherwise.

    Raises ConfigurationError for a URL that is not PostgreSQL's; it never repeats a password.
    """
    found = _read(url)
    several = "," in str(found.get("host") or found.get("hostaddr") or "")
    given: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS_OF_SEVERAL if several else CONNECT_SECONDS,
        **NETWORK,
    }
    if several:
        given["target_session_attrs"] = "read-write"
    return given | found


def _read(url: str) -> dict[str, Any]:
    scheme = _SCHEME.match(url)
    if not scheme:
        what = "must start with postgresql://" if "://" in url else "is not a database URL"
        raise ConfigurationError(f"DATABASE_URL {what}")
    try:
        found = conninfo_to_dict("postgresql://" + url[scheme.end() :])
    except psycopg.Error as error:
        # Other words of libpq may quote a part of the password.
        named = re.search(r'invalid URI query parameter: "\w+"', str(error))
        words = f": {named[0]}" if named else ""
        raise ConfigurationError(f"DATABASE_URL is not a database URL{words}") from None
    hosts, ports = (str(found.get(name) or "").split(",") for name in ("host", "port"))
    if len(ports) not in (1, len(hosts)):
        raise ConfigurationError("DATABASE_URL is not a database URL: each host has one port")
    for port in filter(None, ports):
        if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigurationError("DATABASE_URL is not a database URL: a port is no port")
    return {name: value for name, value in found.items() if value is not None}


def with_database(url: str, name: str) -> str:
    """The URL of another database of the same servers."""
    return _url(_read(url) | {"dbname": name})


def at_server_of(url: str, driver: Driver[Any]) -> str:
    """The URL of the very server that a connection leads to: it alone knows its snapshots."""
    info = driver.info
    there = {"host": info.host, "port": str(info.port)}
    if info.hostaddr and not info.host.startswith("/"):
        there["hostaddr"] = info.hostaddr
    rest = {name: value for name, value in _read(url).items() if name != "hostaddr"}
    return _url(rest | there)


def _url(parameters: Mapping[str, Any]) -> str:
    return "postgresql:///?" + urlencode(parameters, quote_via=quote)


# --- connections -----------------------------------------------------------------------------


class WatchedConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection of psycopg that ends with OperationalError when its server stands still.

    A server that answers anybody may be waited for as long as its statement takes.

    So it does when a commit is confirmed by no synchronous standby: once somebody cancels that
    wait, PostgreSQL calls the commit done, with a warning. What is on one server alone would be
    lost with it, and must not be told as done.
    """

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._is_unconfirmed = False
        self.add_notice_handler(self._notice)

    def _notice(self, told: Diagnostic) -> None:
        # The words are in the language of the server.
        if told.source_function == SYNCHRONOUS_WAIT:
            self._is_unconfirmed = True

    def wait(
        self, gen: PQGen[Result], interval: float = _LOOK_SECONDS, timeout: float | None = None
    ) -> Result:
        result = super().wait(self._watched(gen), interval, timeout)
        if self._is_unconfirmed:
            self.close()
            raise OperationalError("no standby has confirmed what was committed")
        return result

    def _watched(self, gen: PQGen[Result]) -> PQGen[Result]:
        """The same steps; in between, whoever drives them says when nothing has come."""
        try:
            wanted = next(gen)
            due = time.monotonic() + SILENT_SECONDS
            while True:
                ready = yield wanted
                now = time.monotonic()
                if ready:
                    due = now + SILENT_SECONDS
                elif now >= due:
                    self._ask_whether_it_answers()
                    due = time.monotonic() + SILENT_SECONDS
                wanted = gen.send(ready)
        except StopIteration as ended:
            result: Result = ended.value
            return result

    def _ask_whether_it_answers(self) -> None:
        """Raises OperationalError, with the connection closed, when it does not."""
        same: dict[str, Any] = {**self.info.get_parameters(), "connect_timeout": ANSWER_SECONDS}
        try:
            psycopg.connect(**same, password=self.info.password).close()
        except psycopg.errors.ConnectionTimeout:
            self.close()
            raise OperationalError("the database server stands still") from None
        except psycopg.Error:
            pass  # it answers, were it with a refusal; what is broken TCP finds out


def connect(url: str, **options: Any) -> WatchedConnection:
    """A connection outside any pool, for what outlives a request. Raises OperationalError."""
    return WatchedConnection.connect(**{**connection_parameters(url), **options})


def answers(driver: Driver[Any], seconds: float = PING_SECONDS) -> bool:
    """Whether the server of an idle connection answers within so long: one way there and back."""
    server, until = driver.pgconn, time.monotonic() + seconds
    try:
        server.send_query(b"")
        while True:
            writing = server.flush()
            if not writing and not server.is_busy() and server.get_result() is None:
                return True
            if writing or server.is_busy():
                waiting = select.poll()
                waiting.register(server.socket, select.POLLIN | (select.POLLOUT if writing else 0))
                left = until - time.monotonic()
                if left <= 0 or not waiting.poll(left * 1000):
                    return False
                server.consume_input()
    except OperationalError:
        return False
