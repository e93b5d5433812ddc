"""`mapservice export` and `mapservice report`: initiatives and figures as files."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import click

from mapservice.cli import context
from mapservice.cli.context import WRITABLE
from mapservice.errors import InvalidInput
from mapservice.initiatives.filters import parse
from mapservice.mail.service import letterhead
from mapservice.publishing.exports.model import GRID_ZOOM, MAX_ZOOM, SUFFIXES, BundleFormat
from mapservice.territories.lineage.queries import refs_of_today


@click.command("export")
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
    """Write initiatives to a file, by the same filter as everywhere.

    zip: all public data with licences, news, photos and events; `initiatives import` reads it back.
    pmtiles: the whole map.
    """
    from mapservice.media.storage import store_of
    from mapservice.publishing.exports.making import save
    from mapservice.publishing.packages.model import PackageOrigin
    from mapservice.publishing.packages.writing import write_package

    filters, _ = parse(parse_qsl(query, keep_blank_values=True))
    settings = context.settings_of_command()
    base = settings.public_url
    suffix = form or target.suffix.removeprefix(".")
    if suffix not in SUFFIXES:
        raise InvalidInput("--out", f"must end in .{', .'.join(SUFFIXES)}")
    # One snapshot: the rows that are counted are those that are written.
    engine = context.open_engine(settings).execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection, context.counting_bar("export") as progress:
        filters = replace(filters, territory=refs_of_today(connection, filters.territory))
        if suffix == BundleFormat.PACKAGE:
            origin = PackageOrigin(settings.site_name, letterhead(settings).base_url)
            write_package(connection, filters, origin, store_of(settings), target, progress)
            return
        save(connection, suffix, filters, base, target, progress, max_zoom)


@click.command("report")
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
    from mapservice.tiles.basemap.service import Basemap

    asked = [("territory", territory), ("by", by), ("figure", figure)]
    view = ReportView.parse([*parse_qsl(query, keep_blank_values=True), *asked])
    suffix = target.suffix.removeprefix(".")
    if suffix not in FORMS:
        raise InvalidInput("--out", f"must end in .{', .'.join(FORMS)}")
    settings = context.settings_of_command()
    engine = context.open_engine(settings).execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection, context.counting_bar("report") as progress:
        places = refs_of_today(connection, view.filters.territory)
        view = replace(view, filters=replace(view.filters, territory=places))
        archive = Basemap.of_settings(settings).served()
        report = read(connection, view, settings.public_url, settings.site_name, archive)
        save(connection, report, target, suffix, *progress)
