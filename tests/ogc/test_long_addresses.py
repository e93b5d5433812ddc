"""Whatever address is accepted, the ones that its answer links can be followed to the end."""

import json
import random
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.gunicorn_conf import limit_request_line
from mapservice.ogc.parameters import ItemsCursor
from mapservice.web.edge import LONGEST_CURSOR, LONGEST_QUERY
from tests.ogc.web import Answer, fetch
from tests.web.population import Made, fill, population

ITEMS = "/ogc/collections/initiatives/items"


def followed(address: str, most: int = 200) -> list[str]:
    """Ids of all pages."""
    ids: list[str] = []
    for _ in range(most):
        answer: Answer = fetch(address)
        assert answer.status == 200, answer.body[:300]
        ids += [feature["id"] for feature in answer.json["features"]]
        following = answer.links("next")
        if not following:
            return ids
        address = following[0]["href"]
    pytest.fail("there is no last page")


def longest(start: str, condition: str, joined: str) -> str:
    """A query as long as may be."""
    query, more = start + condition, joined + condition
    while len(query) + len(more) <= LONGEST_QUERY:
        query += more
    return query + "&f=json"


@pytest.mark.parametrize(
    "query",
    [
        longest("limit=50&filter=", "title%20%3C%3E%20'%C3%A9'", "%20AND%20"),
        longest("limit=50&sortby=title&filter=", "title%3C%3E'x'", "%20AND%20"),
        longest("limit=50&sortby=-summary,title,url&filter=", "supporters%3E=0", "%20OR%20"),
        longest("limit=50&bbox=-60,-30,60,60&filter=", "(supporters%3E=0)", "+AND+"),
    ],
)
def test_the_longest_filter_is_followed_to_the_end(live_server: str, query: str) -> None:
    expected = fetch(f"{live_server}{ITEMS}?limit=10000").json["features"]
    if "bbox" in query:
        expected = fetch(f"{live_server}{ITEMS}?limit=10000&bbox=-60,-30,60,60").json["features"]
    ids = followed(f"{live_server}{ITEMS}?{query}")
    assert sorted(ids) == sorted(feature["id"] for feature in expected)


def test_a_longer_filter_is_refused_on_its_first_page(live_server: str) -> None:
    query = longest("filter=", "supporters%3E=0", "%20OR%20") + "&limit=" + "0" * 30
    refusal = fetch(f"{live_server}{ITEMS}?{query}")
    assert (refusal.status, refusal.json["field"]) == (400, "query")


def test_what_no_address_may_hold_counts_as_it_is_escaped(app_doors: FlaskClient) -> None:
    """A page links its next one with these escaped, three times as long."""
    raw = "q=" + "é" * 150 + "&filter=title%3C%3E'" + '"' * 1500 + "'"
    refusal = app_doors.get(f"{ITEMS}?limit=1&{raw}")
    assert (refusal.status_code, refusal.get_json()["field"]) == (400, "query")


@pytest.fixture
def app_doors(client: FlaskClient, engine: Engine) -> FlaskClient:
    """Initiatives with the longest texts there can be, of letters that hardly compress."""
    fill(engine, population(10))
    generator = random.Random(4)
    with engine.begin() as connection:
        for (identifier,) in connection.execute(text("SELECT id FROM initiative")).all():
            letters = "".join(chr(generator.randrange(0x20000, 0x2A6DF)) for _ in range(700))
            connection.execute(
                text("UPDATE initiative SET title = :title, summary = :summary WHERE id = :id"),
                {"title": letters[:200], "summary": letters[200:], "id": identifier},
            )
    return client


def test_the_longest_texts_fit_into_a_cursor(app_doors: FlaskClient) -> None:
    keys = "title,summary,commune_name,url,theme,status,scale,precision,epci,created_at,updated_at"
    longest_query = f"limit=1&sortby={keys}&filter="
    while len(longest_query) < LONGEST_QUERY - len("+OR+supporters%3E=0"):
        longest_query += "supporters%3E=0+OR+"
    longest_query = longest_query.removesuffix("+OR+")
    address: str | None = f"{ITEMS}?{longest_query}"
    ids = []
    while address:
        answer = app_doors.get(address)
        assert answer.status_code == 200, answer.text
        ids += [feature["id"] for feature in answer.get_json()["features"]]
        following = [link for link in answer.get_json()["links"] if link["rel"] == "next"]
        address = following[0]["href"].removeprefix("http://map.test") if following else None
        if address:
            assert len(f"GET {address} HTTP/1.1\r\n") <= limit_request_line
            assert len(address.partition("cursor=")[2]) <= LONGEST_CURSOR
    whole = app_doors.get(f"{ITEMS}?limit=100").get_json()["features"]
    assert sorted(ids) == sorted(feature["id"] for feature in whole)
    assert len(ids) > 1


def test_a_cursor_that_unpacks_to_no_end_is_refused(client: FlaskClient) -> None:
    bomb = ItemsCursor.after(["x" * 50_000, "y"]).text
    refusal = client.get(f"{ITEMS}?sortby=title&cursor={quote(bomb)}")
    assert (refusal.status_code, refusal.get_json()["field"]) == (400, "cursor")


@pytest.mark.parametrize("path", ["/initiatives.geojson", "/initiatives.atom"])
def test_other_lists_too(client: FlaskClient, engine: Engine, path: str) -> None:
    communes = ["35238", "75056", "13055", "69123", "2A004"]
    fill(engine, [Made(commune=code) for code in communes for _ in range(3)])
    with engine.connect() as connection:
        codes = connection.execute(
            text("SELECT code FROM territory WHERE level = 'commune' ORDER BY code LIMIT 95")
        ).scalars()
        named = ",".join(f"commune:{code}" for code in [*communes, *codes])
    query = f"limit=2&territory={named}&theme=culture,habitat,environnement"
    address: str | None = f"{path}?{query}"
    pages = 0
    while address:
        answer = client.get(address)
        assert answer.status_code == 200, answer.text
        pages += 1
        address = _next(answer.text, path)
    assert pages > 1


def _next(body: str, path: str) -> str | None:
    if path.endswith(".atom"):
        found = [line for line in body.split("<") if line.startswith("link") and "next" in line]
        if not found:
            return None
        href = found[0].partition('href="')[2].partition('"')[0]
        return href.replace("&amp;", "&").removeprefix("http://map.test")
    links = [link for link in json.loads(body)["links"] if link["rel"] == "next"]
    return links[0]["href"].removeprefix("http://map.test") if links else None
