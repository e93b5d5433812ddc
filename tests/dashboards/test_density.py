"""The density around communes: a plain count within so many kilometres, at one scale always."""

import json
from collections import Counter
from collections.abc import Iterator
from math import asin, cos, radians, sin, sqrt
from random import Random
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.dashboards.model import EARTH_KM, NEAR_KM, WIDE_KM, neighbours_within
from tests.web.population import Made, fill

SPOT = "SELECT code, ST_X(point), ST_Y(point) FROM territory WHERE level = 'commune'"
MONTHS = ("2026-01", "2026-03", "2026-05")


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Haversine, on a sphere."""
    (lon, lat), (east, north) = ((radians(x), radians(y)) for x, y in (one, other))
    half = sin((north - lat) / 2) ** 2 + cos(lat) * cos(north) * sin((east - lon) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(half))


@pytest.mark.parametrize("middle", [(2.0, 48.0), (-61.0, 14.5), (55.5, -21.0), (0.0, 0.0)])
def test_who_is_near_whom_is_what_every_pair_says(middle: tuple[float, float]) -> None:
    dice = Random(str(middle))
    spots = [
        (middle[0] + dice.uniform(-0.5, 0.5), middle[1] + dice.uniform(-0.5, 0.5))
        for _ in range(150)
    ]
    found = neighbours_within(np.array([x for x, _ in spots]), np.array([y for _, y in spots]), 10)
    counts = np.arange(1, 151)
    assert found.sums(counts).tolist() == [
        sum(n + 1 for n, other in enumerate(spots) if kilometres(one, other) <= 10) for one in spots
    ]


def test_nowhere_has_no_neighbours() -> None:
    nobody = neighbours_within(np.zeros(0), np.zeros(0), 10)
    assert nobody.sums(np.zeros(0, np.int64)).tolist() == []


@pytest.fixture(scope="module")
def crowd(shared_engine: Engine) -> Iterator[Connection]:
    """More each month, around Rennes and in Guyane; some far from all others; many undated."""
    dice = Random(4)
    with shared_engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT code FROM territory WHERE level = 'commune'"
                " AND departement IN ('35', '56', '973', '974', '2A', '75')"
            )
        )
        communes = sorted(rows.scalars())
    made = [
        Made(commune=dice.choice(communes), created_at=f"{month}-05T00:00:00+00:00")
        for number, month in enumerate(MONTHS)
        for _ in range(60 * (number + 1))
    ]
    rennes = [
        Made(commune="35238", created_at=f"{month}-06T00:00:00+00:00")
        for month in MONTHS
        for _ in range(80)
    ]
    undated = [Made(commune=dice.choice(communes), created_at=None) for _ in range(500)]
    fill(shared_engine, [*made, *rennes, *undated])
    with shared_engine.connect() as connection:
        yield connection


def columns(client: FlaskClient, address: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(client.get(address).text)
    return found


@pytest.mark.parametrize(
    ("place", "radius"),
    [
        ("", WIDE_KM),
        ("/region/53", WIDE_KM),
        ("/departement/973", WIDE_KM),
        ("/epci/243500139", NEAR_KM),
    ],
)
@pytest.mark.parametrize("until", ["", "2026-01-31", "2026-03-31"])
def test_a_value_is_what_lies_around(
    keeping_client: FlaskClient, crowd: Connection, place: str, radius: int, until: str
) -> None:
    """Counted again pair by pair, across the borders of the territory shown."""
    query = f"?until={until}" if until else ""
    found = columns(keeping_client, f"/coordination{place}/density.json{query}")
    spots = {code: (x, y) for code, x, y in crowd.execute(text(SPOT))}
    held = Counter(
        crowd.execute(
            text(
                "SELECT commune FROM initiative WHERE status IN ('published', 'done')"
                " AND (CAST(:until AS date) IS NULL OR created_at < CAST(:until AS date) + 1)"
            ),
            {"until": until or None},
        ).scalars()
    )
    assert found["radius_km"] == radius
    codes = str(found["codes"]).split(",")
    dice = Random(9)
    values = dict(zip(codes, found["values"], strict=True))
    for code in dice.sample(codes, min(len(codes), 60)):
        around = sum(
            count
            for commune, count in held.items()
            if kilometres(spots[code], spots[commune]) <= radius
        )
        assert values[code] == around, code
    assert sum(values.values()) >= sum(held[code] for code in codes)


def test_one_scale_holds_for_all_months(keeping_client: FlaskClient, crowd: Connection) -> None:
    """The same count has the same class in any month, on the page and in its drawing."""
    whole = columns(keeping_client, "/coordination/density.json")
    class_of: dict[int, int] = {}
    for period in ("", "until=2026-01-31", "until=2026-03-31", "since=2026-03-01"):
        found = columns(keeping_client, f"/coordination/density.json?{period}")
        assert found["breaks"] == whole["breaks"]
        for by in ("region", "commune"):
            page = keeping_client.get(f"/coordination?by={by}&{period}").text
            config = json.loads(page.split('id="coordination-maps">')[1].split("</script>")[0])[1]
            assert config["breaks"] == whole["breaks"]
        for value, number in zip(found["values"], found["classes"], strict=True):
            assert class_of.setdefault(value, number) == number
    assert len(set(class_of.values())) > 2
    ordered = [class_of[value] for value in sorted(class_of)]
    assert ordered == sorted(ordered)
    assert class_of[0] == 0


def test_the_key_has_numbers_and_a_unit(keeping_client: FlaskClient, crowd: Connection) -> None:
    page = keeping_client.get("/coordination").text
    plate = page.split('data-figure="density"')[1].split("</figure>")[0]
    assert "Initiatives à moins de 10 km" in plate
    keys = [words for words in plate.split("<li>")[1:] if "swatch" in words]
    assert any("et plus" in words for words in keys)
    assert "314 km²" in plate


def test_the_key_is_english_on_an_english_page(
    keeping_client: FlaskClient, crowd: Connection
) -> None:
    page = keeping_client.get("/coordination", headers={"Accept-Language": "en"}).text
    plate = page.split('data-figure="density"')[1].split("</figure>")[0]
    assert "or more" in plate
    assert "et plus" not in plate
