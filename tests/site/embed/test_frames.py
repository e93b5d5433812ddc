"""Pages for frames of other sites: their policy, their parameters, what they say and what not."""

import json
import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.app import create_app
from mapservice.errors import ConfigurationError
from mapservice.settings import Settings
from mapservice.web import edge
from mapservice.web.edge import SERVICES, Services
from tests.site.embed.few import CHOIR, DRAFT, GARDEN, REGIONAL
from tests.web.population import Made, insert

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " connect-src 'self'; worker-src 'self' blob:; font-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors "
)
ONE = f"/embed/initiatives/{GARDEN.id}"
FRAMES = ["/embed", "/embed?show=map&look=dark", "/embed?show=list&lang=en", "/embed?theme=x", ONE]
PAGES = [
    "/", "/initiatives", f"/initiatives/{GARDEN.id}", "/territoires/commune/35238", "/integrer",
    "/compte", "/proposer", "/embeds", "/oembed", "/initiatives.geojson", "/dessins/france.png",
    "/embed/dark/styles.css",
]  # fmt: skip


def ids(page: str) -> list[str]:
    return re.findall(r'data-id="([^"]+)"', page)


def served(database_url: str, **named: Any) -> Flask:
    return create_app(Settings(database_url=database_url, **named))


@pytest.mark.parametrize("address", FRAMES)
def test_a_frame_has_a_policy_of_its_own(filled: FlaskClient, address: str) -> None:
    headers = filled.get(address).headers
    assert headers["Content-Security-Policy"] == f"{POLICY}*"
    assert headers["Permissions-Policy"] == "geolocation=(), camera=(), microphone=()"
    assert "X-Frame-Options" not in headers


@pytest.mark.parametrize("address", PAGES)
def test_no_other_page_may_be_framed_elsewhere(filled: FlaskClient, address: str) -> None:
    policy = filled.get(address, buffered=True).headers["Content-Security-Policy"]
    assert policy.split("; ")[-1] == "frame-ancestors 'self'"


def test_all_views_but_two_are_closed_to_frames(app: Flask) -> None:
    open_ones = {name for name, view in app.view_functions.items() if edge.may_be_framed(view)}
    assert open_ones == {"embed.listing", "embed.initiative"}


@pytest.mark.parametrize(
    ("setting", "ancestors"),
    [
        ("", "*"),
        ("none", "'self'"),
        ("https://journal.example", "'self' https://journal.example"),
        (
            "https://*.example.org, http://127.0.0.1:8080",
            "'self' https://*.example.org http://127.0.0.1:8080",
        ),
    ],
)
def test_an_operator_names_who_may_frame(database_url: str, setting: str, ancestors: str) -> None:
    app = served(database_url, embed_origins=setting)
    client = app.test_client()
    assert client.get("/embed").headers["Content-Security-Policy"] == f"{POLICY}{ancestors}"
    home = client.get("/").headers["Content-Security-Policy"]
    assert home.endswith("frame-ancestors 'self'")
    services: Services = app.extensions[SERVICES]
    services.dispose()


def test_where_nobody_may_frame_nothing_says_so(database_url: str) -> None:
    """`none`: the frame itself is still there, for this service alone."""
    app = served(database_url, embed_origins="none", public_url="http://map.test")
    client = app.test_client()
    assert client.get("/integrer").status_code == 404
    assert client.get("/oembed?url=http://map.test/").status_code == 404
    for path in ("/", "/initiatives", "/methode"):
        page = client.get(path).text
        assert "oembed" not in page
        assert "/integrer" not in page
    services: Services = app.extensions[SERVICES]
    services.dispose()


def test_the_page_of_the_code_says_who_may_frame(database_url: str) -> None:
    app = served(database_url, embed_origins="https://journal.example, https://*.example.org")
    page = app.test_client().get("/integrer").text
    assert "que par ces sites" in page
    assert "https://*.example.org</span>." in page
    services: Services = app.extensions[SERVICES]
    services.dispose()


@pytest.mark.parametrize(
    "setting", ["journal.example", "https://a.example/page", "*", "https://a.example; script-src *"]
)
def test_what_is_no_origin_is_refused_at_start(database_url: str, setting: str) -> None:
    with pytest.raises(ConfigurationError, match="MAPSERVICE_EMBED_ORIGINS"):
        served(database_url, embed_origins=setting)


def test_an_outside_base_map_is_reached_from_a_frame_too(database_url: str) -> None:
    app = served(database_url, basemap="https://tiles.example/{z}/{x}/{y}.png")
    policy = app.test_client().get("/embed").headers["Content-Security-Policy"]
    assert "img-src 'self' data: blob: https://tiles.example;" in policy
    services: Services = app.extensions[SERVICES]
    services.dispose()


@pytest.mark.parametrize("address", FRAMES)
def test_a_frame_neither_sets_nor_reads_cookies(filled: FlaskClient, address: str) -> None:
    filled.set_cookie("langue", "en")
    answer = filled.get(address, headers={"Accept-Language": "fr"})
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers["Vary"]
    language = "en" if "lang=en" in address else "fr"
    assert answer.headers["Content-Language"] == language
    assert f'<html lang="{language}"' in answer.text


@pytest.mark.parametrize("address", FRAMES)
def test_a_frame_has_no_form_and_its_links_leave_it(filled: FlaskClient, address: str) -> None:
    page = filled.get(address).text
    assert not re.search(r"<(form|input|select|textarea|button)\b", page)
    links = re.findall(r"<a\b[^>]*>", page)
    assert links
    for link in links:
        within = 'target="_self"' in link and "/embed?" in link
        assert within or 'target="_blank" rel="noopener"' in link, link


@pytest.mark.parametrize(
    ("show", "has_map", "has_list"),
    [("", True, True), ("both", True, True), ("map", True, False), ("list", False, True)],
)
def test_it_shows_what_is_asked_for(
    filled: FlaskClient, show: str, has_map: bool, has_list: bool
) -> None:
    page = filled.get(f"/embed?show={show}").text
    assert ('id="map"' in page) is has_map
    assert ("/dessins/carte.svg" in page) is has_map
    assert ('id="results"' in page) is has_list
    assert sorted(ids(page)) == (sorted([GARDEN.id, CHOIR.id, REGIONAL.id]) if has_list else [])


def test_it_takes_the_whole_filter(filled: FlaskClient) -> None:
    assert ids(filled.get("/embed?theme=culture&territory=departement:35").text) == [CHOIR.id]
    assert ids(filled.get("/embed?q=chorale").text) == [CHOIR.id]
    assert ids(filled.get("/embed?near=-1.675,48.11&radius=3000").text) == [GARDEN.id]


@pytest.mark.parametrize(
    ("query", "field"),
    [("theme=rien", "theme"), ("show=all", "show"), ("look=rose", "look"), ("lang=de", "lang"),
     ("width=3", "width"), ("territory=commune:00000", "territory"), ("limit=1001", "limit")],
)  # fmt: skip
def test_what_is_wrong_is_named_within_the_frame(
    filled: FlaskClient, query: str, field: str
) -> None:
    answer = filled.get(f"/embed?{query}")
    assert answer.status_code == 400
    assert f"« {field} »" in unescape(answer.text).replace("\u00a0", " ")
    assert "masthead" not in answer.text
    as_json = filled.get(f"/embed?{query}", headers={"Accept": "application/json"})
    assert as_json.content_type == "application/problem+json"
    assert as_json.get_json()["field"] == field


def test_pages_go_on_within_the_frame(filled: FlaskClient) -> None:
    page = filled.get("/embed?limit=2&show=list&look=dark&lang=en").text
    following = re.search(r'<a [^>]*data-next href="([^"]+)" target="_self"', page)
    assert following
    address = unescape(following[1])
    assert {"limit=2", "show=list", "look=dark", "lang=en"} <= set(
        address.partition("?")[2].split("&")
    )
    second = filled.get(address).text
    assert len(ids(page)) == 2
    assert len(ids(second)) == 1
    back = re.search(r'<a [^>]*href="([^"]+)" target="_self"', second)
    assert back
    assert ids(filled.get(unescape(back[1])).text) == ids(page)


def test_the_map_holds_what_the_list_holds(filled: FlaskClient) -> None:
    """Also of a box, which readers may move out of: nothing outside it is drawn, live or not."""
    page = filled.get("/embed?bbox=-1.8,48.0,-1.5,48.2").text
    found = re.search(r'id="map-config">(.*?)</script>', page, re.DOTALL)
    assert found
    config = json.loads(found[1])
    assert config["filter"] == "bbox=-1.8,48,-1.5,48.2"
    assert config["bounds"] == [-1.8, 48.0, -1.5, 48.2]
    box = "bbox=-1.8,48.12,-1.5,48.2"  # north of the garden
    empty = filled.get(f"/embed?{box}").text
    (drawing,) = re.findall(r'<img src="([^"]+)"', empty)
    assert "data-count" not in filled.get(unescape(drawing)).text
    assert "data-count" in filled.get(f"/dessins/carte.svg?{box}").text
    assert filled.get("/dessins/carte.svg?cadre=large").status_code == 400


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("territory=commune:22222", "Rien encore à Plouha"),
        ("territory=commune:22222&until=1900-01-01", "Aucune initiative ne répond"),
        ("territory=commune:22222&status=archived", "Aucune initiative ne répond"),
        ("territory=commune:35238&precision=region", "Aucune initiative ne répond"),
        ("q=introuvable", "Aucune initiative ne répond"),
    ],
)
@pytest.mark.parametrize("show", ["both", "map", "list"])
def test_what_is_empty_says_no_more_than_is_known(
    filled: FlaskClient, query: str, told: str, show: str
) -> None:
    page = filled.get(f"/embed?{query}&show={show}").text
    (words,) = re.findall(r'<p class="empty-title">([^<]+)', page)
    assert words.startswith(told)


def test_a_box_that_only_territories_touch_is_not_called_empty(filled: FlaskClient) -> None:
    page = filled.get("/embed?bbox=-2.95,48.2,-2.9,48.25").text
    assert "1 initiative quelque part par ici" in page
    assert "empty-title" not in page


def test_one_initiative(filled: FlaskClient) -> None:
    page = filled.get(ONE).text
    assert "Jardin &lt;b&gt;&amp; verger&lt;/b&gt;</a>" in page
    assert f"/dessins/initiatives/{GARDEN.id}.svg" in page
    assert "au point indiqué, Rennes" in page
    dark = filled.get(f"{ONE}?look=dark").text
    assert f"/dessins/initiatives/{GARDEN.id}.svg?teinte=sombre" in dark
    for absent in (DRAFT.id, "0197f000-0000-4000-8000-00000000ffff", "x"):
        answer = filled.get(f"/embed/initiatives/{absent}")
        assert answer.status_code == 404
        assert answer.headers["Content-Security-Policy"] == f"{POLICY}*"
        assert DRAFT.title not in answer.text


def test_made_up_initiatives_are_called_so(filled: FlaskClient, engine: Engine) -> None:
    assert "Données d’exemple" not in filled.get("/embed").text
    with engine.begin() as connection:
        insert(connection, [Made(commune="35238", source_platform="sample")])
    assert "Données d’exemple" in filled.get("/embed").text


@pytest.mark.parametrize(("look", "tint"), [("light", "#f7f5f0"), ("dark", "#10181c")])
def test_a_given_look_asks_no_system(filled: FlaskClient, look: str, tint: str) -> None:
    page = filled.get(f"/embed?look={look}").text
    assert f'data-look="{look}"' in page
    assert "prefers-color-scheme" not in page
    assert f'<meta name="color-scheme" content="{look}">' in page
    styles = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page)
    assert len(styles) == 1
    answer = filled.get(unescape(styles[0]))
    assert answer.status_code == 200
    assert answer.content_type == "text/css; charset=utf-8"
    assert "max-age=31536000" in answer.headers["Cache-Control"]
    tokens = answer.text
    assert "prefers-color-scheme" not in tokens
    assert f"color-scheme: {look};" in tokens
    applied = re.sub(r"@media not all \{.*?\n\}", "", tokens, flags=re.DOTALL)
    applied = re.sub(r"@media print \{.*?\n\}", "", applied, flags=re.DOTALL)
    assert re.findall(r"--paper: ([^;]+);", applied)[-1] == tint


@pytest.mark.parametrize("path", ["auto/styles", "dark/pages", "rose/styles", "dark/..%2fstyles"])
def test_no_other_stylesheet_is_made(filled: FlaskClient, path: str) -> None:
    assert filled.get(f"/embed/{path}.css").status_code == 404


def test_auto_is_the_system_of_the_reader(filled: FlaskClient) -> None:
    page = filled.get("/embed").text
    assert "data-look" not in page
    assert "(prefers-color-scheme: dark)" in page


def test_an_answer_is_kept_for_a_minute_and_known_by_its_tag(filled: FlaskClient) -> None:
    answer = filled.get("/embed")
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    again = filled.get("/embed", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
