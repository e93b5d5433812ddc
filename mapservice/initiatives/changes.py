"""The feed of changes for harvesters: what changed since a moment, in order, and what is gone.

An answer covers `[since, until)`. `until` comes from the database (`harvest_horizon`, see
`changes.sql`): no transaction still open has changed anything before it. A harvester that next
asks with `since` = the former `until` misses nothing, in whatever order transactions commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    cast,
    false,
    func,
    literal,
    not_,
    null,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import UUID

from mapservice.db.engine import Blocks, compiled, copy_rows, feature_collection, fill, lines
from mapservice.db.tables import initiative, removal
from mapservice.initiatives.conditions import where
from mapservice.initiatives.exports import (
    INNER,
    POINT,
    degrees,
    feature_sql,
    inert,
    properties,
    table_columns,
    utc_text,
    with_names,
)
from mapservice.initiatives.filters import InitiativeFilters

FEED = """
    SELECT feature
      FROM (SELECT id, sort_key, feature FROM ({features}) AS changed
             UNION ALL
            SELECT id, sort_key, json_build_object(
                       'type', 'Feature',
                       'id', id,
                       'geometry', NULL,
                       'properties', json_build_object(
                           'id', id, 'removed', true, 'removed_at', removed_at))::text
              FROM ({tombstones}) AS gone) AS feed
     ORDER BY sort_key, id"""


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """Changes from `since` on and before `until`; `present` is what the database's clock says.

    A client whose clock is ahead may ask from the future. What changes before that moment comes is
    in the feed too: the next request begins where this answer ended.
    """

    since: datetime
    until: datetime
    present: datetime

    @property
    def next(self) -> datetime:
        return self.until if self.since > self.present else max(self.since, self.until)

    def holds(self, moment: ColumnElement[Any]) -> ColumnElement[bool]:
        return and_(moment >= self.since, moment < self.until)


def horizon(connection: Connection) -> datetime:
    """The moment (UTC) before which a statement that begins afterwards sees every change."""
    moment = connection.execute(text("SELECT harvest_horizon()")).scalar_one()
    assert isinstance(moment, datetime)
    return moment.astimezone(UTC)


def clock(connection: Connection) -> datetime:
    """The present (UTC) by the clock that dates changes."""
    moment = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    assert isinstance(moment, datetime)
    return moment.astimezone(UTC)


def geojson(
    connection: Connection, filters: InitiativeFilters, base_url: str, window: ChangeWindow
) -> Blocks:
    """A FeatureCollection of what changed and what is gone."""
    return feature_collection(_feed(connection, filters, base_url, window))


def geojson_lines(
    connection: Connection,
    filters: InitiativeFilters,
    base_url: str,
    window: ChangeWindow,
    start: bytes = b"",
) -> Blocks:
    return lines(_feed(connection, filters, base_url, window), start)


def csv(
    connection: Connection, filters: InitiativeFilters, base_url: str, window: ChangeWindow
) -> Blocks:
    """The columns of every CSV, then `removed` and `removed_at`."""
    rows = _changed(filters, table_columns(base_url), window).subquery("changed")
    gone = _tombstones(filters, window).subquery("gone")
    names = [inert(column) for column in rows.c if column.name not in INNER]
    changed = select(
        *names,
        *degrees(rows.c.point),
        literal(False, Boolean).label("removed"),
        cast(null(), Text).label("removed_at"),
        rows.c.sort_key,
    )
    empty = [cast(null(), column.type) for column in changed.selected_columns[1:-3]]
    feed = union_all(
        changed, select(gone.c.id, *empty, true(), gone.c.removed_at, gone.c.sort_key)
    ).subquery("feed")
    shown = select(*(column for column in feed.c if column.name not in INNER))
    statement, values = compiled(shown.order_by(feed.c.sort_key, feed.c.id))
    return copy_rows(connection, f"COPY ({statement}) TO STDOUT (FORMAT csv, HEADER)", values)


def _feed(
    connection: Connection, filters: InitiativeFilters, base_url: str, window: ChangeWindow
) -> Blocks:
    features, values = feature_sql(_changed(filters, properties(base_url), window))
    tombstones, more = compiled(_tombstones(filters, window), "gone_")
    statement = fill(FEED, {"features": features, "tombstones": tombstones})
    return copy_rows(connection, f"COPY ({statement}) TO STDOUT", values | more)


def _changed(
    filters: InitiativeFilters, columns: Sequence[ColumnElement[Any]], window: ChangeWindow
) -> Select[Any]:
    own = initiative.c
    return (
        select(*columns, POINT.label("point"), own.changed_at.label("sort_key"))
        .select_from(with_names())
        .where(*where(filters), window.holds(own.changed_at))
    )


def _tombstones(filters: InitiativeFilters, window: ChangeWindow) -> Select[Any]:
    """What left public view, and what changed, is public and does not match the filter (now)."""
    left = select(
        removal.c.initiative.label("id"),
        utc_text(removal.c.removed_at).label("removed_at"),
        removal.c.removed_at.label("sort_key"),
    ).where(window.holds(removal.c.removed_at))
    own = initiative.c
    others = select(own.id, utc_text(own.changed_at), own.changed_at).where(
        window.holds(own.changed_at),
        func.is_public(own.status),
        not_(func.coalesce(and_(*where(filters)), false())),
    )
    gone = union_all(left, others).subquery("gone")
    return select(cast(gone.c.id, UUID).label("id"), gone.c.removed_at, gone.c.sort_key)
