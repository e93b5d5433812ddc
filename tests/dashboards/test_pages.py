"""Coordination pages and files: one filter, the same figures at every door, plain refusals."""

import csv
import html
import io
import json
import re
import zipfile
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.dashboards.model import PARTS, DashboardFigure
from mapservice.static_maps.model import mercator

ROWS = """\
title,city,postcode,theme,status,created
Verger partagé,Plouha,22580,environnement,en cours,2026-01-10
Bourse aux vélos,Plouha,22580,mobilite,réalisée,2026-02-10
Repas de quartier,Rennes,35000,culture,en cours,2026-02-20
Atelier vélo,Rennes,35000,mobilite,en cours,2026-03-02
"""
PLACES = ("", "/region/53", "/departement/35", "/epci/243500139", "/commune/35238")


@pytest.fixture
def initiatives(
    client: FlaskClient, engine: Engine, import_rows: Callable[[str], list[str]]
) -> FlaskClient:
    assert import_rows(ROWS) == ["imported"] * 4
    dates = {"Verger": "2026-01-10", "Bourse": "2026-02-10", "Repas": "2026-02-20"}
    with engine.begin() as connection:
        for title, day in dates.items():
            connection.execute(
                text("UPDATE initiative SET created_at = :day WHERE title LIKE :title || '%'"),
                {"title": title, "day": day},
            )
    return client


def words(part: str) -> str:
    bare = html.unescape(re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", part, flags=re.S))
    return " ".join(bare.split())


def table(page: str) -> dict[str, list[str]]:
    body = page.split('id="membres"')[1].split("<tbody>")[1].split("</tbody>")[0]
    cells = [re.findall(r"<t[hd].*?</t[hd]>", row, re.S) for row in body.split("</tr>")[:-1]]
    return {words(row[0]): [words(cell) for cell in row[1:]] for row in cells}


def lines(client: FlaskClient, address: str) -> dict[str, dict[str, str]]:
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.content_type == "text/csv; charset=utf-8"
    return {row["code"]: row for row in csv.DictReader(io.StringIO(answer.text))}


@pytest.mark.parametrize("place", PLACES)
def test_every_figure_and_division_has_a_page(initiatives: FlaskClient, place: str) -> None:
    levels = {str(level or ""): parts for level, parts in PARTS.items()}
    for by in levels[place.split("/")[1] if place else ""]:
        for figure in DashboardFigure:
            answer = initiatives.get(f"/coordination{place}?by={by}&figure={figure}")
            refused = figure is DashboardFigure.SILENT and by == "commune"
            assert answer.status_code == (400 if refused else 200), (by, figure)


def test_nothing_at_all_is_a_page_too(client: FlaskClient) -> None:
    for place in PLACES:
        assert client.get(f"/coordination{place}").status_code == 200
        assert client.get(f"/coordination{place}/silence").status_code == 200


@pytest.mark.parametrize("until", ["0001-01-31", "0001-12-31", "9998-12-31"])
def test_the_ends_of_the_calendar_are_pages_too(initiatives: FlaskClient, until: str) -> None:
    for door in ("/coordination", "/coordination.json"):
        answer = initiatives.get(f"{door}?figure=change&until={until}")
        assert answer.status_code == 200


def test_the_band_and_the_table_say_the_same(initiatives: FlaskClient) -> None:
    page = initiatives.get("/coordination/region/53").text
    band = words(page.split('class="band-figures">')[1].split("</dl>")[0])
    assert band.startswith("initiatives dont 1 sans date connue 4 ")
    found = table(page)
    assert {name: row[1] for name, row in found.items()} == {
        "Côtes-d'Armor": "2",
        "Ille-et-Vilaine": "2 dont 1 sans date connue",
        "Morbihan": "0",
        "Finistère": "0",
    }
    assert "1 200 sur 1 202" in band.replace("\u202f", " ")


@pytest.mark.parametrize(
    ("query", "counts"),
    [
        ("", {"22": "2", "29": "0", "35": "2", "56": "0"}),
        ("theme=mobilite", {"22": "1", "29": "0", "35": "1", "56": "0"}),
        ("status=done", {"22": "1", "29": "0", "35": "0", "56": "0"}),
        ("since=2026-02-01&until=2026-02-28", {"22": "1", "29": "0", "35": "1", "56": "0"}),
        ("until=2026-01-31", {"22": "1", "29": "0", "35": "0", "56": "0"}),
    ],
)
def test_one_filter_at_every_door(
    initiatives: FlaskClient, query: str, counts: dict[str, str]
) -> None:
    found = lines(initiatives, f"/coordination/region/53.csv?{query}")
    assert {code: row["initiatives"] for code, row in found.items()} == counts
    columns = initiatives.get(f"/coordination/region/53.json?figure=initiatives&{query}").json
    assert columns is not None
    told = dict(zip(columns["codes"].split(","), columns["values"], strict=True))
    assert told == {code: float(count) for code, count in counts.items()}
    page = table(initiatives.get(f"/coordination/region/53?{query}").text)
    # Beside the figure stands how many are of no known day.
    assert sorted(row[1].split()[0] for row in page.values()) == sorted(counts.values())
    book = initiatives.get(f"/coordination/region/53.xlsx?{query}")
    with zipfile.ZipFile(io.BytesIO(book.data)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    cells = re.findall(r'<c r="D(\d+)"[^>]*><v>(\d+)</v>', sheet)[1:]
    assert [value for _, value in cells] == list(counts.values())


def test_zero_and_unknown_differ(initiatives: FlaskClient) -> None:
    """Beaumont-en-Verdunois has no inhabitants: nothing can be said of it, nor is it silent."""
    columns = initiatives.get("/coordination/departement/55.json").json
    assert columns is not None
    classes = dict(zip(columns["codes"].split(","), columns["classes"], strict=True))
    assert classes["55039"] == -1
    assert classes["55545"] == 0
    found = lines(initiatives, "/coordination/departement/55.csv")
    assert (found["55039"]["silence"], found["55039"]["per_10000_inhabitants"]) == ("", "")
    assert (found["55545"]["silence"], found["55545"]["per_10000_inhabitants"]) == ("empty", "0.0")


def test_the_local_share_is_of_those_who_told(initiatives: FlaskClient, engine: Engine) -> None:
    """Of Plouha's three supporters one told Paris, one Plouha; of Rennes's two nobody told."""
    with engine.begin() as connection:
        for title, commune in (
            ("Verger", "22222"), ("Verger", "75056"), ("Bourse", None), ("Repas", None),
            ("Atelier", None),
        ):  # fmt: skip
            connection.execute(
                text(
                    "WITH somebody AS (INSERT INTO person (email, email_key)"
                    " SELECT address, address FROM (SELECT gen_random_uuid() || '@example.org'"
                    " AS address) AS made RETURNING id)"
                    " INSERT INTO support (initiative, person, commune)"
                    " SELECT initiative.id, somebody.id, :commune FROM initiative, somebody"
                    " WHERE title LIKE :title || '%'"
                ),
                {"title": title, "commune": commune},
            )
    found = lines(initiatives, "/coordination/region/53.csv")
    told = {
        code: (row["supports_with_commune"], row["supports_local"]) for code, row in found.items()
    }
    assert (told["22"], told["35"]) == (("2", "1"), ("0", "0"))
    columns = initiatives.get("/coordination/region/53.json?figure=local").json
    assert columns is not None
    shares = dict(zip(columns["codes"].split(","), columns["values"], strict=True))
    assert shares == {"22": 50.0, "29": None, "35": None, "56": None}
    assert dict(zip(columns["codes"].split(","), columns["of"], strict=True))["22"] == 2
    page = initiatives.get("/coordination/region/53?figure=local")
    assert (table(page.text)["Côtes-d'Armor"][5], table(page.text)["Ille-et-Vilaine"][5]) == (
        "50 % sur 2",
        "–",
    )
    band = words(page.text.split('class="band-figures">')[1].split("</dl>")[0])
    assert "d’ici : 50 % des 2 qui disent leur commune" in band


def test_overseas_is_beside_every_map_of_france(initiatives: FlaskClient) -> None:
    for query, outlines in (("", 5), ("?by=epci", 23), ("?by=commune", 129)):
        page = initiatives.get(f"/coordination{query}").text
        shaded = page.split('id="outre-mer-0"')[1].split("</ul>")[0]
        assert shaded.count("data-code=") == outlines
        names = re.findall(r"<span>([^<]*)", shaded)
        assert names == ["Guadeloupe", "Martinique", "Guyane", "La Réunion", "Mayotte"]
        around = page.split('id="outre-mer-1"')[1].split("</ul>")[0]
        assert around.count("data-code=") == 129  # of each commune, what lies around
    assert "outre-mer-0" not in initiatives.get("/coordination/region/53").text


def test_a_heading_sorts_and_turns_round(initiatives: FlaskClient) -> None:
    down = initiatives.get("/coordination/departement/22?sort=name").text
    up = initiatives.get("/coordination/departement/22?sort=-name").text
    assert 'aria-sort="ascending"' in down
    assert 'aria-sort="descending"' in up
    assert next(iter(table(down))).startswith("A")
    assert next(iter(table(up))).startswith("Y")
    assert next(iter(table(initiatives.get("/coordination/departement/22").text))) == "Plouha"


def test_links_down_keep_the_filter(initiatives: FlaskClient) -> None:
    page = initiatives.get("/coordination?theme=mobilite&figure=initiatives").text
    assert 'href="/coordination/region/53?theme=mobilite&amp;figure=initiatives"' in page


def test_two_territories_side_by_side_share_their_classes(initiatives: FlaskClient) -> None:
    page = initiatives.get("/coordination/region/53?with=region:28&figure=initiatives").text
    maps = json.loads(page.split('id="coordination-maps">')[1].split("</script>")[0])
    assert [one["figure"] for one in maps] == ["initiatives", "initiatives"]
    assert [one["figures"].split("?")[0] for one in maps] == [
        "/coordination/region/53.json",
        "/coordination/region/28.json",
    ]
    assert len({one["figures"].split("?")[1] for one in maps}) == 1
    assert page.count('class="band-figures"') == 2


def test_a_map_keeps_its_bounds_while_months_pass(initiatives: FlaskClient) -> None:
    address = "/coordination/region/53.json?figure=initiatives&breaks=1,2&until=2026-02-28&brief=1"
    columns = initiatives.get(address).json
    assert columns is not None
    assert columns["classes"] == [3, 0, 2, 0]
    assert not {"names", "codes", "frame"} & set(columns)


def test_a_live_map_shows_what_its_drawing_does(initiatives: FlaskClient) -> None:
    """Around Brittany, a square of the map (EPSG:3857) with a margin of 3 %."""
    for name in ("", "/density"):
        columns = initiatives.get(f"/coordination/region/53{name}.json").json
        assert columns is not None
        west, south, east, north = columns["frame"]
        [(left, bottom), (right, top)] = mercator(west, south), mercator(east, north)
        assert right - left == pytest.approx(top - bottom)
        assert (west, east) == pytest.approx((-5.26, -0.9), abs=0.2)
        assert 47.2 > south > 46
        assert 49 < north < 50.5


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("/coordination?figure=bonheur", "figure"),
        ("/coordination?by=canton", "by"),
        ("/coordination/departement/35?by=region", "by"),
        ("/coordination?sort=hasard", "sort"),
        ("/coordination?with=region:99", "with"),
        ("/coordination/region/53?with=region:53", "with"),
        ("/coordination?since=2026-01-15", "since"),
        ("/coordination?q=velo", "q"),
        ("/coordination?territory=region:53", "territory"),
        ("/coordination.json?breaks=3,2", "breaks"),
        ("/coordination?page=2", "page"),
        ("/coordination.csv?limit=3", "limit"),
    ],
)
def test_a_bad_parameter_is_named(client: FlaskClient, address: str, field: str) -> None:
    answer = client.get(address, headers={"Accept": "application/json"})
    assert answer.status_code == 400
    assert field in answer.text


@pytest.mark.parametrize(
    "address",
    ["/coordination/region/99", "/coordination/canton/3501", "/coordination/region/99.csv",
     "/coordination/region/99.svg", "/coordination/region/99/density.json",
     "/tiles/outlines/canton/4/8/5.pbf"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 404


def test_outlines_are_there_from_afar(client: FlaskClient) -> None:
    for level in ("region", "departement", "epci", "commune"):
        answer = client.get(f"/tiles/outlines/{level}/5/15/11.pbf")
        assert answer.status_code == 200
        assert b"areas" in answer.data[:20]


def test_pages_are_not_for_search_engines(client: FlaskClient) -> None:
    assert '<meta name="robots" content="noindex">' in client.get("/coordination").text


def test_the_picture_of_all_communes(initiatives: FlaskClient) -> None:
    """Its numbers are those of the figures' codes."""
    answer = initiatives.get("/tiles/outlines/commune.mosaic")
    assert answer.status_code == 200
    size = int.from_bytes(answer.data[:4], "little")
    header = json.loads(answer.data[4 : 4 + size])
    columns = initiatives.get("/coordination.json?by=commune").json
    assert columns is not None
    codes = columns["codes"].split(",")
    assert codes == sorted(codes)
    assert header["count"] == len(codes) == len(columns["classes"])
    again = {"If-None-Match": answer.headers["ETag"]}
    assert initiatives.get("/tiles/outlines/commune.mosaic", headers=again).status_code == 304
    small = initiatives.get(
        "/tiles/outlines/commune.mosaic", headers={"Accept-Encoding": "br"}, buffered=True
    )
    assert small.headers["Content-Encoding"] == "br"
    assert len(small.data) < len(answer.data) / 2


def test_no_other_level_has_a_picture(initiatives: FlaskClient) -> None:
    for level in ("region", "canton", "x" * 200):
        assert initiatives.get(f"/tiles/outlines/{level}.mosaic").status_code == 404
    assert initiatives.get("/tiles/outlines/commune.mosaic?x=1").status_code == 400


def test_a_table_has_every_departement_and_the_first_of_many_communes(
    initiatives: FlaskClient,
) -> None:
    departements = table(initiatives.get("/coordination?by=departement").text)
    assert len(departements) == 101
    communes = initiatives.get("/coordination?by=commune").text
    assert len(table(communes)) == 50
    assert "50 sur 34" in communes
