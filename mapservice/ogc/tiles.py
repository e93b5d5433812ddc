"""Tiles of one collection or of all, from the tile module that serves /tiles too."""

from collections.abc import Iterable

from sqlalchemy import Connection

from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.grid import Tile
from mapservice.ogc.model import ItemsCollection
from mapservice.rollups.model import RollupScope
from mapservice.tiles import activity_queries, queries, territory_queries


def mvt(
    connection: Connection,
    layers: Iterable[ItemsCollection],
    tile: Tile,
    filters: InitiativeFilters,
) -> bytes:
    """One layer a collection; b"" when nothing lies there."""
    return b"".join(_layer(connection, one, tile, filters) for one in layers)


def _layer(
    connection: Connection, one: ItemsCollection, tile: Tile, filters: InitiativeFilters
) -> bytes:
    if one.level is None:
        return queries.initiatives_mvt(connection, tile, filters)
    if one.counted:
        return activity_queries.level_mvt(
            connection, tile, one.id, one.level, RollupScope.of(filters)
        )
    return territory_queries.layer_mvt(connection, tile, one.id)


def geojson(
    connection: Connection, one: ItemsCollection, tile: Tile, filters: InitiativeFilters
) -> str:
    """The same features as a collection in WGS 84."""
    if one.level is None:
        return queries.initiatives_geojson(connection, tile, filters)
    if one.counted:
        return activity_queries.level_geojson(connection, tile, one.level, RollupScope.of(filters))
    return territory_queries.layer_geojson(connection, tile, one.id)
