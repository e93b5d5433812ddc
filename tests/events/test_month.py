"""The month view: each day counts what takes place on it, as the list of that day does."""

import re
from datetime import UTC, date, datetime, time, timedelta
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.events import queries
from mapservice.events.filters import EventFilters
from mapservice.events.recurrence import PARIS, wall_time
from tests.events.organiser import make_event

PAGE = "/evenements/mois"


def next_month() -> date:
    today = wall_time(datetime.now(UTC), PARIS).date()
    return (today.replace(day=1) + timedelta(days=31)).replace(day=1)


def at(day: int, hour: int = 18) -> datetime:
    return datetime.combine(next_month().replace(day=day), time(hour))


@pytest.fixture
def few(engine: Engine) -> Engine:
    """In the month to come: one evening, three days, a whole day, one elsewhere, one called off."""
    with engine.begin() as connection:
        make_event(connection, start=at(5), title="Un soir")
        make_event(connection, start=at(5, 9), title="Trois jours", hours=60)
        make_event(connection, start=at(12, 0), title="Toute la journée", hours=24)
        make_event(connection, start=at(20, 23), title="Loin", zone="Indian/Reunion", hours=1)
        off = make_event(connection, start=at(25), title="Annulé")
        connection.exec_driver_sql(
            "UPDATE event SET status = 'cancelled', cancelled_at = now() WHERE id = %s", (off,)
        )
        before = at(1, 20) - timedelta(days=1)
        make_event(connection, start=before, title="À cheval", hours=20)
    return engine


def cells(page: str) -> dict[int, tuple[int, str]]:
    """Of each day with events: how many, and where it leads."""
    found = re.findall(
        r'<a href="([^"]+)"><span class="month-day">(\d+)</span>.*?class="month-count">([\d\s]+)',
        page,
    )
    return {int(day): (int(count), unescape(link)) for link, day, count in found}


def test_days_count_what_takes_place_on_them(few: Engine) -> None:
    with few.connect() as connection:
        days = queries.days_of_month(connection, EventFilters(), next_month(), datetime.now(UTC))
    counts = {day.day: here.count for day, here in days.items()}
    assert counts == {1: 1, 5: 2, 6: 1, 7: 1, 12: 1, 20: 1}
    assert [one.title for one in days[next_month().replace(day=5)].first] == [
        "Trois jours",
        "Un soir",
    ]


def test_each_day_leads_to_a_list_of_as_many(few: Engine, visitor: FlaskClient) -> None:
    page = visitor.get(f"{PAGE}?month={next_month():%Y-%m}").text
    found = cells(page)
    assert set(found) == {1, 5, 6, 7, 12, 20}
    for day, (count, link) in found.items():
        query = link.partition("?")[2]
        machine = visitor.get(f"/evenements.geojson?{query}").json
        assert machine
        assert machine["numberReturned"] == count, day
        assert visitor.get(link).status_code == 200
    assert "Il se passe quelque chose 6\u00a0jours de ce mois." in page or "6 jours" in page
    assert "Annulé" not in page


def test_a_filter_holds_for_the_month_and_its_links(few: Engine, visitor: FlaskClient) -> None:
    page = visitor.get(f"{PAGE}?q=soir&month={next_month():%Y-%m}").text
    assert set(cells(page)) == {5}
    for link in re.findall(r'href="(/evenements(?:/mois)?\?[^"]+)"', page):
        assert "q=soir" in link, link
    page = visitor.get(f"{PAGE}?q=introuvable").text
    assert "Rien n’est annoncé ce mois-là avec ce filtre." in page


def test_the_list_leads_there_without_its_days(visitor: FlaskClient) -> None:
    page = unescape(visitor.get("/evenements?theme=mobilite&when=weekend").text)
    assert 'href="/evenements/mois?theme=mobilite"' in page


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("month=2026-13", "month"),
        ("month=2020-01", "month"),
        ("month=3000-01", "month"),
        ("month=%00", "month"),
        ("month=2026-1-1", "month"),
        ("when=weekend", "when"),
        ("from=2026-12-01", "from"),
        ("limit=3", "limit"),
        ("theme=x", "theme"),
        ("mois=2026-12", "mois"),
    ],
)
def test_what_is_no_month_is_named(visitor: FlaskClient, query: str, field: str) -> None:
    answer = visitor.get(f"{PAGE}?{query}", headers={"Accept": "application/json"})
    assert answer.status_code == 400
    assert field in answer.text


def test_one_leafs_through_a_year_and_no_further(visitor: FlaskClient) -> None:
    address, seen = PAGE, 0
    while True:
        page = visitor.get(address).text
        assert 'rel="prev"' in page or seen == 0
        following = re.search(r'rel="next" href="([^"]+)"', page)
        if following is None:
            break
        address, seen = unescape(following[1]), seen + 1
    assert seen == 12
