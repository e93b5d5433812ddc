"""GoGoCarto and Transiscope: `/api/elements` as gogofull, gogocompact or JSON-LD.

Shapes: pixelhumain/GoGoCarto, `APIController.php` and GoGoCartoJs, `docs/dataset.md` (unverified
against a live instance). There is no paging and no list of what changed: the whole is read, and
compared. A refresh of an instance may give all elements new ids, which is why a sweep that loses
too many waits for a person.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from mapservice.errors import SourceError
from mapservice.imports.connectors.model import (
    Connector,
    ConnectorRecord,
    first_of,
    member,
    others,
    words,
)
from mapservice.imports.connectors.visits import SourceVisit

PATH = "/api/elements.json"
# Of GoGoCarto's `ElementStatus`: refused, deleted and duplicates are below -1; 0 waits for its
# moderators, -1 is a change that does.
LAST_GONE, PENDING = -2, 0
USED = (
    *("id", "@id", "@type", "@context", "name", "geo", "address", "categories", "categoriesFull"),
    *("optionValues", "taxonomy", "description", "descriptionMore", "createdAt", "updatedAt"),
    *("status", "moderationState", "sourceKey", "openHours", "openHoursMoreInfos", "licence"),
    *("searchScore", "distance", "label"),
)


def read(visit: SourceVisit) -> Iterator[ConnectorRecord]:
    """All elements of an instance, in whichever of its three shapes the address asks for."""
    parts = urlsplit(visit.address)
    address = urlunsplit(parts._replace(path=PATH)) if parts.path in ("", "/") else visit.address
    document = visit.json(address)
    if not isinstance(document, Mapping):
        raise SourceError("GoGoCarto gives an object with `data` or `@graph`, not this")
    elements = document.get("data", document.get("@graph"))
    if not isinstance(elements, list):
        told = words(first_of(document, "error", "message"))
        raise SourceError(
            f"GoGoCarto gives neither `data` nor `@graph`{': ' if told else ''}{told}"
        )
    mapping = document.get("mapping")
    for element in elements:
        if isinstance(element, list):
            yield _compact(element, mapping)
        elif isinstance(element, Mapping):
            yield _full(element)
        else:
            raise SourceError("an element is neither a list nor an object")


def _compact(element: list[Any], mapping: Any) -> ConnectorRecord:
    """`["x1", ["Le verger"], 46.3, -0.4, 1, 0]`, as `mapping` says: a list within has names."""
    columns = mapping if isinstance(mapping, list) else DEFAULT_MAPPING
    found: dict[str, Any] = {}
    for name, value in zip(columns, element, strict=False):
        if isinstance(name, list):
            values = value if isinstance(value, list) else [value]
            found |= dict(zip(map(str, name), values, strict=False))
        else:
            found[str(name)] = value
    found["geo"] = {name: found.pop(name, None) for name in ("latitude", "longitude")}
    return _full(found)


# Of instances before their answers said so.
DEFAULT_MAPPING = ["id", ["name"], "latitude", "longitude", "status", "moderationState"]


def _full(element: Mapping[str, Any]) -> ConnectorRecord:
    geo, address = member(element, "geo"), member(element, "address")
    identifier = words(first_of(element, "id", "@id"))
    status = element.get("status")
    is_number = isinstance(status, int) and not isinstance(status, bool)
    if is_number and status is not None and status <= LAST_GONE:
        return ConnectorRecord({"external_id": identifier}, is_gone=True)
    more = words(element.get("descriptionMore"))
    short = words(element.get("description"))
    street = words(first_of(address, "streetAddress", "customFormatedAddress"))
    number = words(address.get("streetNumber"))
    fields = {
        "external_id": identifier,
        "title": words(first_of(element, "name", "label")),
        "summary": short if more else "",
        "description": "\n\n".join(filter(None, (short, more))),
        "theme": words(first_of(element, "categories", "optionValues")),
        "address": f"{number} {street}".strip(),
        "postcode": words(address.get("postalCode")),
        "city": words(address.get("addressLocality")),
        "lat": words(first_of(geo, "latitude", "lat")),
        "lon": words(first_of(geo, "longitude", "lng")),
        "created_on": words(element.get("createdAt")),
        "updated_on": words(element.get("updatedAt")),
        "licence": words(element.get("licence")),
        "status": "en attente" if is_number and status == PENDING else "",
    }
    attributes = {
        "Catégories": words(first_of(element, "categories", "optionValues")),
        "Horaires": _hours(element),
        "Source d’origine": words(element.get("sourceKey")),
        **others(element, *USED),
    }
    return ConnectorRecord(fields, attributes)


def _hours(element: Mapping[str, Any]) -> str:
    """`{"Mo": "09:00-12:00"}` or a text, as OpenStreetMap writes hours."""
    told = element.get("openHours")
    days = (
        "; ".join(f"{day} {words(hours)}" for day, hours in told.items() if hours)
        if isinstance(told, Mapping)
        else words(told)
    )
    return "; ".join(filter(None, (days, words(element.get("openHoursMoreInfos")))))


CONNECTOR = Connector("gogocarto", "GoGoCarto, Transiscope: /api/elements, whole", read)
