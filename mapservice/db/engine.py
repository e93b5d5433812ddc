"""One engine, one pool, for SQLAlchemy Core and for SQL text alike."""

from typing import Any

from sqlalchemy import Engine, create_engine, make_url

from mapservice.errors import ConfigurationError


def make_engine(
    url: str, *, pool_size: int = 4, pool_wait_ms: int = 2000, statement_timeout_ms: int = 0
) -> Engine:
    """An engine on psycopg 3. A statement past its time limit raises QueryCanceled.

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
    arguments: dict[str, Any] = {"options": options, "connect_timeout": 5}
    return create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_wait_ms / 1000,
        pool_pre_ping=True,
        connect_args=arguments,
    )
