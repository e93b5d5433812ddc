"""Territories shaded by class, drawn on the server: the picture where no live map is.

Classes, colours and words come from whoever asks; a page, its live map and its drawing are given
the same ones. Every territory carries its code and class as data (`data-code`, `data-class`).
"""

import base64
import struct
import textwrap
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from json import loads

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from mapservice.db.engine import fill
from mapservice.static_maps import drawing
from mapservice.static_maps.model import (
    FONT,
    PALETTES,
    DrawingFrame,
    DrawingPalette,
    mercator,
    shape_svg,
)
from mapservice.static_maps.shades import GROUND, HATCH, NOTHING, SCALES, UNKNOWNS, fill_of
from mapservice.static_maps.waters import water_shapes
from mapservice.territories.model import OUTLINE_ZOOMS, Level, TerritoryRef
from mapservice.territories.raster import ALIGNED, NOBODY, PIXEL
from mapservice.tiles.basemap.archive import ServedArchive

# Above so many territories lines between them would be all that is seen.
LINED = 700
# So many names at most, of the most populous.
MOST_LABELS = 45
# Hatching of a picture of pixels: a line in each PERIOD, of pixels of the frame.
PERIOD = 7
KEY_LINE, KEY_GAP, KEY_SIZE = 22, 16, 13
CAPTION_LINE, CAPTION_SIZE = 18, 12

# Each territory's path, in pixels of the frame.
AREAS = """
    SELECT code, path
      FROM (SELECT shown.code, {path} AS path
              FROM {table} AS shown
             WHERE shown.level = '{level}'{zoom} AND shown.code = ANY(:codes)
               AND {geom} && ST_MakeEnvelope(:clip_w, :clip_s, :clip_e, :clip_n, 3857)) AS drawn
     WHERE path <> ''
     ORDER BY code"""
PARTS = """
    SELECT code, path
      FROM (SELECT shown.code, {path} AS path
              FROM (SELECT epci AS code, ST_Multi(ST_Union(piece.geom)) AS geom
                      FROM epci_part_outline AS piece
                      JOIN epci_part AS part USING (epci, departement)
                     WHERE epci = ANY(:codes) AND part.{level} = :within
                       AND piece.zoom = (
                           SELECT coalesce(min(zoom) FILTER (WHERE zoom >= {zoom}), max(zoom))
                             FROM epci_part_outline)
                     GROUP BY epci) AS shown) AS drawn
     WHERE path <> ''
     ORDER BY code"""


@dataclass(frozen=True, eq=False)
class ChoroplethShading:
    """What a drawing shows: territories of a level, their class, and how classes are called.

    `classes` go by `codes`: 1 and on, 0 for none, -1 for unknown. `keys` are classes and words.
    `parts` are the EPCI of which only the part in `within` is meant, and so drawn.
    """

    level: Level
    codes: Sequence[str]
    classes: Sequence[int]
    breaks: Sequence[float]
    scale: str
    title: str
    keys: Sequence[tuple[int, str]]
    parts: Sequence[str] = ()
    within: TerritoryRef | None = None


@dataclass(frozen=True, slots=True)
class MapLabel:
    """A name and where it stands, degrees EPSG:4326; those that matter most come first."""

    name: str
    lon: float
    lat: float


def hatching(tint: str) -> str:
    """The pattern of what has none; over land."""
    return (
        '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse"'
        f' patternTransform="rotate(45)"><rect width="7" height="7" fill="{GROUND[tint]}"/>'
        f'<rect width="1.5" height="7" fill="{HATCH[tint]}"/></pattern></defs>'
    )


def areas(
    connection: Connection,
    frame: DrawingFrame,
    shading: ChoroplethShading,
    tint: str,
    archive: ServedArchive | None = None,
) -> tuple[str, frozenset[str]]:
    """Ground, territories in their colours, and the borders of wider ones over them.

    Also the codes of those that the frame holds.
    """
    palette = replace(PALETTES[tint], land=GROUND[tint])
    ground = "".join(shape_svg(shape, palette) for shape in drawing.land(connection, frame).shapes)
    lined = len(shading.codes) <= LINED
    width = 0.7 if lined else 0.25
    paths = _paths(connection, frame, shading)
    shades = dict(zip(shading.codes, shading.classes, strict=True))
    shaded = "".join(
        f'<path data-code="{code}" data-class="{shades[code]}" d="{path}"'
        f' fill="{fill_of(shades[code], shading.scale, tint)}"/>'
        for code, path in paths
    )
    lines = f'stroke="{palette.border}" stroke-width="{width}" stroke-linejoin="round"'
    over = _borders(connection, frame, shading.level, palette, archive)
    picture = f'{ground}<g {lines} fill-rule="evenodd">{shaded}</g>{over}'
    return _framed(frame, palette, picture), frozenset(code for code, _ in paths)


def pixels(
    connection: Connection,
    frame: DrawingFrame,
    shading: ChoroplethShading,
    mosaic: bytes,
    tint: str,
    archive: ServedArchive | None = None,
) -> str:
    """The same by the picture of all communes, where outlines would be megabytes."""
    palette = replace(PALETTES[tint], land=GROUND[tint])
    ground = "".join(shape_svg(shape, palette) for shape in drawing.land(connection, frame).shapes)
    images = ""
    for (west, south, east, north), grid in _pictures(mosaic):
        across = west < frame.east and frame.west < east
        if not (across and south < frame.north and frame.south < north):
            continue
        content = _coloured(grid, shading, tint, PERIOD / (frame.scale * PIXEL))
        (left, top), (right, bottom) = frame.place(west, north), frame.place(east, south)
        images += (
            f'<image x="{left:.2f}" y="{top:.2f}" width="{right - left:.2f}"'
            f' height="{bottom - top:.2f}" preserveAspectRatio="none"'
            ' image-rendering="optimizeSpeed"'
            f' href="data:image/png;base64,{base64.b64encode(content).decode()}"/>'
        )
    over = _borders(connection, frame, shading.level, palette, archive)
    return _framed(frame, palette, f"{ground}{images}{over}")


def as_data(shading: ChoroplethShading, held: frozenset[str]) -> str:
    """Codes and classes of those that are no element of the drawing, side by side."""
    pairs = zip(shading.codes, shading.classes, strict=True)
    others = [(code, str(number)) for code, number in pairs if code not in held]
    if not others:
        return ""
    codes, numbers = (",".join(side) for side in zip(*others, strict=True))
    return f'<g data-codes="{codes}" data-classes="{numbers}"/>'


def labels_svg(frame: DrawingFrame, labels: Sequence[MapLabel], palette: DrawingPalette) -> str:
    """Names where there is room for them, the first ones first."""
    taken: list[tuple[float, float, float, float]] = []
    found: list[str] = []
    size = 12.0
    for label in labels:
        if len(found) == MOST_LABELS:
            break
        x, y = frame.place(*mercator(label.lon, label.lat))
        half, high = 0.29 * size * len(label.name) + 3, 0.62 * size
        box = (x - half, y - high, x + half, y + high)
        inside = (
            box[0] > 2 and box[2] < frame.width - 2 and box[1] > 2 and box[3] < frame.height - 2
        )
        covered = any(
            box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
            for other in taken
        )
        if covered or not inside:
            continue
        taken.append(box)
        found.append(f'<text x="{x:.1f}" y="{y + 0.35 * size:.1f}">{escape(label.name)}</text>')
    return (
        f'<g font-family="{FONT}" font-size="{size:g}" font-weight="500" text-anchor="middle"'
        f' fill="{palette.ink}" stroke="{palette.chosen}" stroke-width="2.6"'
        f' stroke-linejoin="round" paint-order="stroke" stroke-opacity="0.9">{"".join(found)}</g>'
    )


def key_height(shading: ChoroplethShading, width: int) -> int:
    return KEY_LINE * (len(_key_lines(shading, width)) + 1) + 12


def key_svg(shading: ChoroplethShading, width: int, top: int, tint: str) -> str:
    """The key of a drawing, under it: its title, and each class with its words."""
    palette = PALETTES[tint]
    lines = _key_lines(shading, width)
    rows = []
    for number, line in enumerate(lines):
        y = top + KEY_LINE * (number + 1) + 10
        for x, (shade, words) in line:
            rows.append(
                f'<rect x="{x}" y="{y}" width="16" height="12"'
                f' fill="{fill_of(shade, shading.scale, tint)}" stroke="{palette.border}"/>'
                f'<text x="{x + 21}" y="{y + 11}">{escape(words)}</text>'
            )
    return (
        f'<rect y="{top}" width="{width}" height="{key_height(shading, width)}"'
        f' fill="{palette.chosen}"/>'
        f'<g font-family="{FONT}" font-size="{KEY_SIZE}" fill="{palette.ink}">'
        f'<text x="8" y="{top + 20}" font-weight="700">{escape(shading.title)}</text>'
        f"{''.join(rows)}</g>"
    )


def caption_svg(lines: Sequence[str], width: int, top: int, tint: str) -> tuple[str, int]:
    """What the drawing is of, where it stands without its page; and how high that is.

    The first line is a title; lines that are too long are broken.
    """
    palette = PALETTES[tint]
    signs = int(width / (0.53 * CAPTION_SIZE))
    rows = [
        (row, number == 0)
        for number, line in enumerate(lines)
        for row in textwrap.wrap(line, signs)
    ]
    height = CAPTION_LINE * len(rows) + 12
    texts = "".join(
        f'<text x="8" y="{top + CAPTION_LINE * (number + 1)}"'
        f' font-weight="{700 if is_title else 400}">{escape(row)}</text>'
        for number, (row, is_title) in enumerate(rows)
    )
    ground = f'<rect y="{top}" width="{width}" height="{height}" fill="{palette.chosen}"/>'
    font = f'font-family="{FONT}" font-size="{CAPTION_SIZE}" fill="{palette.ink}"'
    return f'{ground}<g class="caption" {font}>{texts}</g>', height


def document(
    size: tuple[int, int], inside: str, shading: ChoroplethShading, tint: str, title: str, told: str
) -> str:
    """A whole SVG with its classes as data, told to people who do not see it."""
    width, height = size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img" aria-labelledby="t d"'
        f' data-level="{shading.level}" data-breaks="{",".join(map(repr, shading.breaks))}">'
        f'<title id="t">{escape(title)}</title><desc id="d">{escape(told)}</desc>'
        f"{hatching(tint)}{inside}</svg>"
    )


def _framed(frame: DrawingFrame, palette: DrawingPalette, inside: str) -> str:
    return f'<rect width="{frame.width}" height="{frame.height}" fill="{palette.water}"/>{inside}'


def _paths(
    connection: Connection, frame: DrawingFrame, shading: ChoroplethShading
) -> list[tuple[str, str]]:
    zoom = drawing.kept_zoom(frame)
    geom = "outline_3857" if zoom is None else "geom"
    table = "territory" if zoom is None else "territory_outline"
    path = fill(drawing.PATH, {"clipped": fill(drawing.CLIPPED, {"geom": geom})})
    # The index of full outlines knows communes and wider territories apart.
    kinds = " AND shown.level " + (
        "= 'commune'" if shading.level is Level.COMMUNE else "<> 'commune'"
    )
    texts = {
        "path": path,
        "table": table,
        "level": str(shading.level),
        "geom": geom,
        "zoom": kinds if zoom is None else f" AND shown.zoom = {zoom}",
    }
    values = drawing.view_of(frame)
    whole = [code for code in shading.codes if code not in set(shading.parts)]
    rows = list(connection.execute(text(fill(AREAS, texts)), values | {"codes": whole}))
    if shading.parts and shading.within:
        path = fill(drawing.PATH, {"clipped": fill(drawing.CLIPPED, {"geom": "geom"})})
        pieces = fill(
            PARTS,
            {
                "path": path,
                "zoom": str(zoom or max(OUTLINE_ZOOMS)),
                "level": str(shading.within.level),
            },
        )
        bound = {"codes": list(shading.parts), "within": shading.within.code}
        rows += connection.execute(text(pieces), values | bound)
    return [(row.code, row.path) for row in rows]


def _borders(
    connection: Connection,
    frame: DrawingFrame,
    level: Level,
    palette: DrawingPalette,
    archive: ServedArchive | None,
) -> str:
    """Water and the borders of wider territories, over the shades."""
    shapes = drawing.borders(connection, frame, level)
    water = "".join(shape_svg(shape, palette) for shape in water_shapes(frame, archive))
    return water + "".join(
        f'<path d="{shape.path}" fill="none" stroke="{palette.ink}" stroke-opacity="0.55"'
        f' stroke-width="{1.1 if shape.role == "border" else 0.6}" stroke-linejoin="round"/>'
        for shape in shapes
    )


def _key_lines(shading: ChoroplethShading, width: int) -> list[list[tuple[int, tuple[int, str]]]]:
    """Classes and words with their x, as many to a line as fit."""
    lines: list[list[tuple[int, tuple[int, str]]]] = [[]]
    x = 8
    for key in shading.keys:
        wide = 21 + int(0.56 * KEY_SIZE * len(key[1])) + KEY_GAP
        if x + wide > width and lines[-1]:
            lines.append([])
            x = 8
        lines[-1].append((x, key))
        x += wide
    return lines


Bounds = tuple[float, float, float, float]
Grid = npt.NDArray[np.uint16]


def _pictures(mosaic: bytes) -> Iterator[tuple[Bounds, Grid]]:
    """Each picture's bounds (W, S, E, N in EPSG:3857) and whose each of its pixels is."""
    size = int.from_bytes(mosaic[:ALIGNED], "little")
    at = ALIGNED + size
    for one in loads(mosaic[ALIGNED:at])["pictures"]:
        numbers = np.frombuffer(mosaic, "<u2", one["runs"], at)
        lengths = np.frombuffer(mosaic, "<u2", one["runs"], at + numbers.nbytes)
        at += 2 * numbers.nbytes
        grid = np.repeat(numbers, lengths).reshape(one["height"], one["width"])
        west, south, east, north = one["bounds"]
        yield (west, south, east, north), grid


def _coloured(grid: Grid, shading: ChoroplethShading, tint: str, period: float) -> bytes:
    """As PNG: by class, hatched where nothing is (a line each `period`), clear outside."""
    clear, ground, line = 0, 1, 2
    shades = np.append(np.array(shading.classes, np.int64) + 4, clear)  # unknown is 3, 1 is 5
    whose = np.where(grid == NOBODY, len(shading.classes), grid)
    found = shades[np.minimum(whose, len(shading.classes))].astype(np.uint8)
    rows, columns = np.arange(grid.shape[0])[:, None], np.arange(grid.shape[1])
    nothing = found == NOTHING + 4
    hatched = (rows + columns) % max(period, 3) < max(period / 6, 1)
    found[nothing] = ground
    found[nothing & hatched] = line
    colours = [
        "#000000", PALETTES[tint].land, HATCH[tint], UNKNOWNS[tint], "#000000",
        *SCALES[tint][shading.scale],
    ]  # fmt: skip
    return png_of(found, colours, clear)


def png_of(pixels: npt.NDArray[np.uint8], colours: Sequence[str], clear: int) -> bytes:
    """A picture of indexed colours (PNG, 8 bits); `clear` is the index that is seen through."""
    height, width = pixels.shape
    lines = np.zeros((height, width + 1), np.uint8)  # each begins with its filter: none
    lines[:, 1:] = pixels
    palette = b"".join(bytes.fromhex(colour[1:]) for colour in colours)
    seen = bytes(0 if number == clear else 255 for number in range(len(colours)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            (b"PLTE", palette),
            (b"tRNS", seen),
            (b"IDAT", zlib.compress(lines.tobytes(), 6)),
            (b"IEND", b""),
        )
    )
