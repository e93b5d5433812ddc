"""OpenFairDB (Karte von morgen): `/entries/recently-changed`, a window on what changed lately.

Shape: OpenFairDB, `openapi.yaml` (unverified against a live answer). The window holds 1,000 entries
or 100 days, archived ones included: an entry that is not in it is not gone, one that is archived
in it is. Each entry has a licence of its own.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from mapservice.errors import SourceError
from mapservice.imports.connectors.model import (
    Connector,
    ConnectorRecord,
    first_of,
    others,
    words,
)
from mapservice.imports.connectors.visits import SourceVisit

PAGE_SIZE = 200
ADDRESS = "https://api.ofdb.io/v0/entries/recently-changed"
GONE = frozenset({"archived", "rejected"})
USED = (
    *("id", "title", "description", "lat", "lng", "street", "zip", "city", "created", "version"),
    *("license", "homepage", "tags", "categories", "status", "review_status", "archived", "state"),
    *("country", "email", "telephone", "opening_hours", "contact", "contact_name", "updated"),
)


def read(visit: SourceVisit) -> Iterator[ConnectorRecord]:
    """What changed lately."""
    entries = visit.pages(
        lambda _, given: visit.json(visit.with_query(limit=PAGE_SIZE, offset=given)),
        _entries,
        lambda _: None,
        lambda entry: words(entry.get("id")),
    )
    return map(_record, entries)


def _entries(page: Any) -> list[Any]:
    if not isinstance(page, list):
        raise SourceError("OpenFairDB gives a list of entries, not this")
    return page


def _record(entry: Mapping[str, Any]) -> ConnectorRecord:
    identifier = words(entry.get("id"))
    if not identifier:
        raise SourceError(f"an entry has an `id`, not {sorted(entry)[:8]}")
    status = words(first_of(entry, "status", "review_status")).lower()
    if status in GONE or entry.get("archived"):
        return ConnectorRecord({"external_id": identifier}, is_gone=True)
    fields = {
        "external_id": identifier,
        "title": words(entry.get("title")),
        "description": words(entry.get("description")),
        "theme": words(entry.get("tags")),
        "address": words(entry.get("street")),
        "postcode": words(entry.get("zip")),
        "city": words(entry.get("city")),
        "lat": words(entry.get("lat")),
        "lon": words(entry.get("lng")),
        "created_on": _day(entry.get("created")),
        "licence": words(entry.get("license")),
        "url": words(entry.get("homepage")),
    }
    attributes = {
        "Mots-clés": words(entry.get("tags")),
        "Horaires": words(entry.get("opening_hours")),
        "Courriel": words(entry.get("email")),
        "Téléphone": words(entry.get("telephone")),
        "Nom du contact": words(first_of(entry, "contact_name", "contact")),
        **others(entry, *USED),
    }
    return ConnectorRecord(fields, attributes)


def _day(told: Any) -> str:
    """`created` is in seconds since 1970, or a text."""
    if isinstance(told, int | float) and not isinstance(told, bool) and 0 < told < 1e11:
        return datetime.fromtimestamp(told, UTC).date().isoformat()
    return words(told)


CONNECTOR = Connector(
    "openfairdb",
    "OpenFairDB: what changed lately, a window",
    read,
    is_whole=False,
    address=ADDRESS,
)
