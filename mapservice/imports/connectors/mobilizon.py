"""Mobilizon: the events of an instance that are still to come, by its GraphQL (`/api`).

Shape: framasoft/mobilizon, `lib/graphql/schema/event.ex` and `address.ex` (unverified against a
live answer). The list is a window: what is over is not in it, nor what an instance hides, so an
event that it lacks is not gone. One that it cancels is called off, one that is no longer public
leaves. `onlineAddress` is the address of a meeting only where the event is online; else it is any
page. Whom an event is attributed to is not read: it may be a person.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mapservice.errors import SourceError
from mapservice.imports.connectors.model import (
    Connector,
    ConnectorRecord,
    RecordKind,
    first_of,
    member,
    words,
)
from mapservice.imports.connectors.source_event import SourceEvent
from mapservice.imports.connectors.visits import SourceVisit

PAGE_SIZE = 50  # it gives fewer than 100
PUBLIC = ("", "PUBLIC")
STATUS = {"CANCELLED": "cancelled", "TENTATIVE": "tentative"}
QUERY = """
query Events($page: Int, $limit: Int) {
  events(page: $page, limit: $limit) {
    total
    elements {
      uuid url title description category
      beginsOn endsOn updatedAt status visibility draft
      joinOptions externalParticipationUrl onlineAddress
      tags { title }
      options { timezone isOnline }
      physicalAddress { description street postalCode locality geom }
    }
  }
}"""


def read(visit: SourceVisit) -> Iterator[ConnectorRecord]:
    """All events that the instance lists."""
    events = visit.pages(
        lambda number, _: visit.graphql(visit.address, QUERY, page=number + 1, limit=PAGE_SIZE),
        _elements,
        lambda data: member(data, "events").get("total"),
        lambda event: words(event.get("uuid")),
    )
    return map(_record, events)


def _elements(data: Mapping[str, Any]) -> list[Any]:
    elements = member(data, "events").get("elements")
    if not isinstance(elements, list):
        raise SourceError("Mobilizon gives pages with `events` and their `elements`, not this")
    return elements


def _record(event: Mapping[str, Any]) -> ConnectorRecord:
    identifier = words(event.get("uuid"))
    if not identifier:
        raise SourceError(f"an event has a `uuid`, not {sorted(event)[:8]}")
    visibility = words(event.get("visibility")).upper()
    if visibility not in PUBLIC or event.get("draft") is True:
        why = f"is not for the public ({visibility if visibility not in PUBLIC else 'DRAFT'})"
        return SourceEvent(external_id=identifier, withheld=why).record()
    place, options = member(event, "physicalAddress"), member(event, "options")
    lon, _, lat = words(place.get("geom")).partition(";")
    is_online = options.get("isOnline") is True
    names_place = bool(words(first_of(place, "description", "street", "locality", "geom")))
    # Its name and street, each said once.
    named = (words(place.get("description")), words(place.get("street")))
    is_external = words(event.get("joinOptions")).upper() == "EXTERNAL"
    return SourceEvent(
        external_id=identifier,
        title=words(event.get("title")),
        description=words(event.get("description")),
        categories=", ".join(
            filter(None, (words(event.get("tags")), words(event.get("category"))))
        ),
        place=", ".join(dict.fromkeys(filter(None, named))),
        postcode=words(place.get("postalCode")),
        city=words(place.get("locality")),
        lat=lat,
        lon=lon,
        attendance=("both" if names_place else "online") if is_online else "place",
        page=words(event.get("url")),
        online_url=words(event.get("onlineAddress")) if is_online else "",
        registration_url=words(event.get("externalParticipationUrl")) if is_external else "",
        zone=words(options.get("timezone")),
        dates=((words(event.get("beginsOn")), words(event.get("endsOn"))),),
        status=STATUS.get(words(event.get("status")).upper(), ""),
        updated_at=words(event.get("updatedAt")),
    ).record()


CONNECTOR = Connector(
    "mobilizon",
    "Mobilizon: the events of an instance that are to come (GraphQL, /api)",
    read,
    is_whole=False,
    kind=RecordKind.EVENT,
)
