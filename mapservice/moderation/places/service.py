"""Deciding where a place is, putting it back into the queue, and matching the queue again.

A decision moves the initiative and closes its match record in one transaction; the rollups follow
by trigger. Of two people who decide at once, one succeeds and the other gets a StateConflict.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, func, text, update

from mapservice.accounts.people.model import clean_name
from mapservice.audit import log
from mapservice.audit.model import DecisionRecord, DecisionVerdict
from mapservice.db.tables import initiative, location_match
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.geocoding.model import GeocodeQuery, Precision
from mapservice.geocoding.service import Locator, Placement, PlaceQuestion, record
from mapservice.initiatives.service import place_values
from mapservice.moderation.places import queries
from mapservice.moderation.places.model import ChoiceKind, PlaceChoice
from mapservice.territories.model import Level

BATCH_ROWS = 500
WORDS = {field.name for field in fields(GeocodeQuery)}


@dataclass(frozen=True, slots=True)
class RematchResult:
    """How many waiting places the present geocoder is sure of, and how many it is not."""

    resolved: int
    left: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an initiative is put: the finest territory known, and the point where there is one."""

    precision: Precision
    code: str | None = None
    lon: float | None = None
    lat: float | None = None


def decide(
    engine: Engine,
    identifier: UUID,
    choice: PlaceChoice,
    by: str,
    *,
    person: UUID | None = None,
    instead_of: str | None = None,
) -> None:
    """Raises NotFound, InvalidInput for an impossible choice, StateConflict if it no longer waits.

    `instead_of` is the place that the moderator saw (`shown`): then it is corrected whether it
    waits or not, unless it has changed since.
    """
    by = clean_name(by)
    with engine.begin() as connection:
        _hold_territories(connection)
        _hold(connection, identifier)
        place = _chosen(connection, identifier, choice)
        bound = _bound(place) | {"id": identifier, "by": by, "note": choice.note}
        given = {"choice": str(choice.kind), "correct": instead_of is not None}
        if instead_of not in (None, shown(connection, identifier)):
            raise StateConflict("This place was moved meanwhile.")
        if not connection.execute(text(DECIDE), bound | given).rowcount:
            raise StateConflict("This place no longer waits for a decision.")
        connection.execute(text(MOVE), bound)
        _note(connection, identifier, DecisionVerdict.PLACE, by, person, choice.note)


def shown(connection: Connection, identifier: UUID) -> str:
    """Where it is shown, as a form carries it: its precision, territory and point."""
    return str(connection.execute(text(SHOWN), {"id": identifier}).scalar_one_or_none() or "")


def put_back(engine: Engine, identifier: UUID, by: str, *, person: UUID | None = None) -> None:
    """Withdraws a decision: the place waits again, shown as before. Raises as `decide` does."""
    by = clean_name(by)
    with engine.begin() as connection:
        _hold_territories(connection)
        _hold(connection, identifier)
        _query(connection, identifier)
        withdrawn = connection.execute(text(WITHDRAW), {"id": identifier, "by": by}).one_or_none()
        if withdrawn is None:
            raise StateConflict("This place is not decided.")
        if withdrawn.before:
            # Shown where it was before; nowhere if that territory no longer exists.
            before = withdrawn.before
            precision = Precision(before["precision"])
            place = _Place(precision)
            level = Level.COMMUNE if precision is Precision.POINT else precision
            if level in tuple(Level):
                exists = queries.territory_exists(connection, Level(level), before["code"])
                place = (
                    _Place(precision, before["code"], before.get("lon"), before.get("lat"))
                    if exists
                    else _Place(Precision.NONE)
                )
            connection.execute(text(MOVE), _bound(place) | {"id": identifier})
        _note(connection, identifier, DecisionVerdict.UNPLACE, by, person)


def rerun(engine: Engine, locator: Locator) -> RematchResult:
    """Matches waiting places with the present geocoder, and settles those it is sure of.

    Places that a person has ever decided or put back are left to people.
    """
    resolved = seen = 0
    last: UUID | None = None
    while True:
        with engine.begin() as connection:
            _hold_territories(connection)
            rows = connection.execute(text(TO_MATCH), {"last": last, "limit": BATCH_ROWS}).all()
            # The queries as they were first made.
            asked = [
                PlaceQuestion(
                    GeocodeQuery(**{name: row.query[name] for name in WORDS & row.query.keys()}),
                    row.query.get("lon"),
                    row.query.get("lat"),
                )
                for row in rows
            ]
            for row, placement in zip(rows, locator.place(connection, asked), strict=True):
                resolved += _settle(connection, row.id, row.reason, placement)
        seen += len(rows)
        if len(rows) < BATCH_ROWS:
            return RematchResult(resolved, seen - resolved)
        last = rows[-1].id


def _note(
    connection: Connection,
    identifier: UUID,
    verdict: DecisionVerdict,
    by: str,
    person: UUID | None,
    reason: str = "",
) -> None:
    line = DecisionRecord(
        initiative=identifier, verdict=verdict, by=by, person=person, reason=reason
    )
    log.keep(connection, line)


def _hold_territories(connection: Connection) -> None:
    """Waits for a load of territories to end, and makes the next one wait for this transaction.

    Taken before any row, as a load does, so that the two cannot lock each other out.
    """
    connection.execute(text("LOCK TABLE initiative IN ROW EXCLUSIVE MODE"))


def _hold(connection: Connection, identifier: UUID) -> None:
    """Locks an initiative before its match record, as all code that changes both does."""
    connection.execute(
        text("SELECT FROM initiative WHERE id = :id FOR NO KEY UPDATE"), {"id": identifier}
    )


def _chosen(connection: Connection, identifier: UUID, choice: PlaceChoice) -> _Place:
    query = _query(connection, identifier)
    if choice.kind is ChoiceKind.POINT:
        point = queries.point_of(query)
        if point is None:
            raise InvalidInput("choice", "no point came with this place")
        return _at(connection, point)
    if choice.pin:
        return _at(connection, choice.pin)
    if choice.kind.level is None:
        return _Place(Precision.NONE)
    if not queries.territory_exists(connection, choice.kind.level, choice.code):
        raise InvalidInput("choice", f"there is no {choice.kind} {choice.code}")
    return _Place(choice.kind.precision, choice.code)


def _query(connection: Connection, identifier: UUID) -> Mapping[str, Any]:
    statement = text("SELECT query FROM location_match WHERE initiative = :id")
    row = connection.execute(statement, {"id": identifier}).one_or_none()
    if row is None:
        raise NotFound("There is no such initiative, or it never named a place.")
    kept: Mapping[str, Any] = row.query
    return kept


def _at(connection: Connection, point: tuple[float, float]) -> _Place:
    ((commune, _afloat),) = queries.holding_communes(connection, [point])
    if commune is None:
        raise InvalidInput("choice", "the point lies at sea or abroad")
    return _Place(Precision.POINT, commune, *point)


def _bound(place: _Place) -> dict[str, Any]:
    return {
        "precision": str(place.precision),
        "code": place.code,
        "lon": place.lon,
        "lat": place.lat,
    }


def _settle(connection: Connection, identifier: UUID, reason: str, placement: Placement) -> int:
    """Saves a placement that is certain; returns 1, or 0 if it is not or someone was faster."""
    if placement.to_review or placement.precision not in _SETTLED:
        return 0
    _hold(connection, identifier)
    values = record(placement) | {"matched_at": func.now()}
    told = "; ".join(filter(None, (values["reason"], f"matched again, it waited because {reason}")))
    taken = connection.execute(
        update(location_match)
        .where(location_match.c.initiative == identifier, location_match.c.review == "waiting")
        .values(values | {"reason": told})
    )
    if taken.rowcount:
        connection.execute(
            update(initiative).where(initiative.c.id == identifier).values(place_values(placement))
        )
    return taken.rowcount


_SETTLED = (Precision.POINT, Precision.COMMUNE, Precision.EPCI)

# Of two concurrent decisions, only one finds it waiting.
DECIDE = """
UPDATE location_match AS record
   SET review = 'decided', decided_by = :by, decided_at = now(),
       attribution = CASE WHEN CAST(:choice AS text) = 'point' THEN attribution ELSE '' END,
       decision = jsonb_strip_nulls(jsonb_build_object(
           'choice', CAST(:choice AS text), 'code', CAST(:code AS text),
           'lon', CAST(:lon AS float8), 'lat', CAST(:lat AS float8),
           'note', CAST(:note AS text), 'by', CAST(:by AS text), 'at', now(),
           'before', jsonb_build_object(
               'precision', initiative.precision,
               'code', CASE initiative.precision WHEN 'epci' THEN initiative.epci
                            WHEN 'departement' THEN initiative.departement
                            WHEN 'region' THEN initiative.region ELSE initiative.commune END,
               'lon', ST_X(initiative.point), 'lat', ST_Y(initiative.point)),
           'former', record.decision))
  FROM initiative
 WHERE initiative.id = record.initiative AND record.initiative = :id
   AND (record.review = 'waiting' OR CAST(:correct AS boolean))"""

SHOWN = """
SELECT concat_ws(' ', precision, coalesce(commune, epci, departement, region),
                 ST_X(point), ST_Y(point))
  FROM initiative WHERE id = :id"""

MOVE = """
UPDATE initiative
   SET precision = CAST(:precision AS text),
       commune = CASE WHEN CAST(:precision AS text) IN ('point', 'commune')
                      THEN CAST(:code AS text) END,
       epci = CASE CAST(:precision AS text) WHEN 'epci' THEN CAST(:code AS text) END,
       departement = CASE CAST(:precision AS text) WHEN 'departement' THEN CAST(:code AS text) END,
       region = CASE CAST(:precision AS text) WHEN 'region' THEN CAST(:code AS text) END,
       point = ST_SetSRID(ST_MakePoint(CAST(:lon AS float8), CAST(:lat AS float8)), 4326)
 WHERE id = :id"""

WITHDRAW = """
UPDATE location_match
   SET review = 'waiting', decided_by = NULL, decided_at = NULL,
       decision = decision || jsonb_build_object(
           'withdrawn', jsonb_build_object('by', CAST(:by AS text), 'at', now()))
 WHERE initiative = :id AND review = 'decided'
RETURNING decision -> 'before' AS before"""

TO_MATCH = """
SELECT record.initiative AS id, record.query, record.reason
  FROM location_match AS record
 WHERE record.review = 'waiting' AND record.decision IS NULL
   AND (CAST(:last AS uuid) IS NULL OR record.initiative > :last)
 ORDER BY record.initiative
 LIMIT :limit"""
