"""The picture before the live map: its filter, its extent and its colours."""

import math
import re
from collections import Counter
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.initiatives.model import Theme
from mapservice.static_maps.listing import HUES
from tests.web.population import Made, insert, population

TOKENS = Path(__file__).resolve().parents[2] / "mapservice" / "static" / "css" / "tokens.css"


@pytest.fixture
def filled(client: FlaskClient, engine: Engine) -> FlaskClient:
    made = [
        Made(commune="35238", precision="point", lon=-1.675, lat=48.111, theme="culture"),
        Made(commune="29019", precision="point", lon=-4.486, lat=48.39, theme="habitat"),
        Made(commune="97411", precision="point", lon=55.449, lat=-20.879, theme="culture"),
    ]
    with engine.begin() as connection:
        insert(connection, [*made, *population(150)])
    return client


def drawn(client: FlaskClient, query: str) -> str:
    """The picture that the home page shows for a query."""
    page = client.get(f"/?{query}").text
    (address,) = re.findall(r'<img src="([^"]*carte\.svg[^"]*)"', page)
    answer = client.get(address.replace("&amp;", "&"))
    assert answer.status_code == 200, answer.text
    return answer.text


def themes(svg: str) -> set[str]:
    used = set(re.findall(r"#[0-9a-f]{6}", svg))
    return {str(theme) for theme, hues in HUES.items() if hues[0] in used}


def test_colours_are_those_of_the_live_map() -> None:
    css = TOKENS.read_text()
    for theme, hues in HUES.items():
        assert tuple(re.findall(rf"--theme-{theme}: (#[0-9a-f]{{6}});", css)) == hues
    assert set(HUES) == set(Theme)


@pytest.mark.parametrize("theme", ["culture", "habitat"])
def test_a_filter_is_drawn(filled: FlaskClient, theme: str) -> None:
    assert len(themes(drawn(filled, ""))) > 4
    assert themes(drawn(filled, f"theme={theme}")) == {theme}


def test_an_extent_is_drawn(filled: FlaskClient) -> None:
    france = drawn(filled, "")
    rennes = drawn(filled, "bbox=-1.8,48.0,-1.5,48.2")
    reunion = drawn(filled, "territory=region:04")
    assert len({france, rennes, reunion}) == 3
    assert 'data-theme="culture"' in reunion or "data-count" in reunion
    assert "carte.svg" not in drawn(filled, "q=introuvable")
    assert "data-count" not in drawn(filled, "q=introuvable")


@pytest.mark.parametrize(
    "query",
    ["", "theme=culture", "status=done", "q=jardin", "territory=region:53", "since=2026-01-01"],
)
def test_as_many_as_the_tiles_of_the_same_place(filled: FlaskClient, query: str) -> None:
    """Of the whole frame, whatever its tiles: each initiative in it is in one mark."""
    svg = drawn(filled, query)
    width = float(re.findall(r'width="(\d+)"', svg)[0])
    counted: Counter[bool] = Counter()
    for count, x, y in re.findall(
        r'data-count="(\d+)"[^>]*>?[^>]*?cx="([-\d.]+)" cy="([-\d.]+)"', svg
    ):
        inside = 0 <= float(x) <= width and 0 <= float(y) <= width
        counted[inside] += int(count)
    metropolitan = f"{query}&bbox=-6,41,10,51.5".lstrip("&")
    listed = filled.get(f"/initiatives.geojson?{metropolitan}&limit=1000", buffered=True).json
    assert listed is not None
    if "territory" not in query:
        anchored = sum(1 for one in listed["features"] if one["properties"]["precision"] != "none")
        assert counted[True] >= anchored * 0.9
    assert sum(counted.values()) > 0


MARKS = re.compile(
    r'data-count="(\d+)"( stroke-dasharray="[^"]*")?><circle cx="([-\d.]+)" cy="([-\d.]+)"'
    r'|data-theme="(\w+)" data-count="1" cx="([-\d.]+)" cy="([-\d.]+)"'
)


@pytest.mark.parametrize(("commune", "points"), [("76351", 0), ("35238", 1)])
def test_a_ring_tells_how_many_a_commune_holds_and_covers_no_dot(
    client: FlaskClient, engine: Engine, commune: str, points: int
) -> None:
    """Two that are known to each commune alone; at Rennes a true point lies beside its spot."""
    known = [Made(commune=commune, theme=theme) for theme in ("culture", "habitat")]
    exact = Made(commune="35238", precision="point", lon=-1.67812, lat=48.09247, theme="mobilite")
    with engine.begin() as connection:
        insert(connection, [*known, *[exact] * points])
    found = MARKS.findall(drawn(client, f"territory=commune:{commune}"))
    ((left, top),) = [(float(x), float(y)) for count, dashed, x, y, *_ in found if dashed]
    assert [count for count, *_ in found if count] == ["2"]
    dots = [(float(x), float(y)) for *_, theme, x, y in found if theme]
    assert len(dots) == points
    assert all(math.hypot(x - left, y - top) >= 34 for x, y in dots)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("forme=ronde", 400),
        ("teinte=rose", 400),
        ("theme=rien", 400),
        ("limit=3", 400),
        ("bbox=170,-50,-170,-40", 200),
        ("near=2.35,48.85&radius=5000", 200),
        ("forme=large&teinte=sombre&theme=culture", 200),
    ],
)
def test_what_it_takes(filled: FlaskClient, query: str, status: int) -> None:
    assert filled.get(f"/dessins/carte.svg?{query}").status_code == status
