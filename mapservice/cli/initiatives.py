"""`mapservice initiatives`: import a file, generate some, load or remove the sample."""

from functools import partial
from pathlib import Path

import click

from mapservice.cli import context
from mapservice.cli.context import EXISTING, WRITABLE
from mapservice.cli.import_reports import report_on
from mapservice.errors import InvalidInput
from mapservice.events import fixtures as event_fixtures
from mapservice.geocoding.parallel import cores
from mapservice.groups import fixtures as group_fixtures
from mapservice.imports.fixtures import service as fixtures
from mapservice.imports.repeated_rows import RepeatHandling
from mapservice.imports.service import (
    ImportOptions,
    import_file,
    import_source,
    open_file,
)
from mapservice.initiatives import local_days, service
from mapservice.mail.service import letterhead
from mapservice.media.storage import store_of
from mapservice.publishing.packages.model import PackageOrigin
from mapservice.publishing.packages.reading import open_package
from mapservice.publishing.packages.service import PackageOptions, import_package
from mapservice.rollups import service as rollups


@click.group("initiatives")
def initiative_group() -> None:
    """Import, generate, and the sample."""


@initiative_group.command("import")
@click.argument("source", type=EXISTING)
@click.option("--mapping", "pairs", multiple=True, metavar="FIELD=COLUMN", help="Repeatable.")
@click.option("--platform", default="", help="Name of the source; default: the file's.")
@click.option("--licence", default="", help="Licence of rows that name none.")
@click.option("--report", "target", type=WRITABLE, help="Where to write the report on each row.")
@click.option("--dry-run", is_flag=True, help="Do everything but save.")
@click.option("--moderate", is_flag=True, help="What is new or changed waits for a moderator.")
@click.option(
    "--snapshot", is_flag=True, help="The file is all of its source: archive what it lacks."
)
@click.option(
    "--repeats",
    type=click.Choice([str(one) for one in RepeatHandling]),
    default=str(RepeatHandling.WAIT),
    show_default=True,
    help="Rows that repeat the title and place of another: wait for a moderator, are initiatives of"
    " their own, or are left out.",
)
def import_command(
    source: Path,
    pairs: tuple[str, ...],
    platform: str,
    licence: str,
    target: Path,
    dry_run: bool,
    moderate: bool,
    snapshot: bool,
    repeats: str,
) -> None:
    """Import a table, a workbook or a map; importing it again changes nothing.

    CSV, XLSX, ODS, GeoJSON, GeoPackage, KML, KMZ, GPX, zipped Shapefile, GeoParquet, uMap, JSON-LD,
    and the archives that `mapservice export --out all.zip` writes, with news, photos and events.
    A file whose title column is in doubt is refused, and nothing is saved: try --dry-run first. An
    import is undone as a whole by `mapservice imports undo`.
    """
    settings = context.settings_of_command()
    engine = context.open_engine(settings)
    if package := open_package(source):
        told = {
            "--mapping": pairs,
            "--platform": platform,
            "--licence": licence,
            "--snapshot": snapshot,
        }
        for name, value in told.items():
            if value:
                raise InvalidInput(name, "is not for a data package, whose lines tell their own")
        here = PackageOrigin(settings.site_name, letterhead(settings).base_url)
        taking = PackageOptions(
            here, settings.max_photo_bytes, dry_run, moderate, "mapservice initiatives import"
        )
        run = import_package(engine, store_of(settings), package, taking)
        report_on(run, engine, settings, source, target, is_saved=not dry_run)
        return
    for pair in pairs:
        if "=" not in pair:
            raise InvalidInput("--mapping", f"{pair!r} is not FIELD=COLUMN")
    mapping = dict(pair.split("=", 1) for pair in pairs)
    options = ImportOptions(
        mapping or None,
        platform,
        licence,
        dry_run,
        moderate=moderate,
        snapshot=snapshot,
        repeats=RepeatHandling(repeats),
        started_by="mapservice initiatives import",
        scratch=settings.home,
        processes=cores(),
        reading=partial(context.progress_bar, "read"),
    )
    settings.home.mkdir(parents=True, exist_ok=True)
    opened = open_file(engine, source, options.mapping)
    run = import_source(engine, context.build_locator(engine), opened, options)
    if dry_run:
        for one in run.mapping:
            becomes = one.field or "nothing"
            doubt = f"; in doubt: {one.doubt}" if one.doubt else ""
            cells = f" ({', '.join(one.examples)})" if one.examples else ""
            click.echo(f"{one.column} -> {becomes}, {one.reason}{doubt}{cells}")
    report_on(run, engine, settings, source, target, is_saved=not dry_run)


@initiative_group.command("generate")
@click.option("--count", type=click.IntRange(min=0), required=True)
@click.option("--seed", type=int, default=1, show_default=True)
def generate_command(count: int, seed: int) -> None:
    """Make up initiatives spread by population, for trials and benchmarks."""
    with context.progress_bar("generate", count) as advance:
        fixtures.generate_initiatives(context.open_engine(), count, seed, advance)


@initiative_group.command("sample")
@click.option("--if-empty", is_flag=True, help="Only for a new service, and once.")
@click.option("--remove", is_flag=True, help="Remove the sample, its groups and events too.")
def sample_command(if_empty: bool, remove: bool) -> None:
    """Load the sample that a new service shows, or remove it."""
    engine = context.open_engine()
    platform, licence = fixtures.sample_options()
    if remove:
        with engine.begin() as connection:
            removed = service.remove_platform(connection, platform)
            of_groups = group_fixtures.remove(connection)
            of_events = event_fixtures.remove(connection)
            fixtures.note_sample(connection)
        rollups.compact(engine)
        click.echo(f"{removed} sample initiatives removed")
        if of_groups or of_events:
            click.echo(f"{of_groups} sample groups removed\n{of_events} sample events removed")
        return
    with engine.connect() as connection:
        if if_empty and fixtures.count_initiatives(connection):
            click.echo("there are initiatives already")
            return
        if if_empty and fixtures.had_sample(connection):
            click.echo("the sample was here once, and was removed")
            return
    facts = fixtures.sample_facts(local_days.today(local_days.now(), local_days.FRANCE))
    options = ImportOptions(platform=platform, licence=licence, facts=facts, is_recorded=False)
    run = import_file(engine, context.build_locator(engine), fixtures.sample_path(), options)
    with context.progress_bar("sample", run.total) as advance:
        for _ in run.reports:
            advance(1)
    with engine.begin() as connection:
        fixtures.note_sample(connection)
    rollups.compact(engine)
    click.echo(f"{run.total} sample initiatives loaded")
