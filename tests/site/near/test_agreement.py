"""Near me at 200 positions: sentence, list, map and figures say the same, and it is true."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from random import Random
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pyproj import Geod
from sqlalchemy import Connection, Engine, text

from mapservice.initiatives.model import Status, Theme
from mapservice.site import near_routes
from mapservice.territories.coordinates import LonLat
from tests.conftest import LONG
from tests.web.population import Kept, Made, fill, insert, kept

WGS84 = Geod(ellps="WGS84")
SEED = 130
POSITIONS = 200 if LONG else 80
CITIES = ("75056", "13055", "69123", "35238", "31555", "67482", "59350", "97411", "2A004", "97302")
SEA = ((-8.0, 45.0), (4.5, 42.3), (54.0, -20.5), (-3.6, 48.95), (9.2, 43.0), (-1.7, 44.6))
ABROAD = ((4.35, 50.85), (-0.12, 51.5), (6.15, 46.2), (7.42, 43.735), (-3.7, 40.4), (2.65, 42.2))


@dataclass(frozen=True, slots=True)
class Ask:
    """A position, and the radius chosen in metres; None lets the circle adapt."""

    here: LonLat
    radius: int | None
    theme: Theme | None


@pytest.fixture(scope="module")
def communes(shared_engine: Engine) -> list[tuple[str, float, float]]:
    with shared_engine.connect() as connection:
        rows = connection.execute(
            text(
                """SELECT code, ST_X(point), ST_Y(point) FROM territory
                    WHERE level = 'commune' ORDER BY code"""
            )
        )
        return [(row[0], row[1], row[2]) for row in rows]


@pytest.fixture(scope="module")
def spread(shared_engine: Engine, communes: list[tuple[str, float, float]]) -> list[Kept]:
    """Of every precision, thick in some cities and thin elsewhere."""
    dice = Random(SEED)
    where = {code: (lon, lat) for code, lon, lat in communes}
    made = []
    for _ in range(1500):
        code = dice.choice(CITIES) if dice.random() < 0.5 else dice.choice(communes)[0]
        lon, lat = where[code]
        status = dice.choice(["published", "done"])
        shared: dict[str, Any] = {"theme": dice.choice(list(Theme)), "status": status}
        if dice.random() < 0.6:
            shared |= {"lon": lon + dice.gauss(0, 0.03), "lat": lat + dice.gauss(0, 0.02)}
            made.append(Made(precision="point", commune=code, **shared))
        else:
            made.append(Made(commune=code, **shared))
    for level, code in (
        ("epci", "243500139"),
        ("epci", "200054781"),
        ("departement", "35"),
        ("departement", "974"),
        ("departement", "2A"),
        ("region", "53"),
    ):
        wide: dict[str, Any] = {level: code, "precision": level, "theme": "culture"}
        made += [Made(**wide) for _ in range(2)]
    made += [Made(precision="national"), Made(precision="none")]
    made += [Made(commune="35238", status=status) for status in (Status.PENDING, Status.ARCHIVED)]
    fill(shared_engine, made)
    with shared_engine.connect() as connection:
        return kept(connection)


@pytest.fixture(scope="module")
def reading(shared_engine: Engine, spread: list[Kept]) -> Iterator[Connection]:
    with shared_engine.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def pages(app: Flask, spread: list[Kept]) -> FlaskClient:
    return app.test_client()


def asked(communes: list[tuple[str, float, float]]) -> list[Ask]:
    dice = Random(SEED)
    where = {code: (lon, lat) for code, lon, lat in communes}
    found: list[Ask] = []
    while len(found) < POSITIONS:
        kind = dice.random()
        if kind < 0.35:
            lon, lat = where[dice.choice(CITIES)]
            lon, lat = lon + dice.gauss(0, 0.05), lat + dice.gauss(0, 0.04)
        elif kind < 0.8:
            _, lon, lat = dice.choice(communes)
            lon, lat = lon + dice.gauss(0, 0.02), lat + dice.gauss(0, 0.02)
        else:
            lon, lat = dice.choice((*SEA, *ABROAD))
            lon, lat = lon + dice.gauss(0, 0.2), lat + dice.gauss(0, 0.15)
        radius = dice.choice((None, None, 1_000, 2_000, 10_000, 50_000))
        theme = dice.choice((None, None, None, Theme.CULTURE))
        found.append(Ask(LonLat(round(lon, 4), round(lat, 4)), radius, theme))
    return found


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page says, read from its HTML alone."""

    html: str
    words: str
    figures: dict[str, int]
    config: dict[str, Any]

    @classmethod
    def of(cls, html: str) -> "Shown":
        tag = re.search(r'<section class="results" id="results"([^>]*)>', html)
        assert tag
        figures = {name: int(n) for name, n in re.findall(r'data-(\w+)="(\d+)"', tag[1])}
        config = re.search(r'<script type="application/json" id="map-config">(.*?)</script>', html)
        assert config
        main = html[html.index("<main") : html.index("</main>")]
        words = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", main)))
        return cls(html, words, figures, json.loads(config[1]))

    def section(self, identifier: str) -> str:
        found = re.search(rf'<(\w+)[^>]* id="{identifier}".*?</\1>', self.html, re.S)
        return found[0] if found else ""

    def cards(self, identifier: str) -> list[str]:
        return re.findall(r'data-id="([^"]+)"', self.section(identifier))


def number(words: str) -> int:
    return int(re.sub(r"\D", "", words) or 0)


@pytest.mark.sampled
def test_nothing_on_the_page_contradicts_anything_else(
    pages: FlaskClient,
    reading: Connection,
    spread: list[Kept],
    communes: list[tuple[str, float, float]],
) -> None:
    seen = {"points": 0, "communes": 0, "wider": 0, "nothing": 0, "nowhere": 0}
    for ask in asked(communes):
        shown = page_of(pages, ask)
        check_figures(pages, shown)
        check_words(reading, shown, ask)
        check_truth(reading, shown, ask, spread)
        seen["nothing"] += not shown.figures["total"]
        seen["nowhere"] += "pas de commune française" in shown.words
        for name in ("points", "communes", "wider"):
            seen[name] += bool(shown.figures[name])
    assert min(seen.values()) >= POSITIONS / 20, seen  # every kind of answer was met


def page_of(pages: FlaskClient, ask: Ask) -> Shown:
    query = {"near": str(ask.here), "radius": ask.radius, "theme": ask.theme, "limit": 100}
    answer = pages.get("/autour-de-moi", query_string={k: v for k, v in query.items() if v})
    assert answer.status_code == 200
    return Shown.of(answer.text)


def check_figures(pages: FlaskClient, shown: Shown) -> None:
    """Title, list, chips, map and drawing count alike."""
    total, points = shown.figures["total"], shown.figures["points"]
    in_communes, wider = shown.figures["communes"], shown.figures["wider"]
    assert total == points + in_communes + wider
    title = unescape(re.sub("<[^>]+>", "", shown.section("results-title")))
    assert number(title) == total
    chips = re.findall(r'class="chip [^"]*"[^>]*>.*?chip-count">([^<]*)<', shown.html, re.S)
    chosen = re.findall(r'aria-current="true">.*?chip-count">([^<]*)<', near_chips(shown), re.S)
    assert sum(map(number, chosen or chips)) == total
    # Cards of groups, which other tests may have left here, are other ones.
    initiative_cards = shown.html.split('class="results farther"')[0]
    listed = re.findall(r'<article class="card theme-[^"]*" data-id="([^"]+)"', initiative_cards)
    shown_there = near_routes.SHOWN_SOMEWHERE
    assert len(listed) == min(points, 100) + min(in_communes, shown_there) + min(wider, shown_there)
    assert len(shown.cards("points")) == min(points, 100)
    assert len(shown.cards("in-communes")) == min(in_communes, shown_there)
    assert len(shown.cards("known-wider")) == min(wider, shown_there)
    assert shown.config["points"] == points
    assert sum(one["count"] for one in shown.config["somewhere"]) == in_communes
    assert all(
        one["at"] and sum(one["themes"].values()) == one["count"]
        for one in shown.config["somewhere"]
    )
    check_map(pages, shown)


def near_chips(shown: Shown) -> str:
    return shown.html[shown.html.index('class="chip-row theme-row"') :]


def check_map(pages: FlaskClient, shown: Shown) -> None:
    """The tile of the whole world holds the true points and no others; the drawing all marks."""
    tile = pages.get(f"/tiles/initiatives/0/0/0.geojson?{shown.config['filter']}").json
    assert tile is not None
    assert sum(one["properties"]["count"] for one in tile["features"]) == shown.figures["points"]
    drawing = pages.get(shown.config["drawing"])
    assert drawing.status_code == 200
    drawn = [
        (int(count or 1), width == "2")
        for width, count in re.findall(
            r'<circle [^>]*stroke-width="(2|1\.6)"[^>]*/>(?:<text[^>]*>(\d+)</text>)?', drawing.text
        )
    ]
    assert sum(n for n, exact in drawn if exact) == shown.figures["points"]
    assert sum(n for n, exact in drawn if not exact) == shown.figures["communes"]


def check_words(reading: Connection, shown: Shown, ask: Ask) -> None:
    words, figures = shown.words, shown.figures
    nothing = figures["total"] == 0
    assert ("Aucune initiative par ici" in words) == nothing
    assert "Aucune initiative dans ce cercle" not in words
    if not nothing:
        assert "Rien encore" not in words
        assert "Aucune initiative ne répond" not in words
    none_exact = "aucune à un endroit précis" in words
    assert none_exact == (not nothing and not figures["points"])
    assert ("quelque part dans" in words.split("Rayon")[0]) >= bool(figures["communes"])
    holder = reading.execute(
        text(
            """SELECT code FROM territory WHERE level = 'commune'
                  AND ST_DWithin(outline, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 0.00005)"""
        ),
        {"lon": ask.here.lon, "lat": ask.here.lat},
    ).first()
    assert not re.search(r"environ 0\b", words)
    if holder is None:
        assert "personnes" not in words
        assert "pas de commune française" in words or "au bord de la commune" in words
    else:
        assert "pas de commune française" not in words


def check_truth(reading: Connection, shown: Shown, ask: Ask, spread: list[Kept]) -> None:
    """Against measuring every point, and every outline, on the spheroid."""
    radius = shown.config["radius"]
    listed = [
        one
        for one in spread
        if one.status in ("published", "done") and (not ask.theme or one.theme == ask.theme)
    ]
    exact = [one for one in listed if one.precision == "point"]
    far = [metres(ask.here, one) for one in exact]
    assert sum(d <= radius for d in far) == shown.figures["points"]
    touched = touched_by(reading, ask.here, radius)
    assert shown.figures["communes"] == sum(
        one.precision == "commune" and ("commune", one.commune) in touched for one in listed
    )
    assert shown.figures["wider"] == sum(
        one.precision in ("epci", "departement", "region")
        and (one.precision, getattr(one, one.precision)) in touched
        for one in listed
    )
    tinted = {one["code"] for one in shown.config["somewhere"]}
    assert tinted <= {code for level, code in touched if level == "commune"}


def metres(here: LonLat, one: Kept) -> float:
    if one.lon is None or one.lat is None:
        return math.inf
    return float(WGS84.inv(here.lon, here.lat, one.lon, one.lat)[2])


def touched_by(reading: Connection, here: LonLat, radius: float) -> set[tuple[str, str]]:
    rows = reading.execute(
        text(
            """
            SELECT code, epci, departement, region
              FROM territory,
                   (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)::geography AS here) AS asked
             WHERE level = 'commune'
               AND outline && ST_Expand(here::geometry, :wide, :high)
               AND ST_DWithin(outline::geography, here, :radius)"""
        ),
        {
            "lon": here.lon,
            "lat": here.lat,
            "radius": radius,
            "high": radius / 110_000,
            "wide": radius / 110_000 / math.cos(math.radians(abs(here.lat) + radius / 110_000)),
        },
    )
    levels = ("commune", "epci", "departement", "region")
    return {(level, code) for row in rows for level, code in zip(levels, row, strict=True) if code}


def test_a_commune_that_reaches_in_is_told_apart(client: FlaskClient, engine: Engine) -> None:
    """Rennes's own stand at its label point in the south; the circle is in the north-west."""
    with engine.begin() as connection:
        insert(connection, [Made(commune="35238"), Made(commune="35238", theme="habitat")])
    page = client.get(f"/autour-de-moi?{urlencode({'near': '-1.70,48.13', 'radius': 1000})}").text
    words = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))
    assert "2 initiatives par ici" in words
    assert "2 quelque part dans la commune de Rennes" in words
    assert "Rien encore" not in words


def test_a_box_that_holds_no_place_names_what_may_lie_in_it(
    client: FlaskClient, engine: Engine
) -> None:
    """The list holds what its filter finds, none; the page does not call the box empty."""
    with engine.begin() as connection:
        insert(connection, [Made(commune="35238"), Made(region="53", precision="region")])
    page = client.get("/initiatives?bbox=-1.71,48.12,-1.69,48.13").text
    assert 'data-total="0" data-touching="2"' in page
    assert 'class="card ' not in page
    assert "Rien encore" not in page
    assert "territory=commune:35238&amp;precision=commune" in page
    empty = client.get("/initiatives?bbox=2.20,46.50,2.21,46.51").text
    assert 'data-touching="0"' in empty
    assert "Rien encore par ici" in empty
