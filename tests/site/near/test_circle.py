"""Near a position: the circle of 20,000 inhabitants, and what lies in it by distance."""

import math
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from sqlalchemy import Connection, Engine, text

from mapservice.initiatives import near_queries, queries
from mapservice.initiatives.filters import InitiativeFilters, ListingSort
from mapservice.initiatives.model import Status, Theme
from mapservice.initiatives.near import ScaleBounds
from mapservice.territories.coordinates import LonLat
from tests.web.population import Kept, Made, fill, kept

WGS84 = Geod(ellps="WGS84")
RENNES = LonLat(-1.6794, 48.1147)
# From the Channel to the Alps, borders of départements, islands, three overseas, and the open sea.
PLACES = (RENNES, LonLat(2.36, 48.86), LonLat(3.5, 44.5), LonLat(-0.46, 46.32), LonLat(7.7, 48.6))
FAR_PLACES = (LonLat(55.45, -20.9), LonLat(-61.5, 16.2), LonLat(-53.0, 4.0), LonLat(-8.0, 45.0))


@pytest.fixture(scope="module")
def spread(shared_engine: Engine) -> list[Kept]:
    """Some at points around the places, some known to a commune alone: many share an anchor."""
    dice = Random(11)
    with shared_engine.connect() as connection:
        codes = (
            connection.execute(
                text("SELECT code FROM territory WHERE level = 'commune' ORDER BY code")
            )
            .scalars()
            .all()
        )
    made = [_made(dice, list(codes)) for _ in range(900)]
    made += [Made(commune="35238", theme="culture") for _ in range(60)]
    made += [Made(commune="35238", status=status) for status in ("archived", "pending", "done")]
    fill(shared_engine, made)
    with shared_engine.connect() as connection:
        return kept(connection)


def _made(dice: Random, codes: list[str]) -> Made:
    theme = dice.choice(list(Theme))
    if dice.random() < 0.3:
        return Made(commune=dice.choice(codes), theme=theme)
    here = dice.choice((*PLACES, *FAR_PLACES[:3]))
    lon, lat = here.lon + dice.gauss(0, 0.15), here.lat + dice.gauss(0, 0.1)
    return Made(precision="point", commune="35238", lon=lon, lat=lat, theme=theme)


def metres(here: LonLat, one: Kept) -> float:
    if one.lon is None or one.lat is None:
        return math.inf
    return float(WGS84.inv(here.lon, here.lat, one.lon, one.lat)[2])


@pytest.fixture(scope="module")
def reading(shared_engine: Engine, spread: list[Kept]) -> Iterator[Connection]:
    with shared_engine.connect() as connection:
        yield connection


positions = st.builds(
    lambda near, east, north: LonLat(near.lon + east, near.lat + north),
    st.sampled_from((*PLACES, *FAR_PLACES)),
    st.floats(-0.4, 0.4),
    st.floats(-0.3, 0.3),
)


@settings(max_examples=60, deadline=None)
@given(
    here=positions,
    radius=st.sampled_from((1_000.0, 7_300.0, 50_000.0, 300_000.0, 1_000_000.0)),
    limit=st.sampled_from((1, 5, 20, 150)),
    theme=st.sampled_from(((), (Theme.CULTURE,))),
)
def test_pages_by_distance_are_what_measuring_all_of_them_gives(
    reading: Connection,
    spread: list[Kept],
    here: LonLat,
    radius: float,
    limit: int,
    theme: tuple[Theme, ...],
) -> None:
    filters = InitiativeFilters(near=here, radius=radius, sort=ListingSort.NEAR, theme=theme)
    listed = [one for one in spread if one.status in filters.statuses]
    measured = [(metres(here, one), one.id) for one in listed if not theme or one.theme in theme]
    inside = sorted((round(far, 3), key) for far, key in measured if far <= radius)

    found: list[tuple[float, str]] = []
    cursor = None
    for _ in range(4):
        page = queries.find_page(reading, filters, limit, cursor)
        found += [(round(one.distance or 0.0, 3), str(one.id)) for one in page.items]
        cursor = page.next
        if cursor is None:
            break

    expected = inside[: len(found)]
    assert [far for far, _ in found] == pytest.approx([far for far, _ in expected], abs=0.002)
    assert len({key for _, key in found}) == len(found)
    assert (cursor is None) == (len(found) == len(inside))
    if cursor is None:
        assert {key for _, key in found} == {key for _, key in inside}


@settings(max_examples=80, deadline=None)
@given(
    here=positions,
    radius=st.sampled_from((1.0, 900.0, 7_300.0, 50_000.0, 300_000.0, 1_000_000.0)),
    most=st.sampled_from((None, 5_000)),
    status=st.sampled_from(((), (Status.ARCHIVED,), (Status.PUBLISHED, Status.DONE))),
)
def test_counts_of_a_circle_are_what_measuring_all_of_them_gives(
    reading: Connection,
    spread: list[Kept],
    here: LonLat,
    radius: float,
    most: int | None,
    status: tuple[Status, ...],
) -> None:
    filters = InitiativeFilters(near=here, radius=radius, status=status)
    inside = [
        one.theme
        for one in spread
        if one.status in filters.statuses and metres(here, one) <= radius
    ]
    assert dict(queries.count_by_theme(reading, filters, most)) == Counter(inside)


@settings(max_examples=40, deadline=None)
@given(here=positions, radius=st.floats(100, 400_000), turn=st.floats(0, 360))
def test_the_stretch_of_the_map_is_within_its_bounds(
    reading: Connection, here: LonLat, radius: float, turn: float
) -> None:
    stretch = ScaleBounds.around(here.lon, here.lat, radius)
    assert stretch is not None
    lon, lat, _ = WGS84.fwd(here.lon, here.lat, turn, radius)
    planar = reading.execute(
        text(
            """
            SELECT ST_Distance(ST_Transform(ST_SetSRID(ST_MakePoint(:a, :b), 4326), 3857),
                               ST_Transform(ST_SetSRID(ST_MakePoint(:c, :d), 4326), 3857))"""
        ),
        {"a": here.lon, "b": here.lat, "c": lon, "d": lat},
    ).scalar_one()
    assert radius * stretch.least <= planar <= radius * stretch.most


@settings(max_examples=40, deadline=None)
@given(here=positions)
def test_the_circle_is_the_smallest_that_holds_20_000(
    reading: Connection, communes: list[tuple[str, int, float, float]], here: LonLat
) -> None:
    home = reading.execute(
        text(
            """
            SELECT code, population, ST_Area(outline::geography) FROM territory
             WHERE level = 'commune'
               AND ST_Intersects(outline, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326))
             ORDER BY code LIMIT 1"""
        ),
        {"lon": here.lon, "lat": here.lat},
    ).one_or_none()
    assert near_queries.circle(reading, here).radius == _radius(communes, here, home)


def _radius(
    communes: list[tuple[str, int, float, float]],
    here: LonLat,
    home: tuple[str, int, float] | None,
) -> float:
    if home and home[1] >= 20_000:
        exact = math.sqrt(20_000 * home[2] / home[1] / math.pi)
    else:
        exact = _reached(communes, here, home)
    return min(max(math.ceil(exact / 100) * 100, 1_000), 50_000)


def _reached(
    communes: list[tuple[str, int, float, float]],
    here: LonLat,
    home: tuple[str, int, float] | None,
) -> float:
    held = home[1] if home else 0
    others = [one for one in communes if not home or one[0] != home[0]]
    _, _, distances = WGS84.inv(
        [here.lon] * len(others),
        [here.lat] * len(others),
        [one[2] for one in others],
        [one[3] for one in others],
    )
    for far, people in sorted(zip(distances, (one[1] for one in others), strict=True)):
        held += people
        if held >= 20_000:
            return float(far)
    return math.inf


@pytest.fixture(scope="module")
def communes(reading: Connection) -> list[tuple[str, int, float, float]]:
    rows = reading.execute(
        text(
            "SELECT code, population, ST_X(point), ST_Y(point) FROM territory"
            " WHERE level = 'commune'"
        )
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def test_a_circle_crosses_the_border_of_a_departement(reading: Connection) -> None:
    """Redon (35) has some 9,000 inhabitants; the circle takes communes of 44 and 56 too."""
    here = LonLat(-2.085, 47.651)
    circle = near_queries.circle(reading, here)
    inside = reading.execute(
        text(
            """
            SELECT count(DISTINCT departement) FROM territory
             WHERE level = 'commune'
               AND ST_DWithin(point::geography,
                              ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)::geography, :radius)"""
        ),
        {"lon": here.lon, "lat": here.lat, "radius": circle.radius},
    ).scalar_one()
    assert inside > 1
    assert circle.population >= 20_000


def test_the_circle_grows_where_fewer_people_live(reading: Connection) -> None:
    radii = [near_queries.circle(reading, here).radius for here in (PLACES[1], RENNES, PLACES[2])]
    assert radii == sorted(radii)
    assert radii[0] == 1_000
    assert radii[2] > 10_000
