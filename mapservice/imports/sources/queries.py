"""Sources that are swept: kept, found, and what of each is public."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from mapservice.db.engine import fill
from mapservice.imports.sources.model import AFTER, LivingSource, Rhythm, SweepState


def lock(connection: Connection, platform: str) -> bool:
    """Whether nobody else sweeps this source until the transaction ends."""
    statement = text("SELECT pg_try_advisory_xact_lock(hashtext('sources'), hashtext(:platform))")
    return bool(connection.execute(statement, {"platform": platform}).scalar_one())


def find(connection: Connection, platform: str) -> LivingSource | None:
    """A source that is swept, or None."""
    statement = text(fill(ONE, {"columns": COLUMNS}))
    row = connection.execute(statement, {"platform": platform}).one_or_none()
    return _source(row) if row else None


def find_all(connection: Connection) -> list[LivingSource]:
    """All that are swept, by name."""
    return [_source(row) for row in connection.execute(text(fill(ALL, {"columns": COLUMNS})))]


def due(connection: Connection, moment: datetime) -> list[str]:
    """Names of those whose time has come, the one that waits longest first.

    One whose last run somebody undid is left until it is swept by hand; one that failed is tried
    again the next night.
    """
    bound: dict[str, Any] = {"retry": moment - AFTER[Rhythm.DAILY]}
    bound |= {str(rhythm): moment - after for rhythm, after in AFTER.items()}
    return list(connection.execute(text(DUE), bound).scalars())


def save(connection: Connection, source: LivingSource) -> None:
    """Keeps what was said of a source; its next sweep reads it as if for the first time."""
    connection.execute(
        text(SAVE).bindparams(bindparam("mapping", type_=JSONB)),
        {
            "platform": source.platform,
            "connector": source.connector,
            "address": source.address,
            "licence": source.licence,
            "attribution": source.attribution,
            "contact": source.contact,
            "rhythm": str(source.rhythm),
            "trusted": source.trusted,
            "mapping": dict(source.mapping),
        },
    )


def credit_anew(connection: Connection, platform: str) -> None:
    """Dates the public initiatives and events of a source anew, as whom they name has changed:
    who harvests them is to hear of it."""
    for statement in (CREDIT_ANEW, CREDIT_EVENTS_ANEW):
        connection.execute(text(statement), {"platform": platform})


def keep_sweep(connection: Connection, platform: str, state: SweepState, reason: str) -> None:
    """Keeps how a sweep ended."""
    bound = {
        "platform": platform,
        "state": str(state),
        "reason": reason[:2_000],
        "well": state in (SweepState.DONE, SweepState.UNCHANGED),
    }
    connection.execute(text(KEEP_SWEEP), bound)


def keep_applied(
    connection: Connection, platform: str, digest: str, validators: Mapping[str, str]
) -> None:
    """Keeps what was applied, so that the same is not read again."""
    statement = text(KEEP_APPLIED).bindparams(bindparam("validators", type_=JSONB))
    bound = {"platform": platform, "digest": digest, "validators": dict(validators)}
    connection.execute(statement, bound)


def public_titles(connection: Connection, platform: str) -> dict[str, str]:
    """Titles of what is public of a source, by the ids that they have there."""
    rows = connection.execute(text(PUBLIC), {"platform": platform})
    return {row.source_id: row.title for row in rows}


def defer(connection: Connection) -> None:
    """Wakes a worker once the transaction is committed."""
    connection.execute(text(DEFER))


def _source(row: Row[Any]) -> LivingSource:
    values = dict(row._mapping)
    values["rhythm"] = Rhythm(values["rhythm"])
    values["sweep_state"] = SweepState(values["sweep_state"])
    return LivingSource(**values)


COLUMNS = """
platform, connector, address, licence, attribution, contact, rhythm, trusted, mapping, validators,
digest, sweep_state, sweep_reason, tried_at, swept_at"""

ONE = "SELECT {columns} FROM import_source WHERE platform = :platform AND connector <> ''"
ALL = "SELECT {columns} FROM import_source WHERE connector <> '' ORDER BY lower(platform), platform"

DUE = """
SELECT platform FROM import_source AS source
 WHERE connector <> '' AND rhythm <> 'never'
   AND (tried_at IS NULL OR tried_at < :retry)
   AND (swept_at IS NULL OR swept_at < CASE rhythm WHEN 'daily' THEN CAST(:daily AS timestamptz)
                                                   WHEN 'weekly' THEN :weekly
                                                   ELSE :monthly END)
   AND NOT EXISTS (SELECT FROM import_run AS run
                    WHERE run.platform = source.platform AND run.state = 'undone'
                      AND run.undone_at > coalesce(source.tried_at, '-infinity'))
 ORDER BY tried_at NULLS FIRST, platform"""

SAVE = """
INSERT INTO import_source
       (platform, connector, address, licence, attribution, contact, rhythm, trusted, mapping)
VALUES (:platform, :connector, :address, :licence, :attribution, :contact, :rhythm, :trusted,
        :mapping)
    ON CONFLICT (platform) DO UPDATE
   SET connector = excluded.connector, address = excluded.address, licence = excluded.licence,
       attribution = excluded.attribution, contact = excluded.contact, rhythm = excluded.rhythm,
       trusted = excluded.trusted, mapping = excluded.mapping, owner = NULL, digest = '',
       validators = '{}', changed_at = now()"""

CREDIT_ANEW = """
UPDATE initiative SET changed_at = clock_timestamp()
 WHERE source_platform = :platform AND is_public(status)"""

CREDIT_EVENTS_ANEW = """
UPDATE event SET changed_at = clock_timestamp()
  FROM event_series
 WHERE event_series.id = event.series AND event_series.source = :platform
   AND event_series.source_id IS NOT NULL
   AND event.status NOT IN ('draft', 'pending', 'rejected')"""

KEEP_SWEEP = """
UPDATE import_source
   SET sweep_state = :state, sweep_reason = :reason, tried_at = clock_timestamp(),
       swept_at = CASE WHEN :well THEN clock_timestamp() ELSE swept_at END
 WHERE platform = :platform"""

KEEP_APPLIED = """
UPDATE import_source SET digest = :digest, validators = :validators WHERE platform = :platform"""

PUBLIC = """
SELECT source_id, title FROM initiative
 WHERE source_platform = :platform AND source_id IS NOT NULL AND status IN ('published', 'done')"""

DEFER = """
SELECT procrastinate_defer_jobs_v1(ARRAY[
    ROW('default', 'sweep_sources', 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1])"""
