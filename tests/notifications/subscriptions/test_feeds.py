"""Feeds: valid Atom and iCalendar, of the initiatives that the list holds."""

import re
from datetime import UTC, date, datetime, time
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient
from icalendar import Calendar
from sqlalchemy import Engine, text

from mapservice.initiatives.facts import InitiativeFacts
from mapservice.notifications.feeds.formats import ListingFeed, atom
from tests.web.population import Made, fill, insert, population

NAMES = {"a": "http://www.w3.org/2005/Atom", "g": "http://www.georss.org/georss"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
ONE = Made(
    title="Un jardin <b>&</b> une mare; à voir, demain\\",
    summary="Première ligne\nSeconde ligne",
    theme="environnement",
    created_at="2026-01-31T23:30:00+00:00",
    precision="point",
    commune="35238",
    lon=-1.675,
    lat=48.111,
)


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


def entries(client: FlaskClient, address: str) -> list[ET.Element]:
    return ET.fromstring(client.get(address).data).findall("a:entry", NAMES)


def ids(client: FlaskClient, address: str) -> list[str]:
    return [
        node.findtext("a:id", "", NAMES).removeprefix("urn:uuid:")
        for node in entries(client, address)
    ]


def events(client: FlaskClient, address: str) -> list[Any]:
    """What a calendar holds, in its order: events, and journal entries without a day."""
    calendar = Calendar.from_ical(client.get(address).data)
    return [one for one in calendar.walk() if one.name in ("VEVENT", "VJOURNAL")]


@pytest.fixture
def one(client: FlaskClient, engine: Engine) -> FlaskClient:
    with engine.begin() as connection:
        insert(connection, [ONE])
    return client


def test_an_entry_says_what_the_initiative_is(one: FlaskClient) -> None:
    answer = one.get("/initiatives.atom")
    assert answer.content_type == "application/atom+xml; charset=utf-8"
    root = ET.fromstring(answer.data)
    assert root.findtext("a:id", "", NAMES) == "http://map.test/initiatives.atom"
    assert root.findtext("a:author/a:name", "", NAMES)
    links = {link.get("rel"): link.get("href") for link in root.findall("a:link", NAMES)}
    assert links == {
        "self": "http://map.test/initiatives.atom",
        "alternate": "http://map.test/initiatives",
    }
    (entry,) = root.findall("a:entry", NAMES)
    assert entry.findtext("a:id", "", NAMES) == f"urn:uuid:{ONE.id}"
    assert entry.findtext("a:title", "", NAMES) == ONE.title
    assert ONE.summary in entry.findtext("a:summary", "", NAMES)
    assert "Rennes" in entry.findtext("a:summary", "", NAMES)
    assert MOMENT.fullmatch(entry.findtext("a:updated", "", NAMES))
    category = entry.find("a:category", NAMES)
    assert category is not None
    assert category.attrib == {"term": "environnement", "label": "Environnement"}
    assert entry.findtext("g:point", "", NAMES) == "48.111000 -1.675000"
    link = entry.find("a:link", NAMES)
    assert link is not None
    assert link.get("href") == f"http://map.test/initiatives/{ONE.id}"


def test_a_calendar_shows_the_day_it_was_published(one: FlaskClient, engine: Engine) -> None:
    """Half past eleven in the evening, universal time, is the next day in Paris."""
    answer = one.get("/initiatives.ics")
    assert answer.content_type == "text/calendar; charset=utf-8"
    lines = answer.data.split(b"\r\n")
    assert lines[0] == b"BEGIN:VCALENDAR"
    assert max(map(len, lines)) <= 75
    assert b"VERSION:2.0" in lines
    (event,) = events(one, "/initiatives.ics")
    assert str(event["UID"]) == ONE.id
    assert event["DTSTART"].dt == date(2026, 2, 1)
    assert event["DTEND"].dt == date(2026, 2, 2)
    with engine.connect() as connection:
        changed = connection.scalar(text("SELECT changed_at FROM initiative"))
    assert event["DTSTAMP"].dt == event["LAST-MODIFIED"].dt == changed.replace(microsecond=0)
    assert event["CREATED"].dt == datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    assert str(event["SUMMARY"]) == ONE.title
    assert str(event["URL"]) == f"http://map.test/initiatives/{ONE.id}"
    assert str(event["TRANSP"]) == "TRANSPARENT"
    assert event["GEO"].to_ical() == "48.111;-1.675"


@pytest.mark.parametrize(
    ("hours", "start", "end"),
    [
        ((None, None), date(2026, 5, 12), date(2026, 5, 14)),
        ((time(10), time(18)), at("2026-05-12T06:00"), at("2026-05-13T14:00")),
        ((time(10), None), at("2026-05-12T06:00"), at("2026-05-13T20:00")),
    ],
)
def test_what_has_days_of_its_own_is_in_calendars_then(
    client: FlaskClient,
    engine: Engine,
    hours: tuple[time | None, time | None],
    start: Any,
    end: Any,
) -> None:
    """Ten in the morning on La Réunion is six, universal time; no day of creation is needed."""
    facts = InitiativeFacts(
        start_day=date(2026, 5, 12),
        end_day=date(2026, 5, 13),
        start_time=hours[0],
        end_time=hours[1],
        address="La halle",
    )
    with engine.begin() as connection:
        insert(connection, [Made(commune="97411", created_at=None, facts=facts)])
    (event,) = events(client, "/initiatives.ics")
    assert event.name == "VEVENT"
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (start, end)
    assert str(event["LOCATION"]).startswith("La halle, ")


def test_what_has_no_known_day_is_in_feeds_without_one(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        insert(connection, [Made(commune="35238", created_at=None)])
        moment = connection.scalar(text("SELECT changed_at FROM initiative"))
    (entry,) = entries(client, "/initiatives.atom")
    assert entry.find("a:published", NAMES) is None
    told = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert entry.findtext("a:updated", "", NAMES) == told
    (journal,) = events(client, "/initiatives.ics")
    assert journal.name == "VJOURNAL"
    assert {"DTSTART", "DTEND", "CREATED"}.isdisjoint(journal)
    assert journal["DTSTAMP"].dt == moment.replace(microsecond=0)
    assert "Rennes" in str(journal["DESCRIPTION"])


def test_a_commune_is_no_point_in_feeds(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        insert(connection, [Made(commune="35238")])
    (entry,) = entries(client, "/initiatives.atom")
    assert entry.find("g:point", NAMES) is None
    (event,) = events(client, "/initiatives.ics")
    assert "GEO" not in event
    assert "Rennes" in str(event["LOCATION"])


@pytest.mark.parametrize("door", ["atom", "ics"])
def test_an_unchanged_feed_is_not_sent_again(one: FlaskClient, engine: Engine, door: str) -> None:
    address = f"/initiatives.{door}"
    first = one.get(address)
    again = one.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    with engine.begin() as connection:
        connection.execute(text("UPDATE initiative SET title = 'Une mare', updated_at = now()"))
    changed = one.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert b"Une mare" in changed.data


FILTERS = (
    "",
    "theme=culture,mobilite&sort=supported",
    "territory=region:53&status=published,done,archived",
    "q=jardins",
    "near=-1.675,48.11&radius=5000",
    "since=2025-12-01&until=2026-01-15&precision=commune,point",
)


@pytest.mark.parametrize("query", FILTERS)
def test_feeds_hold_what_the_list_holds(client: FlaskClient, engine: Engine, query: str) -> None:
    fill(engine, population(150))
    features = client.get(f"/initiatives.geojson?{query}", buffered=True).json
    assert features is not None
    whole = [feature["id"] for feature in features["features"]]
    assert whole
    assert ids(client, f"/initiatives.atom?{query}&limit=1000") == whole
    found = events(client, f"/initiatives.ics?{query}&limit=1000")
    assert [str(event["UID"]) for event in found] == whole


def test_further_pages_of_a_feed_follow_its_links(client: FlaskClient, engine: Engine) -> None:
    fill(engine, population(60))
    found: list[str] = []
    address: str | None = "/initiatives.atom?limit=7&status=published,done,archived"
    while address:
        found += ids(client, address)
        root = ET.fromstring(client.get(address).data)
        following = root.find("a:link[@rel='next']", NAMES)
        address = None if following is None else following.get("href", "")
    assert found == ids(client, "/initiatives.atom?limit=1000&status=published,done,archived")


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("/territoires/departement/79", "/initiatives.{}?territory=departement:79"),
        ("/territoires/commune/35238", "/initiatives.{}?territory=commune:35238"),
    ],
)
def test_a_territory_has_the_feeds_of_its_filter(
    client: FlaskClient, engine: Engine, address: str, same: str
) -> None:
    fill(engine, population(100))
    assert ids(client, f"{address}.atom") == ids(client, same.format("atom"))
    uids = [str(event["UID"]) for event in events(client, f"{address}.ics")]
    assert uids == [str(event["UID"]) for event in events(client, same.format("ics"))] != []


@pytest.mark.parametrize("door", ["atom", "ics"])
def test_what_is_wrong_is_a_problem(client: FlaskClient, door: str) -> None:
    for address, status in (
        (f"/initiatives.{door}?theme=x", 400),
        (f"/initiatives.{door}?limit=1001", 400),
        (f"/initiatives.{door}?nothing=1", 400),
        (f"/territoires/commune/00000.{door}", 404),
        (f"/territoires/canton/35.{door}", 404),
    ):
        answer = client.get(address)
        assert answer.status_code == status, address
        assert answer.content_type == "application/problem+json"


def test_an_empty_feed_is_valid_and_stays_the_same(client: FlaskClient) -> None:
    first = client.get("/initiatives.atom")
    root = ET.fromstring(first.data)
    assert root.findtext("a:updated", "", NAMES) == "1970-01-01T00:00:00Z"
    assert client.get("/initiatives.atom").headers["ETag"] == first.headers["ETag"]
    assert events(client, "/initiatives.ics") == []


def test_characters_that_xml_cannot_write_are_left_out() -> None:
    feed = ListingFeed("a\x01b\x0b\ufffe", "x", "fr", "http://a.test/", "http://a.test/", None, ())
    assert ET.fromstring(atom(feed)).findtext("a:title", "", NAMES) == "ab"


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("/", ""),
        ("/initiatives?theme=culture", "?theme=culture"),
        ("/territoires/commune/35238", "?territory=commune:35238"),
    ],
)
def test_pages_lead_to_their_feeds(client: FlaskClient, page: str, query: str) -> None:
    html = client.get(page).text
    for media, door in (("application/atom+xml", "atom"), ("text/calendar", "ics")):
        address = f"/initiatives.{door}{query}"
        assert f'<link rel="alternate" type="{media}" href="{address}"' in html
        # Days of publication are no agenda, so no way to follow is called one.
        assert (f'<a href="{address}">' in html) == (door == "atom")
