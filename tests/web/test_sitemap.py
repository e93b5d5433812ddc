"""The sitemap lists every territory and public initiative once; heads tell machines the rest."""

import json
import re
from collections.abc import Iterator
from html import unescape
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.site import sitemap_queries
from tests.web.population import Kept, Made, fill, insert

NAMES = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
POINT = Made(
    id="0197f000-0000-4000-8000-000000000001",
    title="</script><b>Un jardin",
    precision="point",
    commune="35238",
    lon=-1.675,
    lat=48.111,
)


def addresses(client: FlaskClient, path: str) -> Iterator[str]:
    answer = client.get(path.removeprefix("http://map.test"))
    assert answer.status_code == 200
    assert answer.content_type == "application/xml; charset=utf-8"
    for node in ET.fromstring(answer.data):
        assert node.findtext("s:lastmod", "2026-01-01T00:00:00Z", NAMES).endswith("Z")
        yield node.findtext("s:loc", "", NAMES)


def whole(client: FlaskClient) -> list[str]:
    return [page for part in addresses(client, "/sitemap.xml") for page in addresses(client, part)]


def test_every_public_initiative_is_listed_once_in_parts(
    doors: FlaskClient, initiatives: list[Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sitemap_queries, "PART", 70)
    listed = [page for page in whole(doors) if "/initiatives/" in page]
    public = {one.id for one in initiatives if one.status in ("published", "done", "archived")}
    assert sorted(listed) == sorted(f"http://map.test/initiatives/{key}" for key in public)
    parts = [part for part in addresses(doors, "/sitemap.xml") if "initiatives-" in part]
    assert len(parts) == -(-len(initiatives) // 70)


def test_every_territory_is_listed_once(client: FlaskClient, engine: Engine) -> None:
    listed = [page for page in whole(client) if re.search(r"/territoires/\w+/", page)]
    with engine.connect() as connection:
        count = connection.execute(text("SELECT count(*) FROM territory")).scalar_one()
    assert len(listed) == len(set(listed)) == count
    assert "http://map.test/territoires/departement/2A" in listed


def test_no_part_is_longer_than_the_protocol_allows(client: FlaskClient) -> None:
    assert sitemap_queries.PART < 50_000
    for part in addresses(client, "/sitemap.xml"):
        assert len(list(addresses(client, part))) < 50_000


def test_a_territory_changed_when_its_latest_initiative_did(
    client: FlaskClient, engine: Engine
) -> None:
    """By our clock: its source may tell another day, or none."""
    fill(engine, [Made(commune="35238", created_at="1999-02-03T04:05:06+00:00")])
    with engine.connect() as connection:
        changed = connection.execute(text("SELECT changed_at FROM initiative")).scalar_one()
    page = client.get("/sitemaps/territoires-commune.xml").text
    rennes = re.search(r"/35238</loc><lastmod>([^<]+)<", page)
    assert rennes
    assert rennes[1] == f"{changed:%Y-%m-%dT%H:%M:%SZ}"


def test_robots_are_shown_the_sitemap(client: FlaskClient) -> None:
    answer = client.get("/robots.txt")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert "Sitemap: http://map.test/sitemap.xml" in answer.text


@pytest.mark.parametrize(
    "path", ["/sitemaps/territoires-canton.xml", "/sitemaps/initiatives-x.xml"]
)
def test_a_part_that_is_none_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def head(client: FlaskClient, path: str) -> tuple[dict[str, str], dict[str, str], list[object]]:
    """Of a page: its links by relation and language, its properties, its linked data."""
    html = client.get(path).text
    found = re.findall(
        r'<link rel="(canonical|alternate)"(?: hreflang="([^"]+)")? href="([^"]+)"', html
    )
    links = {language or relation: unescape(address) for relation, language, address in found}
    metas = re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)"', html)
    data = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    return links, {k: unescape(v) for k, v in metas}, [json.loads(one) for one in data]


@pytest.mark.parametrize(
    ("path", "canonical", "picture", "kind"),
    [
        ("/", "/", "/dessins/france.png", "WebSite"),
        (
            "/initiatives?theme=culture",
            "/initiatives?theme=culture",
            "/dessins/carte.png?theme=culture",
            "ItemList",
        ),
        (
            "/initiatives?territory=departement:35&sort=supported&q=jardin",
            "/initiatives?territory=departement:35",
            "/dessins/carte.png?q=jardin&territory=departement:35",
            "ItemList",
        ),
        (
            f"/initiatives/{POINT.id}",
            f"/initiatives/{POINT.id}",
            f"/dessins/initiatives/{POINT.id}.png",
            "Project",
        ),
    ],
)
def test_a_page_has_one_address_one_picture_and_linked_data(
    client: FlaskClient, engine: Engine, path: str, canonical: str, picture: str, kind: str
) -> None:
    with engine.begin() as connection:
        insert(connection, [POINT])
    links, metas, data = head(client, path)
    assert links["canonical"] == f"http://map.test{canonical}"
    assert links["fr"] == links["x-default"] == links["canonical"]
    assert links["en"] == f"http://map.test{canonical}{'&' if '?' in canonical else '?'}lang=en"
    assert metas["og:url"] == links["canonical"]
    assert metas["og:image"] == f"http://map.test{picture}"
    assert metas["og:title"]
    assert metas["og:description"]
    assert client.get(picture).content_type == "image/png"
    (told,) = data
    assert isinstance(told, dict)
    assert told["@type"] == kind


def test_the_english_page_is_its_own_canonical(client: FlaskClient) -> None:
    links, metas, _ = head(client, "/territoires/commune/35238?lang=en")
    assert links["canonical"] == links["en"]
    assert links["canonical"].endswith("/territoires/commune/35238?lang=en")
    assert metas["og:locale"] == "en_GB"


def test_linked_data_of_an_initiative_claims_no_more_than_is_known(
    client: FlaskClient, engine: Engine
) -> None:
    vague = Made(commune="35238")
    with engine.begin() as connection:
        insert(connection, [POINT, vague])
    _, _, (exact,) = head(client, f"/initiatives/{POINT.id}")
    _, _, (somewhere,) = head(client, f"/initiatives/{vague.id}")
    assert isinstance(exact, dict)
    assert isinstance(somewhere, dict)
    assert exact["name"] == POINT.title
    assert exact["location"]["geo"]["latitude"] == 48.111
    assert "geo" not in somewhere["location"]
    assert somewhere["location"]["name"] == "Rennes"


def test_searches_and_further_pages_are_not_indexed(client: FlaskClient) -> None:
    for path, indexed in (
        ("/initiatives", True),
        ("/initiatives?theme=culture", True),
        ("/initiatives?q=jardin", False),
        ("/initiatives?bbox=1,2,3,4", False),
        ("/?theme=culture", False),
        ("/autour-de-moi?near=1,48", False),
    ):
        assert ("robots" not in head(client, path)[1]) == indexed, path
