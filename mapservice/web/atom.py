"""An Atom feed of things that have a place and a theme (RFC 4287, GeoRSS Simple)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element, SubElement

ATOM, GEORSS = "http://www.w3.org/2005/Atom", "http://www.georss.org/georss"
# What XML 1.0 cannot hold.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomEntry:
    """One thing of a feed; `point` is its true position (lon, lat, EPSG:4326), or None."""

    id: UUID
    title: str
    updated: datetime
    published: datetime
    url: str
    theme: str
    summary: str
    point: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomFeed:
    """A listing to follow; URLs are absolute, `next` is None on the last page."""

    title: str
    author: str
    url: str
    page: str
    next: str | None
    entries: Sequence[AtomEntry]


def atom(feed: AtomFeed) -> bytes:
    """The feed as XML; `updated` is when our database saw the last change of an entry."""
    ET.register_namespace("", ATOM)
    ET.register_namespace("georss", GEORSS)
    root = Element(_name("feed"), {"xml:lang": "fr"})
    beginning = datetime(1970, 1, 1, tzinfo=UTC)
    _text(root, "id", feed.url)
    _text(root, "title", feed.title)
    _text(root, "updated", utc_text(max((one.updated for one in feed.entries), default=beginning)))
    _text(SubElement(root, _name("author")), "name", feed.author)
    _link(root, "self", feed.url, "application/atom+xml")
    _link(root, "alternate", feed.page, "text/html")
    if feed.next:
        _link(root, "next", feed.next, "application/atom+xml")
    for one in feed.entries:
        node = SubElement(root, _name("entry"))
        _text(node, "id", f"urn:uuid:{one.id}")
        _text(node, "title", one.title)
        _text(node, "updated", utc_text(one.updated))
        _text(node, "published", utc_text(one.published))
        _link(node, "alternate", one.url, "text/html")
        SubElement(node, _name("category"), {"term": one.theme})
        _text(node, "summary", one.summary)
        if one.point is not None:
            lon, lat = one.point
            SubElement(node, f"{{{GEORSS}}}point").text = f"{lat:.6f} {lon:.6f}"
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def utc_text(moment: datetime) -> str:
    """To the second: 2026-11-30T12:00:00Z."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _text(parent: Element, name: str, words: str) -> None:
    SubElement(parent, _name(name)).text = _UNWRITABLE.sub("", words)


def _link(parent: Element, relation: str, address: str, media: str) -> None:
    SubElement(parent, _name("link"), {"rel": relation, "href": address, "type": media})


def _name(name: str) -> str:
    return f"{{{ATOM}}}{name}"
