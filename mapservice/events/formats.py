"""Events as GeoJSON features, as rows of a table and as an Atom feed: the same names everywhere."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from mapservice.events.model import Event
from mapservice.web.atom import AtomEntry, utc_text

DECIMALS = 6
# Signs that begin what a spreadsheet would run (OWASP, "CSV Injection").
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
WRITTEN = ("title", "summary", "note", "place_text", "source", "licence", "attribution")


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
        "source_url": event.source_url or None,
        "licence": event.source_licence or None,
        "attribution": event.attribution or None,
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
            if row[name] and row[name].startswith(FORMULA_SIGNS):
                row[name] = f"'{row[name]}"
        point = ("", "")
        if event.lon is not None and event.lat is not None:
            point = (f"{event.lon:.{DECIMALS}f}", f"{event.lat:.{DECIMALS}f}")
        writer.writerow([*("" if value is None else value for value in row.values()), *point])
    return out.getvalue().encode()


HEADER = (
    "id,title,summary,theme,status,mode,starts_at,ends_at,zone,starts_local,ends_local,commune,"
    "commune_name,epci,departement,region,region_name,precision,place_text,online_url,registration,"
    "capacity,former_starts_at,note,initiative,series,rrule,source,source_url,licence,attribution,"
    "updated_at,url,lon,lat\n"
)


def atom_entry(event: Event, base_url: str, when: str, place: str) -> AtomEntry:
    """An event in a feed, with when and where it is in words."""
    return AtomEntry(
        id=event.id,
        title=event.title,
        updated=event.changed_at,
        published=event.created_at,
        url=f"{base_url}{event.url}",
        theme=str(event.theme),
        summary=" · ".join(
            filter(None, (when, place, event.note, event.summary, event.attribution))
        ),
        point=None if event.lon is None or event.lat is None else (event.lon, event.lat),
    )


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
        "eventStatus": f"https://schema.org/{status}",
        "eventAttendanceMode": f"https://schema.org/{mode}",
        "location": places[0] if len(places) == 1 else places,
    }
    if event.has_told_end:
        made["endDate"] = utc_text(event.ends_at)
    if event.summary:
        made["description"] = event.summary
    if event.is_from_elsewhere:
        made["creditText"] = event.attribution
        if event.source_url:
            made["isBasedOn"] = event.source_url
    if event.former_starts_at and event.status == "moved":
        made["previousStartDate"] = utc_text(event.former_starts_at)
    if event.capacity is not None:
        made["maximumAttendeeCapacity"] = event.capacity
    return made
