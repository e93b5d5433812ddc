"""`mapservice geocode` and `mapservice locate`: whole files, by words or by points."""

from functools import partial
from pathlib import Path

import click

from mapservice.cli import context
from mapservice.cli.context import EXISTING, WRITABLE
from mapservice.geocoding import files
from mapservice.geocoding.accuracy import accuracy
from mapservice.geocoding.parallel import cores


@click.command("geocode")
@click.argument("source", type=EXISTING)
@click.option("--query-column", default="query", show_default=True)
@click.option("--out", "target", type=WRITABLE, required=True)
@click.option("--report", is_flag=True, help="Compare with the column expected_insee, by kind.")
def geocode_command(source: Path, query_column: str, target: Path, report: bool) -> None:
    """Add insee, name, precision, score and status to each row of a CSV file."""
    work = files.FileGeocoding(partial(context.progress_bar, "geocode"), cores())
    files.geocode_file(
        lambda: context.build_locator(context.open_engine()), source, query_column, target, work
    )
    for line in accuracy(target) if report else ():
        click.echo(line)


@click.command("locate")
@click.argument("source", type=EXISTING)
@click.option("--lon", default="lon", show_default=True)
@click.option("--lat", default="lat", show_default=True)
@click.option("--out", "target", type=WRITABLE, required=True)
def locate_command(source: Path, lon: str, lat: str, target: Path) -> None:
    """Add insee and name of the commune that holds the point of each row."""
    with (
        context.progress_bar("locate", None) as advance,
        context.open_engine().connect() as connection,
    ):
        files.locate_file(connection, source, (lon, lat), target, advance)
