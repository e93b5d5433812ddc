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
