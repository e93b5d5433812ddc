"""Tiles of territories: which layers, whole, valid, and with borders that neighbours share."""

import json
from typing import Any

import mapbox_vector_tile
import pytest
from shapely import (
    coverage_is_valid,
    from_wkb,
    is_valid,
    union_all,
)
from shapely.geometry import shape
from sqlalchemy import Connection, text

from mapservice.initiatives.grid import Tile
from mapservice.tiles.territory_queries import territories_geojson, territories_mvt
from tests.tiles.tiles import walk
from tests.web.population import column_row

RENNES = (-1.67, 48.11)


def decoded(connection: Connection, tile: Tile) -> dict[str, Any]:
    """Layers by name; positions are of the tile's grid, y from the south."""
    content = territories_mvt(connection, tile)
    return dict(mapbox_vector_tile.decode(content)) if content else {}


def over(zoom: int, place: tuple[float, float]) -> Tile:
    return Tile(zoom, *column_row(zoom, *place))


def codes(layer: dict[str, Any]) -> set[str]:
    return {feature["properties"]["code"] for feature in layer["features"]}


@pytest.mark.parametrize(
    ("zoom", "layers"),
    [
        (0, {"regions", "labels"}),
        (3, {"regions", "labels"}),
        (4, {"regions", "labels", "departements"}),
        (7, {"regions", "labels", "departements"}),
        (8, {"regions", "labels", "departements", "epcis", "communes"}),
        (10, {"regions", "labels", "departements", "epcis", "communes"}),
    ],
)
def test_layers_come_by_zoom(connection: Connection, zoom: int, layers: set[str]) -> None:
    assert set(decoded(connection, over(zoom, RENNES))) == layers


def test_the_nearest_zoom_holds_the_commune_and_all_its_parents(connection: Connection) -> None:
    layers = decoded(connection, over(14, RENNES))
    assert codes(layers["communes"]) == {"35238"}
    assert codes(layers["epcis"]) == {"243500139"}
    assert codes(layers["departements"]) == {"35"}
    assert codes(layers["regions"]) == {"53"}


@pytest.mark.parametrize("zoom", [0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
def test_outlines_in_tiles_are_valid(connection: Connection, zoom: int) -> None:
    layers = decoded(connection, over(zoom, RENNES))
    layers.pop("labels", None)
    for name, layer in layers.items():
        for feature in layer["features"]:
            assert feature["geometry"]["type"] in ("Polygon", "MultiPolygon")
            assert is_valid(shape(feature["geometry"])), (name, feature["properties"]["code"])


def test_outlines_reach_over_the_edge_of_their_tile(connection: Connection) -> None:
    """Within a margin, so that no border is drawn along the edge of a tile."""
    layers = decoded(connection, over(9, RENNES))
    west, south, east, north = union_all(
        [shape(feature["geometry"]) for feature in layers["departements"]["features"]]
    ).bounds
    assert -64 <= west < 0
    assert -64 <= south < 0
    assert 4096 < east <= 4160
    assert 4096 < north <= 4160


def test_a_territory_that_only_touches_the_margin_is_there(connection: Connection) -> None:
    """Two tiles side by side both hold the communes at their common edge, drawn alike."""
    west = over(10, RENNES)
    east = Tile(west.z, west.x + 1, west.y)
    shared = codes(decoded(connection, west)["communes"]) & codes(
        decoded(connection, east)["communes"]
    )
    assert len(shared) > 3


@pytest.mark.parametrize("band", [4, 6, 8, 10])
@pytest.mark.parametrize(("level", "within"), [("region", ""), ("departement", ""), ("epci", "35")])
def test_neighbours_share_their_simplified_border(
    connection: Connection, band: int, level: str, within: str
) -> None:
    outlines = simplified(connection, band, level, within)
    assert len(outlines) > 15
    assert coverage_is_valid(outlines)


@pytest.mark.parametrize("band", [4, 6, 8, 10])
def test_communes_share_their_simplified_border(connection: Connection, band: int) -> None:
    """All of Ille-et-Vilaine, at every band of zooms."""
    outlines = simplified(connection, band, "commune", "35")
    assert len(outlines) > 300
    assert all(is_valid(outlines))
    assert coverage_is_valid(outlines)


@pytest.mark.parametrize("zoom", [4, 6, 8, 9, 10])
def test_neighbours_share_their_border_in_the_tile(connection: Connection, zoom: int) -> None:
    layers = decoded(connection, over(zoom, RENNES))
    for name in {"regions", "departements", "epcis"} & set(layers):
        assert coverage_is_valid([shape(one["geometry"]) for one in layers[name]["features"]])


def test_communes_overlap_by_no_more_than_the_grid_rounds(connection: Connection) -> None:
    features = decoded(connection, over(8, RENNES))["communes"]["features"]
    outlines = [shape(feature["geometry"]) for feature in features]
    assert len(outlines) > 400
    assert sum(outline.area for outline in outlines) - union_all(outlines).area < 10


def simplified(connection: Connection, band: int, level: str, within: str) -> Any:
    rows = connection.execute(
        text(
            """
            SELECT ST_AsBinary(geom)
              FROM territory_outline AS shown JOIN territory USING (level, code)
             WHERE level = :level AND zoom = :band AND (:within = '' OR departement = :within)"""
        ),
        {"level": level, "band": band, "within": within},
    )
    return from_wkb([bytes(row[0]) for row in rows])


def test_levels_agree_far_below_a_pixel(connection: Connection) -> None:
    """Départements put together are the régions, but for a ten-thousandth of their ground."""
    departements = union_all(simplified(connection, 6, "departement", ""))
    regions = union_all(simplified(connection, 6, "region", ""))
    assert departements.symmetric_difference(regions).area / regions.area < 1e-4


def test_all_of_france_is_drawn_at_zoom_5(connection: Connection) -> None:
    def look(tile: Tile) -> list[dict[str, Any]]:
        layers = decoded(connection, tile)
        shown = [*layers.get("departements", {}).get("features", [])]
        if tile.z < 4:
            shown += layers.get("regions", {}).get("features", [])
        return [feature["properties"] for feature in shown]

    drawn = {one["code"] for tile, features in walk(look, 5) if tile.z == 5 for one in features}
    known = connection.execute(text("SELECT code FROM territory WHERE level = 'departement'"))
    assert drawn == set(known.scalars())
    assert len(drawn) == 101


def test_each_commune_of_a_departement_is_drawn_at_zoom_8(connection: Connection) -> None:
    """Ille-et-Vilaine lies within four tiles; no commune is too small to be drawn there."""
    drawn: set[str] = set()
    for x in (126, 127):
        for y in (87, 88, 89):
            drawn |= codes(decoded(connection, Tile(8, x, y))["communes"])
    known = connection.execute(
        text("SELECT code FROM territory WHERE level = 'commune' AND departement = '35'")
    )
    assert set(known.scalars()) <= drawn


def test_geojson_holds_the_same_outlines_in_degrees(connection: Connection) -> None:
    tile = over(8, RENNES)
    collection = json.loads(territories_geojson(connection, tile))
    communes = [one for one in collection["features"] if one["properties"]["layer"] == "communes"]
    rennes = next(one for one in communes if one["properties"]["code"] == "35238")
    west, south, east, north = shape(rennes["geometry"]).bounds
    assert -1.8 < west < -1.67 < east < -1.6
    assert 48.0 < south < 48.11 < north < 48.2
    names = {one["id"] for one in collection["features"]}
    assert len(names) == len(collection["features"])


def test_a_label_is_in_the_tile_of_its_point_for_the_largest_first(connection: Connection) -> None:
    labels = decoded(connection, over(9, RENNES))["labels"]["features"]
    populations = [label["properties"]["population"] for label in labels]
    assert labels[0]["properties"]["name"] == "Rennes"
    assert populations == sorted(populations, reverse=True)
