"""Looking at tiles: decoded, and from the whole world down."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import mapbox_vector_tile
from sqlalchemy import Connection

from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.grid import Tile
from mapservice.tiles.queries import initiatives_geojson, initiatives_mvt

Features = list[dict[str, Any]]
# The properties of the features of one tile; none where nothing lies.
Look = Callable[[Tile], Features]

WORLD = Tile(0, 0, 0)


def walk(look: Look, last_zoom: int) -> Iterator[tuple[Tile, Features]]:
    """Every tile that is not empty, from zoom 0 on: below an empty one there is nothing."""
    row = [WORLD]
    while row:
        seen = [(tile, features) for tile in row if (features := look(tile))]
        yield from seen
        row = [child for tile, _ in seen if tile.z < last_zoom for child in children(tile)]


def children(tile: Tile) -> list[Tile]:
    corners = [(0, 0), (1, 0), (0, 1), (1, 1)]
    return [Tile(tile.z + 1, 2 * tile.x + east, 2 * tile.y + south) for east, south in corners]


def in_mvt(connection: Connection, filters: InitiativeFilters) -> Look:
    def look(tile: Tile) -> Features:
        content = initiatives_mvt(connection, tile, filters)
        if not content:
            return []
        layer = mapbox_vector_tile.decode(content)["initiatives"]
        return [feature["properties"] for feature in layer["features"]]

    return look


def in_geojson(connection: Connection, filters: InitiativeFilters) -> Look:
    def look(tile: Tile) -> Features:
        collection = json.loads(initiatives_geojson(connection, tile, filters))
        return [feature["properties"] for feature in collection["features"]]

    return look


def counted_by_zoom(look: Look, last_zoom: int) -> list[int]:
    """The sum of `count` over all tiles of each zoom; no initiative may be in two of them."""
    sums = [0] * (last_zoom + 1)
    ids: list[set[str]] = [set() for _ in sums]
    for tile, features in walk(look, last_zoom):
        alone = [one["id"] for one in features if one.get("id")]
        assert len(set(alone)) == len(alone), "one initiative twice in a tile"
        assert ids[tile.z].isdisjoint(alone), "one initiative in two tiles"
        ids[tile.z].update(alone)
        sums[tile.z] += sum(one["count"] for one in features)
    return sums
