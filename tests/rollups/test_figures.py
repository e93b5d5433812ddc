"""Figures per territory: each equals a recount of the initiatives themselves."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from mapservice.initiatives.model import LISTED, PUBLIC, Theme
from mapservice.territories.model import Level
from tests.web.population import Kept, fill, kept, population

LEVELS = tuple(Level)
Figures = dict[str, tuple[int, int]]


@pytest.fixture(scope="module")
def initiatives(shared_engine: Engine) -> list[Kept]:
    """Half of them folded into the base, half still in the deltas."""
    fill(shared_engine, population(400, seed=11))
    with shared_engine.connect() as connection:
        return kept(connection)


@pytest.fixture(scope="module")
def doors(app: Flask, initiatives: list[Kept]) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def parents(shared_engine: Engine) -> dict[str, dict[str, dict[str, str | None]]]:
    """By level and code, the codes of a territory and of those it lies in."""
    statement = text(
        "SELECT level, code, epci, departement, region FROM territory ORDER BY level, code"
    )
    found: dict[str, dict[str, dict[str, str | None]]] = {level: {} for level in LEVELS}
    with shared_engine.connect() as connection:
        for level, code, epci, departement, region in connection.execute(statement):
            above = {"epci": epci, "departement": departement, "region": region}
            found[level][code] = above | {level: code}
    return found


def figures(client: FlaskClient, level: str, query: str = "") -> Figures:
    """Initiatives and supporters by code, of the JSON door."""
    told = territories(client, level, query)
    return {one["code"]: (one["initiatives"], one["supporters"]) for one in told}


def territories(client: FlaskClient, level: str, query: str = "") -> list[dict[str, Any]]:
    response = client.get(f"/activity/{level}.json?{query}", buffered=True)
    assert response.status_code == 200, response.text
    document = response.get_json()
    assert document["level"] == level
    found: list[dict[str, Any]] = document["territories"]
    return found


@pytest.fixture(scope="module")
def grounds(shared_engine: Engine) -> dict[str, list[dict[str, str | None]]]:
    """By EPCI, where each of its communes lies."""
    statement = text(
        "SELECT epci, code AS commune, departement, region FROM territory"
        " WHERE level = 'commune' AND epci IS NOT NULL"
    )
    found: dict[str, list[dict[str, str | None]]] = {}
    with shared_engine.connect() as connection:
        for row in connection.execute(statement):
            ground = {"epci": row.epci, "departement": row.departement, "region": row.region}
            found.setdefault(row.epci, []).append(ground)
    return found


def recounted(initiatives: list[Kept], level: str, counts: Callable[[Kept], bool]) -> Figures:
    sums: Figures = {}
    for one in filter(counts, initiatives):
        code = getattr(one, level)
        if code is not None:
            number, supporters = sums.get(code, (0, 0))
            sums[code] = (number + 1, supporters + one.supporters)
    return sums


def lively(found: Figures) -> Figures:
    return {code: sums for code, sums in found.items() if sums != (0, 0)}


@pytest.mark.parametrize(
    ("level", "territories"),
    [("commune", 34_875), ("epci", 1_253), ("departement", 101), ("region", 18)],
)
def test_every_territory_has_figures_zeros_included(
    doors: FlaskClient, initiatives: list[Kept], level: str, territories: int
) -> None:
    found = figures(doors, level)
    assert len(found) == territories
    assert lively(found) == recounted(initiatives, level, lambda one: one.status in LISTED)


def test_a_territory_known_is_said_with_its_population(doors: FlaskClient) -> None:
    document = doors.get("/activity/region.json").get_json()
    assert list(document) == ["level", "as_of", "territories"]
    brittany = next(one for one in document["territories"] if one["code"] == "53")
    assert brittany["name"] == "Bretagne"
    assert brittany["population"] > 3_000_000
    rate = round(10_000 * brittany["initiatives"] / brittany["population"], 4)
    assert brittany["per_10000_inhabitants"] == rate


# Filters that counts can follow.

Ends = tuple[date | None, date | None]


def in_order(ends: Ends) -> Ends:
    since, until = ends
    return (since, until) if since is None or until is None or since < until else (since, None)


themes = st.sets(st.sampled_from(Theme), max_size=3).map(sorted)
statuses = st.sets(st.sampled_from(PUBLIC), max_size=3).map(sorted)
months = st.sampled_from([None, *(date(2025 + m // 12, m % 12 + 1, 1) for m in range(10, 17))])
periods = st.tuples(months, months).map(in_order)
within = st.sampled_from(
    [
        "",
        "commune:35238",
        "epci:243500139",
        "departement:79",
        "departement:974",
        "region:53",
        "region:11",
        "region:53,departement:79",
        "departement:35",
        "departement:44,epci:243500741",
        "commune:01001,epci:200054781",
    ]
)


def period(since: date | None, until: date | None) -> Iterator[str]:
    """`until` names the last day of a month: the day before the bound."""
    if since:
        yield f"since={since}"
    if until:
        yield f"until={date.fromordinal(until.toordinal() - 1)}"


@settings(max_examples=60, deadline=None)
@given(
    level=st.sampled_from(["epci", "departement", "region"]),
    themes=themes,
    statuses=statuses,
    ends=periods,
    territory=within,
)
def test_figures_equal_a_recount_under_any_filter(
    doors: FlaskClient,
    initiatives: list[Kept],
    parents: dict[str, dict[str, dict[str, str | None]]],
    grounds: dict[str, list[dict[str, str | None]]],
    level: str,
    themes: list[str],
    statuses: list[str],
    ends: Ends,
    territory: str,
) -> None:
    since, until = ends
    choices = {"theme": themes, "status": statuses}
    query = "&".join(
        [
            *(f"{name}={','.join(chosen)}" for name, chosen in choices.items()),
            *period(since, until),
            f"territory={territory}",
        ]
    )

    def counts(one: Kept) -> bool:
        return (
            one.status in (statuses or LISTED)
            and (not themes or one.theme in themes)
            and in_period(one, since, until)
        )

    def undated(one: Kept) -> bool:
        meant = one.status in (statuses or LISTED) and (not themes or one.theme in themes)
        return meant and one.created_at is None

    shown = {code for code, above in parents[level].items() if lies_within(above, territory)}
    straddling: set[str] = set()
    if level == "epci":
        inside = {
            code: [lies_within(one, territory) for one in ground]
            for code, ground in grounds.items()
        }
        shown = {code for code, of in inside.items() if any(of)}
        straddling = {code for code, of in inside.items() if any(of) and not all(of)}

    def counts_there(one: Kept) -> bool:
        """Of an EPCI that straddles, what is known to lie in its part."""
        above = {"epci": one.epci, "departement": one.departement, "region": one.region}
        part = level == "epci" and one.epci in straddling
        return counts(one) and (
            not part or (one.commune is not None and lies_within(above, territory))
        )

    found = figures(doors, level, query)
    assert set(found) == shown
    recount = recounted(initiatives, level, counts_there)
    assert lively(found) == {code: sums for code, sums in recount.items() if code in shown}
    unknown = recounted(initiatives, level, undated)
    told = territories(doors, level, query)
    assert {one["code"]: one["undated"] for one in told if one["undated"]} == {
        code: sums[0] for code, sums in unknown.items() if code in shown
    }


def in_period(one: Kept, since: date | None, until: date | None) -> bool:
    """What has no known day lies in no period."""
    if since is None and until is None:
        return True
    if one.created_at is None:
        return False
    day = one.created_at.date()
    return (since is None or day >= since) and (until is None or day < until)


def lies_within(above: dict[str, str | None], territory: str) -> bool:
    if not territory:
        return True
    refs = [ref.partition(":") for ref in territory.split(",")]
    return any(above.get(level) == code for level, _, code in refs)


def test_communes_of_a_departement_equal_a_recount(
    doors: FlaskClient, initiatives: list[Kept]
) -> None:
    found = figures(doors, "commune", "territory=departement:35&theme=culture,mobilite")
    assert len(found) == 332
    assert lively(found) == recounted(
        initiatives,
        "commune",
        lambda one: (
            one.status in LISTED
            and one.departement == "35"
            and one.theme in ("culture", "mobilite")
        ),
    )


@pytest.mark.parametrize("level", ["epci", "departement", "region"])
@pytest.mark.parametrize("query", ["", "theme=culture", "since=2026-01-01", "territory=region:53"])
def test_the_three_formats_agree(
    doors: FlaskClient, initiatives: list[Kept], level: str, query: str
) -> None:
    document = doors.get(f"/activity/{level}.json?{query}").get_json()["territories"]
    sheet = doors.get(f"/activity/{level}.csv?{query}", buffered=True)
    assert sheet.content_type == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(sheet.text)))
    collection = doors.get(f"/activity/{level}.geojson?{query}", buffered=True)
    assert collection.content_type == "application/geo+json"
    features = collection.get_json()["features"]
    assert [feature["properties"] for feature in features] == document
    assert [as_text(one) for one in document] == [comparable(row) for row in rows]
    assert {feature["geometry"]["type"] for feature in features} <= {"Polygon", "MultiPolygon"}
    assert [feature["id"] for feature in features] == [one["code"] for one in document]


def as_text(figure: dict[str, Any]) -> dict[str, str]:
    texts = {name: "" if value is None else str(value) for name, value in figure.items()}
    return texts | {"partial": texts["partial"].lower()}


def comparable(row: dict[str, str]) -> dict[str, str]:
    """JSON numbers drop the zeros that a numeric of PostgreSQL keeps: 0.10 is 0.1."""
    rate = row["per_10000_inhabitants"]
    return row | {"per_10000_inhabitants": str(float(rate)) if "." in rate else rate}


def test_the_whole_equals_the_sum_over_regions_and_what_has_none(
    doors: FlaskClient, initiatives: list[Kept]
) -> None:
    listed = [one for one in initiatives if one.status in LISTED]
    placeless = [one for one in listed if one.region is None]
    assert len(placeless) > 20
    in_regions = sum(number for number, _ in figures(doors, "region").values())
    assert in_regions + len(placeless) == len(listed)


# What counts cannot follow.


@pytest.mark.parametrize("suffix", ["json", "csv", "geojson"])
@pytest.mark.parametrize("level", ["country", "canton", "Region", "national", "region%20", "é"])
def test_an_unknown_level_is_not_found(doors: FlaskClient, level: str, suffix: str) -> None:
    response = doors.get(f"/activity/{level}.{suffix}")
    assert response.status_code == 404
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize("suffix", ["json", "csv", "geojson"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("q=jardin", "q"),
        ("bbox=-2,47,0,49", "bbox"),
        ("near=-1.67,48.1", "near"),
        ("precision=point", "precision"),
        ("limit=10", "limit"),
        ("since=2026-01-15", "since"),
        ("since=2026-01-01T12:00:00Z", "since"),
        ("until=2026-01-15", "until"),
        ("territory=region:99", "territory"),
        ("level=region", "level"),
    ],
)
def test_a_parameter_that_does_not_apply_is_named(
    doors: FlaskClient, query: str, field: str, suffix: str
) -> None:
    response = doors.get(f"/activity/departement.{suffix}?{query}")
    assert response.status_code == 400
    assert response.get_json()["field"] == field


def test_figures_are_the_same_after_compaction(
    doors: FlaskClient, initiatives: list[Kept], shared_engine: Engine
) -> None:
    before = {level: figures(doors, level) for level in ("epci", "departement", "region")}
    with shared_engine.begin() as connection:
        assert connection.execute(text("SELECT rollup_compact()")).scalar_one() > 100
    assert {level: figures(doors, level) for level in before} == before


def test_months_are_those_of_utc(shared_engine: Engine) -> None:
    """An hour before midnight in Paris on New Year's Eve is still December."""
    statement = text("SELECT rollup_month(CAST(:at AS timestamptz))")
    at = {"at": "2026-01-01T00:30:00+01:00"}
    with shared_engine.connect() as connection:
        assert connection.execute(statement, at).scalar_one() == date(2025, 12, 1)
