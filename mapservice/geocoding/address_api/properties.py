"""The vocabulary of the national address API (addok, Géoplateforme): properties, CSV columns.

Ours knows communes only, which that API calls `municipality`. What it adds to the API's own
fields is `status` and `precision`: how far an answer can be trusted.
"""

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pyproj import Transformer

from mapservice.geocoding.csv_dialect import Cells
from mapservice.geocoding.files import point
from mapservice.geocoding.matching.engine import Geocoder
from mapservice.geocoding.matching.gazetteer import ARRONDISSEMENT, COMMUNE, Gazetteer
from mapservice.geocoding.model import (
    GeocodeMatch,
    GeocodeQuery,
    MatchCandidate,
    MatchStatus,
    Precision,
)
from mapservice.geocoding.weights import LARGEST_TOWN
from mapservice.territories.queries import OUTLINE_ACCURACY_M, BorderCommunes

MUNICIPALITY = "municipality"
# The API's kinds of place; ours knows communes alone, so the others find nothing.
TYPES = (MUNICIPALITY, "housenumber", "street", "locality")
ATTRIBUTION = "INSEE, IGN"
LICENCE = "Licence Ouverte 2.0"

# As addok-csv and the Géoplateforme name them; the last are ours.
_FOUND = (
    *("type", "id", "housenumber", "name", "street", "postcode", "city", "context"),
    *("citycode", "oldcitycode", "oldcity", "district"),
)
_RESULTS = tuple(f"result_{name}" for name in _FOUND)
SEARCH_COLUMNS = (
    *("latitude", "longitude", "result_label", "result_score", "result_score_next"),
    *(*_RESULTS, "result_status", "result_precision", "result_match_status"),
)
REVERSE_COLUMNS = (
    *("result_latitude", "result_longitude", "result_label", "result_distance"),
    *(*_RESULTS, "result_status", "result_precision"),
)

# The projection that decree 2000-1276 makes the legal one, by département; else Lambert-93.
LAMBERT_93 = 2154
LEGAL_PROJECTIONS = {"971": 5490, "972": 5490, "973": 2972, "974": 2975, "976": 4471}

EARTH_RADIUS = 6_371_008.8  # metres, mean


@dataclass(frozen=True, slots=True)
class AddressColumns:
    """Which cells of a row say what, by position; None where the file does not say.

    `only` is the one type asked for in every row.
    """

    words: tuple[int, ...] = ()
    postcode: int | None = None
    citycode: int | None = None
    type: int | None = None
    lon: int | None = None
    lat: int | None = None
    only: str = ""


@dataclass(frozen=True, slots=True)
class ReverseHit:
    """A commune at a point: the one that holds it, or the `other` one beyond a near border.

    `border_m` is the distance from the point to that border, in metres.
    """

    candidate: MatchCandidate
    status: MatchStatus
    border_m: float
    other: MatchCandidate | None = None


def held(
    entry: Callable[[str], MatchCandidate | None], located: BorderCommunes
) -> list[ReverseHit]:
    """The commune that holds a point, then the one that may, as outlines are generalised.

    Where the border is nearer than they are accurate, the first scores from a half, on the border,
    to one; the second has the rest.
    """
    holder = entry(located.insee)
    other = entry(located.second) if located.second else None
    if holder is None:
        return []
    if other is None:
        return [ReverseHit(holder, MatchStatus.CERTAIN, located.border_m)]
    share = 0.5 + 0.5 * min(1.0, located.border_m / OUTLINE_ACCURACY_M)
    first, second = replace(holder, score=share), replace(other, score=1 - share)
    return [
        ReverseHit(first, MatchStatus.LIKELY, located.border_m, second),
        ReverseHit(second, MatchStatus.AMBIGUOUS, located.border_m, first),
    ]


def border(one: ReverseHit) -> dict[str, Any]:
    """What ours adds to the answer for a point."""
    added: dict[str, Any] = {
        "status": one.status,
        "precision": Precision.COMMUNE,
        "border_distance": round(one.border_m),
    }
    if one.other is not None:
        place = one.other.place
        added |= {"other_citycode": place.commune, "other_city": place.commune_name}
    return added


def properties(candidate: MatchCandidate, postcode: str = "") -> dict[str, Any]:
    """A commune as the API describes a municipality.

    Of several postcodes it is the one asked for, else the first.
    """
    place = candidate.place
    x, y = legal_xy(place.departement, place.lon, place.lat)
    known_as = {"oldcity": place.name, "oldcitycode": place.code}
    if place.kind in (COMMUNE, ARRONDISSEMENT):
        known_as = {"district": place.name} if place.kind == ARRONDISSEMENT else {}
    return {
        "label": place.commune_name,
        "score": round(candidate.score, 4),
        "id": place.commune,
        "type": MUNICIPALITY,
        "name": place.commune_name,
        "postcode": postcode if postcode in place.postcodes else "".join(place.postcodes[:1]),
        "citycode": place.commune,
        "x": x,
        "y": y,
        "population": place.population if place.population_known else None,
        "population_year": place.population_year,
        "city": place.commune_name,
        "municipality": place.commune_name,
        "context": f"{place.departement}, {place.departement_name}, {place.region_name}",
        "depcode": place.departement,
        "importance": round(min(1.0, math.log10(place.population + 1) / LARGEST_TOWN), 5),
        "_type": "address",
        **known_as,
    }


def lon_lat(candidate: MatchCandidate) -> tuple[float | None, float | None]:
    """A commune's own point, EPSG:4326, to a tenth of a metre, which is finer than it is known."""
    place = candidate.place
    if place.lon is None or place.lat is None:
        return None, None
    return round(place.lon, 6), round(place.lat, 6)


def legal_xy(
    departement: str, lon: float | None, lat: float | None
) -> tuple[float | None, float | None]:
    """Metres in the legal projection of a département, from degrees in EPSG:4326."""
    if lon is None or lat is None:
        return None, None
    epsg = LEGAL_PROJECTIONS.get(departement, LAMBERT_93)
    x, y = _to_legal(epsg, threading.get_ident())(lon, lat)
    return round(x, 2), round(y, 2)


@cache
def _to_legal(epsg: int, _thread: int) -> Any:
    """One of its own for each thread, as PROJ asks."""
    return Transformer.from_crs(4326, epsg, always_xy=True).transform


def metres(lon: float, lat: float, candidate: MatchCandidate) -> float:
    """From a point to a commune's own, along the great circle; infinite if it has none."""
    place = candidate.place
    if place.lon is None or place.lat is None:
        return math.inf
    a, b = math.radians(lat), math.radians(place.lat)
    half = math.sin((b - a) / 2) ** 2
    half += math.cos(a) * math.cos(b) * math.sin(math.radians(place.lon - lon) / 2) ** 2
    return 2 * EARTH_RADIUS * math.asin(math.sqrt(min(1.0, half)))


def search_rows(
    geocoder: Geocoder, columns: AddressColumns, rows: Sequence[Cells]
) -> Iterable[Cells]:
    """The cells of `SEARCH_COLUMNS` for each row."""
    queries = [
        GeocodeQuery(
            text=" ".join(filter(None, (row[place].strip() for place in columns.words))),
            postcode=_cell(row, columns.postcode),
            citycode=_cell(row, columns.citycode),
        )
        for row in rows
    ]
    for row, match in zip(rows, geocoder.bulk(queries), strict=True):
        query = match.query
        if not (query.text or query.postcode or query.citycode):
            yield _cells(SEARCH_COLUMNS, {"result_status": "skipped"})
            continue
        ranked = _admitted(geocoder.gazetteer, match) if _is_municipality(columns, row) else []
        if match.status is MatchStatus.AMBIGUOUS:
            # Of homonyms, the one by the row's own point, which the API calls a centre.
            lon, lat = row_point(columns, row)
            if not math.isnan(lon):
                ranked.sort(key=lambda one: metres(lon, lat, one))
        added = {"result_precision": match.precision, "result_match_status": match.status}
        if not ranked or match.status is MatchStatus.NONE:
            yield _cells(SEARCH_COLUMNS, added | {"result_status": "not-found"})
            continue
        best, *others = ranked
        if best.place.commune != match.commune:
            added |= {"result_match_status": MatchStatus.AMBIGUOUS}
        values = _result(best, match.parts.postcode) | added | {"result_status": "ok"}
        values["longitude"], values["latitude"] = lon_lat(best)
        values |= {"result_score_next": round(others[0].score, 4) if others else None}
        yield _cells(SEARCH_COLUMNS, values)


def _admitted(gazetteer: Gazetteer, match: GeocodeMatch) -> list[MatchCandidate]:
    """The API's filters restrict: candidates of the row's postcode and commune code alone.

    A code under which no commune is known (cedex, mistyped) does not, or the words, which may
    well be right, would count for nothing.
    """
    pool = gazetteer.by_postcode.get(match.query.postcode.replace(" ", "").zfill(5))
    coded = gazetteer.by_code.get(match.query.citycode.upper().zfill(5), ())
    allowed = [
        {gazetteer.places[i].commune for i in ids}
        for ids in (pool.ids if pool else (), coded)
        if ids
    ]
    return [one for one in match.candidates if all(one.place.commune in each for each in allowed)]


def reverse_row(columns: AddressColumns, row: Cells, holder: MatchCandidate | None) -> Cells:
    """The cells of `REVERSE_COLUMNS`; `holder` is the commune that holds the row's point."""
    lon, lat = row_point(columns, row)
    if math.isnan(lon):
        return _cells(REVERSE_COLUMNS, {"result_status": "skipped"})
    if holder is None or not _is_municipality(columns, row):
        return _cells(REVERSE_COLUMNS, {"result_status": "not-found"})
    values = _result(holder, _cell(row, columns.postcode))
    values["result_longitude"], values["result_latitude"] = lon_lat(holder)
    values |= {"result_distance": round(metres(lon, lat, holder)), "result_status": "ok"}
    return _cells(REVERSE_COLUMNS, values | {"result_precision": Precision.COMMUNE})


def row_point(columns: AddressColumns, row: Cells) -> tuple[float, float]:
    """Longitude and latitude that a row gives, NaN where it gives none."""
    return point(_cell(row, columns.lon), _cell(row, columns.lat))


def _is_municipality(columns: AddressColumns, row: Cells) -> bool:
    return (columns.only or _cell(row, columns.type)) in ("", MUNICIPALITY)


def _result(candidate: MatchCandidate, postcode: str) -> dict[str, Any]:
    return {f"result_{name}": value for name, value in properties(candidate, postcode).items()}


def _cell(row: Cells, position: int | None) -> str:
    return row[position].strip() if position is not None else ""


def _cells(columns: Sequence[str], values: dict[str, Any]) -> Cells:
    texts = (values.get(name) for name in columns)
    return ["" if value is None else str(value) for value in texts]
