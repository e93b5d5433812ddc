"""`mapservice db`: the schema."""

import click

from mapservice.cli import context
from mapservice.db import revisions
from mapservice.db.migrate import migrate


@click.group("db")
def database_group() -> None:
    """The database schema."""


@database_group.command("migrate")
def migrate_command() -> None:
    """Bring the schema to this version's. Safe to repeat."""
    engine = context.open_engine()
    migrate(engine)
    with engine.connect() as connection:
        click.echo(f"schema {revisions.current_revision(connection)}")
