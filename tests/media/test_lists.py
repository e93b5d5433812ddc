"""Photos and place cards in lists, feeds and linked data."""

import re
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, text

from mapservice.initiatives import queries
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.model import Theme
from mapservice.static_maps import place_cards
from mapservice.static_maps.listing import HUES
from tests.media import sender
from tests.media.sender import one_photo
from tests.web.population import Made, insert

ATOM = "{http://www.w3.org/2005/Atom}"
IMAGE = re.compile(r"<img [^>]*>")


def cards(page: str) -> list[str]:
    """The pictures of a list, as they stand in it; "" where a card has none."""
    boxes = re.findall(r'<span class="card-picture.*?<span class="disc">', page, re.S)
    return ["".join(IMAGE.findall(box)) for box in boxes]


def test_a_card_shows_the_first_public_photo_else_the_drawn_place(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    with_photo = sender.propose(client, engine, [one_photo(width=1600, height=1200)] * 2)
    first = sender.photos(engine)[0]
    sender.act(client, with_photo.id, first.id, "save", alt="Des pommiers", focal_x="33")
    without = sender.propose(client, engine, [])
    for made in (with_photo, without):
        sender.publish(engine, made.id)
    page = app.test_client().get("/initiatives").text
    drawn, shown = sorted(cards(page), key=lambda one: "photos" in one)
    assert f'src="/photos/{first.name}-320.webp"' in shown
    assert f"/photos/{first.name}-640.webp 640w" in shown
    assert 'alt="Des pommiers"' in shown
    assert 'class="focus-x-35 focus-y-50"' in shown
    assert 'src="/dessins/vignettes/commune/35238/alimentation.svg"' in drawn
    for one in (drawn, shown):
        assert 'loading="lazy"' in one
        assert 'width="128" height="96"' in one
    sender.run(engine, "UPDATE photo SET state = 'waiting' WHERE id = :id", id=first.id)
    second = sender.photos(engine)[1]
    assert second.name in app.test_client().get("/initiatives").text


def test_photos_of_a_page_cost_no_query_of_their_own(client: FlaskClient, engine: Engine) -> None:
    for _number in range(3):
        sender.publish(engine, sender.propose(client, engine, [one_photo()]).id)
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    with engine.connect() as connection:
        found = queries.find_page(connection, InitiativeFilters(), 20).items
    assert len(asked) == 1
    assert all(one.cover for one in found)


def test_a_feed_encloses_the_first_photo_in_jpeg(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    made = sender.propose(client, engine, [one_photo()])
    sender.publish(engine, made.id)
    (photo,) = sender.photos(engine)
    feed = ET.fromstring(app.test_client().get("/initiatives.atom").data)
    (link,) = feed.findall(f"{ATOM}entry/{ATOM}link[@rel='enclosure']")
    path = f"/photos/{photo.name}-{photo.shared_width}.jpg"
    assert link.attrib["href"] == f"http://map.test{path}"
    assert link.attrib["type"] == "image/jpeg"
    assert int(link.attrib["length"]) == len(app.test_client().get(path).data)
    page = app.test_client().get(f"/initiatives/{made.id}").text
    assert f'"image": ["http://map.test{path}"]' in page
    assert f'<meta property="og:image" content="http://map.test{path}">' in page
    assert '<meta property="og:image:width" content="800">' in page


def test_pages_ask_no_other_host_for_pictures(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    sender.publish(engine, sender.propose(client, engine, [one_photo()]).id)
    answer = app.test_client().get("/initiatives")
    policy = answer.headers["Content-Security-Policy"]
    assert "img-src 'self' data: blob:;" in policy
    assert all('src="/' in one for one in cards(answer.text))


# --- Drawn places ---


def test_a_card_is_as_precise_as_what_is_known(app: Flask, engine: Engine) -> None:
    here = app.test_client()
    point = here.get("/dessins/vignettes/point/-1.67777,48.11111/culture.svg").text
    commune = here.get("/dessins/vignettes/commune/35238/culture.svg").text
    country = here.get("/dessins/vignettes/pays/FR/culture.svg").text
    assert "<circle" in point
    assert "fill-opacity" not in point, "no territory is said to be the place"
    for one in (commune, country):
        assert "<circle" not in one
        assert one.count("fill-opacity:.26") == 2, "in the light tint and in the dark one"


@pytest.mark.parametrize("theme", Theme)
def test_cards_have_the_colour_of_their_theme(app: Flask, engine: Engine, theme: Theme) -> None:
    drawn = app.test_client().get(f"/dessins/vignettes/commune/35238/{theme}.svg").text
    assert all(hue in drawn for hue in HUES[theme])


def test_cards_are_small_whatever_the_place(engine: Engine) -> None:
    """The most jagged coasts of each level, and all régions."""
    jagged = """
        SELECT level, code FROM (
            SELECT level, code, row_number() OVER (
                       PARTITION BY level ORDER BY ST_NPoints(outline_3857) DESC) AS place
              FROM territory) AS ranked
         WHERE place <= CASE level WHEN 'region' THEN 18 ELSE 12 END"""
    with engine.connect() as connection:
        places = [(row.level, row.code) for row in connection.execute(text(jagged))]
        sizes = {
            (kind, where): len(
                place_cards.document(connection, kind, where, Theme.CULTURE).encode()
            )
            for kind, where in [*places, ("pays", "FR"), ("point", "-4.48639,48.39039")]
        }
    assert len(sizes) > 50
    assert {place: size for place, size in sizes.items() if size > place_cards.MOST_BYTES} == {}


def test_a_card_may_be_kept_by_all_and_says_nothing_about_anybody(
    app: Flask, engine: Engine
) -> None:
    answer = app.test_client().get("/dessins/vignettes/commune/35238/culture.svg")
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    assert "Cookie" not in answer.headers.get("Vary", "")
    tag = {"If-None-Match": answer.headers["ETag"]}
    again = app.test_client().get("/dessins/vignettes/commune/35238/culture.svg", headers=tag)
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "commune/99999/culture", "commune/35238/sport", "planete/FR/culture", "pays/BE/culture",
        "point/2,48/culture", "point/2.00000,89.00000/culture", "point/999.00000,48.00000/culture",
        "commune/35238%00/culture",
    ],
)  # fmt: skip
def test_addresses_that_no_list_has_are_refused(app: Flask, engine: Engine, path: str) -> None:
    answer = app.test_client().get(f"/dessins/vignettes/{path}.svg")
    assert answer.status_code in (400, 404)


def test_lists_show_each_precision_by_its_own_drawing(app: Flask, engine: Engine) -> None:
    made = (
        Made(precision="point", commune="35238", lon=-1.67777, lat=48.11111),
        Made(precision="commune", commune="35238"),
        Made(precision="departement", departement="35"),
        Made(precision="region", region="53"),
        Made(precision="national"),
        Made(precision="none"),
    )
    with engine.begin() as connection:
        insert(connection, made)
    page = app.test_client().get("/initiatives").text
    found = {one.partition('src="')[2].partition('"')[0] for one in cards(page)}
    assert found == {
        "/dessins/vignettes/point/-1.67777,48.11111/culture.svg",
        "/dessins/vignettes/commune/35238/culture.svg",
        "/dessins/vignettes/departement/35/culture.svg",
        "/dessins/vignettes/region/53/culture.svg",
        "/dessins/vignettes/pays/FR/culture.svg",
        "",
    }
    for path in filter(None, found):
        assert app.test_client().get(path).status_code == 200
