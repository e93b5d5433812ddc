"""Whole styles of MapLibre, for whoever loads them by their address.

Every address in them is absolute, letters come from us (`/basemap/glyphs`), there is no sprite.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from mapservice.initiatives.grid import INITIATIVES_CREDIT, TERRITORIES_CREDIT
from mapservice.initiatives.model import Theme
from mapservice.tiles.basemap.archive import ServedArchive
from mapservice.tiles.basemap.model import BasemapKind, StyleTheme
from mapservice.tiles.basemap.outside import OutsideDocument, OutsideDocumentCache
from mapservice.tiles.basemap.palette import palette
from mapservice.tiles.basemap.service import Basemap
from mapservice.tiles.basemap.style import (
    FONTS,
    GROUND_SOURCE,
    GROUP,
    SOURCE,
    Layer,
    ground_layer,
    ground_source,
    layers_of,
)

Sources = dict[str, dict[str, Any]]
ABROAD_CREDIT = "Natural Earth | GSHHG"
# Names of communes are the base map's own from here on: the same place has them both.
OUR_NAMES_UNTIL = 13
# Between these zooms neighbours take the colour of land where an archive has streets.
ABROAD_FADES = (10, 12)
outside_documents = OutsideDocumentCache()


def tiles_address(root: str, served: ServedArchive) -> str:
    return f"{root}/basemap/{{z}}/{{x}}/{{y}}.pbf?v={served.version}"


def archive_source(root: str, served: ServedArchive) -> dict[str, Any]:
    archive = served.archive
    return {
        "type": "vector",
        "tiles": [tiles_address(root, served)],
        "minzoom": archive.header["min_zoom"],
        "maxzoom": archive.header["max_zoom"],
        "bounds": list(archive.bounds),
        "attribution": served.attribution,
    }


def archive_style(root: str, served: ServedArchive, theme: StyleTheme) -> dict[str, Any]:
    """The layers of our archive alone, over the land that it covers."""
    return _style(
        root,
        {SOURCE: archive_source(root, served), GROUND_SOURCE: ground_source(served.areas)},
        [ground_layer(theme), *layers_of(served.schema, theme, served.has_french_names)],
    )


def whole_style(root: str, basemap: Basemap, theme: StyleTheme) -> dict[str, Any]:
    """Our ground, the base map if it can be had, and our layers, from below to above."""
    colours = palette(theme)
    sources, under, over = _base(root, basemap, theme)
    opaque = any(layer["type"] == "raster" for layer in over)
    names = _names(colours, bool(over))
    return _style(
        root,
        _own_sources(root) | sources,
        [
            *_sea(colours),
            *under,
            *_land(colours, among_streets=bool(under)),
            *(layer for layer in over if layer["type"] != "symbol"),
            *_borders(colours),
            *(layer for layer in over if layer["type"] == "symbol"),
            *([] if opaque else names),
            *_initiatives(colours),
        ],
    )


def _style(root: str, sources: Sources, layers: list[Layer]) -> dict[str, Any]:
    return {
        "version": 8,
        "name": "Initiatives locales",
        "center": [2.4, 46.6],
        "zoom": 5,
        "glyphs": f"{root}/basemap/glyphs/{{fontstack}}/{{range}}.pbf",
        "sources": sources,
        "layers": layers,
    }


def _base(
    root: str, basemap: Basemap, theme: StyleTheme
) -> tuple[Sources, list[Layer], list[Layer]]:
    """Sources of the base map, its layers under our land, and those over it."""
    served = basemap.served()
    if served is not None:
        made = archive_style(root, served, theme)
        ground, *layers = made["layers"]
        return made["sources"], [ground], layers
    outside = basemap.outside
    if outside is None:
        return {}, [], []
    if outside.kind == BasemapKind.RASTER:
        layer = {"id": "base-raster", "type": "raster", "source": SOURCE}
        return {SOURCE: outside.raster_source}, [], [layer]
    document = outside_documents.read(outside.address, basemap.way)
    if document is None:
        return {}, [], []
    return _outside(document, theme, outside.attribution)


def _outside(
    document: OutsideDocument, theme: StyleTheme, credit: str
) -> tuple[Sources, list[Layer], list[Layer]]:
    if document.is_style:
        return _foreign(document)
    source = {"url": document.address, "attribution": _credit(document, credit)}
    if document.schema is not None:
        return {SOURCE: {"type": "vector", **source}}, [], layers_of(document.schema, theme)
    if document.content.get("vector_layers"):
        return {}, [], []
    layer = {"id": "base-raster", "type": "raster", "source": SOURCE}
    return {SOURCE: {"type": "raster", "tileSize": 256, **source}}, [], [layer]


def _credit(document: OutsideDocument, told: str) -> str:
    found = document.content.get("attribution")
    return told or (found if isinstance(found, str) else "") or _host(document.address)


def _host(address: str) -> str:
    return f"Fond de carte : {urlsplit(address).hostname}"


def _foreign(document: OutsideDocument) -> tuple[Sources, list[Layer], list[Layer]]:
    """Somebody's style, its names kept apart from ours; its letters are ours, its pictures gone."""
    sources = {f"base-{name}": dict(source) for name, source in document.sources.items()}
    for source in sources.values():
        source.setdefault("attribution", _host(document.address))
    layers = []
    for given in document.content["layers"]:
        layer = dict(given, id=f"base-{given.get('id')}")
        if "source" in layer:
            layer["source"] = f"base-{layer['source']}"
        if layer.get("type") == "symbol":
            letters = layer.get("layout", {}).items()
            kept = {key: value for key, value in letters if not key.startswith("icon")}
            layer["layout"] = kept | {"text-font": FONTS}
        layers.append(layer)
    return sources, [], layers


def _own_sources(root: str) -> Sources:
    return {
        "abroad": {
            "type": "geojson",
            "data": f"{root}/static/map/abroad.json",
            "attribution": ABROAD_CREDIT,
        },
        "territories": {
            "type": "vector",
            "tiles": [f"{root}/tiles/territories/{{z}}/{{x}}/{{y}}.pbf"],
            "maxzoom": 12,
            "attribution": TERRITORIES_CREDIT,
        },
        "initiatives": {
            "type": "vector",
            "tiles": [f"{root}/tiles/initiatives/{{z}}/{{x}}/{{y}}.pbf"],
            "maxzoom": 14,
            "attribution": INITIATIVES_CREDIT,
        },
    }


def _sea(colours: Mapping[str, str]) -> list[Layer]:
    paint = {"background-color": colours["water"]}
    return [{"id": "water", "type": "background", "paint": paint}]


def _land(colours: Mapping[str, str], *, among_streets: bool) -> list[Layer]:
    """Neighbours become land like another among an archive's streets (basemap-layers.js)."""
    abroad = {"id": "abroad", "type": "fill", "source": "abroad"}
    land = _territory("land", "fill", "regions")
    near = _by_zoom(ABROAD_FADES[0], colours["abroad"], ABROAD_FADES[1], colours["land"])
    return [
        abroad | {"paint": {"fill-color": near if among_streets else colours["abroad"]}},
        land | {"paint": {"fill-color": colours["land"]}},
    ]


def _territory(name: str, kind: str, layer: str, minzoom: float = 0) -> Layer:
    return {
        "id": name,
        "type": kind,
        "source": "territories",
        "source-layer": layer,
        "minzoom": minzoom,
    }


def _by_zoom(*stops: float | str) -> list[Any]:
    return ["interpolate", ["linear"], ["zoom"], *stops]


def _borders(colours: Mapping[str, str]) -> list[Layer]:
    drawn = (
        ("commune-lines", "communes", 8.5, "commune-line", _by_zoom(9, 0.4, 12, 0.9)),
        ("departement-lines", "departements", 4, "departement-line", _by_zoom(5, 0.5, 10, 1.3)),
        ("region-lines", "regions", 0, "region-line", _by_zoom(4, 0.8, 10, 2)),
    )
    return [
        _territory(name, "line", layer, first)
        | {"paint": {"line-color": colours[colour], "line-width": width}}
        for name, layer, first, colour, width in drawn
    ]


def _names(colours: Mapping[str, str], has_base: bool) -> list[Layer]:
    """Names of our territories; nearer than `OUR_NAMES_UNTIL` a base map has the same."""
    until = {"maxzoom": OUR_NAMES_UNTIL} if has_base else {}
    population = ["coalesce", ["get", "population"], 0]
    communes = ["step", population, 11, 20_000, 13, 100_000, 16]
    drawn: tuple[tuple[str, Mapping[str, Any], Any, str], ...] = (
        ("commune", {"minzoom": 4.5} | until, communes, "label"),
        ("departement", {"minzoom": 6.8, "maxzoom": 9}, 10, "label-quiet"),
        ("region", {"minzoom": 3.5, "maxzoom": 6.8}, 11, "label-quiet"),
    )
    return [
        _territory(f"{level}-labels", "symbol", "labels")
        | {
            **zooms,
            "filter": ["==", ["get", "level"], level],
            "layout": {
                "text-field": ["get", "name"],
                "text-font": FONTS,
                "text-size": size,
                "symbol-sort-key": ["-", 0, population],
                "text-variable-anchor": ["center", "bottom", "top", "left", "right"],
                "text-radial-offset": 1,
            },
            "paint": _lettering(colours, colour),
        }
        for level, zooms, size, colour in drawn
    ]


def _lettering(colours: Mapping[str, str], colour: str) -> dict[str, Any]:
    return {
        "text-color": colours[colour],
        "text-halo-color": colours["halo"],
        "text-halo-width": 1.4,
    }


def _initiatives(colours: Mapping[str, str]) -> list[Layer]:
    """True points as filled dots; what is known to its territory alone as a pale ring.

    A layer a theme and plain comparisons, as QGIS reads neither a `match` in a colour nor a `!`.
    """
    single = ["==", ["get", "count"], 1]
    layers: list[Layer] = []
    for kind, precise in (("areas", "!="), ("points", "==")):
        exact = [precise, ["get", "precision"], "point"]
        for subject in Theme:
            own = ["==", ["get", "theme"], str(subject)]
            layer = _initiative(f"initiatives-{kind}-{subject}", ["all", single, exact, own])
            hue = colours[f"theme-{subject}"]
            layers.append(
                layer | {"paint": _point(hue, colours) if kind == "points" else _area(hue)}
            )
    return [*layers, *_clusters(colours)]


def _point(hue: str, colours: Mapping[str, str]) -> dict[str, Any]:
    return {
        "circle-radius": _by_zoom(5, 4, 12, 7),
        "circle-color": hue,
        "circle-stroke-color": colours["dot-ring"],
        "circle-stroke-width": 2,
    }


def _area(hue: str) -> dict[str, Any]:
    return {
        "circle-radius": _by_zoom(5, 4, 12, 9),
        "circle-color": hue,
        "circle-opacity": 0.18,
        "circle-stroke-color": hue,
        "circle-stroke-width": 1.5,
    }


def _clusters(colours: Mapping[str, str]) -> list[Layer]:
    several = [">", ["get", "count"], 1]
    return [
        _initiative("initiatives-clusters", several)
        | {
            "paint": {
                "circle-radius": ["step", ["get", "count"], 12, 10, 15, 100, 18, 1000, 22],
                "circle-color": colours["surface"],
                "circle-stroke-color": colours["initiative"],
                "circle-stroke-width": 3,
            }
        },
        _initiative("initiatives-counts", several, "symbol")
        | {
            "layout": {
                "text-field": ["to-string", ["get", "count"]],
                "text-font": FONTS,
                "text-size": 12,
                "text-allow-overlap": True,
            },
            "paint": {"text-color": colours["ink"]},
        },
    ]


def _initiative(name: str, which: list[Any], kind: str = "circle") -> Layer:
    return {
        "id": name,
        "type": kind,
        "source": "initiatives",
        "source-layer": "initiatives",
        "filter": which,
        "metadata": {GROUP: "initiatives"},
    }
