"""Spots of tiles are those of a plain recount, whatever index they were read from."""

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import parse_qsl

import pytest
from sqlalchemy import Connection, Engine, Select, select, text
from sqlalchemy.event import listens_for, remove

from mapservice.db.engine import compiled
from mapservice.db.event_tables import event
from mapservice.db.group_tables import local_group
from mapservice.events import queries
from mapservice.events.filters import parse, within_days
from mapservice.events.tile_routes import event_spots
from mapservice.groups import queries as groups
from mapservice.groups.filters import parse as parse_groups
from mapservice.groups.tile_routes import group_spots
from mapservice.initiatives.grid import CELL_ZOOM, GRID_STEPS, Tile
from mapservice.tiles import spot_queries
from mapservice.tiles.far_spots import LAST_FAR_ZOOM, FarSpots
from tests.rollups.gatherings import add_groups

NOW = datetime(2026, 5, 15, 16, 20, tzinfo=UTC)
FAR = (Tile(0, 0, 0), Tile(3, 3, 2), Tile(5, 15, 11), Tile(LAST_FAR_ZOOM, 31, 22))
TILES = (*FAR, Tile(7, 63, 44), Tile(9, 253, 178), Tile(14, 8114, 5689))
RENNES = (-1.68, 48.11)

SERIES = """
INSERT INTO event_series (starts_local, duration, zone)
VALUES ('2026-01-01', '2 hours', 'Europe/Paris') RETURNING id"""
EVENTS = """
INSERT INTO event (series, recurrence_id, status, title, theme, starts_at, ends_at, zone,
                   starts_local, ends_local, mode, precision, commune, point, cancelled_at)
SELECT CAST(:series AS uuid), CAST('2026-01-01' AS timestamp) + number * interval '1 minute',
       status, 'n° ' || number, theme, starts, ends, zone, starts AT TIME ZONE zone,
       ends AT TIME ZONE zone, 'place', precision, commune,
       ST_SetSRID(ST_MakePoint(lon, lat), 4326), CASE WHEN status = 'cancelled' THEN now() END
  FROM jsonb_to_recordset(CAST(:made AS jsonb)) AS made (
       number integer, status text, theme text, starts timestamptz, ends timestamptz, zone text,
       precision text, commune text, lon float8, lat float8)"""


def made_up(dice: Random, number: int) -> dict[str, Any]:
    """Most are short, some last a day to the minute, some for weeks; many meet midnight or now."""
    near = dice.choice(
        (NOW, NOW + timedelta(days=30), NOW.replace(hour=0, minute=0), NOW.replace(hour=22))
    )
    starts = near + timedelta(minutes=dice.choice((0, 1, -1, dice.randrange(-60000, 60000))))
    minutes = dice.choice((1, 120, 1440, 1441, dice.randrange(1, 44640)))
    is_point = dice.random() < 0.5
    lon, lat = (round(one + dice.choice((0, dice.uniform(-0.4, 0.4))), 4) for one in RENNES)
    return {
        "number": number,
        "status": dice.choice(("published", "published", "moved", "done", "cancelled", "pending")),
        "theme": dice.choice(("culture", "mobilite")),
        "starts": starts.isoformat(),
        "ends": (starts + timedelta(minutes=minutes)).isoformat(),
        "zone": dice.choice(("Europe/Paris", "Indian/Reunion", "America/Miquelon")),
        "precision": "point" if is_point else "commune",
        "commune": dice.choice(("35238", "79191")),
        "lon": lon if is_point else None,
        "lat": lat if is_point else None,
    }


@pytest.fixture
def crowd(engine: Engine) -> Engine:
    dice = Random(18)
    made = json.dumps([made_up(dice, number) for number in range(300)])
    with engine.begin() as connection:
        series = connection.execute(text(SERIES)).scalar_one()
        connection.execute(text(EVENTS), {"series": str(series), "made": made})
        for status in ("published", "archived", "pending"):
            for commune in ("35238", "79191", ""):
                add_groups(connection, commune, status=status, count=dice.randrange(1, 4))
    return engine


def recounted(
    connection: Connection, of: Any, conditions: list[Any], tile: Tile, label: str
) -> list[tuple[Any, ...]]:
    """Rows of a tile, put together by Python."""
    rows = connection.execute(select(of).where(*conditions, of.c.cell.is_not(None)))
    spots: dict[int, list[Any]] = defaultdict(list)
    first, end = tile.cells(CELL_ZOOM)
    shift = 0 if tile.z >= spot_queries.DETAIL_ZOOM else 2 * (CELL_ZOOM - GRID_STEPS - tile.z)
    for row in rows.mappings():
        if first <= row["cell"] < end:
            spots[row["cell"] >> shift].append(row)
    found = []
    for held in spots.values():
        themes, precisions = ({one[name] for one in held} for name in ("theme", "precision"))
        starts = [one["starts_at"] for one in held] if label == "title" else []
        found.append(
            (
                len(held),
                f"{min(starts).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if starts else None,
                str(held[0]["id"]) if len(held) == 1 else None,
                held[0][label] if len(held) == 1 else None,
                themes.pop() if len(themes) == 1 else None,
                precisions.pop() if len(precisions) == 1 else None,
            )
        )
    return sorted(found, key=repr)


def told(collection: str, label: str) -> list[tuple[Any, ...]]:
    names = ("count", "next", "id", label, "theme", "precision")
    features = json.loads(collection)["features"]
    return sorted(
        (tuple(one["properties"].get(name) for name in names) for one in features), key=repr
    )


def pairs_of(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, strict_parsing=bool(query))


LISTED = "SELECT id FROM event WHERE status = 'published' ORDER BY id"

QUERIES = (
    "",
    "theme=culture",
    "when=today",
    "when=fortnight",
    "when=weekend&theme=mobilite",
    "when=week",
    "from=2026-05-15&to=2026-05-15",
    "from=2026-04-01&to=2026-04-30",
    "from=2026-05-15T16:20:00Z&to=2026-05-15T16:21:00Z",
    "from=2026-05-01",
    "to=2026-05-15",
    "from=2026-01-01&to=2026-12-31",
    "status=cancelled",
    "territory=commune:35238",
)


def test_spots_of_events_equal_a_recount(crowd: Engine) -> None:
    with crowd.connect() as connection:
        # As the fewest rows make the planner read the whole table, which would show nothing.
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for query in QUERIES:
            filters, _ = parse(pairs_of(query))
            wanted = within_days(filters, NOW)
            for tile in TILES:
                plain = recounted(connection, event, queries.where(wanted, NOW), tile, "title")
                spots = told(event_spots(connection, tile, filters, NOW, FarSpots()), "title")
                assert spots == plain, (query, tile)
                if tile.z == 0:
                    assert plain, f"the crowd has some of {query}"


def test_spots_of_groups_equal_a_recount(crowd: Engine) -> None:
    with crowd.connect() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for query in (
            "",
            "theme=solidarite",
            "state=dormant",
            "state=archived",
            "state=active,archived",
        ):
            filters, _ = parse_groups(pairs_of(query))
            for tile in TILES:
                conditions = groups.where(filters, NOW)
                plain = recounted(connection, local_group, conditions, tile, "name")
                spots = told(group_spots(connection, tile, filters, NOW, FarSpots()), "name")
                assert spots == plain, (query, tile)


def test_far_spots_are_read_again_once_something_was_written(crowd: Engine) -> None:
    """Kept by one process, they never tell what another database, or moment, shows."""
    far, dice = FarSpots(), Random(4)
    filters, _ = parse([])
    readings: list[str] = []

    @listens_for(crowd, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        readings.extend(["read"] if "int8send" in statement else [])

    def check(now: datetime, tile: Tile) -> None:
        with crowd.connect() as connection:
            wanted = queries.where(within_days(filters, now), now)
            spots = told(event_spots(connection, tile, filters, now, far), "title")
            assert spots == recounted(connection, event, wanted, tile, "title")

    changes = (
        "UPDATE event SET title = title || '!', theme = 'habitat' WHERE id = :id",
        "UPDATE event SET status = 'pending' WHERE id = :id",
        "DELETE FROM event WHERE id = :id",
    )
    try:
        for step in range(20):
            check(NOW + step * timedelta(minutes=7), dice.choice(FAR))
        assert len(readings) == 1
        # Later than what was read ahead; then earlier.
        check(NOW + timedelta(days=2), TILES[0])
        check(NOW, TILES[0])
        assert len(readings) == 3
        for step in range(12):
            with crowd.begin() as connection:
                ids = connection.execute(text(LISTED)).scalars().all()
                connection.execute(text(changes[step % 3]), {"id": dice.choice(ids)})
                # What is not committed shows nowhere.
                check(NOW, dice.choice(FAR))
            check(NOW, dice.choice(FAR))
    finally:
        remove(crowd, "before_cursor_execute", note)


def test_near_and_boxes_find_what_a_recount_finds(crowd: Engine) -> None:
    days = "from=2026-05-14&to=2026-05-16"
    with crowd.connect() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for query in ("", "when=today", days, "to=2026-05-14"):
            pairs = pairs_of(query)
            everywhere = {one.id for one in _all(connection, pairs)}
            for place in ("near=-1.68,48.11&radius=60000", "bbox=-2.5,47,-1,49"):
                there = pairs_of(place)
                anywhen = {one.id for one in _all(connection, [*there, ("from", "2026-01-01")])}
                found = {one.id for one in _all(connection, [*there, *pairs])}
                assert found == everywhere & anywhen, (query, place)
                assert found, (query, place)


def _all(connection: Connection, pairs: list[tuple[str, str]]) -> list[Any]:
    filters, _ = parse(pairs)
    return list(queries.find_page(connection, filters, 1000, NOW).items)


# --- What is read ---------------------------------------------------------------------------------


# Of few rows any index is as good: so those that come into question besides are taken away.
OTHERS = (
    *("event_starts", "event_cell", "event_ends", "event_place_and_time"),
    *("local_group_cell", "local_group_sign"),
)


def plan(connection: Connection, query: Any, *others: str) -> str:
    """How the planner reads it without some indexes; all is undone."""
    statement, values = compiled(query)
    for name in others:
        connection.exec_driver_sql(f"DROP INDEX {name}")
    for way in ("seqscan", "bitmapscan"):
        connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
    rows = connection.exec_driver_sql(f"EXPLAIN {statement}", values)
    found = "\n".join(row[0] for row in rows)
    connection.rollback()
    return found


def test_a_tile_reads_indexes_alone(crowd: Engine) -> None:
    tile = Tile(5, 15, 11)
    with crowd.connect() as connection:
        for query in ("", "when=weekend", "theme=culture&mode=place"):
            filters, _ = parse(pairs_of(query))
            wanted = queries.in_tile(within_days(filters, NOW), NOW, tile)
            read = plan(connection, wanted, *OTHERS)
            assert "Index Only Scan using event_tile" in read, query
            assert read.count("Index Only Scan") == 2, "what lasts long too"
        found, _ = parse_groups([])
        read = plan(connection, groups.in_tile(found, NOW, tile), *OTHERS)
        assert "Index Only Scan using local_group_tile" in read


def test_what_is_near_and_when_is_one_condition_of_an_index(crowd: Engine) -> None:
    filters, _ = parse([("near", "-1.68,48.11"), ("radius", "2000"), ("when", "weekend")])
    nearby: Select[Any] = select(event.c.id).where(*queries.where(filters, NOW))
    with crowd.connect() as connection:
        others = [name for name in OTHERS if name != "event_place_and_time"]
        read = plan(connection, nearby, *others, "event_tile", "event_long")
    (condition,) = (line for line in read.splitlines() if "Index Cond" in line)
    assert "event_place_and_time" in read
    assert "anchor_3857 &&" in condition
    assert "tstzrange(starts_at, ends_at) &&" in condition
