"""Writing initiatives with the record of how they were placed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from shapely import from_wkb
from sqlalchemy import (
    Connection,
    ScalarSelect,
    Table,
    delete,
    exists,
    func,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import Range

from mapservice.db.engine import fill
from mapservice.db.people_tables import decision
from mapservice.db.tables import initiative, initiative_detail, location_match
from mapservice.geocoding.model import Precision
from mapservice.geocoding.service import Placement, record
from mapservice.initiatives.facts import NO_FACTS, InitiativeFacts
from mapservice.initiatives.model import Scale, Status, Theme


@dataclass(frozen=True, slots=True)
class InitiativeDraft:
    """An initiative to be saved; `id` None makes a new one.

    Dates are None where unknown; `created_period` is a year or a month (ISO 8601) where the day is
    unknown. `facts` None leaves those that are stored. `attributes` and `withheld` are what its
    source says beyond these fields, `shape` a geometry that is no point: hexadecimal digits of its
    WKB, EPSG:4326, "" for none. `new_id` is the id that a new one is to have; None: any.
    `source_supporters` None leaves what is stored.
    """

    id: UUID | None
    title: str
    summary: str
    description: str
    theme: Theme
    scale: Scale
    status: Status
    created_at: datetime | None
    created_period: str | None
    updated_at: datetime | None
    source_platform: str
    source_id: str | None
    source_url: str
    source_licence: str
    source_digest: str | None
    place_text: str
    placement: Placement
    facts: InitiativeFacts | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    withheld: Mapping[str, str] = field(default_factory=dict)
    shape: str = ""
    new_id: UUID | None = None
    source_supporters: int | None = None

    @property
    def has_detail(self) -> bool:
        return bool(self.attributes or self.withheld or self.shape)


@dataclass(frozen=True, slots=True)
class KnownImport:
    """The initiative that a row was imported as, the digest of the row then, its status and the
    INSEE code of its commune ("" where that is not known)."""

    id: UUID
    digest: str | None
    status: str = ""
    commune: str = ""


def known(
    connection: Connection, platform: str, source_ids: Sequence[str]
) -> dict[str, KnownImport]:
    """The initiatives already imported from a platform, by the id of their row there."""
    rows = connection.execute(
        select(
            initiative.c.source_id,
            initiative.c.id,
            initiative.c.source_digest,
            initiative.c.status,
            func.coalesce(initiative.c.commune, ""),
        ).where(
            initiative.c.source_platform == platform, initiative.c.source_id.in_(list(source_ids))
        )
    )
    return {source_id: KnownImport(*rest) for source_id, *rest in rows}


def save(connection: Connection, drafts: Sequence[InitiativeDraft]) -> list[UUID]:
    """Inserts or updates each, with its match record; returns the ids of new ones, in order.

    Raises the database's refusal.
    """
    new = [draft for draft in drafts if draft.id is None]
    rows = connection.execute(text("SELECT uuid_v7() FROM generate_series(1, :n)"), {"n": len(new)})
    ids = [draft.new_id or given for draft, given in zip(new, rows.scalars(), strict=True)]
    pairs = list(zip(ids, new, strict=True))
    # The first names the columns of all: what nobody told is said too.
    _insert_all(
        connection,
        initiative,
        [
            {
                **_NOTHING_TOLD,
                **_values(draft),
                "id": row,
                "source_supporters": draft.source_supporters,
            }
            for row, draft in pairs
        ],
    )
    _insert_all(
        connection,
        location_match,
        [{"initiative": row, **record(draft.placement)} for row, draft in pairs],
    )
    _insert_all(
        connection,
        initiative_detail,
        [{"initiative": row, **_detail(draft)} for row, draft in pairs if draft.has_detail],
    )
    # Rows are locked in the order of their ids, as by whoever else locks several.
    known_drafts = sorted(((draft.id, draft) for draft in drafts if draft.id), key=itemgetter(0))
    for known_id, draft in known_drafts:
        _update(connection, known_id, draft)
    return ids


def _insert_all(connection: Connection, into: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """One statement with one value, so that triggers run once, and nobody reads thousands of
    parameters; PostgreSQL takes each text as its column has it."""
    if not rows:
        return
    plain = [
        {
            name: _multirange(value) if name == "open_minutes" and value is not None else value
            for name, value in row.items()
        }
        for row in rows
    ]
    texts = {"table": into.name, "columns": ", ".join(plain[0])}
    connection.execute(text(fill(INSERT_ALL, texts)), {"rows": json.dumps(plain, default=str)})


INSERT_ALL = """
INSERT INTO {table} ({columns})
SELECT {columns} FROM json_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS json))"""


def _multirange(ranges: Iterable[Range[int]]) -> str:
    return f"{{{','.join(f'[{one.lower},{one.upper})' for one in ranges)}}}"


def move(connection: Connection, identifier: UUID, placement: Placement) -> None:
    """Gives an initiative another place; a decision about its former place no longer counts."""
    where = initiative.c.id == identifier
    connection.execute(update(initiative).where(where).values(place_values(placement)))
    connection.execute(
        update(location_match)
        .where(location_match.c.initiative == identifier)
        .values(record(placement) | _UNDECIDED)
    )


def tell_facts(connection: Connection, identifier: UUID, facts: InitiativeFacts) -> None:
    """Replaces all that is told beside the text of an initiative."""
    where = initiative.c.id == identifier
    connection.execute(update(initiative).where(where).values(fact_values(facts)))


def remove_platform(connection: Connection, platform: str) -> int:
    """Deletes every initiative of one source; returns how many there were."""
    done = connection.execute(delete(initiative).where(initiative.c.source_platform == platform))
    return done.rowcount


def _update(connection: Connection, identifier: UUID, draft: InitiativeDraft) -> None:
    """Keeps a place that a person decided on while the place text is the same, and a rejection that
    no later decision took back: what left for want of a consent comes back with it.

    What a moderator published does not become pending again because its source still says so,
    unless its place or texts have changed.
    """
    kept = connection.execute(
        select(
            location_match.c.review == "decided",
            initiative.c.place_text,
            initiative.c.status,
            _last_verdict(identifier) == "reject",
            exists().where(decision.c.initiative == identifier, decision.c.verdict == "publish"),
            initiative.c.title,
            initiative.c.summary,
            initiative.c.description,
        )
        .join_from(location_match, initiative, initiative.c.id == location_match.c.initiative)
        .where(location_match.c.initiative == identifier)
        .with_for_update(of=initiative, key_share=True)
    ).one_or_none()
    values = _values(draft)
    keep_place = False
    if kept:
        is_decided, place, status, rejected, published, *texts = tuple(kept)
        keep_place = bool(is_decided) and place == draft.place_text
        # Whether the status is a moderator's decision that the source cannot undo.
        same = [place, *texts] == [draft.place_text, draft.title, draft.summary, draft.description]
        is_public = status in (Status.PUBLISHED, Status.DONE, Status.ARCHIVED)
        stays_public = published and is_public and same and draft.status is Status.PENDING
        is_settled = rejected if status == Status.REJECTED else stays_public
        if is_settled:
            del values["status"]
    if keep_place:
        values = {name: value for name, value in values.items() if name not in _PLACE_COLUMNS}
    if _save_detail(connection, identifier, draft):
        # What its detail says is part of what harvesters read; no trigger sees it change.
        values["changed_at"] = func.clock_timestamp()
    connection.execute(update(initiative).where(initiative.c.id == identifier).values(values))
    if not keep_place:
        connection.execute(
            update(location_match)
            .where(location_match.c.initiative == identifier)
            .values(record(draft.placement) | _UNDECIDED)
        )


def _last_verdict(identifier: UUID) -> ScalarSelect[str]:
    """What moderators last said of whether an initiative is to be public; null for nothing."""
    verdicts = ("publish", "reject")
    return (
        select(decision.c.verdict)
        .where(decision.c.initiative == identifier, decision.c.verdict.in_(verdicts))
        .order_by(decision.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def _save_detail(connection: Connection, identifier: UUID, draft: InitiativeDraft) -> bool:
    """Whether that changed anything."""
    table = initiative_detail
    if not draft.has_detail:
        where = table.c.initiative == identifier
        return connection.execute(delete(table).where(where)).rowcount > 0
    written = postgresql.insert(table).values(initiative=identifier, **_detail(draft))
    told = (written.excluded.attributes, written.excluded.withheld, written.excluded.shape)
    done = connection.execute(
        written.on_conflict_do_update(
            index_elements=[table.c.initiative],
            set_={column.name: column for column in told},
            where=tuple_(table.c.attributes, table.c.withheld, table.c.shape).is_distinct_from(
                tuple_(*told)
            ),
        ).returning(table.c.initiative)
    )
    return done.first() is not None


def _detail(draft: InitiativeDraft) -> dict[str, Any]:
    return {
        "attributes": dict(draft.attributes),
        "withheld": dict(draft.withheld),
        "shape": f"SRID=4326;{from_wkb(draft.shape).wkt}" if draft.shape else None,
    }


_UNDECIDED = {"decided_by": None, "decided_at": None}
_PLACE_COLUMNS = frozenset({"precision", "point", "commune", "epci", "departement", "region"})


def _values(draft: InitiativeDraft) -> dict[str, Any]:
    return {
        "title": draft.title,
        "summary": draft.summary,
        "description": draft.description,
        "theme": str(draft.theme),
        "scale": str(draft.scale),
        "status": str(draft.status),
        "created_at": draft.created_at,
        "created_period": draft.created_period,
        "updated_at": draft.updated_at,
        "source_platform": draft.source_platform,
        "source_id": draft.source_id,
        "source_url": draft.source_url,
        "source_licence": draft.source_licence,
        "source_digest": draft.source_digest,
        "place_text": draft.place_text,
        **place_values(draft.placement),
        **(fact_values(draft.facts) if draft.facts is not None else {}),
        **(
            {"source_supporters": draft.source_supporters}
            if draft.source_supporters is not None
            else {}
        ),
    }


def fact_values(facts: InitiativeFacts) -> dict[str, Any]:
    """The columns of the practical facts."""
    columns = facts.columns()
    minutes = columns["open_minutes"]
    ranges = None if minutes is None else [Range(first, end) for first, end in minutes]
    return columns | {"open_minutes": ranges}


_NOTHING_TOLD = fact_values(NO_FACTS)


def place_values(placement: Placement) -> dict[str, Any]:
    """The columns that say where; the database fills in the parents."""
    precision = placement.precision
    level = "commune" if precision is Precision.POINT else str(precision)
    codes = dict.fromkeys(("commune", "epci", "departement", "region"))
    pin = precision is Precision.POINT
    return {
        **codes,
        **({level: placement.code} if level in codes else {}),
        "precision": str(precision),
        "point": f"SRID=4326;POINT({placement.lon!r} {placement.lat!r})" if pin else None,
    }
