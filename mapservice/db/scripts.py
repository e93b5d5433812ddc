"""SQL files of this package, run as they are: many statements each, without values."""

from importlib import resources

from sqlalchemy import Connection


def read_script(name: str) -> str:
    """A file below `mapservice/db`, such as `functions/rollups.sql`."""
    return (resources.files("mapservice.db") / name).read_text(encoding="utf-8")


def run_script(connection: Connection, script: str) -> None:
    """Runs a script of many statements, which SQLAlchemy's own execute would refuse to take."""
    driver = connection.connection.driver_connection
    assert driver is not None, "a checked-out connection has its driver's"
    with driver.cursor() as cursor:
        cursor.execute(script.encode())
