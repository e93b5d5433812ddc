"""Brings a database to the newest schema."""

from importlib import resources
from pathlib import Path

from alembic import command, op
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

# Two processes that migrate at once take turns on this advisory lock.
MIGRATION_LOCK = 20100101


def migrate(engine: Engine) -> None:
    """Applies every migration not yet applied, in one transaction; idempotent."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        run_script(connection, _script("pin_functions.sql"))


def run_sql(*names: str) -> None:
    """Runs SQL files of `mapservice/db/sql` inside the present migration."""
    for name in names:
        run_script(op.get_bind(), _script(name))


def _script(name: str) -> str:
    return (resources.files("mapservice.db") / "sql" / name).read_text(encoding="utf-8")


def run_script(connection: Connection, script: str) -> None:
    """Runs a script of many statements, which SQLAlchemy's own execute would refuse to take."""
    driver = connection.connection.driver_connection
    assert driver is not None, "a checked-out connection has its driver's"
    with driver.cursor() as cursor:
        cursor.execute(script.encode())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
