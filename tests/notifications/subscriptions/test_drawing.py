"""An area drawn by clicks on the map, from the page to the account."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, text

from mapservice.db.engine import make_engine
from tests.accounts.people.mailbox import last_link

pytestmark = pytest.mark.long

READER = "zoe@example.org"
CORNERS = ((0.3, 0.3), (0.7, 0.3), (0.5, 0.7))


@pytest.fixture
def sample_engine(sample_url: str) -> Iterator[Engine]:
    engine = make_engine(sample_url)
    yield engine
    engine.dispose()


def click_corner(page: Page, across: float, down: float) -> None:
    canvas = page.locator("#map canvas")
    box = canvas.bounding_box()
    assert box
    canvas.click(position={"x": box["width"] * across, "y": box["height"] * down})


def test_an_area_drawn_on_the_map_is_followed(
    page: Page, live_server: str, sample_engine: Engine
) -> None:
    page.goto(f"{live_server}/suivre")
    page.wait_for_selector("#map[data-state=ready]")
    for corner in (*CORNERS, (0.4, 0.6)):
        click_corner(page, *corner)
    page.get_by_role("button", name="Enlever le dernier coin").click()
    expect(page.locator("#draw-count")).to_have_text("3 coins")
    drawn = page.locator("[name=area]").input_value()
    assert len(re.findall(r"-?\d+\.\d+,-?\d+\.\d+", drawn)) == 3
    page.get_by_label("Votre adresse électronique").fill(READER)
    page.get_by_role("button", name="Suivre", exact=True).click()
    page.wait_for_url("**/connexion/envoyee")
    page.goto(live_server + last_link(sample_engine, READER))
    page.get_by_role("button", name="Confirmer mon suivi").click()
    page.wait_for_url("**/compte#mes-suivis")
    expect(page.locator(".follow-list")).to_contain_text("Dans une zone dessinée sur la carte")
    with sample_engine.connect() as connection:
        kept = connection.execute(
            text(
                "SELECT ST_NPoints(area) FROM subscription JOIN person ON person.id = person "
                "WHERE email = :email"
            ),
            {"email": READER},
        ).scalar_one()
    assert kept == 4, "three corners and the first again"
