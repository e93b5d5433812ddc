"""Flyers and posters on paper: their format, one sheet, and nothing of the site around them."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page
from sqlalchemy import Engine, text

from mapservice.db.engine import make_engine
from tests.events.organiser import make_event, soon
from tests.groups.founder import make_group

pytestmark = pytest.mark.long

# Points of 1/72 inch (ISO 216: A4 is 210 × 297 mm).
SIZES = {"a3": (842, 1191), "a4": (595, 842), "a5": (420, 595)}
LONG = {"title": "Une fête de quartier " * 6, "summary": "On chante, on danse et on mange. " * 9}


@pytest.fixture
def engine(sample_url: str) -> Iterator[Engine]:
    """The database of the live server; what is made here goes again."""
    engine = make_engine(sample_url)
    yield engine
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM event_series WHERE source = ''"))
    engine.dispose()


def printed(page: Page, address: str, folder: Path) -> list[tuple[int, int]]:
    """The sizes of the pages that come out."""
    answer = page.goto(address)
    assert answer is not None
    assert answer.ok, answer.text()
    page.wait_for_function("[...document.images].every(one => one.complete)")
    file = folder / "sheet.pdf"
    page.pdf(path=file, prefer_css_page_size=True, print_background=True)
    written = file.read_bytes()
    count = len(re.findall(rb"/Type\s*/Page\b(?!s)", written))
    sizes = set(re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", written))
    ((width, height),) = sizes  # the same for all
    return [(round(float(width)), round(float(height)))] * count


@pytest.mark.parametrize("paper", ["a4", "a5"])
def test_a_flyer_is_one_sheet_of_its_format_however_long_its_words(
    page: Page, live_server: str, engine: Engine, tmp_path: Path, paper: str
) -> None:
    with engine.begin() as connection:
        event = make_event(connection, capacity=20)
        bound = LONG | {"id": event, "place": "Salle polyvalente, 12 rue de l’Exemple " * 2}
        connection.execute(text(LONGEST), bound)
    address = f"{live_server}/evenements/{event}/affichette?format={paper}"
    ((width, height),) = printed(page, address, tmp_path)
    assert abs(width - SIZES[paper][0]) <= 1
    assert abs(height - SIZES[paper][1]) <= 1
    page.emulate_media(media="print")
    assert not page.get_by_role("navigation").first.is_visible()
    assert page.locator(".paper-code svg").is_visible()


@pytest.mark.parametrize("paper", ["a4", "a5"])
def test_the_flyer_of_a_group_with_many_dates_is_one_sheet(
    page: Page, live_server: str, engine: Engine, tmp_path: Path, paper: str
) -> None:
    with engine.begin() as connection:
        event = make_event(connection, rrule="FREQ=WEEKLY", title="Jardinage du mercredi")
        group = make_group(connection, None, name="Les jardiniers de Mordelles")
        connection.execute(text(OF_A_GROUP), {"group": group, "event": event})
        connection.execute(text(IN_A_COMMUNE), {"group": group})
        connection.execute(
            text(
                "UPDATE local_group SET place_text = 'La Ville-ès-Nonais, Mordelles',"
                " summary = :words WHERE id = :id"
            ),
            {"id": group, "words": "Un hameau qui s’entraide, plante, répare et partage. " * 3},
        )
        connection.execute(
            text(
                "UPDATE event SET status = 'moved', former_starts_at = starts_at"
                " WHERE title = 'Jardinage du mercredi'"
            )
        )
    try:
        path = f"/groupes/{group}/affichette?format={paper}"
        ((width, _height),) = printed(page, live_server + path, tmp_path)
    finally:
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM local_group WHERE id = :id"), {"id": group})
    assert abs(width - SIZES[paper][0]) <= 1
    assert page.locator(".paper-map img").is_visible()


@pytest.mark.parametrize(
    "path", ["/coordination/region/53", "/initiatives", "/territoires/commune/35238"]
)
def test_any_page_on_paper_says_whose_it_is_and_what_is_made_up(
    page: Page, live_server: str, path: str
) -> None:
    page.goto(live_server + path)
    page.emulate_media(media="print")
    assert page.locator(".masthead .brand-name").is_visible()
    assert page.get_by_text("Données d’exemple").first.is_visible()
    for drawing in page.locator(".map .map-drawing img").all():
        assert drawing.evaluate("one => getComputedStyle(one).objectFit") == "contain"
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0


def test_a_table_of_coordination_has_all_its_columns_on_a_sheet(
    page: Page, live_server: str
) -> None:
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 less its margins, 96 to the inch
    page.goto(f"{live_server}/coordination/region/53")
    page.emulate_media(media="print")
    table = page.locator(".coordination-table").first
    assert table.evaluate("one => one.getBoundingClientRect().right <= innerWidth")
    plate = page.locator(".plate .coordination-map").first
    wide, high = plate.evaluate("one => [one.clientWidth, one.clientHeight]")
    assert abs(wide - high) < 4
    assert page.locator(".plate .map-drawing img").first.is_visible()


OF_A_GROUP = """
UPDATE event_series SET local_group = :group
 WHERE id = (SELECT series FROM event WHERE id = :event)"""
IN_A_COMMUNE = """
UPDATE local_group
   SET summary = 'On jardine ensemble le mercredi soir, avec qui passe.', area = 'commune',
       precision = 'commune', commune = '35196'
 WHERE id = :group"""
LONGEST = """
UPDATE event SET title = left(:title, 120), summary = left(:summary, 280), place_text = :place,
                 precision = 'commune', commune = '35238', mode = 'place'
 WHERE id = :id"""


@pytest.mark.parametrize("paper", ["a4", "a3"])
def test_a_poster_of_many_events_loses_none(
    page: Page, live_server: str, engine: Engine, tmp_path: Path, paper: str
) -> None:
    first = soon(20, 9)
    with engine.begin() as connection:
        for number in range(30):
            start = first + timedelta(days=number % 7, hours=number % 5)
            event = make_event(connection, start=start)
            bound = LONG | {"id": event, "place": f"Salle {number}"}
            connection.execute(text(LONGEST), bound)
    path = f"/territoires/commune/35238/affiche?from={first:%Y-%m-%d}&format={paper}"
    sizes = printed(page, live_server + path, tmp_path)
    assert len(sizes) > 1
    for width, height in sizes:
        assert abs(width - SIZES[paper][0]) <= 1
        assert abs(height - SIZES[paper][1]) <= 1
    assert page.locator(".paper-day li").count() == 30
