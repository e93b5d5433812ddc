"""Drawn maps: valid, told in words, of the right place, cached, and bounded whatever there is."""

from io import BytesIO
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.static_maps.drawing import ALONE
from mapservice.static_maps.model import LIGHT, DrawingFrame, DrawingMark, mark_svg, mercator
from tests.web.population import Made, fill, insert

SVG = {"s": "http://www.w3.org/2000/svg"}
POINT = Made(
    id="0197f000-0000-4000-8000-000000000001",
    precision="point",
    commune="35238",
    lon=-1.675,
    lat=48.111,
    title="Un <jardin> & co",
)


def drawn(client: FlaskClient, address: str) -> ET.Element:
    answer = client.get(address)
    assert answer.status_code == 200, address
    assert answer.content_type == "image/svg+xml"
    return ET.fromstring(answer.data)


def dots(root: ET.Element) -> list[tuple[float, float]]:
    circles = root.findall(".//s:circle", SVG)
    return [(float(one.get("cx", "")), float(one.get("cy", ""))) for one in circles]


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("/dessins/france.svg", "Carte de France"),
        ("/dessins/region/53.svg", "Carte de Bretagne"),
        ("/dessins/departement/2A.svg", "Carte de la Corse-du-Sud"),
        ("/dessins/epci/243500139.svg", "Carte de Rennes Métropole"),
        ("/dessins/commune/97411.svg?teinte=sombre", "Carte de Saint-Denis"),
        ("/dessins/autour/-1.68,48.11.svg?radius=2000", "Le cercle choisi"),
    ],
)
def test_a_drawing_is_told_in_words_and_holds_no_style(
    client: FlaskClient, address: str, title: str
) -> None:
    root = drawn(client, address)
    assert root.get("role") == "img"
    assert root.findtext("s:title", "", SVG) == title
    assert root.findtext("s:desc", "", SVG)
    assert len(root.findall("s:path", SVG)) >= 2
    assert {name for node in root.iter() for name in node.attrib if name == "style"} == set()


def test_a_point_is_drawn_where_it_is(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        insert(connection, [POINT])
    (west, south, east, north) = (-1.7525, 48.0769, -1.6244, 48.1549)  # Rennes, about
    ((x, y),) = dots(drawn(client, "/dessins/commune/35238.svg"))
    frame = DrawingFrame.around((west, south, east, north), 640, 480)
    expected = frame.place(*mercator(-1.675, 48.111))
    assert (x, y) == pytest.approx(expected, abs=6)


def test_a_commune_is_shaded_and_its_dot_is_no_point(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        insert(connection, [Made(commune="35238"), Made(commune="35238")])
    root = drawn(client, "/dessins/departement/35.svg")
    assert root.findall("s:path[@fill-opacity='0.14']", SVG)
    (circle,) = root.findall(".//s:circle", SVG)
    assert circle.get("stroke-dasharray")
    assert "2" in [one.text for one in root.findall(".//s:text", SVG)]


def test_what_lies_in_a_neighbour_is_not_drawn(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        insert(connection, [POINT, Made(commune="35051")])
    assert len(dots(drawn(client, "/dessins/commune/35051.svg"))) == 1


def test_many_initiatives_become_few_marks(client: FlaskClient, engine: Engine) -> None:
    many = [
        Made(precision="point", commune="35238", lon=-1.72 + n * 1e-4, lat=48.10, title=str(n))
        for n in range(ALONE + 100)
    ]
    fill(engine, many)
    for address in ("/dessins/commune/35238.svg", "/dessins/region/53.svg", "/dessins/france.svg"):
        root = drawn(client, address)
        words = [node.text or "" for node in root.findall(".//s:text", SVG)]
        counts = [int(word) for word in words if word.isdigit()]
        singles = len(dots(root)) - len(counts)
        assert sum(counts) + singles == len(many)
        assert len(dots(root)) < 40


def test_a_point_and_a_territory_of_an_initiative(client: FlaskClient, engine: Engine) -> None:
    region = Made(precision="region", region="53", title="Partout en Bretagne")
    with engine.begin() as connection:
        insert(connection, [POINT, region])
    at_point = drawn(client, f"/dessins/initiatives/{POINT.id}.svg")
    assert len(dots(at_point)) == 1
    assert at_point.findtext("s:desc", "", SVG) == POINT.title
    somewhere = drawn(client, f"/dessins/initiatives/{region.id}.svg")
    assert dots(somewhere) == []
    assert somewhere.findall("s:path[@fill-opacity='0.14']", SVG)


@pytest.mark.parametrize(
    "address",
    ["/dessins/france.png", "/dessins/commune/35238.png", f"/dessins/initiatives/{POINT.id}.png"],
)
def test_pictures_of_links_are_1200_by_630(
    client: FlaskClient, engine: Engine, address: str
) -> None:
    with engine.begin() as connection:
        insert(connection, [POINT])
    answer = client.get(address)
    assert answer.content_type == "image/png"
    head = BytesIO(answer.data).read(24)
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(head[16:20]), int.from_bytes(head[20:24])) == (1200, 630)


def test_an_unchanged_drawing_is_not_sent_again(client: FlaskClient) -> None:
    first = client.get("/dessins/departement/35.svg")
    assert "max-age=3600" in first.headers["Cache-Control"]
    again = client.get(
        "/dessins/departement/35.svg", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert again.status_code == 304


def test_a_circle_is_kept_by_nobody(client: FlaskClient) -> None:
    answer = client.get("/dessins/autour/-1.68,48.11.svg?radius=2000")
    assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/dessins/commune/00000.svg", 404),
        ("/dessins/canton/35.svg", 404),
        ("/dessins/commune/35238.svg?teinte=rose", 400),
        ("/dessins/commune/35238.png?teinte=claire", 400),
        ("/dessins/initiatives/none.svg", 404),
        ("/dessins/autour/1,89.svg?radius=1000", 400),
        ("/dessins/autour/1,45.svg", 400),
        ("/dessins/autour/1,45.svg?radius=nan", 400),
        ("/dessins/autour/x.svg?radius=10", 400),
    ],
)
def test_what_cannot_be_drawn_is_said(client: FlaskClient, address: str, status: int) -> None:
    assert client.get(address).status_code == status


def test_marks_grow_with_their_count() -> None:
    few, many = (mark_svg(DrawingMark(10, 10, count, True), LIGHT) for count in (2, 2_000))
    assert 'r="6.9"' in few
    assert 'r="15.9"' in many
    assert ">2000<" in many


def test_a_circle_shows_the_initiatives_in_it(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        insert(connection, [POINT, Made(commune="35238"), Made(commune="29155")])
    root = drawn(client, "/dessins/autour/-1.68,48.11.svg?radius=5000")
    dashed = [one for one in root.findall(".//s:circle", SVG) if one.get("stroke-dasharray")]
    assert len(dots(root)) == 2
    assert len(dashed) == 1


def test_france_has_its_overseas_regions(client: FlaskClient) -> None:
    drawn = client.get("/dessins/france.svg").text
    for name in ("Guadeloupe", "Martinique", "Guyane", "La Réunion", "Mayotte"):
        assert f">{name}</text></svg>" in drawn
    assert "Mayotte" not in client.get("/dessins/region/53.svg").text
