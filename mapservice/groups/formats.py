"""Groups as GeoJSON features, as rows of a table and as an Atom feed: the same names everywhere."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mapservice.groups.model import LocalGroup
from mapservice.web.atom import AtomEntry, utc_text

DECIMALS = 6
# Signs that begin what a spreadsheet would run (OWASP, "CSV Injection").
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
WRITTEN = ("name", "summary", "place_text", "source", "licence", "attribution")


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
        "source_url": group.source_url or None,
        "licence": group.source_licence or None,
        "attribution": group.attribution or None,
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
    "region,region_name,precision,place_text,members,last_sign_at,source,source_url,"
    "licence,attribution,published_at,updated_at,url,lon,lat\n"
)


def csv_text(groups: Sequence[LocalGroup], base_url: str, now: datetime) -> bytes:
    """A row each: the properties, then `lon` and `lat` (empty unless a true point)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for group in groups:
        row = properties(group, base_url, now)
        for name in WRITTEN:
            if row[name] and row[name].startswith(FORMULA_SIGNS):
                row[name] = f"'{row[name]}"
        point = ("", "")
        if group.lon is not None and group.lat is not None:
            point = (f"{group.lon:.{DECIMALS}f}", f"{group.lat:.{DECIMALS}f}")
        writer.writerow([*("" if value is None else value for value in row.values()), *point])
    return out.getvalue().encode()


def atom_entry(group: LocalGroup, base_url: str, place: str) -> AtomEntry:
    """A group in a feed, with where it is in words."""
    assert group.published_at is not None, "what is public was published"
    return AtomEntry(
        id=group.id,
        title=group.name,
        updated=group.changed_at,
        published=group.published_at,
        url=f"{base_url}{group.url}",
        theme=str(group.theme),
        summary=" · ".join(filter(None, (place, group.summary, group.attribution))),
        point=None if group.lon is None or group.lat is None else (group.lon, group.lat),
    )
