"""Brings a database to the newest schema: tables by migrations, all else by `definitions`."""

import time
from pathlib import Path

from alembic import command, op
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from mapservice.db.definitions import apply_definitions, use_search_path
from mapservice.db.revisions import current_revision
from mapservice.db.scripts import read_script, run_script
from mapservice.errors import ConfigurationError

# Two processes that migrate at once take turns on this advisory lock.
MIGRATION_LOCK = 20100101

# The schema that history began anew with, and the oldest one from which a way leads there.
BASELINE = "0027"
OLDEST = "0021"
# What changed tables since: each is run on a database of an earlier revision than its own.
UPGRADES = {"0023": "undated", "0024": "supports", "0026": "territory_parts", "0027": "definitions"}

ATTEMPTS = 5

# A change of a table waits for whoever reads it, and all who come later wait behind it. So it
# waits no longer than a page may take, gives way to them, and tries anew.
LOCK_WAIT = "2s"
PAUSE_SECONDS = 3.0
PATIENCE_SECONDS = 15 * 60  # longer than the longest download may read


def migrate(engine: Engine) -> None:
    """Applies all that is not yet applied, in one transaction; idempotent.

    A service that runs meanwhile may lock tables in another order: when PostgreSQL ends that knot
    with us, it has undone all, and we begin anew. So do we where somebody holds a table for long.

    Raises ConfigurationError for a database that is too old or too new for this version, and where
    a table stays held.
    """
    end, knots = time.monotonic() + PATIENCE_SECONDS, 0
    while True:
        try:
            _migrate(engine)
        except (OperationalError, DeadlockDetected, LockNotAvailable) as error:
            cause = getattr(error, "orig", error)
            knots += isinstance(cause, DeadlockDetected)
            if isinstance(cause, LockNotAvailable):
                if time.monotonic() > end:
                    raise ConfigurationError(
                        "a table stays held by somebody, and nothing was changed; who it is:"
                        " SELECT pid, xact_start, query FROM pg_stat_activity ORDER BY xact_start"
                    ) from error
                time.sleep(PAUSE_SECONDS)
            elif not isinstance(cause, DeadlockDetected) or knots == ATTEMPTS:
                raise
        else:
            return


def _migrate(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'"))
        use_search_path(connection)
        after: list[str] = []
        present = current_revision(connection)
        config = _config()
        newest = ScriptDirectory.from_config(config).get_current_head() or BASELINE
        if present is not None and present > newest:
            raise ConfigurationError(
                f"the database has schema {present}, this version goes up to {newest}:"
                " take the version that made it, or restore a backup (docs/upgrade.md)"
            )
        if present is not None and present < BASELINE:
            after += _upgrade_to_baseline(connection, present)
        config.attributes.update(connection=connection, after=after)
        command.upgrade(config, "head")
        apply_definitions(connection)
        for name in after:
            run_script(connection, read_script(name))


def run_sql(*names: str) -> None:
    """Runs SQL files of `mapservice/db` inside the present migration."""
    for name in names:
        run_script(op.get_bind(), read_script(name))


def run_sql_at_end(*names: str) -> None:
    """Runs SQL files once functions, views and triggers are those of this version.

    For what a migration does to rows with their help: while it runs, they are still the old ones.
    """
    config = op.get_context().config
    assert config is not None, "`migrate` hands over its own"
    config.attributes["after"].extend(names)


def _upgrade_to_baseline(connection: Connection, present: str) -> list[str]:
    """Gives the tables of an older database the shape of the baseline; returns what is to follow.

    Raises ConfigurationError where no way leads there.
    """
    if present < OLDEST:
        raise ConfigurationError(
            f"the database has schema {present}; this version upgrades from {OLDEST} on."
            " Migrate it with the last version whose migrations begin with 0001, then with this one"
        )
    for revision, name in UPGRADES.items():
        if present < revision:
            run_script(connection, read_script(f"upgrades/{revision}_{name}.sql"))
    connection.execute(text("UPDATE alembic_version SET version_num = :new"), {"new": BASELINE})
    return ["upgrades/derived.sql"]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
