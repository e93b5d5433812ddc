"""Groups as GeoJSON features, as rows of a table and as an Atom feed: the same names everywhere."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element, SubElement

from mapservice.groups.model import LocalGroup

ATOM, GEORSS = "http://www.w3.org/2005/Atom", "http://www.georss.org/georss"
DECIMALS = 6
# Signs that begin what a spreadsheet would run (OWASP, "CSV Injection").
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
WRITTEN = ("name", "summary", "place_text")
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def properties(group: LocalGroup, base_url: str, now: datetime) -> dict[str, Any]:
    """The public properties in order; `members` counts who confirmed, and tells of nobody."""
    assert group.published_at is not None, "what is public was published"
    return {
        "id": str(group.id),
        "name": group.name,
        "summary": group.summary,
        "theme": str(group.theme),
        "state": str(group.state(now)),
        "openness": str(group.openness),
        "organisation": group.organisation or None,
        "area": str(group.area),
        "commune": group.commune,
        "commune_name": group.commune_name,
        "epci": group.epci,
        "departement": group.departement,
        "region": group.region,
        "region_name": group.region_name,
        "precision": str(group.precision),
        "place_text": group.place_text,
        "members": group.members,
        "last_sign_at": utc_text(group.last_sign_at),
        "source": group.source or None,
        "published_at": utc_text(group.published_at),
        "updated_at": utc_text(group.changed_at),
        "url": f"{base_url}{group.url}",
    }


def feature(group: LocalGroup, base_url: str, now: datetime) -> dict[str, Any]:
    """A GeoJSON feature; the geometry is the true point or null: a commune never becomes a pin."""
    point = None
    if group.lon is not None and group.lat is not None:
        lon, lat = round(group.lon, DECIMALS), round(group.lat, DECIMALS)
        point = {"type": "Point", "coordinates": [lon, lat]}
    return {
        "type": "Feature",
        "id": str(group.id),
        "geometry": point,
        "properties": properties(group, base_url, now),
    }


HEADER = (
    "id,name,summary,theme,state,openness,organisation,area,commune,commune_name,epci,departement,"
    "region,region_name,precision,place_text,members,last_sign_at,source,published_at,updated_at,url,"
    "lon,lat\n"
)


def csv_text(groups: Sequence[LocalGroup], base_url: str, now: datetime) -> bytes:
    """A row each: the properties, then `lon` and `lat` (empty unless a true point)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for group in groups:
        row = properties(group, base_url, now)
        for name in WRITTEN:
            if row[name].startswith(FORMULA_SIGNS):
                row[name] = f"'{row[name]}"
        point = ("", "")
        if group.lon is not None and group.lat is not None:
            point = (f"{group.lon:.{DECIMALS}f}", f"{group.lat:.{DECIMALS}f}")
        writer.writerow([*("" if value is None else value for value in row.values()), *point])
    return out.getvalue().encode()


@dataclass(frozen=True, slots=True)
class GroupFeed:
    """A listing to follow; URLs are absolute. `entries` come with where they are in words."""

    title: str
    author: str
    url: str
    page: str
    next: str | None
    entries: Sequence[tuple[LocalGroup, str]]


def atom(feed: GroupFeed, base_url: str) -> bytes:
    """The feed as XML (RFC 4287); `updated` is when our database saw the last change."""
    ET.register_namespace("", ATOM)
    ET.register_namespace("georss", GEORSS)
    root = Element(_atom("feed"), {"xml:lang": "fr"})
    beginning = datetime(1970, 1, 1, tzinfo=UTC)
    updated = max((group.changed_at for group, _ in feed.entries), default=beginning)
    _text(root, "id", feed.url)
    _text(root, "title", feed.title)
    _text(root, "updated", utc_text(updated))
    _text(SubElement(root, _atom("author")), "name", feed.author)
    _link(root, "self", feed.url, "application/atom+xml")
    _link(root, "alternate", feed.page, "text/html")
    if feed.next:
        _link(root, "next", feed.next, "application/atom+xml")
    for group, place in feed.entries:
        assert group.published_at is not None, "what is public was published"
        node = SubElement(root, _atom("entry"))
        _text(node, "id", f"urn:uuid:{group.id}")
        _text(node, "title", group.name)
        _text(node, "updated", utc_text(group.changed_at))
        _text(node, "published", utc_text(group.published_at))
        _link(node, "alternate", f"{base_url}{group.url}", "text/html")
        SubElement(node, _atom("category"), {"term": str(group.theme)})
        _text(node, "summary", " · ".join(filter(None, (place, group.summary))))
        if group.lon is not None and group.lat is not None:
            SubElement(node, f"{{{GEORSS}}}point").text = f"{group.lat:.6f} {group.lon:.6f}"
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _text(parent: Element, name: str, words: str) -> None:
    SubElement(parent, _atom(name)).text = _UNWRITABLE.sub("", words)


def _link(parent: Element, relation: str, address: str, media: str) -> None:
    SubElement(parent, _atom("link"), {"rel": relation, "href": address, "type": media})


def _atom(name: str) -> str:
    return f"{{{ATOM}}}{name}"
