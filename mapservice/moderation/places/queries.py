"""The queue of places in doubt: cases, decisions, and the territories that they concern."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from mapservice.accounts.roles.model import TerritoryScope
from mapservice.accounts.roles.reach import bound as bound_reach
from mapservice.accounts.roles.reach import condition as within
from mapservice.db.engine import fill
from mapservice.geocoding.model import Precision
from mapservice.moderation.places import model
from mapservice.moderation.places.model import (
    ChoiceKind,
    GivenPoint,
    PlaceCandidate,
    PlaceCase,
    PlaceCommune,
    PlaceCounts,
    PlaceDecision,
    PlaceReview,
    PlaceScope,
    TerritoryShare,
)
from mapservice.territories import queries as territories
from mapservice.territories.model import Level, ParentTerritory
from mapservice.territories.queries import HOLDER

Row = Mapping[str, Any]

# A point this close to the shore is on a jetty, or the outline is too coarse: it may be accepted.
AFLOAT_METRES = 5000


@dataclass(frozen=True, slots=True)
class PlaceQueuePosition:
    """The position of a case in the queue; the next case comes after it."""

    moment: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class PlaceQueuePage:
    """Some cases in order, and where the next ones begin (None on the last page)."""

    cases: Sequence[PlaceCase]
    next: PlaceQueuePosition | None


def find(connection: Connection, identifier: UUID, *, any_state: bool = False) -> PlaceCase | None:
    """One case, waiting or decided; `any_state`: also one that never was in doubt."""
    statement = fill(FIND, {"columns": COLUMNS, "state": "" if any_state else IN_QUEUE})
    rows = _rows(connection, text(statement), {"id": identifier})
    return next(iter(_cases(connection, rows)), None)


def is_within(connection: Connection, identifier: UUID, reach: TerritoryScope) -> bool:
    """Whether a case concerns a scope: through where it is shown, a candidate, or its point."""
    if reach.everywhere:
        return True
    concerned = fill(CONCERNED, {"asked": "initiative = :id"})
    statement = fill(IS_WITHIN, {"concerned": concerned, "reach": within(reach)})
    bound = bound_reach(reach) | {"id": identifier}
    return bool(connection.execute(text(statement), bound).scalar_one())


def holds(connection: Connection, reach: TerritoryScope, level: Level, code: str) -> bool:
    """Whether a whole territory lies within a scope."""
    statement = text(fill(HOLDS, {"reach": within(reach)}))
    bound = bound_reach(reach) | {"level": str(level), "code": code}
    return bool(connection.execute(statement, bound).scalar_one())


def find_page(
    connection: Connection,
    review: PlaceReview,
    scope: PlaceScope,
    limit: int,
    after: PlaceQueuePosition | None = None,
) -> PlaceQueuePage:
    """Waiting cases, the oldest first; or decided ones, the latest first."""
    statement = text(_listed(review, scope, after))
    bound = _bound(review, scope, after) | {"limit": limit + 1}
    rows = _rows(connection, statement, bound)
    cases = _cases(connection, rows[:limit])
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return PlaceQueuePage(cases, PlaceQueuePosition(last["moment"], last["id"]) if last else None)


def next_waiting(
    connection: Connection, scope: PlaceScope, after: PlaceQueuePosition
) -> UUID | None:
    """The case after this one, or the first one after the last; None when none is left."""
    for where in (after, None):
        statement = fill(IDS, {"listed": _listed(PlaceReview.WAITING, scope, where)})
        bound = _bound(PlaceReview.WAITING, scope, where) | {"limit": 2}
        found = connection.execute(text(statement), bound).scalars()
        following = next((one for one in found if one != after.id), None)
        if following is not None:
            return UUID(str(following))
    return None


def position(connection: Connection, identifier: UUID) -> PlaceQueuePosition | None:
    statement = text("SELECT matched_at FROM location_match WHERE initiative = :id")
    moment = connection.execute(statement, {"id": identifier}).scalar()
    return PlaceQueuePosition(moment, identifier) if moment else None


def count(connection: Connection, review: PlaceReview, scope: PlaceScope) -> int:
    statement = fill(COUNT, {"concerned": OF_REVIEW, "scope": _scope(scope)})
    return int(connection.execute(text(statement), _bound(review, scope)).scalar_one())


def counts(connection: Connection, reach: TerritoryScope) -> PlaceCounts:
    """Waiting places within a scope, in all and by région and département."""
    statement = text(fill(COUNTS, {"concerned": OF_REVIEW, "reach": within(reach)}))
    bound = bound_reach(reach) | {"review": str(PlaceReview.WAITING)}
    rows = connection.execute(statement, bound).all()
    placed = next(row.waiting for row in rows if row.grain == "all")
    waiting, decided = (
        tuple(connection.execute(text(TOTALS)).one())
        if reach.everywhere
        else (placed, count(connection, PlaceReview.DECIDED, PlaceScope(reach=reach)))
    )
    shares: dict[str, list[TerritoryShare]] = {Level.REGION: [], Level.DEPARTEMENT: []}
    for row in rows:
        if row.code:
            shares[row.grain].append(TerritoryShare(row.code, row.name, row.region, row.waiting))
    return PlaceCounts(
        waiting=waiting,
        decided=decided,
        nowhere=waiting - placed,
        regions=tuple(sorted(shares[Level.REGION], key=_most)),
        departements=tuple(sorted(shares[Level.DEPARTEMENT], key=_most)),
    )


def _rows(connection: Connection, statement: TextClause, bound: Row) -> list[Row]:
    return [dict(row._mapping) for row in connection.execute(statement, bound)]


def _most(share: TerritoryShare) -> tuple[int, str]:
    return (-share.waiting, share.name)


def _listed(review: PlaceReview, scope: PlaceScope, after: PlaceQueuePosition | None) -> str:
    waiting = review is PlaceReview.WAITING
    texts = {
        "columns": COLUMNS,
        "concerned": OF_REVIEW,
        "scope": _scope(scope),
        "moment": "record.matched_at" if waiting else "record.decided_at",
        "after": "" if after is None else (AFTER if waiting else BEFORE),
        "way": "ASC" if waiting else "DESC",
    }
    return fill(LISTED, texts)


def _scope(scope: PlaceScope) -> str:
    if scope.reach.everywhere:
        return _part(scope)
    return fill(REACHED, {"reach": within(scope.reach)}) + _part(scope)


def _part(scope: PlaceScope) -> str:
    if scope.nowhere:
        return NOWHERE
    return fill(WITHIN, {"level": str(scope.territory.level)}) if scope.territory else ""


def _bound(
    review: PlaceReview, scope: PlaceScope, after: PlaceQueuePosition | None = None
) -> dict[str, Any]:
    bound: dict[str, Any] = {"review": str(review), **bound_reach(scope.reach)}
    if scope.territory and not scope.nowhere:
        bound["code"] = scope.territory.code
    if after:
        bound |= {"after": after.moment, "after_id": after.id}
    return bound


def communes(connection: Connection, codes: Iterable[str]) -> dict[str, PlaceCommune]:
    """The communes among these codes that exist, by code."""
    rows = connection.execute(text(COMMUNES), {"codes": sorted(set(codes))})
    return {row.code: PlaceCommune(**{**row._mapping, "bounds": tuple(row.bounds)}) for row in rows}


def territory_exists(connection: Connection, level: Level, code: str) -> bool:
    statement = text("SELECT EXISTS (SELECT FROM territory WHERE level = :level AND code = :code)")
    bound = {"level": str(level), "code": code}
    return bool(connection.execute(statement, bound).scalar_one())


def holding_communes(
    connection: Connection, points: Sequence[tuple[float, float]]
) -> list[tuple[str | None, bool]]:
    """By point (lon, lat, EPSG:4326): its commune or the nearest, and whether it is afloat."""
    if not points:
        return []
    lons, lats = zip(*points, strict=True)
    statement = fill(HOLDERS, {"holder": HOLDER})
    bound = {"lons": list(lons), "lats": list(lats), "metres": AFLOAT_METRES}
    return [(row.code, row.afloat) for row in connection.execute(text(statement), bound)]


def point_of(query: Mapping[str, Any]) -> tuple[float, float] | None:
    """The point that came with the words, if a map can show it."""
    lon, lat = query.get("lon"), query.get("lat")
    if not isinstance(lon, int | float) or not isinstance(lat, int | float):
        return None
    return (lon, lat) if abs(lon) <= 180 and abs(lat) <= 85 else None


def _cases(connection: Connection, rows: Sequence[Row]) -> list[PlaceCase]:
    """The cases of these rows, with three more statements whatever their number."""
    points = {row["id"]: point for row in rows if (point := point_of(row["query"]))}
    held = dict(zip(points, holding_communes(connection, list(points.values())), strict=True))
    wanted = {one["commune"] for row in rows for one in row["candidates"]}
    known = communes(connection, wanted | {code for code, _ in held.values() if code})
    names = territories.parents(connection) if rows else []
    given = {
        identifier: GivenPoint(*point, known.get(held[identifier][0] or ""), held[identifier][1])
        for identifier, point in points.items()
    }
    return [_case(row, known, given.get(row["id"]), names) for row in rows]


def _case(
    row: Row,
    known: Mapping[str, PlaceCommune],
    given: GivenPoint | None,
    names: Sequence[ParentTerritory],
) -> PlaceCase:
    """One case from its row, the communes that it names and the territories above communes."""
    # The place as it was typed, with a département from a field of its own.
    query = row["query"]
    fields = ("text", "postcode", "city", "citycode")
    typed = row["place_text"] or " ".join(str(query[name]) for name in fields if query.get(name))
    words = ", ".join(part for part in (typed, str(query.get("departement", ""))) if part)

    # Candidates that still exist, each once, numbered in the geocoder's order.
    unique = {one["commune"]: one for one in reversed(row["candidates"]) if one["commune"] in known}
    candidates = tuple(
        PlaceCandidate(
            number,
            known[code],
            "" if one["through"] == known[code].name else str(one["through"] or ""),
        )
        for number, (code, one) in enumerate(reversed(unique.items()), start=1)
    )

    # Territories above the commune to which the place can be assigned: the likeliest first.
    shown = (
        ParentTerritory(Level(row["shown_level"]), *row["shown"]) if row["shown_level"] else None
    )
    around = [candidate.commune for candidate in candidates]
    around += [given.holder] if given and given.holder else []
    areas = [shown] if shown and shown.level is not Level.COMMUNE else []
    for level in (Level.DEPARTEMENT, Level.REGION):
        codes = [row["parts"].get(str(level)), *(getattr(commune, level) for commune in around)]
        by_code = {area.code: area for area in names if area.level is level}
        areas += [by_code[code] for code in codes if code in by_code]

    decision, kept = None, row["decision"]
    if kept is not None:
        code = str(kept.get("code") or "")
        decision = PlaceDecision(
            kind=ChoiceKind(kept["choice"]),
            code=code,
            place=row["decided_place"] or code,
            note=kept.get("note", ""),
            by=kept["by"],
            at=datetime.fromisoformat(kept["at"]),
            withdrawn_by=kept.get("withdrawn", {}).get("by", ""),
        )

    reason = model.why(row, given)
    return PlaceCase(
        id=row["id"],
        title=row["title"],
        theme=row["theme"],
        status=row["state"],
        words=words,
        waiting_since=row["matched_at"],
        review=PlaceReview(row["review"]),
        why=reason,
        subject=model.subject(row, reason),
        precision=Precision(row["shown_precision"]),
        shown=shown,
        candidates=candidates,
        given=given,
        areas=tuple(dict.fromkeys(areas)),
        decision=decision,
    )


COLUMNS = """
       initiative.id, initiative.title, initiative.theme, initiative.status AS state,
       initiative.place_text, initiative.precision AS shown_precision,
       record.query, record.parts, record.candidates, record.status, record.method, record.reason,
       record.matched_at, record.review, record.decision,
       shown.level AS shown_level, ARRAY[shown.code, shown.name] AS shown,
       chosen.name AS decided_place
  FROM location_match AS record
  JOIN initiative ON initiative.id = record.initiative
  LEFT JOIN territory AS shown
    ON shown.level = CASE initiative.precision WHEN 'point' THEN 'commune'
                          ELSE initiative.precision END
   AND shown.code = CASE initiative.precision WHEN 'epci' THEN initiative.epci
                         WHEN 'departement' THEN initiative.departement
                         WHEN 'region' THEN initiative.region ELSE initiative.commune END
  LEFT JOIN territory AS chosen
    ON chosen.level = CASE record.decision ->> 'choice' WHEN 'point' THEN 'commune'
                           WHEN 'pin' THEN 'commune' ELSE record.decision ->> 'choice' END
   AND chosen.code = record.decision ->> 'code'"""

# Every territory that a place in doubt may be in: where it is shown meanwhile, each of
# its candidates, and the ground under its point.
CONCERNED = """
asked AS MATERIALIZED (
    SELECT initiative, candidates, query FROM location_match WHERE {asked}
), concerned AS (
    SELECT id AS initiative, commune, epci, departement, region
      FROM initiative
     WHERE id IN (SELECT initiative FROM asked) AND region IS NOT NULL
     UNION ALL
    SELECT asked.initiative, place.code, place.epci, place.departement, place.region
      FROM asked
     CROSS JOIN LATERAL jsonb_array_elements(asked.candidates) AS candidate
      JOIN territory AS place
        ON place.level = 'commune' AND place.code = candidate ->> 'commune'
     UNION ALL
    SELECT asked.initiative, place.code, place.epci, place.departement, place.region
      FROM asked
      JOIN territory AS place
        ON place.level = 'commune'
       AND ST_Intersects(place.outline,
               ST_SetSRID(ST_MakePoint(CAST(asked.query ->> 'lon' AS float8),
                                       CAST(asked.query ->> 'lat' AS float8)), 4326))
     WHERE asked.query ->> 'lon' IS NOT NULL
)"""

OF_REVIEW = fill(CONCERNED, {"asked": "review = :review"})

REACHED = """
   AND record.initiative IN (SELECT initiative FROM concerned WHERE {reach})"""

IS_WITHIN = """
WITH {concerned}
SELECT EXISTS (SELECT FROM concerned WHERE {reach})"""

HOLDS = """
SELECT EXISTS (
  SELECT FROM (SELECT CASE level WHEN 'commune' THEN code END AS commune,
                      CASE level WHEN 'epci' THEN code ELSE epci END AS epci,
                      CASE level WHEN 'departement' THEN code ELSE departement END AS departement,
                      CASE level WHEN 'region' THEN code ELSE region END AS region
                 FROM territory WHERE level = :level AND code = :code) AS asked
   WHERE {reach})"""

WITHIN = """
   AND record.initiative IN (SELECT initiative FROM concerned WHERE {level} = :code)"""

NOWHERE = """
   AND record.initiative NOT IN (SELECT initiative FROM concerned)"""

LISTED = """
WITH {concerned}
SELECT {moment} AS moment, {columns}
 WHERE record.review = :review {scope} {after}
 ORDER BY {moment} {way}, record.initiative {way}
 LIMIT :limit"""

AFTER = """
   AND (record.matched_at, record.initiative) > (:after, :after_id)"""

BEFORE = """
   AND (record.decided_at, record.initiative) < (:after, :after_id)"""

IDS = """
SELECT id FROM ({listed}) AS listed"""

FIND = """
SELECT {columns}
 WHERE record.initiative = :id {state}"""

IN_QUEUE = "AND record.review IN ('waiting', 'decided')"

COUNT = """
WITH {concerned}
SELECT count(*) FROM location_match AS record WHERE record.review = :review {scope}"""

COUNTS = """
WITH {concerned}, counted AS (
    SELECT CASE GROUPING(region, departement) WHEN 3 THEN 'all' WHEN 1 THEN 'region'
                ELSE 'departement' END AS grain,
           region, coalesce(departement, region) AS code, departement,
           count(DISTINCT initiative) AS waiting
      FROM concerned
     WHERE {reach}
     GROUP BY GROUPING SETS ((), (region), (region, departement))
)
SELECT counted.grain, counted.region, place.code, place.name, counted.waiting
  FROM counted
  LEFT JOIN territory AS place ON place.level = counted.grain AND place.code = counted.code
 WHERE counted.grain <> 'departement' OR counted.departement IS NOT NULL"""

TOTALS = """
SELECT count(*) FILTER (WHERE review = 'waiting') AS waiting,
       count(*) FILTER (WHERE review = 'decided') AS decided
  FROM location_match
 WHERE review IN ('waiting', 'decided')"""

COMMUNES = """
SELECT commune.code, commune.name, commune.article, commune.population,
       departement.code AS departement, departement.name AS departement_name,
       region.code AS region, region.name AS region_name,
       ST_X(commune.point) AS lon, ST_Y(commune.point) AS lat,
       ARRAY[ST_XMin(commune.outline), ST_YMin(commune.outline),
             ST_XMax(commune.outline), ST_YMax(commune.outline)] AS bounds
  FROM territory AS commune
  JOIN territory AS departement
    ON departement.level = 'departement' AND departement.code = commune.departement
  JOIN territory AS region ON region.level = 'region' AND region.code = commune.region
 WHERE commune.level = 'commune' AND commune.code = ANY(:codes)"""

HOLDERS = """
SELECT coalesce(holder.code, nearest.code) AS code,
       holder.code IS NULL AND nearest.code IS NOT NULL AS afloat
  FROM (SELECT ST_SetSRID(ST_MakePoint(lon, lat), 4326) AS point, place
          FROM unnest(CAST(:lons AS float8[]), CAST(:lats AS float8[]))
               WITH ORDINALITY AS given (lon, lat, place)) AS asked
  LEFT JOIN LATERAL ({holder}) AS holder ON true
  LEFT JOIN LATERAL (
       SELECT code
         FROM territory
        WHERE holder.code IS NULL AND level = 'commune'
          AND outline && ST_Expand(asked.point, 0.1)
          AND ST_DWithin(outline::geography, asked.point::geography, :metres)
        ORDER BY outline <-> asked.point
        LIMIT 1) AS nearest ON true
 ORDER BY asked.place"""
