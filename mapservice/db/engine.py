"""One engine, one pool, for SQLAlchemy Core and for SQL text alike."""

import time
from typing import Any

from psycopg import Connection as Driver
from psycopg import OperationalError
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import DisconnectionError

from mapservice.errors import ConfigurationError

# A connection that nobody used for so long is asked whether it lives before it is given out.
TRUSTED_SECONDS = 1.0

# A server that fell silent behind a network is given up after some 25 s, not after two hours.
NETWORK = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds
}


def make_engine(
    url: str,
    *,
    pool_size: int = 4,
    pool_wait_ms: int = 2000,
    statement_timeout_ms: int = 0,
    plan_once: bool = False,
    autocommit: bool = False,
) -> Engine:
    """An engine on psycopg 3. A statement past its time limit raises QueryCanceled.

    Prepared statements are planned for their values each time; `plan_once` is for those whose best
    plan does not depend on them: to plan a tile takes longer than to make it.

    Raises ConfigurationError for a URL that is not PostgreSQL's.
    """
    try:
        parsed = make_url(url)
    except Exception as error:
        raise ConfigurationError("DATABASE_URL is not a database URL") from error
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError("DATABASE_URL must start with postgresql://")
    options = (
        f"-c statement_timeout={statement_timeout_ms} -c timezone=UTC -c jit=off"
        " -c application_name=mapservice"
    )
    options += f" -c plan_cache_mode=force_{'generic' if plan_once else 'custom'}_plan"
    arguments: dict[str, Any] = {"options": options, "connect_timeout": 5, **NETWORK}
    engine = create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_wait_ms / 1000,
        connect_args=arguments,
        isolation_level="AUTOCOMMIT" if autocommit else "READ COMMITTED",
        hide_parameters=True,  # errors are logged, what people typed is not
    )
    event.listen(engine, "checkin", _remember)
    event.listen(engine, "checkout", _check)
    return engine


def autocommit_of(engine: Engine) -> Engine:
    """The same pool for statements that need no transaction: one round trip each, not three.

    A pool that is for them alone (`autocommit`) spares switching at each use.
    """
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def snapshot_of(engine: Engine) -> Engine:
    """The same pool for pages of many statements, which all see what the first one sees."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _remember(_driver: object, record: Any) -> None:
    record.info["returned"] = time.monotonic()


def _check(driver: Driver[Any], record: Any, _proxy: object) -> None:
    """Raises DisconnectionError, upon which the pool tries another connection, then a new one.

    The pool's own check (`pool_pre_ping`) asks each time, which costs more than many an answer.
    """
    idle = time.monotonic() - record.info.get("returned", time.monotonic())
    if idle < TRUSTED_SECONDS:
        return
    try:
        driver.execute("")
        driver.rollback()
    except OperationalError as error:
        raise DisconnectionError(str(error)) from error
