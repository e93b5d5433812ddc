"""The switch of the home page's map: initiatives, events and groups, map and list of one mind."""

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.events import fixtures as event_fixtures
from mapservice.geocoding.service import Locator
from mapservice.groups import fixtures as group_fixtures
from mapservice.static_maps.model import DrawingFrame
from mapservice.static_maps.spot_signs import HUES, TIPS_APART, SpotMark, SpotStand, box_of
from mapservice.tiles.map_kinds import MapKind, kinds_text, parse_kinds, toggled

ROOT = Path(__file__).resolve().parents[2]
ALL = "initiatives,evenements,groupes"


@pytest.fixture
def gatherings(engine: Engine, locator: Locator) -> Engine:
    now = datetime.now(UTC)
    with engine.begin() as connection:
        group_fixtures.load_sample(connection, locator, now)
        event_fixtures.load_sample(connection, locator, now)
    return engine


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def page_of(client: FlaskClient, query: str) -> str:
    answer = client.get(f"/?{query}")
    assert answer.status_code == 200, query
    return unescape(answer.text)


def marks(svg: str) -> dict[str, int]:
    """How many of each kind a drawing shows."""
    found: dict[str, int] = {}
    for kind, count in re.findall(r'data-kind="(\w+)" data-count="(\d+)"', svg):
        found[kind] = found.get(kind, 0) + int(count)
    return found


def test_any_combination_has_one_address() -> None:
    kinds = list(MapKind)
    for bits in range(1, 8):
        chosen = [one for at, one in enumerate(kinds) if bits >> at & 1]
        assert list(parse_kinds([kinds_text(reversed(chosen))])) == chosen
        for one in kinds:
            after = toggled(chosen, one)
            assert after, "a map of nothing says nothing"
            assert set(after) in (set(chosen) ^ {one}, {one})
    assert kinds_text(parse_kinds([])) == ""


def test_the_switch_keeps_the_filter_and_the_filter_the_switch(
    client: FlaskClient, gatherings: Engine
) -> None:
    page = page_of(client, "theme=culture&voir=evenements")
    switch = page.split('class="kind-switch"')[1].split("</nav>")[0]
    assert switch.count('aria-current="true"') == 1
    assert 'href="/?theme=culture&voir=evenements,groupes"' in switch
    # The last one that is on stays on.
    assert 'href="/?theme=culture&voir=evenements"' in switch
    links = re.findall(r'data-filter[^>]*href="(/[^"]*)"', page)
    assert len(links) > 12
    assert [one for one in links if "voir=" not in one] == []
    assert '<input type="hidden" name="voir" value="evenements">' in page
    (permalink,) = re.findall(r'id="share-address"[^>]* value="([^"]*)"', page)
    assert permalink.endswith("/?theme=culture&voir=evenements")
    plain = page_of(client, "theme=culture")
    assert "map-events" not in plain
    refused = client.get("/?voir=rien")
    assert refused.status_code == 400
    assert "voir" in refused.text.split('class="lead"')[1].split("</p>")[0]


def test_list_drawing_and_tiles_agree(client: FlaskClient, gatherings: Engine) -> None:
    page = page_of(client, f"voir={ALL}")
    now = datetime.now(UTC)
    with gatherings.connect() as connection:
        dates, series = connection.execute(
            text(
                """SELECT count(*), count(DISTINCT series) FROM event
                    WHERE status IN ('published', 'moved') AND ends_at > :now
                      AND starts_at < :end"""
            ),
            {"now": now, "end": now + timedelta(days=30)},
        ).one()
        groups = connection.execute(text("SELECT count(*) FROM local_group")).scalar_one()
    assert f'data-dates="{dates}"' in page
    assert dates != series
    assert f"{dates} dates de {series} événements" in re.sub(r"\s+", " ", page)
    assert f'id="map-groups" aria-labelledby="map-groups-title" data-total="{groups}"' in page
    # A drawing of the world has all that tiles hold: what stands at a place.
    placed = {
        kind: sum(one["properties"]["count"] for one in tile["features"])
        for kind, tile in (
            ("evenements", client.get("/tiles/events/0/0/0.geojson").get_json()),
            ("groupes", client.get("/tiles/groups/0/0/0.geojson").get_json()),
        )
    }
    drawn = client.get(f"/dessins/ensemble.svg?voir={ALL}&bbox=-180,-85,180,85").text
    assert marks(drawn) == placed
    # The drawing of the page has the page's kinds, and no initiative where none is asked for.
    (address,) = re.findall(r'<img src="([^"]+)"', page_of(client, "voir=groupes"))
    svg = client.get(address).text
    assert set(marks(svg)) == {"groupes"}
    assert "data-theme" not in svg


def test_what_the_filter_asks_of_initiatives_alone_is_said(
    client: FlaskClient, gatherings: Engine
) -> None:
    page = page_of(client, f"voir={ALL}&open=now")
    assert "les événements n’en disent rien" in page
    assert 'data-dates="0"' in page
    config = page.split('id="map-config">')[1].split("</script>")[0]
    assert '"spots": {}' in config.replace('":{', '": {')
    assert marks(client.get(f"/dessins/ensemble.svg?voir={ALL}&open=now").text) == {}
    # Days are the filter of events too; groups have none.
    weekend = page_of(client, "voir=evenements,groupes&when=weekend")
    assert "ils n’en disent rien" in weekend
    assert "des 30 jours qui viennent" not in weekend
    nowhere = page_of(client, "voir=evenements,groupes&q=zzxqyyv")
    assert "Aucun événement" in nowhere
    assert "Aucun groupe" in nowhere
    assert 'href="/evenements/proposer"' in nowhere
    assert 'class="results" id="results"' not in nowhere


def test_the_map_of_events_is_drawn_before_it_is_live(
    client: FlaskClient, gatherings: Engine
) -> None:
    page = unescape(client.get("/evenements?vue=carte&when=week").text)
    (address,) = re.findall(r'<img src="([^"]+)"', page)
    assert "when=week" in address
    tile = client.get("/tiles/events/0/0/0.geojson?when=week").get_json()
    placed = sum(one["properties"]["count"] for one in tile["features"])
    drawn = client.get(f"{address}&bbox=-180,-85,180,85").text
    assert marks(drawn) == ({"evenements": placed} if placed else {})


def test_the_list_of_a_spot_holds_the_days_of_the_map_and_takes_its_box(
    client: FlaskClient, gatherings: Engine
) -> None:
    page = unescape(client.get("/evenements?vue=carte&bbox=-5,41,10,51").text)
    config = json.loads(page.split('id="map-config">')[1].split("</script>")[0])
    address = config["spots"]["evenements"]["list"]
    assert "bbox" not in address
    listed = client.get(f"{address}&bbox=-180,-85,180,85&limit=1000", buffered=True).get_json()
    tile = client.get("/tiles/events/0/0/0.geojson").get_json()
    counted = sum(one["properties"]["count"] for one in tile["features"])
    assert len(listed["features"]) == counted > 0


def test_drawn_signs_have_the_colours_of_live_ones() -> None:
    css = (Path(__file__).parents[2] / "mapservice/static/css/tokens.css").read_text("utf-8")
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    for kind, name in ((MapKind.EVENTS, "event"), (MapKind.GROUPS, "group")):
        for part, (fill, letters) in zip((light, dark), HUES[kind], strict=True):
            assert f"--{name}: {fill};" in part
            assert f"--{name}-ink: {letters};" in part


def test_what_shares_a_place_with_initiatives_stands_clear_of_them(
    client: FlaskClient, gatherings: Engine
) -> None:
    """The drawing and the live map have the same distances; the largest sign of few is a ring."""
    script = (ROOT / "mapservice/static/js/map-kinds.js").read_text(encoding="utf-8")
    near, far = TIPS_APART
    assert f"TIPS_APART = [{near:.0f}, {far:.0f}]" in script
    frame = DrawingFrame.of_live_map((-5.0, 42.0, 8.0, 51.0), (640, 480), 40)
    for kind in (MapKind.EVENTS, MapKind.GROUPS):
        _, top, _, bottom = box_of(frame, SpotMark(kind, 320, 240, 5, "commune", SpotStand.APART))
        assert bottom <= 240 - 26 / 2 or top >= 240 + 26 / 2
        for precision, stand in (("commune", SpotStand.BESIDE), ("point", SpotStand.ALONE)):
            _, top, _, bottom = box_of(frame, SpotMark(kind, 320, 240, 5, precision, stand))
            assert min(abs(bottom - 240), abs(top - 240)) < 5, "beside its place"
        _, top, _, bottom = box_of(frame, SpotMark(kind, 320, 240, 5, "commune", SpotStand.ALONE))
        assert (top + bottom) / 2 == 240, "alone, it has its middle there"
    switch = page_of(client, f"voir={ALL}").split('class="kind-switch"')[1].split("</nav>")[0]
    assert switch.count('class="kind-sign') == 6, "the button shows the three that are on"


def test_a_count_that_was_ended_says_more_than(
    client: FlaskClient, gatherings: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mapservice.groups.queries.COUNTED_UP_TO", 7)
    page = page_of(client, f"voir={ALL}")
    assert page.count("Plus de 7 groupes") == 2, "above the list and over the groups"
    assert "Tous les groupes de cette recherche" in page


def test_several_filters_go_at_once(client: FlaskClient) -> None:
    page = client.get("/?theme=mobilite&when=weekend&voir=evenements").text
    found = re.search(r'data-key="clear" href="([^"]*)"', page)
    assert found
    assert found[1] == "/?voir=evenements"
    listed = client.get("/initiatives?theme=mobilite,culture&sort=supported").text
    assert 'data-key="clear" href="/initiatives?sort=supported"' in listed
    assert 'data-key="clear"' not in client.get("/initiatives?theme=mobilite").text
