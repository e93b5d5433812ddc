"""What every answer carries: types, caching by kind, strong ETags, strict policies, open data."""

import re

import pytest
from flask.testing import FlaskClient

from mapservice.settings import asset_folder
from mapservice.web.edge import STATIC
from tests.web.population import Kept, column_row

RENNES = "{}/{}/{}".format(9, *column_row(9, -1.67, 48.11))
GEOJSON = "application/geo+json"
MVT = "application/vnd.mapbox-vector-tile"
CSV = "text/csv; charset=utf-8"
HTML = "text/html; charset=utf-8"

# Address, content type, Cache-Control.
WHOLE = [
    ("/initiatives.geojson?limit=5", GEOJSON, "public, max-age=60"),
    ("/tiles/initiatives.json", "application/json", "public, max-age=60"),
    (f"/tiles/initiatives/{RENNES}.pbf", MVT, "public, max-age=60"),
    (f"/tiles/initiatives/{RENNES}.geojson", GEOJSON, "public, max-age=60"),
    ("/tiles/initiatives/18/0/0.geojson", GEOJSON, "public, max-age=60"),
    ("/tiles/territories.json", "application/json", "public, max-age=60"),
    (f"/tiles/territories/{RENNES}.pbf", MVT, "public, max-age=86400"),
    (f"/tiles/territories/{RENNES}.geojson", GEOJSON, "public, max-age=86400"),
    ("/geocode/search?q=rennes", GEOJSON, "public, max-age=60"),
    ("/geocode/reverse?lon=-1.67&lat=48.11", GEOJSON, "public, max-age=60"),
]
STREAMS = [
    ("/initiatives.geojson", GEOJSON, "public, no-cache"),
    ("/initiatives.csv", CSV, "public, no-cache"),
    ("/activity/region.csv", CSV, "public, no-cache"),
    ("/activity/region.geojson", GEOJSON, "public, no-cache"),
]
PAGES = [
    ("/", HTML, "no-cache"),
    ("/initiatives", HTML, "no-cache"),
    ("/methode", HTML, "no-cache"),
]
DATA = [*WHOLE, *STREAMS, ("/activity/region.json", "application/json", "public, max-age=60")]


@pytest.mark.parametrize(("address", "content_type", "caching"), [*DATA, *PAGES])
def test_each_kind_has_its_type_and_its_time_to_live(
    doors: FlaskClient, address: str, content_type: str, caching: str
) -> None:
    response = doors.get(address, buffered=True)
    assert response.status_code == 200
    assert response.content_type == content_type
    assert response.headers["Cache-Control"] == caching


@pytest.mark.parametrize("address", [address for address, *_ in WHOLE])
def test_a_strong_etag_spares_the_same_answer(doors: FlaskClient, address: str) -> None:
    response = doors.get(address)
    etag = response.headers["ETag"]
    assert etag.startswith('"')
    again = doors.get(address, headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == etag
    assert again.headers["Cache-Control"] == response.headers["Cache-Control"]
    assert again.headers["Access-Control-Allow-Origin"] == "*"
    other = doors.get(address, headers={"If-None-Match": '"another"'})
    assert (other.status_code, other.data) == (200, response.data)


def test_an_etag_changes_with_the_answer(doors: FlaskClient) -> None:
    tags = {
        doors.get(f"/tiles/initiatives/{RENNES}.pbf{query}").headers["ETag"]
        for query in ("", "?theme=culture", "?status=archived", "?q=jardin")
    }
    assert len(tags) == 4


@pytest.mark.parametrize("address", [address for address, *_ in [*WHOLE, *STREAMS, *PAGES]])
def test_head_answers_as_get_without_a_body(doors: FlaskClient, address: str) -> None:
    whole, head = doors.get(address, buffered=True), doors.head(address, buffered=True)
    assert (head.status_code, head.data) == (200, b"")
    for name in ("Content-Type", "Cache-Control", "ETag", "Content-Disposition"):
        assert head.headers.get(name) == whole.headers.get(name)


@pytest.mark.parametrize("address", [address for address, *_ in DATA])
def test_data_are_open_to_pages_of_other_sites(doors: FlaskClient, address: str) -> None:
    headers = doors.get(address, buffered=True, headers={"Origin": "https://carte.example"}).headers
    assert headers["Access-Control-Allow-Origin"] == "*"
    exposed = headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Link", "ETag", "Content-Crs", "OGC-NumberMatched"} <= set(exposed)
    assert "Access-Control-Allow-Credentials" not in headers


@pytest.mark.parametrize("address", ["/", "/initiatives", "/methode", "/initiatives/x", "/nowhere"])
def test_pages_are_not(doors: FlaskClient, address: str) -> None:
    assert "Access-Control-Allow-Origin" not in doors.get(address).headers


@pytest.mark.parametrize(
    "address",
    [address for address, *_ in [*DATA, *PAGES]]
    + ["/nowhere", "/nowhere.json", "/initiatives?bbox=x", "/static/css/tokens.css"],
)
def test_every_answer_has_a_strict_policy(doors: FlaskClient, address: str) -> None:
    headers = doors.get(address, buffered=True).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = dict(
        part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["object-src"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] in ("'self'", "'none'")
    everything = headers["Content-Security-Policy"]
    for loose in ("unsafe-inline", "unsafe-eval", "http:", "https:", "*"):
        assert loose not in everything


def test_our_own_files_may_be_kept_for_a_year(doors: FlaskClient) -> None:
    response = doors.get("/static/css/tokens.css?v=1", buffered=True)
    assert "max-age=31536000" in response.headers["Cache-Control"]


SHEETS = re.compile(r"{% block sheets %}(.*?){% endblock %}")


def test_stylesheets_are_one_answer_in_the_order_asked(doors: FlaskClient) -> None:
    page = doors.get("/initiatives").text
    (address,) = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page)
    answer = doors.get(address)
    assert answer.content_type == "text/css; charset=utf-8"
    assert "max-age=31536000" in answer.headers["Cache-Control"]
    parts = [STATIC / "css" / f"{one}.css" for one in ("tokens", "components", "pages")]
    assert answer.text == "".join(one.read_text() for one in parts)


@pytest.mark.parametrize(
    "names",
    [
        "",
        "tokens+nothing",
        "tokens+tokens",
        "..%2ftokens",
        "tokens+",
        "tokens,pages",
        "x" * 900,
        "%00",
    ],
)
def test_no_other_stylesheet_is_made(doors: FlaskClient, names: str) -> None:
    assert doors.get(f"/styles/{names}.css").status_code == 404


def test_templates_name_stylesheets_that_are_there() -> None:
    named = [
        name
        for template in asset_folder("templates").rglob("*.html")
        for names in SHEETS.findall(template.read_text(encoding="utf-8"))
        for name in names.replace("{{ super() }}", "").split()
    ]
    assert {"pages", "atlas"} <= set(named)
    assert [name for name in named if not (STATIC / "css" / f"{name}.css").is_file()] == []


def test_the_font_asked_for_first_is_the_one_that_the_stylesheet_takes(doors: FlaskClient) -> None:
    preloaded = re.findall(r'<link rel="preload" href="([^"]+)" as="font"', doors.get("/").text)
    tokens = (STATIC / "css" / "tokens.css").read_text()
    assert len(preloaded) == 1
    assert f'url("{preloaded[0]}")' in tokens
    assert doors.get(preloaded[0], buffered=True).content_type == "font/woff2"


@pytest.mark.parametrize("address", ["/health/live", "/health/ready"])
def test_health_is_never_kept(doors: FlaskClient, address: str) -> None:
    response = doors.get(address)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"


def test_downloads_have_a_name(doors: FlaskClient) -> None:
    disposition = doors.get("/initiatives.csv", buffered=True).headers["Content-Disposition"]
    assert disposition == 'attachment; filename="initiatives.csv"'


def test_the_next_page_is_also_in_a_link_header(
    doors: FlaskClient, initiatives: list[Kept]
) -> None:
    response = doors.get("/initiatives.geojson?limit=5")
    following = next(link["href"] for link in response.get_json()["links"] if link["rel"] == "next")
    assert response.headers["Link"] == f'<{following}>; rel="next"'
