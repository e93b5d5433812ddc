"""`mapservice events`: calendars imported, the sample, load for trials, the nightly job."""

from datetime import UTC, datetime
from pathlib import Path

import click

from mapservice.cli import context
from mapservice.cli.context import EXISTING, WRITABLE
from mapservice.cli.import_reports import report_on
from mapservice.errors import InvalidInput
from mapservice.events import fixtures, service
from mapservice.events.incoming.calendar_reading import read_calendar
from mapservice.events.incoming.service import import_calendar
from mapservice.events.model import MADE_UP
from mapservice.imports import run_queries
from mapservice.imports.service import ImportOptions
from mapservice.imports.sources import queries as sources
from mapservice.imports.sources.service import checked_name


@click.group("events")
def event_group() -> None:
    """Import calendars; the sample, made-up events, and their dates."""


@event_group.command("import")
@click.argument("calendar", type=EXISTING)
@click.option("--source", required=True, help="Name of the source, as people read it.")
@click.option("--licence", default="", help="Under which the source passes its events on.")
@click.option("--attribution", default="", help="Whom they are to name; default: the source.")
@click.option("--report", "target", type=WRITABLE, help="Where to write the report on each event.")
@click.option("--dry-run", is_flag=True, help="Do everything but save.")
@click.option("--moderate", is_flag=True, help="What is new or changed waits for a moderator.")
@click.option(
    "--snapshot",
    is_flag=True,
    help="The file is all that is to come of its source: what it lacks is cancelled.",
)
def import_command(
    calendar: Path,
    source: str,
    licence: str,
    attribution: str,
    target: Path | None,
    dry_run: bool,
    moderate: bool,
    snapshot: bool,
) -> None:
    """Import a calendar (.ics, RFC 5545); importing it again changes nothing.

    Each UID is a series; what cannot be taken is told in the report. What is imported is public at
    once, unless --moderate says otherwise or the source is registered (`mapservice sources add`)
    with the trust `queue`. An import is undone as a whole by `mapservice imports undo`.
    """
    checked_name(source)
    if source in MADE_UP:
        raise InvalidInput("--source", f"{source!r} is the name of what is made up")
    settings = context.settings_of_command()
    engine = context.open_engine(settings)
    opened = read_calendar(calendar)
    with engine.connect() as connection:
        living = sources.find(connection, source)
    options = ImportOptions(
        platform=source,
        licence=licence or (living.licence if living else ""),
        dry_run=dry_run,
        moderate=moderate or bool(living and not living.trusted),
        snapshot=snapshot,
        started_by="mapservice events import",
    )
    run = import_calendar(engine, context.build_locator(engine), opened, options)
    if attribution and not dry_run:
        with engine.begin() as connection:
            run_queries.credit(connection, source, attribution)
            sources.credit_anew(connection, source)
    report_on(run, engine, settings, calendar, target, is_saved=not dry_run)


@event_group.command("sample")
@click.option(
    "--if-empty",
    is_flag=True,
    help="Only beside the sample of initiatives, when there is no event.",
)
@click.option("--remove", is_flag=True, help="Remove the sample and nothing else.")
def sample_command(if_empty: bool, remove: bool) -> None:
    """Load some sixty events of the coming weeks, in place of those of an earlier load."""
    engine = context.open_engine()
    if remove:
        with engine.begin() as connection:
            click.echo(f"{fixtures.remove(connection)} sample events removed")
        return
    with engine.connect() as connection:
        if if_empty and fixtures.is_in_use(connection):
            click.echo("there are events, or initiatives that are no sample, already")
            return
    locator = context.build_locator(engine)
    with engine.begin() as connection:
        count = fixtures.load_sample(connection, locator, datetime.now(UTC))
    click.echo(f"{count} sample events loaded")


@event_group.command("generate")
@click.option("--count", type=click.IntRange(min=0), required=True, help="Occurrences.")
@click.option("--seed", type=int, default=1, show_default=True)
def generate_command(count: int, seed: int) -> None:
    """Make up occurrences of the year to come, for trials and benchmarks."""
    with context.progress_bar("generate", count) as advance:
        fixtures.generate(context.open_engine(), count, seed, advance, datetime.now(UTC))


@event_group.command("extend")
def extend_command() -> None:
    """Make the occurrences that have come within twelve months, as the nightly job does."""
    made = service.extend(context.open_engine(), datetime.now(UTC))
    click.echo(f"{made} occurrences made")
