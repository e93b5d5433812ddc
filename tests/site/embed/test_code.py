"""The page that writes the code of a frame, as browsers without scripts get it."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from tests.site.embed.few import CHOIR, DRAFT, GARDEN
from tests.site.embed.test_oembed import HERE, frame_of


def code_of(page: str) -> str:
    (written,) = re.findall(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
    return unescape(written)


def preview_of(page: str) -> str:
    (address,) = re.findall(r'<iframe class="code-preview" src="([^"]+)"', page)
    return unescape(address)


@pytest.mark.parametrize(
    ("query", "src", "width", "height"),
    [
        ("", "/embed?lang=fr", "100%", "560"),
        ("theme=culture&theme=habitat", "/embed?theme=habitat,culture&lang=fr", "100%", "560"),
        ("show=map&look=dark&language=en&width=300&height=400",
         "/embed?show=map&look=dark&lang=en", "300", "400"),
        ("territory=commune:35238&q=jardin", "/embed?q=jardin&territory=commune:35238&lang=fr",
         "100%", "560"),
        (f"initiative={GARDEN.id}&look=light", f"/embed/initiatives/{GARDEN.id}?look=light&lang=fr",
         "100%", "420"),
        ("limit=5&show=&look=&width=&place=", "/embed?limit=5&lang=fr", "100%", "560"),
    ],
)  # fmt: skip
def test_the_code_is_what_was_chosen(
    filled: FlaskClient, query: str, src: str, width: str, height: str
) -> None:
    page = filled.get(f"/integrer?{query}").text
    frame = frame_of(code_of(page))
    assert frame["src"] == HERE + src
    assert (frame["width"], frame["height"]) == (width, height)
    assert preview_of(page) == src
    assert filled.get(src).status_code == 200


@pytest.mark.parametrize(
    "words", ['"><script>alert(1)</script>', "</textarea><img src=x>", "a' onload='x", "&lt;b&gt;"]
)
def test_words_stay_within_their_element(filled: FlaskClient, words: str) -> None:
    page = filled.get("/integrer", query_string={"q": words}).text
    frame = frame_of(code_of(page))
    assert set(frame) == {"src", "title", "width", "height", "loading", "style"}
    assert frame["title"] == f"Initiatives\u00a0: «\u00a0{words}\u00a0» · Initiatives locales"
    assert "<script>" not in page
    assert filled.get(preview_of(page)).status_code == 200


def test_a_title_with_markup_is_a_title(filled: FlaskClient) -> None:
    page = filled.get(f"/integrer?initiative={GARDEN.id}").text
    assert frame_of(code_of(page))["title"] == f"{GARDEN.title} · Initiatives locales"
    assert "<b>& verger" not in page


@pytest.mark.parametrize(
    ("place", "where"),
    [("Rennes", "commune:35238"), ("35", "departement:35"), ("Bretagne", "region:53")],
)
def test_a_certain_place_is_taken(filled: FlaskClient, place: str, where: str) -> None:
    answer = filled.get(f"/integrer?place={place}&theme=culture&show=list&width=400")
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith(
        f"/integrer?theme=culture&show=list&width=400&territory={where}"
    )


def test_a_doubtful_place_is_asked_for(filled: FlaskClient) -> None:
    page = filled.get("/integrer?place=Saint-Denis&theme=culture").text
    ways = re.findall(r'<li><a href="(/integrer\?[^"]+)"><strong>Saint-Denis<', page)
    assert len(ways) > 1
    assert {
        "theme=culture&amp;territory=commune:93066",
        "theme=culture&amp;territory=commune:97411",
    }
    assert any("territory=commune:93066" in way and "theme=culture" in way for way in ways)
    for way in ways:
        assert filled.get(unescape(way)).status_code == 200


def test_no_place_is_said_so(filled: FlaskClient) -> None:
    page = filled.get("/integrer?place=zzxqyyv").text
    assert "Aucun lieu ne répond à «\u00a0zzxqyyv\u00a0»." in page


def test_a_place_is_taken_away_again(filled: FlaskClient) -> None:
    page = filled.get("/integrer?territory=commune:35238&theme=culture").text
    assert '<input type="hidden" name="territory" value="commune:35238">' in page
    assert '<a class="chip chip-chosen" href="/integrer?theme=culture">' in page


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("width=10", 400, "width"),
        ("height=abc", 400, "height"),
        ("show=all", 400, "show"),
        ("look=pink", 400, "look"),
        ("language=de", 400, "language"),
        ("theme=rien", 400, "theme"),
        ("colour=red", 400, "colour"),
        ("place=" + "a" * 300, 400, "place"),
    ],
)
def test_what_is_wrong_is_named(filled: FlaskClient, query: str, status: int, field: str) -> None:
    answer = filled.get(f"/integrer?{query}", headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert answer.get_json()["field"] == field


@pytest.mark.parametrize("identifier", ["x", DRAFT.id])
def test_only_public_initiatives_have_a_code(filled: FlaskClient, identifier: str) -> None:
    assert filled.get(f"/integrer?initiative={identifier}").status_code == 404


@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("/initiatives?theme=culture", "/integrer?theme=culture"),
        ("/?territory=commune:35238", "/integrer?territory=commune:35238"),
        ("/territoires/commune/35238", "/integrer?territory=commune:35238"),
        (f"/initiatives/{CHOIR.id}", f"/integrer?initiative={CHOIR.id}"),
        ("/methode", "/integrer"),
    ],
)
def test_pages_lead_there_with_what_they_show(filled: FlaskClient, path: str, way: str) -> None:
    assert f'<a href="{way}">' in filled.get(path).text
