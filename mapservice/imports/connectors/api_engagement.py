"""API Engagement: missions of volunteers, by a partner's key.

Shape: betagouv/api-engagement, `api/docs/openapi.yaml` (unverified against a live answer). Pages by
`skip` and `limit`, no way to ask for what changed: the whole is read. `deletedAt` says that a
mission is gone; a mission that its publisher's moderators refused is none here either.
"""

from collections.abc import Iterator, Mapping
from typing import Any

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

# The API takes 10,000 and more text in one answer than is good for anybody.
PAGE_SIZE = 500
ADDRESS = "https://api.api-engagement.beta.gouv.fr/v0/mission"
ACCEPTED = ("", "ACCEPTED")
USED = (
    *("_id", "id", "clientId", "title", "description", "descriptionHtml", "domain", "addresses"),
    *("organizationName", "applicationUrl", "deletedAt", "statusCode", "postedAt", "createdAt"),
    *("updatedAt", "startAt", "endAt", "organizationRNA", "organizationSiret", "places", "remote"),
    *("city", "postalCode", "lat", "lon", "location", "address", "departmentCode", "deleted"),
    *("activities", "activity", "publisherName", "departmentName", "region", "country"),
)


def read(visit: SourceVisit) -> Iterator[ConnectorRecord]:
    """All missions that the key opens."""
    headers = {"x-api-key": visit.key} if visit.key else {}
    missions = visit.pages(
        lambda _, given: visit.json(visit.with_query(skip=given, limit=PAGE_SIZE), headers),
        _data,
        lambda page: page.get("total"),
        _identifier,
    )
    return map(_record, missions)


def _data(page: Any) -> list[Any]:
    data = page.get("data") if isinstance(page, Mapping) else None
    if not isinstance(data, list):
        raise SourceError("API Engagement gives pages with `data`, not this")
    return data


def _identifier(mission: Mapping[str, Any]) -> str:
    return words(first_of(mission, "_id", "id"))


def _record(mission: Mapping[str, Any]) -> ConnectorRecord:
    identifier = _identifier(mission)
    if not identifier:
        raise SourceError(f"a mission has an `id`, not {sorted(mission)[:8]}")
    is_refused = words(mission.get("statusCode")).upper() not in ACCEPTED
    if mission.get("deletedAt") or mission.get("deleted") is True or is_refused:
        return ConnectorRecord({"external_id": identifier}, is_gone=True)
    place, several = _place(mission)
    location = member(place, "location")
    fields = {
        "external_id": identifier,
        "title": words(mission.get("title")),
        "description": words(first_of(mission, "description", "descriptionHtml")),
        "theme": ", ".join(
            filter(None, (words(mission.get(one)) for one in ("domain", "activities", "activity")))
        ),
        "address": words(first_of(place, "street", "address")),
        "postcode": words(place.get("postalCode")),
        "city": words(place.get("city")),
        "departement": words(place.get("departmentCode")),
        "lat": words(first_of(location, "lat", "latitude")),
        "lon": words(first_of(location, "lon", "longitude")),
        "created_on": words(first_of(mission, "postedAt", "createdAt")),
        "updated_on": words(mission.get("updatedAt")),
        "url": words(mission.get("applicationUrl")),
    }
    attributes = {
        "Organisation": words(mission.get("organizationName")),
        "RNA": words(mission.get("organizationRNA")),
        "SIRET": words(mission.get("organizationSiret")),
        "Domaine": words(mission.get("domain")),
        "Date de début": words(mission.get("startAt")),
        "Date de fin": words(mission.get("endAt")),
        "Places": words(mission.get("places")),
        "À distance": words(mission.get("remote")),
        "Diffusée par": words(mission.get("publisherName")),
        "Lieux": several,
        **others(mission, *USED),
    }
    return ConnectorRecord(fields, attributes)


def _place(mission: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """Where a mission is, and all of its places in words where there are several.

    Several places are none of them: where they share a commune or département, that is it.
    """
    found = mission.get("addresses")
    places = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
    if not places:
        # Before missions had several places their own members told the one.
        location = member(mission, "location") or {
            "lat": mission.get("lat"),
            "lon": mission.get("lon"),
        }
        return {**mission, "street": words(mission.get("address")), "location": location}, ""
    if len(places) == 1:
        return places[0], ""
    shared = {
        name: words(places[0].get(name))
        for name in ("city", "postalCode", "departmentCode")
        if len({words(one.get(name)) for one in places}) == 1
    }
    told = [
        " ".join(filter(None, (words(one.get("postalCode")), words(one.get("city")))))
        for one in places
    ]
    return shared, "; ".join(dict.fromkeys(filter(None, told)))


CONNECTOR = Connector(
    "api-engagement", "API Engagement: missions, by a partner's key", read, address=ADDRESS
)
