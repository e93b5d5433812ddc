"""oEmbed: what a consumer is told of each kind of address, and each error of the specification."""

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient

from tests.site.embed.few import CHOIR, DRAFT, GARDEN

HERE = "http://map.test"


class Frames(HTMLParser):
    """Every element of a piece of HTML, with its attributes as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def frame_of(html: str) -> dict[str, str | None]:
    """The attributes of the one element, an iframe, that it is."""
    ((tag, attributes),) = Frames(html).found
    assert tag == "iframe"
    return attributes


def told(client: FlaskClient, url: str, **more: object) -> Any:
    return client.get("/oembed", query_string={"url": url, **more})


@pytest.mark.parametrize(
    ("url", "embed", "title"),
    [
        ("/", "/embed", "Initiatives locales"),
        ("/initiatives", "/embed", "Initiatives locales"),
        ("/initiatives?theme=culture&q=chorale", "/embed?q=chorale&theme=culture",
         "Initiatives\u00a0: «\u00a0chorale\u00a0», Culture"),
        (f"/initiatives/{GARDEN.id}", f"/embed/initiatives/{GARDEN.id}", GARDEN.title),
        ("/territoires/commune/35238", "/embed?territory=commune:35238",
         "Initiatives\u00a0: Rennes"),
        ("/territoires/commune/35238?sort=name", "/embed?territory=commune:35238",
         "Initiatives\u00a0: Rennes"),
        ("/territoires/commune/93059", "/embed?territory=commune:93066",
         "Initiatives\u00a0: Saint-Denis"),
        ("/territoires", "/embed", "Initiatives locales"),
        ("/embed?theme=culture&show=map&look=dark&lang=fr&limit=4",
         "/embed?theme=culture&limit=4&show=map&look=dark&lang=fr", "Initiatives\u00a0: Culture"),
        (f"/embed/initiatives/{GARDEN.id}?look=light&lang=fr",
         f"/embed/initiatives/{GARDEN.id}?look=light&lang=fr", GARDEN.title),
        ("/initiatives?territory=departement:35&lang=en", "/embed?territory=departement:35&lang=en",
         "Initiatives: Ille-et-Vilaine"),
    ],
)  # fmt: skip
def test_each_page_has_its_frame(filled: FlaskClient, url: str, embed: str, title: str) -> None:
    answer = told(filled, HERE + url)
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "application/json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    found = answer.get_json()
    assert (found["version"], found["type"]) == ("1.0", "rich")
    assert found["title"] == title
    assert (found["provider_name"], found["provider_url"]) == ("Initiatives locales", f"{HERE}/")
    frame = frame_of(found["html"])
    assert frame["src"] == HERE + embed
    assert frame["title"] == f"{title} · Initiatives locales"
    assert (frame["width"], frame["height"]) == (str(found["width"]), str(found["height"]))
    assert (found["thumbnail_width"], found["thumbnail_height"]) == (1200, 630)
    picture = filled.get(found["thumbnail_url"].removeprefix(HERE))
    assert picture.content_type == "image/png"
    framed = filled.get(embed)
    assert framed.status_code == 200
    assert framed.headers["Content-Security-Policy"].endswith("frame-ancestors *")


def test_xml_says_the_same(filled: FlaskClient) -> None:
    url = f"{HERE}/initiatives/{GARDEN.id}"
    answer = told(filled, url, format="xml")
    assert answer.content_type == "text/xml; charset=utf-8"
    root = ET.fromstring(answer.data)
    assert root.tag == "oembed"
    as_json = told(filled, url, format="json").get_json()
    assert {one.tag: one.text for one in root} == {k: str(v) for k, v in as_json.items()}


def test_xml_holds_no_character_that_it_cannot(filled: FlaskClient) -> None:
    answer = told(filled, f"{HERE}/initiatives?q=a%01b%EF%BF%BE", format="xml")
    assert answer.status_code == 200
    assert ET.fromstring(answer.data).findtext("title")


@pytest.mark.parametrize(
    ("most", "size", "has_picture"),
    [
        ({}, (640, 560), True),
        ({"maxwidth": 300}, (300, 560), False),
        ({"maxheight": 100}, (640, 100), False),
        ({"maxwidth": 1, "maxheight": 1}, (1, 1), False),
        ({"maxwidth": 5000, "maxheight": 5000}, (640, 560), True),
    ],
)
def test_no_bound_is_passed(
    filled: FlaskClient, most: dict[str, int], size: tuple[int, int], has_picture: bool
) -> None:
    found = told(filled, f"{HERE}/", **most).get_json()
    frame = frame_of(found["html"])
    assert (found["width"], found["height"]) == size
    assert (frame["width"], frame["height"]) == tuple(map(str, size))
    assert ("thumbnail_url" in found) is has_picture


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({}, 400, "url"),
        ({"url": f"{HERE}/", "maxwidth": "-1"}, 400, "maxwidth"),
        ({"url": f"{HERE}/", "maxwidth": "0"}, 400, "maxwidth"),
        ({"url": f"{HERE}/", "maxheight": "1e3"}, 400, "maxheight"),
        ({"url": f"{HERE}/", "callback": "x"}, 400, "callback"),
        ({"url": f"{HERE}/", "format": "yaml"}, 501, "format"),
        ({"url": "https://elsewhere.example/initiatives"}, 404, "url"),
        ({"url": "http://map.test.elsewhere.example/"}, 404, "url"),
        ({"url": "ftp://map.test/"}, 404, "url"),
        ({"url": "/initiatives"}, 404, "url"),
        ({"url": "http://[::1"}, 404, "url"),
        ({"url": f"{HERE}/methode"}, 404, "url"),
        ({"url": f"{HERE}/compte"}, 404, "url"),
        ({"url": f"{HERE}/initiatives?theme=rien"}, 404, "url"),
        ({"url": f"{HERE}/initiatives?lang=de"}, 404, "url"),
        ({"url": f"{HERE}/embed?show=all"}, 404, "url"),
        ({"url": f"{HERE}/initiatives/{DRAFT.id}"}, 404, "url"),
        ({"url": f"{HERE}/initiatives/x"}, 404, "url"),
        ({"url": f"{HERE}/initiatives/{GARDEN.id}/soutenir"}, 404, "url"),
        ({"url": f"{HERE}/territoires/commune/00000"}, 404, "url"),
        ({"url": f"{HERE}/territoires/canton/35"}, 404, "url"),
    ],
)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_errors_are_those_of_the_specification(
    filled: FlaskClient, query: dict[str, str], status: int, field: str, accept: str
) -> None:
    answer = filled.get("/oembed", query_string=query, headers={"Accept": accept})
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["field"] == field
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?theme=culture",
        "/initiatives",
        "/initiatives?q=chorale&territory=departement:35",
        f"/initiatives/{CHOIR.id}",
        "/territoires/commune/35238",
        "/embed?theme=culture",
        f"/embed/initiatives/{CHOIR.id}",
        "/initiatives?theme=culture&lang=en",
    ],
)
def test_pages_tell_where_their_frame_is_told_of(filled: FlaskClient, path: str) -> None:
    page = filled.get(path).text
    links = re.findall(
        r'<link rel="alternate" type="((?:application/json|text/xml)\+oembed)" href="([^"]+)"', page
    )
    assert [kind for kind, _ in links] == ["application/json+oembed", "text/xml+oembed"]
    for _, address in links:
        plain = address.replace("&amp;", "&")
        assert plain.startswith(f"{HERE}/oembed?url={quote(HERE, safe='')}")
        answer = filled.get(plain.removeprefix(HERE))
        assert answer.status_code == 200
        (url,) = parse_qs(urlsplit(plain).query)["url"]
        if "/embed" not in path:
            assert url == HERE + path


def test_the_address_of_the_request_is_ours_too(filled: FlaskClient) -> None:
    answer = filled.get("/oembed?url=http://127.0.0.1:9/", headers={"Host": "127.0.0.1:9"})
    assert answer.status_code == 200
