"""Events as GeoJSON features, as rows of a table and as an Atom feed: the same names everywhere."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element, SubElement

from mapservice.events.model import Event

ATOM, GEORSS = "http://www.w3.org/2005/Atom", "http://www.georss.org/georss"
DECIMALS = 6
# Signs that begin what a spreadsheet would run (OWASP, "CSV Injection").
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
WRITTEN = ("title", "summary", "note", "place_text")
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def properties(event: Event, base_url: str) -> dict[str, Any]:
    """The public properties in order; moments in UTC, `starts_local` and `ends_local` as read on
    the clock of `zone`."""
    return {
        "id": str(event.id),
        "title": event.title,
        "summary": event.summary,
        "theme": str(event.theme),
        "status": str(event.status),
        "mode": str(event.mode),
        "starts_at": utc_text(event.starts_at),
        "ends_at": utc_text(event.ends_at),
        "zone": event.zone,
        "starts_local": event.starts_local.isoformat(timespec="seconds"),
        "ends_local": event.ends_local.isoformat(timespec="seconds"),
        "commune": event.commune,
        "commune_name": event.commune_name,
        "epci": event.epci,
        "departement": event.departement,
        "region": event.region,
        "region_name": event.region_name,
        "precision": str(event.precision),
        "place_text": event.place_text,
        "online_url": event.public_online_url or None,
        "registration": str(event.registration),
        "capacity": event.capacity,
        "former_starts_at": utc_text(event.former_starts_at) if event.former_starts_at else None,
        "note": event.note,
        "initiative": str(event.initiative) if event.initiative else None,
        "series": str(event.series),
        "rrule": event.rrule or None,
        "source": event.source or None,
        "updated_at": utc_text(event.changed_at),
        "url": f"{base_url}{event.url}",
    }


def feature(event: Event, base_url: str) -> dict[str, Any]:
    """A GeoJSON feature; the geometry is the true point or null: a commune never becomes a pin."""
    point = None
    if event.lon is not None and event.lat is not None:
        lon, lat = round(event.lon, DECIMALS), round(event.lat, DECIMALS)
        point = {"type": "Point", "coordinates": [lon, lat]}
    return {
        "type": "Feature",
        "id": str(event.id),
        "geometry": point,
        "properties": properties(event, base_url),
    }


def csv_text(events: Sequence[Event], base_url: str, *, header: bool = True) -> bytes:
    """A header and a row each: the properties, then `lon` and `lat` (empty unless a true point)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for number, event in enumerate(events):
        row = properties(event, base_url)
        if header and number == 0:
            writer.writerow([*row, "lon", "lat"])
        for name in WRITTEN:
            if row[name].startswith(FORMULA_SIGNS):
                row[name] = f"'{row[name]}"
        point = ("", "")
        if event.lon is not None and event.lat is not None:
            point = (f"{event.lon:.{DECIMALS}f}", f"{event.lat:.{DECIMALS}f}")
        writer.writerow([*("" if value is None else value for value in row.values()), *point])
    return out.getvalue().encode()


HEADER = (
    "id,title,summary,theme,status,mode,starts_at,ends_at,zone,starts_local,ends_local,commune,"
    "commune_name,epci,departement,region,region_name,precision,place_text,online_url,registration,"
    "capacity,former_starts_at,note,initiative,series,rrule,source,updated_at,url,lon,lat\n"
)


@dataclass(frozen=True, slots=True)
class EventFeed:
    """A listing to follow; URLs are absolute. `entries` come with when and where in words."""

    title: str
    author: str
    url: str
    page: str
    next: str | None
    entries: Sequence[tuple[Event, str, str]]


def atom(feed: EventFeed, base_url: str) -> bytes:
    """The feed as XML (RFC 4287); `updated` is when our database saw the last change."""
    ET.register_namespace("", ATOM)
    ET.register_namespace("georss", GEORSS)
    root = Element(_atom("feed"), {"xml:lang": "fr"})
    beginning = datetime(1970, 1, 1, tzinfo=UTC)
    updated = max((event.changed_at for event, _, _ in feed.entries), default=beginning)
    _text(root, "id", feed.url)
    _text(root, "title", feed.title)
    _text(root, "updated", utc_text(updated))
    _text(SubElement(root, _atom("author")), "name", feed.author)
    _link(root, "self", feed.url, "application/atom+xml")
    _link(root, "alternate", feed.page, "text/html")
    if feed.next:
        _link(root, "next", feed.next, "application/atom+xml")
    for event, when, place in feed.entries:
        node = SubElement(root, _atom("entry"))
        _text(node, "id", f"urn:uuid:{event.id}")
        _text(node, "title", event.title)
        _text(node, "updated", utc_text(event.changed_at))
        _text(node, "published", utc_text(event.created_at))
        _link(node, "alternate", f"{base_url}{event.url}", "text/html")
        SubElement(node, _atom("category"), {"term": str(event.theme)})
        _text(node, "summary", " · ".join(filter(None, (when, place, event.note, event.summary))))
        if event.lon is not None and event.lat is not None:
            SubElement(node, f"{{{GEORSS}}}point").text = f"{event.lat:.6f} {event.lon:.6f}"
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def schema_event(event: Event, base_url: str, place: str) -> dict[str, Any]:
    """A schema.org Event; a commune is a place with a name, never a position."""
    status = {
        "cancelled": "EventCancelled",
        "postponed": "EventPostponed",
        "moved": "EventRescheduled",
    }.get(str(event.status), "EventScheduled")
    mode = {
        "place": "OfflineEventAttendanceMode",
        "online": "OnlineEventAttendanceMode",
        "both": "MixedEventAttendanceMode",
    }[str(event.mode)]
    places: list[dict[str, Any]] = []
    if event.mode != "online":
        where: dict[str, Any] = {"@type": "Place", "name": event.place_text or place}
        if event.commune_name:
            where["address"] = {
                "@type": "PostalAddress",
                "addressLocality": event.commune_name,
                "addressRegion": event.region_name,
                "addressCountry": "FR",
            }
        if event.lon is not None and event.lat is not None:
            where["geo"] = {
                "@type": "GeoCoordinates",
                "latitude": round(event.lat, DECIMALS),
                "longitude": round(event.lon, DECIMALS),
            }
        places.append(where)
    if event.public_online_url:
        places.append({"@type": "VirtualLocation", "url": event.public_online_url})
    elif event.online_url:
        places.append({"@type": "VirtualLocation", "url": f"{base_url}{event.url}"})
    made: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Event",
        "@id": f"{base_url}{event.url}",
        "url": f"{base_url}{event.url}",
        "name": event.title,
        "startDate": utc_text(event.starts_at),
        "endDate": utc_text(event.ends_at),
        "eventStatus": f"https://schema.org/{status}",
        "eventAttendanceMode": f"https://schema.org/{mode}",
        "location": places[0] if len(places) == 1 else places,
    }
    if event.summary:
        made["description"] = event.summary
    if event.former_starts_at and event.status == "moved":
        made["previousStartDate"] = utc_text(event.former_starts_at)
    if event.capacity is not None:
        made["maximumAttendeeCapacity"] = event.capacity
    return made


def utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _text(parent: Element, name: str, words: str) -> None:
    SubElement(parent, _atom(name)).text = _UNWRITABLE.sub("", words)


def _link(parent: Element, relation: str, address: str, media: str) -> None:
    SubElement(parent, _atom("link"), {"rel": relation, "href": address, "type": media})


def _atom(name: str) -> str:
    return f"{{{ATOM}}}{name}"
