"""`mapservice basemap`: make or fetch an archive of vector tiles, and say which one is used."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click

from mapservice.cli import context
from mapservice.errors import InvalidInput, SourceError
from mapservice.outgoing.way_out import WayOut
from mapservice.settings import BASEMAP_FILE, Settings
from mapservice.tiles.basemap import build as building
from mapservice.tiles.basemap import fetch as fetching
from mapservice.tiles.basemap.archive import ServedArchive, open_served
from mapservice.tiles.basemap.model import BasemapKind, is_address, outside
from mapservice.tiles.basemap.outside import OutsideDocument, read_outside
from mapservice.tiles.basemap.queries import boxes_of
from mapservice.tiles.basemap.service import archive_path, outside_of

LEVELS = ("region", "departement", "epci", "commune")
# Degrees around a territory: who looks at its border sees what lies beyond.
MARGIN = 0.05
DEFAULT_ZOOM = 14

Box = tuple[float, float, float, float]


@click.group("basemap")
def basemap_group() -> None:
    """Streets, water and names under the map."""


def _box(text: str, option: str) -> Box:
    """Raises InvalidInput for what is not W,S,E,N in degrees."""
    try:
        west, south, east, north = (float(side) for side in text.split(","))
    except ValueError:
        raise InvalidInput(option, f"{text!r} is not west,south,east,north") from None
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise InvalidInput(option, f"{text!r} is no box of longitudes and latitudes")
    return west, south, east, north


@basemap_group.command("build")
@click.argument("extract", type=context.EXISTING)
@click.option(
    "--water", type=context.EXISTING, help="Polygons of the sea: water-polygons-split, a zip."
)
@click.option("--bbox", default="", help="West,south,east,north, if the extract tells none.")
@click.option(
    "--out", "target", type=context.WRITABLE, help="Default: var/basemap/, named as the extract."
)
def build_command(extract: Path, water: Path | None, bbox: str, target: Path | None) -> None:
    """Make an archive from EXTRACT, an .osm.pbf of OpenStreetMap, by tilemaker."""
    place = target or _default(f"{extract.name.split('.')[0]}.pmtiles")
    box = _box(bbox, "--bbox") if bbox else None
    made = building.build(
        extract, place, water, box, lambda step: click.echo(f"{step} …", err=True)
    )
    click.echo(f"{made.tiles} tiles, {made.names} names seen, {_size(place)}: {place}")
    _tell_use(place)


@basemap_group.command("fetch")
@click.option("--area", required=True, help="france, region:53, departement:35 … or W,S,E,N.")
@click.option("--from", "source", required=True, help="Address (or path) of a .pmtiles archive.")
@click.option("--max-zoom", type=click.IntRange(0, 22), default=DEFAULT_ZOOM, show_default=True)
@click.option(
    "--out", "target", type=context.WRITABLE, help="Default: var/basemap/, named as the area."
)
def fetch_command(area: str, source: str, max_zoom: int, target: Path | None) -> None:
    """Cut an area out of an archive on a server, without fetching the rest of it.

    Broken off, the same command goes on where it was.
    """
    boxes = _area(area)
    place = target or _default(f"{area.replace(':', '-').replace(',', '_')}.pmtiles")
    with context.counting_bar("basemap") as (start, advance):
        done = 0

        def progress(now: int, total: int) -> None:
            nonlocal done
            start(total)
            advance(max(now - done, 0))
            done = max(now, done)  # what is looked through after it has come is not counted twice

        made = fetching.fetch(
            source,
            boxes,
            place,
            max_zoom,
            lambda step: click.echo(step, err=True),
            progress,
            way=WayOut.parse(Settings.from_env().outgoing_proxy),
        )
    click.echo(f"{made.tiles} tiles, {_size(place)}: {place}")
    _tell_use(place)


def _area(area: str) -> list[Box]:
    level, _, code = area.partition(":")
    if area != "france" and level not in LEVELS:
        return [_box(area, "--area")]
    with context.open_engine().connect() as connection:
        found = boxes_of(connection, level, code.upper())
    if not found:
        raise InvalidInput("--area", f"there is no {area}; are the territories loaded?")
    return [
        (west - MARGIN, south - MARGIN, east + MARGIN, north + MARGIN)
        for west, south, east, north in found
    ]


@basemap_group.command("use")
@click.argument("base", metavar="FILE|URL|none")
@click.option("--attribution", default="", help="Credit to show, where the source tells none.")
def use_command(base: str, attribution: str) -> None:
    """Have maps drawn over FILE (an archive) or URL (style, TileJSON, raster tiles), or neither.

    Looks at it first. It is written to var/basemap.json, which every start reads; where
    MAPSERVICE_BASEMAP is set, that counts instead.
    """
    settings = Settings.from_env()
    chosen = {"basemap": base, "basemap_hosts": "", "basemap_attribution": attribution}
    if base != "none":
        way = WayOut.parse(settings.outgoing_proxy)
        told = _told_outside(chosen, way) if is_address(base) else _told_file(chosen)
        for line in told:
            click.echo(line)
    settings.home.mkdir(parents=True, exist_ok=True)
    path = settings.home / BASEMAP_FILE
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(chosen, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)
    click.echo(f"written to {path}: used from the next start of the service on")
    if Settings.from_env().basemap != chosen["basemap"]:
        click.echo("but the environment sets MAPSERVICE_BASEMAP, which counts instead", err=True)


def _told_file(chosen: dict[str, str]) -> Iterator[str]:
    path = Path(chosen["basemap"]).expanduser().resolve()
    chosen["basemap"] = str(path)
    served = open_served(path)
    with closing(served.archive):
        yield from _told_archive(served)


def _told_archive(served: ServedArchive) -> Iterator[str]:
    archive, header = served.archive, served.archive.header
    west, south, east, north = archive.bounds
    yield f"archive: {archive.path} ({_size(archive.path)})"
    yield f"schema: {served.schema}"
    yield f"zooms: {header['min_zoom']} to {header['max_zoom']}"
    yield f"bounds: {west:.5f},{south:.5f},{east:.5f},{north:.5f}"
    yield f"tiles: {header['addressed_tiles_count'] or 'not told'}"
    yield f"layers: {', '.join(str(layer.get('id')) for layer in archive.layers)}"
    yield f"version: {archive.metadata.get('version') or 'not told'}"
    yield f"attribution: {served.attribution}"


def _told_outside(chosen: dict[str, str], way: WayOut) -> Iterator[str]:
    """Reads the document, if it is one, for the hosts that maps of it would ask."""
    base = outside(chosen["basemap"], chosen["basemap_attribution"])
    hosts = set(base.origins)
    if base.kind == BasemapKind.STYLE:
        document = read_outside(base.address, way)
        chosen["basemap"] = document.address
        base = outside(document.address, chosen["basemap_attribution"])
        hosts = set(document.origins) | set(base.origins)
        # Also those that the TileJSON of a style's sources name.
        for source in document.sources.values():
            if source.get("url"):
                hosts |= set(read_outside(source["url"], way).origins)
        yield _told_document(document)
    further = sorted(hosts - set(base.origins))
    chosen["basemap_hosts"] = " ".join(further)
    yield f"pages ask these hosts, and no other: {', '.join([*base.origins, *further])}"


def _told_document(document: OutsideDocument) -> str:
    if document.is_style:
        return "it is a style of MapLibre: drawn in its own colours"
    if document.schema:
        return f"it is a TileJSON of vector tiles in the schema {document.schema}: drawn in ours"
    if document.content.get("vector_layers"):
        raise SourceError("its layers are of no schema that there is a style for")
    return "it is a TileJSON of raster tiles"


@basemap_group.command("info")
def info_command() -> None:
    """Tell which base map is used, and whether it can be."""
    settings = Settings.from_env()
    base = outside_of(settings)
    path = archive_path(settings)
    if base is not None:
        click.echo(f"base map: {base.address} ({base.kind})")
        click.echo(f"pages ask: {', '.join(base.origins)}")
    elif path is not None:
        served = open_served(path)
        with closing(served.archive):
            for line in _told_archive(served):
                click.echo(line)
    else:
        click.echo("base map: none; maps have our own ground (coast, borders, towns)")


def _default(name: str) -> Path:
    return Settings.from_env().home / "basemap" / name


def _tell_use(path: Path) -> None:
    click.echo(f"to have maps drawn over it: mapservice basemap use {path}")


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.2f} GB"
