"""`mapservice rollups`: checking and rebuilding the counts."""

import sys

import click

from mapservice.cli import context
from mapservice.rollups import queries, service


@click.group("rollups")
def rollup_group() -> None:
    """Counts per territory."""


@rollup_group.command("check")
def check_rollups_command() -> None:
    """Recount from the base tables; exit code 1 when any kept count differs."""
    with context.open_engine().connect() as connection:
        differences = queries.differences(connection)
    for one in differences[:50]:
        click.echo(f"{one.table} [{one.key}]: kept {one.kept}, counted {one.counted}")
    click.echo(f"{len(differences)} differences" if differences else "all counts are exact")
    if differences:
        sys.exit(1)


@rollup_group.command("rebuild")
def rebuild_command() -> None:
    """Count everything again."""
    click.echo(f"{service.rebuild(context.open_engine())} sums kept")
