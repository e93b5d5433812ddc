"""A listing as an Atom feed (RFC 4287) and as a calendar (RFC 5545).

Both depend on nothing but the initiatives and their order in the listing: an unchanged listing
gives the same bytes, so that a reader's conditional request is answered "not modified".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element, SubElement
from zoneinfo import ZoneInfo

from mapservice.initiatives.local_days import zone_of
from mapservice.initiatives.queries import Initiative

if TYPE_CHECKING:
    from icalendar import Component

ATOM = "http://www.w3.org/2005/Atom"
GEORSS = "http://www.georss.org/georss"
PRODUCT = "-//mapservice//initiatives//FR"
# Days begin and end in metropolitan France, whatever the clock of a calendar says.
PARIS = ZoneInfo("Europe/Paris")
REFRESH = timedelta(hours=12)
BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
# Characters that XML 1.0 cannot represent.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One initiative with the labels of its theme and place, and its absolute URL.

    `photo` is the absolute URL of its first photo in JPEG, or "".
    """

    initiative: Initiative
    theme: str
    place: str
    url: str
    photo: str = ""


@dataclass(frozen=True, slots=True)
class EnclosedPhoto:
    """A photo that goes with an entry: the absolute URL of its file in JPEG, and its size."""

    url: str
    bytes: int
    alt: str


@dataclass(frozen=True, slots=True)
class ListingFeed:
    """A listing to follow. URLs are absolute; `next` is the following page, or None."""

    title: str
    author: str
    language: str
    url: str
    page: str
    next: str | None
    entries: Sequence[FeedEntry]

    @property
    def updated(self) -> datetime:
        moments = (entry.initiative.changed_at for entry in self.entries)
        return max(moments, default=BEFORE_ALL)


def atom(feed: ListingFeed) -> bytes:
    """The feed as XML; entries are identified by `urn:uuid:…`, summaries are plain text.

    `updated` is when our database saw the last change, known for every entry; `published` is left
    out where the day of publication is unknown.
    """
    ET.register_namespace("", ATOM)
    ET.register_namespace("georss", GEORSS)
    root = Element(_atom("feed"), {"xml:lang": feed.language})
    _text(root, "id", feed.url)
    _text(root, "title", feed.title)
    _text(root, "updated", _moment(feed.updated))
    _text(SubElement(root, _atom("author")), "name", feed.author)
    _link(root, "self", feed.url, "application/atom+xml")
    _link(root, "alternate", feed.page, "text/html")
    if feed.next:
        _link(root, "next", feed.next, "application/atom+xml")
    for entry in feed.entries:
        one = entry.initiative
        node = SubElement(root, _atom("entry"))
        _text(node, "id", f"urn:uuid:{one.id}")
        _text(node, "title", one.title)
        _text(node, "updated", _moment(one.changed_at))
        if one.created_at:
            _text(node, "published", _moment(one.created_at))
        _link(node, "alternate", entry.url, "text/html")
        if entry.photo and one.cover:
            enclosure = {
                "rel": "enclosure",
                "href": entry.photo,
                "type": "image/jpeg",
                "length": str(one.cover.shared_bytes),
                "title": _clean(one.cover.alt or one.title),
            }
            SubElement(node, _atom("link"), enclosure)
        category = {"term": str(one.theme), "label": entry.theme}
        SubElement(node, _atom("category"), category)
        _text(node, "summary", " · ".join(filter(None, (entry.place, one.summary))))
        if one.lon is not None and one.lat is not None:
            SubElement(node, f"{{{GEORSS}}}point").text = f"{one.lat:.6f} {one.lon:.6f}"
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


@dataclass(frozen=True, slots=True)
class NewsEntry:
    """One piece of news; `url` is absolute, `photo` that of its file in JPEG, or None."""

    id: UUID
    title: str
    text: str
    published: datetime
    url: str
    photo: EnclosedPhoto | None = None


@dataclass(frozen=True, slots=True)
class NewsFeed:
    """The news of one initiative, the newest first. URLs are absolute."""

    title: str
    author: str
    language: str
    url: str
    page: str
    since: datetime
    entries: Sequence[NewsEntry]


def news_atom(feed: NewsFeed) -> bytes:
    """The feed as XML; before there is news, its moment is that of the initiative (`since`)."""
    ET.register_namespace("", ATOM)
    root = Element(_atom("feed"), {"xml:lang": feed.language})
    _text(root, "id", feed.url)
    _text(root, "title", feed.title)
    _text(
        root, "updated", _moment(max((one.published for one in feed.entries), default=feed.since))
    )
    _text(SubElement(root, _atom("author")), "name", feed.author)
    _link(root, "self", feed.url, "application/atom+xml")
    _link(root, "alternate", feed.page, "text/html")
    for one in feed.entries:
        node = SubElement(root, _atom("entry"))
        _text(node, "id", f"urn:uuid:{one.id}")
        _text(node, "title", one.title)
        _text(node, "updated", _moment(one.published))
        _text(node, "published", _moment(one.published))
        _link(node, "alternate", one.url, "text/html")
        if one.photo:
            enclosure = {
                "rel": "enclosure",
                "href": one.photo.url,
                "type": "image/jpeg",
                "length": str(one.photo.bytes),
                "title": _clean(one.photo.alt or one.title),
            }
            SubElement(node, _atom("link"), enclosure)
        _text(node, "content", one.text)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def calendar(feed: ListingFeed) -> bytes:
    """The feed as all-day events on the day each initiative was published.

    Events and not journal entries, which most calendars leave out; transparent, as they take
    nobody's time. What has no known day is a journal entry without one (RFC 5545, 3.6.3): an event
    must have a start, and none is known. Their moments are those of the initiative, so that the
    calendar stays the same until one changes.
    """
    import icalendar  # its 10 MB are loaded when the first calendar is asked for

    made = icalendar.Calendar()
    made.add("prodid", PRODUCT)
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("name", _clean(feed.title))
    made.add("x-wr-calname", _clean(feed.title))
    made.add("url", feed.page)
    made.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    made.add("x-published-ttl", "PT12H")
    for entry in feed.entries:
        one = entry.initiative
        if one.facts.start_day is None and one.created_at is None:
            # A journal entry has no property for a place, so its text names it.
            journal = icalendar.Journal()
            _describe(journal, entry, entry.place)
            made.add_component(journal)
            continue
        event = icalendar.Event()
        _describe(event, entry)
        if one.created_at is not None:
            event.add("created", one.created_at.astimezone(UTC))
        start, end = _when(one)
        event.add("dtstart", start)
        if end is not None:
            event.add("dtend", end)
        event.add("location", _clean(", ".join(filter(None, (one.facts.address, entry.place)))))
        event.add("transp", "TRANSPARENT")
        if one.lon is not None and one.lat is not None:
            event.add("geo", icalendar.vGeo((one.lat, one.lon)))
        made.add_component(event)
    return bytes(made.to_ical())


def _when(one: Initiative) -> tuple[date, date | None]:
    """On its own days where it tells some, at their hours (UTC); else on that of its creation.

    The end is exclusive; None where only the beginning has an hour.
    """
    facts = one.facts
    if facts.start_day is None or facts.end_day is None:
        assert one.created_at is not None, "what has no day at all is a journal entry"
        day = one.created_at.astimezone(PARIS).date()
        return day, day + timedelta(days=1)
    if facts.start_time is None:
        return facts.start_day, facts.end_day + timedelta(days=1)
    zone = zone_of(one.area)
    start = datetime.combine(facts.start_day, facts.start_time, zone).astimezone(UTC)
    if facts.end_time is not None:
        return start, datetime.combine(facts.end_day, facts.end_time, zone).astimezone(UTC)
    if facts.end_day == facts.start_day:
        return start, None
    after = facts.end_day + timedelta(days=1)
    return start, datetime.combine(after, time(), zone).astimezone(UTC)


def _describe(component: "Component", entry: FeedEntry, *words: str) -> None:
    one = entry.initiative
    component.add("uid", str(one.id))
    component.add("dtstamp", one.changed_at.astimezone(UTC))
    component.add("last-modified", one.changed_at.astimezone(UTC))
    component.add("summary", _clean(one.title))
    text = "\n\n".join(filter(None, (*words, one.summary, entry.url)))
    component.add("description", _clean(text))
    component.add("url", entry.url)
    component.add("categories", [entry.theme])


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, _atom(name)).text = _clean(text)


def _link(parent: Element, relation: str, address: str, media: str) -> None:
    SubElement(parent, _atom("link"), {"rel": relation, "href": address, "type": media})


def _atom(name: str) -> str:
    return f"{{{ATOM}}}{name}"


def _clean(text: str) -> str:
    return _UNWRITABLE.sub("", text)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
