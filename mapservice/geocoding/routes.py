"""The national address API's doors, for communes: parameters and answers as addok gives them.

Ours adds `status` and `precision`: how far the best answer can be trusted.
"""

import json
from dataclasses import dataclass
from typing import Any, Self

from flask import Blueprint, Response, request
from sqlalchemy import Connection

from mapservice.errors import InvalidInput
from mapservice.geocoding.model import Candidate, Match, Query
from mapservice.geocoding.service import Locator
from mapservice.http import answers
from mapservice.http.params import only_parameters
from mapservice.http.services import services
from mapservice.initiatives.filters import LonLat, parse_limit
from mapservice.territories.queries import commune_at

blueprint = Blueprint("geocode", __name__, url_prefix="/geocode")

DEFAULT_LIMIT = 5
MAX_LIMIT = 100
MAX_QUERY_LENGTH = 200
SEARCH_PARAMETERS = (
    "q",
    "limit",
    "autocomplete",
    "lat",
    "lon",
    "postcode",
    "citycode",
    "type",
)
# The API's kinds of place; ours knows communes alone, so the others find nothing.
TYPES = ("municipality", "housenumber", "street", "locality")


@dataclass(frozen=True, slots=True)
class Search:
    """The parameters of a search, read and checked."""

    q: str
    limit: int
    autocomplete: bool
    near: LonLat | None
    postcode: str
    citycode: str
    type: str

    @classmethod
    def of_request(cls) -> Self:
        """Raises InvalidInput naming the parameter."""
        only_parameters(*SEARCH_PARAMETERS)
        return cls(
            q=_query(),
            limit=parse_limit(request.args.get("limit") or str(DEFAULT_LIMIT), MAX_LIMIT),
            autocomplete=_switch("autocomplete", default=True),
            near=_near(),
            postcode=_code("postcode"),
            citycode=_code("citycode"),
            type=_type(),
        )


@blueprint.get("/search")
def search() -> Response:
    asked = Search.of_request()
    with services().engine.connect() as connection:
        locator = services().geocoders.current(connection)
    match = locator.geocoder.match(Query(text=asked.q))
    features = [_feature(one, match) for one in _candidates(locator, match, asked)]
    return _collection(features, query=asked.q, limit=asked.limit)


@blueprint.get("/reverse")
def reverse() -> Response:
    only_parameters("lat", "lon", "limit", "type")
    near = _near()
    if near is None:
        raise InvalidInput("lon", "lon and lat are needed, in degrees")
    parse_limit(request.args.get("limit") or "1", MAX_LIMIT)
    if _type() not in ("", "municipality"):
        return _collection([], limit=1)
    with services().engine.connect() as connection:
        candidate = _holder(connection, near)
    features = [_properties(candidate) | {"distance": 0}] if candidate else []
    return _collection([_geojson(candidate, one) for one in features if candidate], limit=1)


def _candidates(locator: Locator, match: Match, asked: Search) -> list[Candidate]:
    """What the whole text means, then what its beginning may become; each commune once."""
    if asked.type not in ("", "municipality"):
        return []
    suggested = locator.geocoder.search(
        asked.q,
        limit=asked.limit,
        autocomplete=asked.autocomplete,
        postcode=asked.postcode,
        citycode=asked.citycode,
        lon=asked.near.lon if asked.near else None,
        lat=asked.near.lat if asked.near else None,
    )
    understood = [] if asked.autocomplete and suggested else list(match.candidates)
    ranked = [one for one in understood if _fits(one, asked)] + suggested
    unique = {one.place.commune: one for one in reversed(ranked)}
    return sorted(unique.values(), key=ranked.index)[: asked.limit]


def _fits(candidate: Candidate, asked: Search) -> bool:
    place = candidate.place
    return (not asked.postcode or asked.postcode in place.postcodes) and (
        not asked.citycode or asked.citycode in (place.commune, place.code)
    )


def _holder(connection: Connection, near: LonLat) -> Candidate | None:
    located = commune_at(connection, near.lon, near.lat)
    if located is None:
        return None
    return services().geocoders.current(connection).entry(located.insee)


def _feature(candidate: Candidate, match: Match) -> dict[str, Any]:
    precision = "commune" if candidate.place.kind == "commune" else candidate.place.kind
    properties = _properties(candidate) | {"status": match.status, "precision": precision}
    return _geojson(candidate, properties)


def _properties(candidate: Candidate) -> dict[str, Any]:
    place = candidate.place
    known_as = {"oldcity": place.name, "oldcitycode": place.code} if place.kind != "commune" else {}
    return {
        "label": place.commune_name,
        "score": round(candidate.score, 4),
        "id": place.commune,
        "type": "municipality",
        "name": place.commune_name,
        "postcode": place.postcodes[0] if place.postcodes else "",
        "citycode": place.commune,
        "city": place.commune_name,
        "population": place.population,
        "context": f"{place.departement}, {place.departement_name}, {place.region_name}",
        **known_as,
    }


def _geojson(candidate: Candidate, properties: dict[str, Any]) -> dict[str, Any]:
    place = candidate.place
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [place.lon, place.lat]},
        "properties": properties,
    }


def _collection(features: list[dict[str, Any]], **more: Any) -> Response:
    body = {
        "type": "FeatureCollection",
        "version": "draft",
        "features": features,
        "attribution": "INSEE, IGN",
        "licence": "Licence Ouverte 2.0",
        **more,
    }
    return answers.whole(json.dumps(body, ensure_ascii=False), answers.GEOJSON)


def _query() -> str:
    text = request.args.get("q", "").strip()
    if not text:
        raise InvalidInput("q", "is needed")
    if len(text) > MAX_QUERY_LENGTH:
        raise InvalidInput("q", f"is longer than {MAX_QUERY_LENGTH} characters")
    return text


def _switch(name: str, *, default: bool) -> bool:
    text = request.args.get(name, "")
    if text not in ("", "0", "1", "true", "false"):
        raise InvalidInput(name, "must be 0 or 1")
    return text in ("1", "true") if text else default


def _near() -> LonLat | None:
    lon = request.args.get("lon") or request.args.get("lng", "")
    lat = request.args.get("lat", "")
    if not lon and not lat:
        return None
    if not lon or not lat:
        raise InvalidInput("lat" if lon else "lon", "lon and lat go together")
    return LonLat.parse(f"{lon},{lat}", "lat" if "," in lat else "lon")


def _code(name: str) -> str:
    text = request.args.get(name, "").strip().upper()
    if text and not (text.isascii() and text.isalnum() and len(text) == 5):
        raise InvalidInput(name, f"{text[:20]!r} is not a code of five characters")
    return text


def _type() -> str:
    text = request.args.get("type", "").strip()
    if text and text not in TYPES:
        raise InvalidInput("type", f"{text[:40]!r} is not one of {', '.join(TYPES)}")
    return text
