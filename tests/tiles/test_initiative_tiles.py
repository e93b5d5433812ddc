"""Tiles of initiatives: every one counted once at every zoom, from kept counts and live."""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, text

from mapservice.initiatives import queries
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.grid import Tile
from mapservice.initiatives.model import PUBLIC, Theme
from mapservice.territories.coordinates import BBox, LonLat
from mapservice.territories.model import Level, TerritoryRef
from mapservice.tiles.queries import FEATURE_BUDGET, initiatives_geojson
from tests.tiles.tiles import WORLD, counted_by_zoom, in_geojson, in_mvt
from tests.web.population import Made, column_row, insert, population

LAST_ZOOM = 14
KEPT = [
    InitiativeFilters(),
    InitiativeFilters(theme=(Theme.CULTURE,)),
    InitiativeFilters(theme=(Theme.HABITAT, Theme.AUTRE), status=PUBLIC),
]
LIVE = [
    InitiativeFilters(q="jardin"),
    InitiativeFilters(since=datetime(2026, 1, 1, tzinfo=UTC)),
    InitiativeFilters(until=datetime(2026, 3, 1, tzinfo=UTC), theme=(Theme.CULTURE, Theme.HABITAT)),
    InitiativeFilters(territory=(TerritoryRef(Level.REGION, "53"),)),
    InitiativeFilters(bbox=BBox(-2, 47, 3, 49)),
    InitiativeFilters(near=LonLat(-1.675, 48.11), radius=5000),
]


def anchored(connection: Connection, filters: InitiativeFilters) -> int:
    """How many match and have a place on the map."""
    statement = text("SELECT count(*) FROM initiative WHERE anchor IS NOT NULL AND id = ANY(:ids)")
    page = queries.find_page(connection, filters, 10_000)
    return int(connection.execute(statement, {"ids": [one.id for one in page.items]}).scalar_one())


def check(connection: Connection, filters: InitiativeFilters) -> None:
    total = anchored(connection, filters)
    assert total > 5
    assert counted_by_zoom(in_mvt(connection, filters), LAST_ZOOM) == [total] * (LAST_ZOOM + 1)


@pytest.fixture
def hundreds(connection: Connection) -> Iterator[Connection]:
    """A connection that sees 300 initiatives of every kind, none of them compacted yet."""
    insert(connection, population(300))
    yield connection
    connection.rollback()


@pytest.mark.parametrize("filters", [*KEPT, *LIVE], ids=lambda one: str(one.to_pairs()))
def test_every_zoom_counts_every_initiative_once(
    hundreds: Connection, filters: InitiativeFilters
) -> None:
    check(hundreds, filters)


def test_kept_counts_are_right_when_compacted_by_half_and_in_whole(hundreds: Connection) -> None:
    hundreds.execute(text("SELECT rollup_compact()"))
    insert(hundreds, population(120, seed=8))
    for filters in KEPT[:2]:
        check(hundreds, filters)
    hundreds.execute(text("SELECT rollup_compact()"))
    check(hundreds, KEPT[0])


MOVE = """
    UPDATE initiative SET precision = 'point', commune = '75056', epci = NULL, departement = NULL,
                          region = NULL, point = ST_SetSRID(ST_MakePoint(2.3522, 48.8566), 4326)
     WHERE region = '53' AND theme = 'culture'"""


@pytest.mark.parametrize("compacted", [False, True])
def test_kept_counts_follow_moves_deletions_and_decisions(
    hundreds: Connection, compacted: bool
) -> None:
    if compacted:
        hundreds.execute(text("SELECT rollup_compact()"))
    moved = hundreds.execute(text(MOVE)).rowcount
    gone = hundreds.execute(text("DELETE FROM initiative WHERE theme = 'habitat'")).rowcount
    hundreds.execute(text("UPDATE initiative SET status = 'archived' WHERE theme = 'mobilite'"))
    lost = hundreds.execute(
        text("UPDATE initiative SET precision = 'none', point = NULL WHERE epci = '200041317'")
    )
    assert min(moved, gone, lost.rowcount) > 5
    check(hundreds, InitiativeFilters())
    check(hundreds, InitiativeFilters(status=PUBLIC))


def test_both_formats_show_the_same(hundreds: Connection) -> None:
    for zoom in (0, 5, 11, 12, 14):
        tile = Tile(zoom, *column_row(zoom, -1.675, 48.111))
        vector = in_mvt(hundreds, InitiativeFilters())(tile)
        shown = in_geojson(hundreds, InitiativeFilters())(tile)
        filled = [{name: value for name, value in one.items() if value} for one in vector]
        assert sorted(map(str, filled)) == sorted(map(str, shown))


def test_a_cluster_says_how_many_of_each_theme_it_holds(hundreds: Connection) -> None:
    clusters = [one for one in in_mvt(hundreds, InitiativeFilters())(WORLD) if one["count"] > 1]
    assert len(clusters) > 2
    for cluster in clusters:
        assert "id" not in cluster
        assert "title" not in cluster
        assert sum(cluster.get(theme, 0) for theme in Theme) == cluster["count"]


def test_a_commune_is_no_pin(connection: Connection) -> None:
    insert(connection, [Made(commune="29155", title="À Ouessant")])
    (only,) = in_mvt(connection, InitiativeFilters())(WORLD)
    assert (only["precision"], only["territory"], only["count"]) == ("commune", "29155", 1)
    insert(connection, [Made(precision="point", commune="97411", lon=55.449, lat=-20.879)])
    pin = next(
        one for one in in_mvt(connection, InitiativeFilters())(WORLD) if one["precision"] == "point"
    )
    assert "territory" not in pin


def test_a_dense_place_is_one_cluster_beside_sparse_places_shown_one_by_one(
    connection: Connection,
) -> None:
    """3,000 at one address of Rennes, and five along the same tile of zoom 14."""
    lon, lat = -1.6790, 48.1100
    crowd = [Made(precision="point", commune="35238", lon=lon, lat=lat) for _ in range(3000)]
    few = [
        Made(precision="point", commune="35238", lon=lon + 0.004 * step, lat=lat + 0.001)
        for step in range(1, 6)
    ]
    insert(connection, crowd + few)
    for zoom, tile_filters in (
        (14, InitiativeFilters()),
        (14, InitiativeFilters(q="jardin")),
        (18, InitiativeFilters()),
    ):
        tile = Tile(zoom, *column_row(zoom, lon, lat))
        features = in_mvt(connection, tile_filters)(tile)
        assert [one["count"] for one in features if "id" not in one] == [3000]
        here = {one.id for one in few if in_tile(one, tile)}
        assert {one["id"] for one in features if "id" in one} == here
    assert counted_by_zoom(in_mvt(connection, InitiativeFilters()), LAST_ZOOM) == [3005] * (
        LAST_ZOOM + 1
    )


def in_tile(one: Made, tile: Tile) -> bool:
    return column_row(tile.z, one.lon or 0, one.lat or 0) == (tile.x, tile.y)


def test_a_crowded_tile_spends_its_budget_on_thin_cells_first(connection: Connection) -> None:
    """Forty cells of 50 and one of 10 in a tile: the ten are shown, and every one is counted."""
    zoom, x, y = 14, *column_row(14, -1.679, 48.11)
    rows = [place_in(zoom, x, y, cell) for cell in range(40) for _ in range(50)]
    thin = [place_in(zoom, x, y, 63) for _ in range(10)]
    insert(connection, rows + thin)
    features = in_mvt(connection, InitiativeFilters())(Tile(zoom, x, y))
    alone = {one["id"] for one in features if "id" in one}
    assert {one.id for one in thin} <= alone
    assert len(alone) <= FEATURE_BUDGET
    assert sum(one["count"] for one in features) == 2010


def place_in(zoom: int, x: int, y: int, cell: int) -> Made:
    """In the middle of one of the 8 x 8 cells of a tile, by columns; latitude near enough."""
    column, row = cell % 8, cell // 8
    lon = (x + (column + 0.5) / 8) / 2**zoom * 360 - 180
    south, north = latitude(zoom, y + 1), latitude(zoom, y)
    lat = north - (north - south) * (row + 0.5) / 8
    return Made(precision="point", commune="35238", lon=lon, lat=lat)


def latitude(zoom: int, row: int) -> float:
    """The north edge of a row of tiles."""
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / 2**zoom))))


@pytest.mark.parametrize("lon", [-180.0, 0.0, 180.0, -1.58203125])
def test_a_place_on_the_edge_of_tiles_is_in_one_of_them(connection: Connection, lon: float) -> None:
    """-1.58203125 degrees is the west edge of a tile at zoom 12."""
    insert(connection, [Made(precision="point", commune="35238", lon=lon, lat=0.0)])
    assert counted_by_zoom(in_mvt(connection, InitiativeFilters()), LAST_ZOOM) == [1] * (
        LAST_ZOOM + 1
    )


def test_points_keep_their_place_within_the_tile(connection: Connection) -> None:
    insert(connection, [Made(precision="point", commune="35238", lon=-1.679, lat=48.11)])
    tile = Tile(14, *column_row(14, -1.679, 48.11))
    (feature,) = json.loads(initiatives_geojson(connection, tile, InitiativeFilters()))["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [-1.679, 48.11]}
