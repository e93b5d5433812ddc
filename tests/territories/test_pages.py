"""Pages of territories: true figures, right grammar, past communes led to those of today."""

import csv
import html
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from mapservice.initiatives.model import Theme
from mapservice.rollups.territory_model import (
    MemberSort,
    TerritoryMember,
    TerritoryPlace,
    ordered,
    silence_of,
)
from mapservice.territories.model import Level
from tests.web.population import Made, insert

# INSEE's movements of Saint-Denis and of Hocmont: day, kind, before, after.
MOVEMENTS = [
    ("1968-01-01", "41", ("COM", "75059", "Pierrefitte-sur-Seine"), ("COM", "93059", None)),
    ("1968-01-01", "41", ("COM", "75066", "Saint-Denis"), ("COM", "93066", None)),
    ("1968-03-02", "30", ("COM", "08227", "Hocmont"), ("COM", "08203", "Guignicourt-sur-Vence")),
    ("1968-03-02", "30", ("COM", "08227", "Hocmont"), ("COM", "08454", "Touligny")),
    ("2025-01-01", "32", ("COM", "93059", "Pierrefitte-sur-Seine"), ("COMD", "93059", None)),
    (
        "2025-01-01",
        "32",
        ("COM", "93059", "Pierrefitte-sur-Seine"),
        ("COM", "93066", "Saint-Denis"),
    ),
    ("2025-01-01", "32", ("COM", "93066", "Saint-Denis"), ("COM", "93066", None)),
    ("2025-01-01", "32", ("COM", "93066", "Saint-Denis"), ("COMD", "93066", None)),
]

# Two in Plouha, one done and one in Rennes known no better; Bretagne holds them all.
ROWS = """\
title,city,postcode,theme,status
Verger partagé,Plouha,22580,environnement,en cours
Bourse aux vélos,Plouha,22580,mobilite,réalisée
Repas de quartier,Rennes,35000,culture,en cours
"""


@pytest.fixture
def initiatives(client: FlaskClient, import_rows: Callable[[str], list[str]]) -> FlaskClient:
    assert import_rows(ROWS) == ["imported"] * 3
    return client


@pytest.fixture
def events(engine: Engine) -> Iterator[None]:
    rows = [
        {
            "id": number,
            "day": date.fromisoformat(day),
            "kind": kind,
            "tb": before[0],
            "cb": before[1],
            "nb": before[2],
            "ta": after[0],
            "ca": after[1],
            "na": after[2] or before[2],
        }
        for number, (day, kind, before, after) in enumerate(MOVEMENTS, start=1)
    ]
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO commune_event VALUES (:id, :day, :kind, :tb, :cb, :nb, :ta, :ca, :na)"
            ),
            rows,
        )
    yield
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM commune_event"))


def words(part: str) -> str:
    """The text of HTML as it is read, spaces of all kinds made plain ones."""
    bare = html.unescape(re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", part, flags=re.S))
    return re.sub(r" ([,.])", r"\1", " ".join(bare.split()))


def section(page: TestResponse, name: str) -> str:
    """The HTML of one section, by its class."""
    found = re.search(rf'<section class="{name}\b.*?</section>', page.text, re.S)
    assert found, name
    return found.group()


def rows(page: TestResponse) -> dict[str, list[str]]:
    """Cells of the table of territories, by name."""
    body = section(page, "members").split("<tbody>")[1]
    cells = [re.findall(r"<t[hd].*?</t[hd]>", row, re.S) for row in body.split("</tr>")[:-1]]
    return {words(row[0]): [words(cell) for cell in row[1:]] for row in cells}


def linked_data(page: TestResponse) -> dict[str, Any]:
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page.text, re.S)
    assert found
    graph: dict[str, Any] = {one["@type"]: one for one in json.loads(found.group(1))["@graph"]}
    return graph


@pytest.mark.parametrize(
    ("path", "phrase"),
    [
        ("commune/17300", "à La Rochelle"),
        ("commune/72181", "au Mans"),
        ("commune/85194", "aux Sables-d'Olonne"),
        ("commune/94038", "à L'Haÿ-les-Roses"),
        ("departement/01", "dans l'Ain"),
        ("departement/35", "en Ille-et-Vilaine"),
        ("departement/93", "en Seine-Saint-Denis"),
        ("departement/40", "dans les Landes"),
        ("departement/971", "en Guadeloupe"),
        ("region/53", "en Bretagne"),
        ("region/32", "dans les Hauts-de-France"),
        ("region/04", "à La Réunion"),
        ("epci/243500139", "à Rennes Métropole"),
        ("epci/200054781", "dans la Métropole du Grand Paris"),
        ("epci/246700488", "dans l'Eurométropole de Strasbourg"),
    ],
)
def test_a_place_is_named_as_french_says_it(client: FlaskClient, path: str, phrase: str) -> None:
    page = client.get(f"/territoires/{path}")
    assert page.status_code == 200
    title = re.search(r"<title>(.*?)</title>", page.text)
    assert title
    assert words(title.group(1)) == f"Initiatives {phrase} · Initiatives locales"


def test_a_page_leads_up_to_its_parents(client: FlaskClient) -> None:
    trail = re.search(
        r'<nav class="breadcrumb".*?</nav>', client.get("/territoires/commune/35238").text, re.S
    )
    assert trail
    assert re.findall(r'href="([^"]+)"', trail.group()) == [
        "/territoires",
        "/territoires/region/53",
        "/territoires/departement/35",
        "/territoires/epci/243500139",
    ]


@pytest.mark.parametrize("path", ["commune/22222", "departement/22", "commune/29019"])
def test_a_page_begins_with_initiatives_and_ends_with_figures(
    initiatives: FlaskClient, path: str
) -> None:
    page = initiatives.get(f"/territoires/{path}").text
    order = [page.index(f'<section class="{name}') for name in ("latest", "members", "figures")]
    assert order == sorted(order)


def test_a_nought_is_a_sentence(client: FlaskClient) -> None:
    """Of a commune where nothing is known no row of zeros is shown."""
    figures = section(client.get("/territoires/commune/22222"), "figures")
    assert "Aucune initiative connue ici" in words(figures)
    numbers = re.findall(r"<dd>(.*?)</dd>", figures)
    assert len(numbers) == 1, "its inhabitants alone"
    assert "0" not in numbers
    assert "theme-shares" not in figures


def test_no_support_is_said_so(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        insert(connection, [Made(commune="22222"), Made(commune="29019", supporters=1)])
    none = section(client.get("/territoires/commune/22222"), "figures")
    assert "Aucun soutien confirmé" in words(none)
    assert "soutien confirmé</dt>" not in none
    one = section(client.get("/territoires/commune/29019"), "figures")
    assert "Aucun soutien" not in words(one)
    assert "soutien confirmé</dt><dd>1</dd>" in one


def test_figures_count_what_is_there_and_compare_it(initiatives: FlaskClient) -> None:
    page = initiatives.get("/territoires/commune/22222")
    figures = words(section(page, "figures"))
    assert "2 initiatives, en cours ou réalisées" in words(
        re.sub(r"<dt>(.*?)</dt><dd>(.*?)</dd>", r"\2 \1", section(page, "figures"))
    )
    assert re.search(r"Côtes-d'Armor 0,\d\d \d+ fois plus ici", figures)
    assert "Environnement 1 50 %" in figures
    assert "Mobilité 1 50 %" in figures
    assert "Culture 0 0 %" not in figures
    told = re.search(r"Thèmes sans initiative connue\s?: ([^.]+)\.", figures)
    assert told
    assert len(told[1].split(", ")) == len(Theme) - 2
    assert "Culture" in told[1]


def test_zeros_are_shown_as_zeros(initiatives: FlaskClient) -> None:
    table = rows(initiatives.get("/territoires/region/53"))
    assert [(name, cells[0]) for name, cells in table.items()] == [
        ("Côtes-d'Armor", "2"),
        ("Ille-et-Vilaine", "1"),
        ("Finistère", "0"),
        ("Morbihan", "0"),
    ]
    assert table["Morbihan"][1] == "0"


def test_what_is_in_no_row_is_said(client: FlaskClient, engine: Engine) -> None:
    page = "/territoires/region/53"
    with engine.begin() as connection:
        insert(connection, [Made(commune="35238"), Made(commune="22222")])
    assert "dans aucune de ces lignes" not in client.get(page).text
    with engine.begin() as connection:
        insert(connection, [Made(region="53", precision="region")])
    assert "1 autre initiative d’ici n’est dans aucune de ces lignes" in client.get(page).text


def test_silent_communes_are_counted_and_invited(initiatives: FlaskClient) -> None:
    silent = words(section(initiatives.get("/territoires/departement/22"), "silent"))
    everywhere = len(csv_rows(initiatives, "/activity/commune.csv?territory=departement:22"))
    assert f"{everywhere - 1} communes sur {everywhere} n’ont encore aucune initiative" in silent
    assert "Saint-Brieuc" in silent
    assert "Plouha" not in silent


def test_the_silent_communes_of_a_region_are_those_of_its_departements(
    initiatives: FlaskClient,
) -> None:
    everywhere = csv_rows(initiatives, "/activity/commune.csv?territory=region:53")
    silent = sum(1 for row in everywhere if row["initiatives"] == "0")
    page = words(section(initiatives.get("/territoires/region/53"), "silent"))
    assert page.replace(" ", "").find(f"{silent}communessur{len(everywhere)}") > 0


def test_the_latest_initiatives_are_those_of_the_place(initiatives: FlaskClient) -> None:
    latest = section(initiatives.get("/territoires/commune/22222"), "latest")
    assert set(re.findall(r'<h3 class="card-title"><a[^>]*>(.*?)</a>', latest)) == {
        "Verger partagé",
        "Bourse aux vélos",
    }


def test_an_empty_commune_invites(client: FlaskClient) -> None:
    latest = words(section(client.get("/territoires/commune/22222"), "latest"))
    assert "Rien encore à Plouha. Et si c’était vous ?" in latest
    assert re.search(r"Voir ce qui se fait (à|dans) ", latest)


def test_a_village_without_inhabitants_is_not_said_to_be_silent(client: FlaskClient) -> None:
    page = client.get("/territoires/commune/55039")
    assert "Beaumont-en-Verdunois, où personne n’habite" in words(page.text)
    assert "Et si c’était vous" not in words(section(page, "latest"))
    assert rows(page)["Louvemont-Côte-du-Poivre"][1] == "–"


def test_twenty_communes_are_shown_in_the_order_asked_for(client: FlaskClient) -> None:
    by_population = list(rows(client.get("/territoires/departement/35?sort=population")))
    assert len(by_population) == 20
    assert by_population[:2] == ["Rennes", "Saint-Malo"]
    assert next(iter(rows(client.get("/territoires/departement/35?sort=name")))) == "Acigné"
    refused = client.get("/territoires/departement/35?sort=colour")
    assert refused.status_code == 400


def test_a_sorted_page_names_the_plain_one_as_canonical(client: FlaskClient) -> None:
    page = client.get("/territoires/departement/35?sort=name").text
    assert '<link rel="canonical" href="http://map.test/territoires/departement/35">' in page


def test_neighbours_touch_and_an_island_gets_the_nearest(client: FlaskClient) -> None:
    rennes = client.get("/territoires/commune/35238")
    assert {"Cesson-Sévigné", "Saint-Jacques-de-la-Lande"} <= rows(rennes).keys()
    assert "Bruz" not in rows(rennes)
    ouessant = client.get("/territoires/commune/29155")
    assert "Les communes les plus proches" in section(ouessant, "members")
    assert "Île-Molène" in rows(ouessant)


def test_the_doors_hold_the_same_territories(initiatives: FlaskClient) -> None:
    page = initiatives.get("/territoires/epci/243500139")
    doors = re.findall(r'<a href="([^"]+)"', section(page, "territory-doors"))
    assert len(doors) >= 5
    for door in doors:
        assert initiatives.get(html.unescape(door), buffered=True).status_code == 200
    figures = csv_rows(initiatives, "/activity/commune.csv?territory=epci:243500139")
    assert f"20 sur {len(figures)}" in words(section(page, "members"))


def csv_rows(client: FlaskClient, path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(path, buffered=True).text)))


def test_machines_read_where_a_commune_lies(client: FlaskClient) -> None:
    page = client.get("/territoires/commune/35238")
    graph = linked_data(page)
    assert graph["City"]["identifier"] == "35238"
    assert graph["City"]["url"] == "http://map.test/territoires/commune/35238"
    assert [one["name"] for one in graph["City"]["containedInPlace"]] == [
        "Bretagne",
        "Ille-et-Vilaine",
        "Rennes Métropole",
    ]
    assert [step["name"] for step in graph["BreadcrumbList"]["itemListElement"]] == [
        "France",
        "Bretagne",
        "Ille-et-Vilaine",
        "Rennes Métropole",
        "Rennes",
    ]
    assert '<meta property="og:title" content="Initiatives à Rennes">' in page.text
    assert 'name="description" content="Rien encore à Rennes.' in page.text


def test_nothing_runs_or_is_styled_inline(client: FlaskClient) -> None:
    for path in ("/territoires", "/territoires/region/53", "/territoires/commune/93066"):
        page = client.get(path).text
        assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", page)
        assert not re.search(r"<script(?![^>]*(src=|application/(ld\+)?json))", page)
        assert len(re.findall(r"<h1[ >]", page)) == 1


def test_an_outline_that_was_rebuilt_is_said_to_be_approximate(client: FlaskClient) -> None:
    assert 'data-notice="approximate"' in client.get("/territoires/commune/93066").text
    assert 'data-notice="approximate"' not in client.get("/territoires/commune/35238").text


def test_france_lists_every_region_and_departement(client: FlaskClient) -> None:
    page = client.get("/territoires")
    assert len(rows(page)) == 18
    links = set(re.findall(r'href="/territoires/(\w+)/(\w+)"', page.text))
    assert sum(1 for level, _ in links if level == "departement") == 101
    assert list(rows(page))[:2] == ["Auvergne-Rhône-Alpes", "Bourgogne-Franche-Comté"]


@pytest.mark.parametrize(
    "path", ["commune/99999", "region/99", "pays/FR", "commune/…", "commune/35238%00", "epci/35238"]
)
def test_what_never_existed_is_a_404_for_people(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/territoires/{path}")
    assert answer.status_code == 404
    assert answer.content_type == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "region/53?at=2020-01-01",
        "commune/35238?at=hier",
        "commune/35238?at=1789-07-14",
        "region/53?x=1",
    ],
)
def test_what_cannot_be_asked_is_refused(client: FlaskClient, path: str) -> None:
    assert client.get(f"/territoires/{path}").status_code == 400


def test_one_address_for_one_territory(client: FlaskClient) -> None:
    answer = client.get("/territoires/commune/2a004")
    assert (answer.status_code, answer.location) == (301, "/territoires/commune/2A004")


class TestPast:
    """Communes that are no more."""

    def test_an_alias_leads_to_its_commune(self, client: FlaskClient) -> None:
        answer = client.get("/territoires/commune/93059")
        assert (answer.status_code, answer.location) == (
            301,
            "/territoires/commune/93066?depuis=93059",
        )
        notice = origin(client.get(answer.location))
        assert "Pierrefitte-sur-Seine (93059) : commune déléguée de Saint-Denis" in notice

    @pytest.mark.usefixtures("events")
    def test_the_notice_says_what_happened(self, client: FlaskClient) -> None:
        page = client.get("/territoires/commune/93059", follow_redirects=True)
        assert origin(page) == (
            "Pierrefitte-sur-Seine (93059) : fusionnée avec Saint-Denis le 1er janvier 2025."
            " Vous êtes sur la page de Saint-Denis, où son territoire se trouve aujourd’hui."
        )
        assert "Passée du code 75066 au code 93066" in words(section(page, "past"))

    @pytest.mark.usefixtures("events")
    def test_the_canonical_address_has_no_past(self, client: FlaskClient) -> None:
        page = client.get("/territoires/commune/93066?depuis=93059").text
        assert '<link rel="canonical" href="http://map.test/territoires/commune/93066">' in page

    @pytest.mark.usefixtures("events")
    def test_several_heirs_are_offered(self, client: FlaskClient) -> None:
        page = client.get("/territoires/commune/08227")
        assert page.status_code == 200
        assert re.findall(r'href="(/territoires/commune/\w+)\?depuis=08227"', page.text) == [
            "/territoires/commune/08203",
            "/territoires/commune/08454",
        ]
        assert '<meta name="robots" content="noindex">' in page.text

    @pytest.mark.usefixtures("events")
    def test_a_day_shows_what_was_there(self, client: FlaskClient) -> None:
        then = client.get("/territoires/commune/93066?at=2020-01-01")
        assert "Au 1er janvier 2020, Saint-Denis (93066) était une commune" in words(then.text)
        assert "entre Pierrefitte-sur-Seine et Saint-Denis" in words(then.text)
        gone = client.get("/territoires/commune/93059?at=2020-01-01")
        assert "Pierrefitte-sur-Seine (93059) était une commune." in words(gone.text)
        since = client.get("/territoires/commune/93059?at=2025-06-01")
        assert "était une commune déléguée de Saint-Denis" in words(since.text)

    def test_nothing_is_said_of_a_past_that_was_not_loaded(self, client: FlaskClient) -> None:
        page = client.get("/territoires/commune/93066?at=2020-01-01")
        assert 'data-notice="then"' not in page.text
        assert "Aucun changement connu" not in page.text

    @pytest.mark.parametrize("claim", ["35238", "99999", "93066", "<script>", "8"])
    def test_a_false_origin_is_ignored(self, client: FlaskClient, claim: str) -> None:
        page = client.get("/territoires/commune/93066", query_string={"depuis": claim})
        assert page.status_code == 200
        assert 'data-notice="origin"' not in page.text

    def test_other_names_are_listed_with_their_codes(self, client: FlaskClient) -> None:
        past = words(section(client.get("/territoires/commune/93066"), "past"))
        assert "Communes déléguées Pierrefitte-sur-Seine 93059" in past


def origin(page: TestResponse) -> str:
    found = re.search(
        r'<div class="notice" role="note" data-notice="origin">.*?</div>', page.text, re.S
    )
    assert found
    return words(found.group())


def commune(code: str, name: str, initiatives: int, population: int) -> TerritoryMember:
    return TerritoryMember(
        TerritoryPlace(Level.COMMUNE, code, name, ""), population, initiatives, 0
    )


class TestFiguresOfMembers:
    """Orders and classes, without a database."""

    def test_names_sort_without_article_or_accent(self) -> None:
        names = ["Le Mans", "Évron", "Laval", "Étampes", "Arles"]
        found = ordered([commune("1", name, 0, 1) for name in names], MemberSort.NAME)
        assert [one.place.name for one in found] == [
            "Arles",
            "Étampes",
            "Évron",
            "Laval",
            "Le Mans",
        ]

    def test_an_unknown_rate_comes_after_a_zero(self) -> None:
        members = [commune("1", "A", 0, 0), commune("2", "B", 0, 100), commune("3", "C", 1, 100)]
        found = ordered(members, MemberSort.RATE)
        assert [one.rate for one in found] == [100.0, 0.0, None]

    def test_where_nobody_lives_nobody_is_silent(self) -> None:
        members = [commune("1", "A", 0, 0), commune("2", "B", 0, 100), commune("3", "C", 1, 100)]
        silence = silence_of(members, shown=12)
        assert (silence.communes, silence.silent) == (2, 1)
        assert [place.name for place in silence.largest] == ["B"]


def test_the_picture_before_the_map_has_the_classes_of_its_key(
    client: FlaskClient, engine: Engine
) -> None:
    with engine.begin() as connection:
        insert(connection, [Made(commune="35238") for _ in range(3)])
    for path, codes in (
        ("/territoires/region/53", {"22", "29", "35", "56"}),
        ("/territoires", {"35"}),
    ):
        page = client.get(path).text
        (address,) = re.findall(r'<img src="(/coordination[^"]*\.svg[^"]*)"', page)
        drawing = client.get(html.unescape(address))
        assert drawing.status_code == 200
        shown = dict(re.findall(r'data-code="(\w+)" data-class="(-?\d)"', drawing.text))
        assert codes <= set(shown)
        assert shown["35"] != "0"
