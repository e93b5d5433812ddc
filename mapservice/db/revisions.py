"""Where a database stands among our migrations, without the library that runs them.

Every worker asks; only a migration needs Alembic, which takes eleven megabytes of memory.
"""

import functools
from importlib import resources

from sqlalchemy import Connection, inspect, text


def current_revision(connection: Connection) -> str | None:
    """None before the first migration."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar_one_or_none()
    return found


@functools.cache
def newest_revision() -> str:
    """By the names of their files, which begin with their numbers.

    What this process was started with, where it has asked at its start: an upgrade puts newer
    files beneath those that still serve.
    """
    files = (resources.files("mapservice.db") / "migrations" / "versions").iterdir()
    return max(file.name.partition("_")[0] for file in files if file.name[0].isdigit())


def is_served(revision: str | None) -> bool:
    """Whether this version can serve a schema: its own, or a newer one.

    Migrations leave former processes able to go on, until those of the new version take over.
    """
    return revision is not None and revision >= newest_revision()
