"""One view, one set of classes: on the page, its live map, its drawing, its table, the report."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.dashboards.model import PARTS
from mapservice.initiatives.model import Theme
from mapservice.publishing.reports import page as report_page
from mapservice.publishing.reports.model import PARTS as REPORTED
from mapservice.publishing.reports.model import ReportView
from mapservice.publishing.reports.queries import read
from mapservice.territories.model import Level
from tests.conftest import LONG
from tests.web.population import Made, fill, population

pytestmark = pytest.mark.long

VIEWS = 200 if LONG else 40
FIGURES = ("rate", "initiatives", "supporters")
MONTHS = ("2025-12", "2026-02", "2026-04", "2026-06", "2026-08")
ENDS = ("2026-04-30", "2026-06-30", "2026-08-31")
CLASSES = re.compile(r'data-code="(\w+)" data-class="(-?\d)"')
MANY_CLASSES = re.compile(r'data-codes="([\w,]+)" data-classes="([-\d,]+)"')
AREA = re.compile(r'"id": "(\w+)", "properties": \{"shade": (\d|null)')
ROW = re.compile(
    r'<th scope="row"><span class="swatch swatch-(\w+)".*?href="/coordination/\w+/(\w+)'
)


@dataclass(frozen=True, slots=True)
class Shown:
    """Breaks, and the class of each territory by its code."""

    breaks: tuple[float, ...]
    classes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """A view as the page and the report are asked for it."""

    page: str
    report: str
    parts: Mapping[str, str]
    own_parts: bool


@pytest.fixture(scope="module")
def crowd(shared_engine: Engine) -> None:
    """Some places hold very many, so that there are classes at all."""
    dice = Random(13)
    with shared_engine.connect() as connection:
        rows = connection.execute(
            text("SELECT code FROM territory WHERE level = 'commune' AND population > 3000")
        )
        communes = sorted(rows.scalars())
    busy = dice.sample(communes, 60)
    themes, months = list(Theme), [f"{month}-11T12:00:00+00:00" for month in MONTHS]
    made = [
        Made(
            commune=dice.choice(communes if dice.random() < 0.3 else busy[: 1 + number % 60]),
            theme=dice.choice(themes),
            created_at=dice.choice(months),
            # Each is a row of its own: a place of ten thousand takes minutes, and says no more.
            supporters=min(int(dice.paretovariate(0.8)) - 1, 100),
        )
        for number in range(4000)
    ]
    fill(shared_engine, [*made, *population(300)])


@pytest.fixture
def snapshot(shared_engine: Engine, crowd: None) -> Iterator[Connection]:
    engine = shared_engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection:
        yield connection


def asked_for(dice: Random, codes: Mapping[Level, list[str]]) -> Asked:
    """A territory of any level or France, any level of parts that both know, any period."""
    level = dice.choice(
        [None, Level.REGION, Level.REGION, Level.DEPARTEMENT, Level.EPCI, Level.COMMUNE]
    )
    by = dice.choice([one for one in PARTS[level] if one in REPORTED[level]])
    filters = {}
    if dice.random() < 0.4:
        filters["theme"] = ",".join(sorted(dice.sample(list(Theme), dice.choice([1, 3, 8]))))
    if dice.random() < 0.3:
        filters["status"] = dice.choice(["published", "done,published", "archived"])
    if dice.random() < 0.3:
        filters["since"] = f"{dice.choice(MONTHS[:3])}-01"
    if dice.random() < 0.3:
        filters["until"] = dice.choice(ENDS)
    filters["figure"] = dice.choice(FIGURES)
    parts = filters | {"by": str(by)}
    place, territory = "/coordination", {}
    if level:
        code = dice.choice(codes[level])
        place, territory = f"/coordination/{level}/{code}", {"territory": f"{level}:{code}"}
    report = urlencode(territory | filters | {"by": str(by)}, safe=",:")
    return Asked(place, report, parts, level is not Level.COMMUNE)


def of_page(client: FlaskClient, asked: Asked) -> tuple[Shown, Shown, dict[str, int]]:
    """Of the live map and of the drawing that a page names, and the swatches of its table."""
    page = client.get(f"{asked.page}?{urlencode(asked.parts, safe=',')}").text
    config = json.loads(page.split('id="coordination-maps">')[1].split("</script>")[0])[0]
    told = re.search(r'<figure class="plate" data-figure="\w+" data-breaks="([^"]*)"', page)
    assert told is not None
    assert numbers(told[1]) == tuple(config["breaks"])
    columns = client.get(config["figures"]).json
    assert columns is not None
    codes = columns["codes"].split(",") if columns["codes"] else []
    live = Shown(tuple(columns["breaks"]), dict(zip(codes, columns["classes"], strict=True)))
    table = page.split('id="membres"')[1].split("</table>")[0]
    rows = {code: -1 if shade == "unknown" else int(shade) for shade, code in ROW.findall(table)}
    return live, of_drawing(client.get(config["drawing"]).text), rows


def of_drawing(svg: str) -> Shown:
    found = {code: int(number) for code, number in CLASSES.findall(svg)}
    for codes, classes in MANY_CLASSES.findall(svg):
        pairs = zip(codes.split(","), classes.split(","), strict=True)
        found |= {code: int(number) for code, number in pairs}
    told = re.search(r'data-breaks="([^"]*)"', svg)
    assert told is not None
    return Shown(numbers(told[1]), found)


def of_report(connection: Connection, asked: Asked) -> Shown:
    """Of the page that folium makes."""
    report = read(connection, ReportView.of_query(asked.report), "", "")
    page = report_page.render(connection, report)
    told = re.search(r'<ul class="legend" data-figure="\w+" data-breaks="([^"]*)"', page)
    assert told is not None
    areas = {code: -1 if shade == "null" else int(shade) for code, shade in AREA.findall(page)}
    return Shown(numbers(told[1]), areas)


def numbers(words: str) -> tuple[float, ...]:
    return tuple(float(word) for word in words.split(",") if word)


@pytest.mark.parametrize("seed", range(4))
def test_every_picture_of_a_view_has_its_classes(
    keeping_client: FlaskClient, snapshot: Connection, seed: int
) -> None:
    dice = Random(seed)
    codes = {
        level: sorted(
            snapshot.execute(
                text("SELECT code FROM territory WHERE level = :level"), {"level": str(level)}
            ).scalars()
        )
        for level in Level
    }
    several = 0
    for _ in range(VIEWS // 4):
        asked = asked_for(dice, codes)
        live, drawn, rows = of_page(keeping_client, asked)
        reported = of_report(snapshot, asked)
        plain = keeping_client.get(f"{asked.page}.svg?{urlencode(asked.parts, safe=',')}")
        assert live == drawn == of_drawing(plain.text), asked
        assert reported.breaks == live.breaks, asked
        assert reported.classes.items() <= live.classes.items(), asked
        if asked.own_parts:  # a commune is shown among those around it; its report is its own
            assert reported.classes.keys() == live.classes.keys(), asked
        assert rows.items() <= live.classes.items(), asked
        assert rows, asked
        several += len(live.breaks) > 0
    assert several > VIEWS // 40, "there were classes to compare"


def test_a_month_further_the_colours_keep_their_sense(
    keeping_client: FlaskClient, crowd: None
) -> None:
    """The bounds of the page go with every step of its slider, none of them being bounds too."""
    for figure in (*FIGURES, "silent", "recent"):
        page = keeping_client.get(f"/coordination?figure={figure}").text
        maps = json.loads(page.split('id="coordination-maps">')[1].split("</script>")[0])
        for config in maps:
            for until in ("2026-02-28", "2026-06-30"):
                columns = keeping_client.get(f"{config['figures']}&until={until}&brief=1").json
                assert columns is not None
                assert columns["breaks"] == config["breaks"]


@pytest.mark.parametrize("path", ["/coordination/region/53", "/coordination/departement/35"])
def test_the_page_of_a_territory_shades_alike(
    keeping_client: FlaskClient, crowd: None, path: str
) -> None:
    page = keeping_client.get(path.replace("coordination", "territoires")).text
    config = json.loads(page.split('id="map-config">')[1].split("</script>")[0])
    columns = keeping_client.get(f"{path}.json").json
    assert columns is not None
    classes = dict(zip(columns["codes"].split(","), columns["classes"], strict=True))
    shaded = {
        code: int(number)
        for number, codes in config["figures"]["classes"].items()
        for code in codes
    }
    assert config["figures"]["breaks"] == columns["breaks"]
    assert shaded == {code: number for code, number in classes.items() if number > 0}


def test_a_page_keeps_the_bounds_that_it_is_asked_for(keeping_client: FlaskClient) -> None:
    """So the table that comes with another month has the classes of the map beside it."""
    page = keeping_client.get("/coordination/region/53?figure=initiatives&breaks=1,2").text
    assert 'data-breaks="1.0,2.0"' in page
    one = keeping_client.get("/coordination/region/53?figure=initiatives&breaks=none").text
    assert 'data-figure="initiatives" data-breaks=""' in one
