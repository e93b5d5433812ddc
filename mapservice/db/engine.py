"""The database at hand: engines and pools, SQL text around Core queries, JSON made by SQL, COPY.

SQLAlchemy Core composes queries; here stands what turns them into prepared SQL text for the hot
paths, whose JSON or MVT PostGIS makes itself.
"""

import contextlib
import re
import select
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self, TypeVar

from psycopg import Connection as Driver
from psycopg import Error as DriverError
from psycopg import OperationalError, RawCursor
from psycopg.abc import PQGen
from psycopg.errors import ConnectionTimeout, Diagnostic, ReadOnlySqlTransaction
from psycopg.pq import ConnStatus
from psycopg.pq.abc import PGresult
from sqlalchemy import (
    URL,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Numeric,
    Text,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError
from sqlalchemy.sql import ClauseElement

from mapservice.db.address import connection_parameters

# A connection that has been idle for longer is tested before it is handed out.
TRUSTED_SECONDS = 1.0

# A machine may acknowledge what comes although its server stands still. Whoever has waited for so
# long asks the same server for a new connection; without an answer, the old one is given up.
SILENT_SECONDS, ANSWER_SECONDS = 5.0, 3
# Shorter than any wait for a person: an idle connection has nothing else to do.
PING_SECONDS = 2.0
# The same where another server may be asked instead.
GIVEN_UP_SECONDS = 0.5
# Where PostgreSQL says that nobody waits for a standby any more (replication/syncrep.c).
SYNCHRONOUS_WAIT = "SyncRepWaitForLSN"
_LOOK_SECONDS = 0.1  # psycopg's own; so often it looks for Ctrl-C

COPY_BLOCK_BYTES = 64 * 1024

Result = TypeVar("Result")
_DIALECT = make_url("postgresql+psycopg://").get_dialect()()
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_BOUND = re.compile(r"%\((\w+)\)s")


# --- connections -----------------------------------------------------------------------------


class WatchedConnection(Driver[tuple[Any, ...]]):
    """A connection of psycopg that ends with OperationalError when its server stands still.

    A server that answers anybody may be waited for as long as its statement takes.

    So it does when a commit is confirmed by no synchronous standby: once somebody cancels that
    wait, PostgreSQL calls the commit done, with a warning. What is on one server alone would be
    lost with it, and must not be told as done.
    """

    # Whether whoever watches its server has given that up; asked while nothing comes.
    is_given_up: Callable[[], bool] = staticmethod(lambda: False)

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
                elif self.is_given_up():
                    self.close()
                    raise OperationalError("the database server was given up")
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
            Driver.connect(**same, password=self.info.password).close()
        except ConnectionTimeout:
            self.close()
            raise OperationalError("the database server stands still") from None
        except DriverError:
            pass  # it answers, were it with a refusal; what is broken TCP finds out


def connect(url: str, **options: Any) -> WatchedConnection:
    """A connection outside any pool, for what outlives a request. Raises OperationalError."""
    return WatchedConnection.connect(**{**connection_parameters(url), **options})


def answers(driver: Driver[Any], seconds: float = PING_SECONDS) -> bool:
    """Whether the server of an idle connection answers within so long: one way there and back."""
    return answer_within(driver, b"", seconds) is not None


def answer_within(driver: Driver[Any], statement: bytes, seconds: float) -> PGresult | None:
    """What the server of an idle connection says to a statement; None when it does not within so
    long. The connection is of no use after that."""
    server, until = driver.pgconn, time.monotonic() + seconds
    found = None
    try:
        server.send_query(statement)
        while True:
            writing = server.flush()
            if not writing and not server.is_busy():
                result = server.get_result()
                if result is None:
                    return found
                found = result
                continue
            waiting = select.poll()
            waiting.register(server.socket, select.POLLIN | (select.POLLOUT if writing else 0))
            # Whoever got no time of the processor takes what has come meanwhile.
            if not waiting.poll(max(until - time.monotonic(), 0) * 1000):
                return None
            server.consume_input()
    except OperationalError:
        return None


# --- engines and pools -----------------------------------------------------------------------


def make_engine(
    url: str,
    *,
    pool_size: int = 4,
    pool_wait_ms: int = 2000,
    statement_timeout_ms: int = 0,
    plan_once: bool = False,
    autocommit: bool = False,
    is_given_up: Callable[[], bool] | None = None,
) -> Engine:
    """An engine on psycopg 3. A statement past its time limit raises QueryCanceled.

    Prepared statements are planned anew for the values of each run. `plan_once` keeps one generic
    plan, for statements whose best plan does not depend on the values: planning a tile takes
    longer than making it.

    `is_given_up` is for a server in whose place another may be asked: as soon as it is true, what
    waits for that server ends with OperationalError, and so does what finds it silent.

    Raises ConfigurationError for a URL that is not PostgreSQL's.
    """
    parameters = connection_parameters(url)
    options = (
        f"{parameters.pop('options', '')} -c statement_timeout={statement_timeout_ms}"
        " -c timezone=UTC -c jit=off -c application_name=mapservice"
        f" -c plan_cache_mode=force_{'generic' if plan_once else 'custom'}_plan"
    )
    engine = create_engine(
        _engine_url(parameters),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_wait_ms / 1000,
        pool_reset_on_return=None if autocommit else "rollback",  # there is nothing to take back
        connect_args={**parameters, "options": options.strip()},
        isolation_level="AUTOCOMMIT" if autocommit else "READ COMMITTED",
        hide_parameters=True,  # errors are logged, what people typed is not
    )
    event.listen(
        engine, "checkin", lambda _driver, record: record.info.update(returned=time.monotonic())
    )
    if is_given_up is None:
        event.listen(engine, "checkout", _test_idle_connection)
        event.listen(engine, "do_connect", _connect)
        event.listen(engine, "handle_error", _leave_server_that_takes_no_writes)
    else:
        event.listen(engine, "checkout", partial(_leave_given_up, is_given_up))
        event.listen(engine, "do_connect", partial(_connect_until_given_up, is_given_up))
    return engine


def _engine_url(parameters: Mapping[str, Any]) -> URL:
    """Where an engine says that it leads to: whoever opens its URL gets there by the same way."""
    beside = {"user", "password", "dbname"}
    return URL.create(
        "postgresql+psycopg",
        username=parameters.get("user"),
        password=parameters.get("password"),
        database=parameters.get("dbname"),
        query={name: str(value) for name, value in parameters.items() if name not in beside},
    )


def _connect(_dialect: object, _record: object, _given: object, options: dict[str, Any]) -> Any:
    return WatchedConnection.connect(**options)


def _connect_until_given_up(is_given_up: Callable[[], bool], *given: Any) -> Any:
    connection = _connect(*given)
    connection.is_given_up = is_given_up
    return connection


def _leave_given_up(
    is_given_up: Callable[[], bool], driver: Driver[Any], record: Any, _proxy: object
) -> None:
    """Raises OperationalError at once: another server is asked sooner than a new connection.

    Raises DisconnectionError, upon which the pool connects anew, for a connection of before a
    restart of the server.
    """
    idle = time.monotonic() - record.info.get("returned", time.monotonic())
    if not is_given_up() and (idle < TRUSTED_SECONDS or answers(driver, GIVEN_UP_SECONDS)):
        return
    if not is_given_up() and driver.pgconn.status != ConnStatus.OK:
        raise DisconnectionError("the connection was lost")
    driver.close()
    raise OperationalError("the database server was given up")


def _test_idle_connection(driver: Driver[Any], record: Any, _proxy: object) -> None:
    """Raises DisconnectionError, upon which the pool tries another connection, then a new one.

    The pool's own test (`pool_pre_ping`) runs at every checkout, which costs more than many an
    answer, and waits for a server that stands still. All connections to such a one are given up.
    """
    idle = time.monotonic() - record.info.get("returned", time.monotonic())
    if idle < TRUSTED_SECONDS or answers(driver):
        return
    if driver.pgconn.status == ConnStatus.OK:
        raise InvalidatePoolError("the database server stands still")
    raise DisconnectionError("the connection was lost")


def _leave_server_that_takes_no_writes(context: ExceptionContext) -> None:
    """It was the primary and is none any more: the pool connects anew, to the one that is."""
    if isinstance(context.original_exception, ReadOnlySqlTransaction):
        context.is_disconnect = True


def autocommit_of(engine: Engine) -> Engine:
    """The same pool for statements that need no transaction: one round trip each, not three.

    A pool of their own (`autocommit`) spares the switch at each use.
    """
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def snapshot_of(engine: Engine) -> Engine:
    """The same pool for pages of many statements, all of which see what the first one sees."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


# --- SQL text around Core queries ------------------------------------------------------------


def compiled(query: ClauseElement, prefix: str = "") -> tuple[str, dict[str, Any]]:
    """A Core query as SQL text in psycopg's `%(name)s` style, and its bound values.

    Two queries put into one statement need different prefixes, as each numbers its own values.
    """
    statement = query.compile(dialect=_DIALECT)
    text = _BOUND.sub(rf"%({prefix}\1)s", str(statement))
    return text, {prefix + name: value for name, value in statement.params.items()}


def fill(template: str, texts: Mapping[str, str]) -> str:
    """Puts SQL of ours where the template says `{name}`; values are bound, never put in."""
    for name, text in texts.items():
        template = template.replace("{" + name + "}", text)
    return template


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold it: no null character, and no half of a surrogate pair."""
    return _UNSTORABLE.search(text) is None


def array_text(values: Iterable[int | str]) -> str:
    """As PostgreSQL writes an array, for SQL that casts it.

    The type of a list would follow the size of its numbers, and be looked up at each run.
    """
    parts = []
    for one in values:
        if isinstance(one, str):
            escaped = one.replace("\\", r"\\").replace('"', r"\"")
            parts.append(f'"{escaped}"')
        else:
            parts.append(str(one))
    return "{" + ",".join(parts) + "}"


@dataclass(frozen=True, slots=True)
class PreparedSql:
    """SQL text in PostgreSQL's own style (`$1`), and what is to be put there: by name.

    `values` are those known when it was made; the others come with each run.
    """

    text: bytes
    names: tuple[str, ...]
    values: Mapping[str, Any]

    @classmethod
    def of(cls, template: str, values: Mapping[str, Any]) -> Self:
        """From psycopg's style, `%(name)s`; `%%` stands for a percent sign.

        Lists of texts become texts (`array_text`): every statement of ours casts them.
        """
        names = tuple(dict.fromkeys(_BOUND.findall(template)))
        numbers = {name: f"${number}" for number, name in enumerate(names, 1)}
        text = _BOUND.sub(lambda found: numbers[found[1]], template).replace("%%", "%")
        bound = {
            name: array_text(value)
            if isinstance(value, list) and all(isinstance(one, str) for one in value)
            else value
            for name, value in values.items()
        }
        return cls(text.encode(), names, bound)


def fetch_one(connection: Connection, statement: PreparedSql, **values: Any) -> tuple[Any, ...]:
    """The only row of a statement, run as by `fetched`."""
    with fetched(connection, statement, **values) as cursor:
        row = cursor.fetchone()
    assert row is not None, "the statement yields one row"
    return tuple(row)


def fetch_all(
    connection: Connection, statement: PreparedSql, **values: Any
) -> list[tuple[Any, ...]]:
    """The rows of a statement, run as by `fetched`."""
    with fetched(connection, statement, **values) as cursor:
        return cursor.fetchall()


def fetch_bytes(connection: Connection, statement: PreparedSql, **values: Any) -> PGresult:
    """The rows of a statement whose columns are texts, as they came: bytes in UTF-8.

    Turning a thousand rows into Python's tuples and texts takes longer than a page's JSON.
    """
    with fetched(connection, statement, **values) as cursor:
        result = cursor.pgresult
    assert result is not None, "the statement yields rows"
    return result


@contextlib.contextmanager
def fetched(
    connection: Connection, statement: PreparedSql, **values: Any
) -> Iterator[RawCursor[tuple[Any, ...]]]:
    """A statement's result, in binary; the statement stays prepared.

    Raises errors of psycopg as they are; after one that ends the connection, its pool opens anew.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, Driver), "the engine is made on psycopg"
    known = {**statement.values, **values}
    bound = [known[name] for name in statement.names]
    try:
        with RawCursor(driver) as cursor:
            yield cursor.execute(statement.text, bound, prepare=True, binary=True)
    except OperationalError:
        if driver.closed:
            connection.invalidate()
        raise


# --- JSON put together as text by SQL --------------------------------------------------------
#
# `json_build_object` looks up the type of each argument for each row, which takes longer than all
# else in a feature of seventeen properties. Here the types are known when the statement is made.

Named = tuple[str, ColumnElement[Any]]


class JsonSafeText(Text):
    """Text that stands in JSON as it is: codes, words of an enumeration, moments.

    A constraint of its table, or the expression that makes it, keeps out what JSON would escape.
    """


class JsonNotNull(JsonSafeText):
    """The same, and never null."""


class RawJson(Text):
    """Text that is JSON already, or null."""


def object_text(columns: Iterable[Named], rare: Collection[str] = ()) -> str:
    """SQL of an object whose members are these columns of a row, as text.

    What a table declares as never null is taken at its word: no column may come as it is from the
    far side of an outer join. The columns named `rare`, one after the other, are null in most rows,
    all of them: then what they are written as is known beforehand.
    """
    literal = "{"
    parts: list[str] = []
    seldom: list[str] = []
    for name, column in columns:
        opening, value, closing = _value(name, column)
        here = [f"""'{literal}"{name}":{opening}'""", value]
        if name in rare:
            # What may be null has its quotes within its value, see `_value`.
            assert opening == closing == "", f"{name} may be null"
            seldom.append(name)
        elif seldom:
            parts = [*parts[: -2 * len(seldom)], _if_any(seldom, parts[-2 * len(seldom) :])]
            seldom = []
        parts += here
        literal = f"{closing},"
    if seldom:
        parts = [*parts[: -2 * len(seldom)], _if_any(seldom, parts[-2 * len(seldom) :])]
    parts.append(f"'{literal.removesuffix(',')}}}'")
    return _joined(parts)


def _if_any(names: Sequence[str], parts: Sequence[str]) -> str:
    """Members that are null in most rows, all together: their names and nulls, or their values."""
    nulls = "".join(f"{name.strip(chr(39))}null" for name in parts[::2])
    told = ", ".join(names)
    return f"CASE WHEN num_nonnulls({told}) = 0 THEN '{nulls}' ELSE {_joined(parts)} END"


def _joined(parts: Sequence[str]) -> str:
    """In halves of halves, so that no text is copied more often than it must; `concat` looks at the
    type of each part."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({_joined(parts[:half])} || {_joined(parts[half:])})"


def value_text(name: str, column: ColumnElement[Any]) -> str:
    """SQL of a column's value in JSON, as text."""
    opening, value, closing = _value(name, column)
    return f"'{opening}' || {value} || '{closing}'" if opening else value


def _value(name: str, column: ColumnElement[Any]) -> tuple[str, str, str]:
    """What stands before a value, its SQL, and what stands behind it."""
    kind = column.type
    known = isinstance(kind, JsonNotNull) or (isinstance(column, Column) and not column.nullable)
    if isinstance(kind, UUID | JsonSafeText):
        plain = f"{name}::text" if isinstance(kind, UUID) else name
        if known:
            return '"', plain, '"'
        return "", f"coalesce('\"' || {plain} || '\"', 'null')", ""
    shown = f"to_json({name})::text"
    if isinstance(kind, Integer | Numeric | Boolean):
        shown = f"{name}::text"
    elif isinstance(kind, RawJson):
        shown = name
    return "", shown if known else f"coalesce({shown}, 'null')", ""


# --- COPY as streams of bytes ----------------------------------------------------------------

# Closing one that is half read cancels its statement. Until then its connection is of no use:
# even giving it back would wait without end for rows that nobody reads.
Blocks = Generator[bytes, None, None]


def copy_rows(connection: Connection, statement: str, values: dict[str, Any]) -> Blocks:
    """What `COPY (…) TO STDOUT` sends, in blocks that end where a row ends.

    Memory does not grow with the result.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, Driver), "the engine is made on psycopg"
    block: list[bytes] = []
    size = 0
    with driver.cursor() as cursor, cursor.copy(statement.encode(), values) as copy:
        for row in copy:
            block.append(bytes(row))
            size += len(row)
            if size >= COPY_BLOCK_BYTES:
                yield b"".join(block)
                block, size = [], 0
    if block:
        yield b"".join(block)


def feature_collection(rows: Blocks) -> Blocks:
    """Wraps a COPY of one GeoJSON feature a row into one FeatureCollection."""
    yield b'{"type":"FeatureCollection","features":['
    separator = b""
    with contextlib.closing(rows):
        for block in rows:
            yield separator + _json(block).rstrip(b"\n").replace(b"\n", b",\n")
            separator = b",\n"
    yield b"]}"


def lines(rows: Blocks, start: bytes = b"") -> Blocks:
    """A COPY of one JSON text a row, each as a line that begins with `start`."""
    with contextlib.closing(rows):
        for block in rows:
            texts = _json(block)
            yield start + texts.replace(b"\n", b"\n" + start, texts.count(b"\n") - 1)


def _json(block: bytes) -> bytes:
    """COPY's text format doubles backslashes; JSON text holds no other character it escapes."""
    return block.replace(b"\\\\", b"\\")


# More than so many things at once are a load, as for a statement of its own.
LOAD_SIZE = 50


def mark_as_load(connection: Connection) -> None:
    """For the transaction: what it writes is one of many things, and no news of each.

    Triggers that tell others of single things read it (`functions/federation.sql`).
    """
    connection.exec_driver_sql("SELECT set_config('mapservice.is_load', 'on', true)")
