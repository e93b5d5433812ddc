"""The layers of a base map: those of its schema (geodata/basemap/styles), in our colours.

`scripts/basemap-styles` makes the files from @versatiles/style; here colours get their values and
names their letters.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from mapservice.settings import asset_folder
from mapservice.tiles.basemap.model import StyleTheme, TileSchema
from mapservice.tiles.basemap.palette import palette

Layer = dict[str, Any]
Box = Sequence[float]

SOURCE = "basemap"
GROUND_SOURCE = "basemap-ground"
# Farther away our own outlines are exact enough, and an archive's sea is too coarse.
GROUND_FROM_ZOOM = 8
GROUP, WEIGHT = "mapservice:group", "mapservice:weight"
# Of the glyphs that `routes.py` serves. Browsers on our own pages have CSS fonts instead.
FONTS = ["Noto Sans Regular"]


def layers_of(schema: TileSchema, theme: StyleTheme, has_french_names: bool = True) -> list[Layer]:
    """The layers of the source `SOURCE`, from below to above, in the colours of a theme.

    Where `name` is all that tiles have it is asked for plainly: QGIS knows no `coalesce`.
    """
    colours = palette(theme)
    layers = [_coloured(layer, colours) for layer in _stored(schema)]
    for layer in layers if not has_french_names else ():
        if layer["type"] == "symbol":
            layer["layout"]["text-field"] = ["get", "name"]
    return layers


def ground_layer(theme: StyleTheme) -> Layer:
    """What is no sea within the archive is land: outlines of territories are coarse near by.

    To be laid over our sea and under our land, so that no archive shows as a rectangle.
    """
    return {
        "id": "base-ground",
        "type": "fill",
        "source": GROUND_SOURCE,
        "minzoom": GROUND_FROM_ZOOM,
        "paint": {"fill-color": palette(theme)["land"], "fill-antialias": False},
        "metadata": {GROUP: "ground"},
    }


def ground_source(boxes: Sequence[Box]) -> dict[str, Any]:
    """The boxes (west, south, east, north; EPSG:4326) that the archive covers."""
    shapes = [_rectangle(box) for box in boxes]
    geometry = {"type": "MultiPolygon", "coordinates": [[shape] for shape in shapes]}
    feature = {"type": "Feature", "properties": {}, "geometry": geometry}
    return {"type": "geojson", "data": feature}


def _rectangle(box: Box) -> list[list[float]]:
    west, south, east, north = box
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def _coloured(layer: Layer, colours: Mapping[str, str]) -> Layer:
    made = {**layer, "source": SOURCE, "paint": _replaced(layer["paint"], colours.__getitem__)}
    if layer["type"] == "symbol":
        made["layout"] = {**layer.get("layout", {}), "text-font": FONTS}
    return made


def _replaced(value: Any, colour: Callable[[str], str]) -> Any:
    """The value with each `@name` in it replaced by its colour."""
    if isinstance(value, str) and value.startswith("@"):
        return colour(value[1:])
    if isinstance(value, list):
        return [_replaced(one, colour) for one in value]
    if isinstance(value, dict):
        return {key: _replaced(one, colour) for key, one in value.items()}
    return value


@cache
def _stored(schema: TileSchema) -> list[Layer]:
    path = asset_folder("geodata") / "basemap" / "styles" / f"{schema}.json"
    found: list[Layer] = json.loads(path.read_text(encoding="utf-8"))
    return found
