"""What commands tell of an import: the report on each row, and how it went."""

import csv
from collections import Counter
from dataclasses import fields
from itertools import chain
from operator import attrgetter
from pathlib import Path

import click
from sqlalchemy import Engine

from mapservice.cli import context
from mapservice.imports.row_reports import RowOutcome, RowReport, inert
from mapservice.imports.run_queries import keep_report
from mapservice.imports.service import ImportRun, summary_of
from mapservice.rollups import service as rollups
from mapservice.settings import Settings


def report_on(
    run: ImportRun,
    engine: Engine,
    settings: Settings,
    source: Path,
    target: Path | None,
    *,
    is_saved: bool,
) -> None:
    """Imports what `run` yields, writing the report on each row, and tells how that went."""
    path = target or settings.home / "reports" / f"{source.stem}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    counts: Counter[RowOutcome] = Counter()
    # The first is there once all are read: processes are forked while no thread is about.
    first = next(run.reports, None)
    with (
        path.open("w", encoding="utf-8", newline="") as text,
        context.progress_bar("import", run.total) as advance,
    ):
        names = [field.name for field in fields(RowReport)]
        values_of = attrgetter(*names)

        def told_of(report: RowReport) -> list[object]:
            return [inert(one) if isinstance(one, str) else one for one in values_of(report)]

        writer = csv.writer(text)
        writer.writerow(names)
        # Each row is imported as its report is read.
        for report in chain([] if first is None else [first], run.reports):
            writer.writerow(told_of(report))
            counts[report.outcome] += 1
            advance(1)
        for report in run.gone.reports:
            writer.writerow(told_of(report))
    if is_saved:
        rollups.compact(engine)
        rollups.sort_series(engine)
        with engine.begin() as connection:
            keep_report(connection, run.id, str(path.absolute()))
    summary = "\n".join(summary_of(run, counts))
    beside = path.with_name(f"{path.stem}.summary.txt")
    beside.write_text(f"{source.name}\n{summary}\n", encoding="utf-8")
    click.echo(summary)
    click.echo(f"report: {path}{'' if is_saved else ' (dry run: nothing saved)'}")
    click.echo(f"summary: {beside}")
    if run.id:
        click.echo(f"run: {run.id} (undo it with `mapservice imports undo {run.id}`)")
