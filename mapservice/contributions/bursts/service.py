"""Finding bursts, as supports come and each minute; deciding about them.

Whatever holds supports back or releases them takes the lock of the initiative first (`_alone`), and
rows after it: a person, this lock, bursts, supports, the count of the initiative, in that order.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from mapservice.contributions.bursts import queries
from mapservice.contributions.bursts.model import (
    GOOD_DAY,
    HOLD,
    HOUSEHOLD,
    LEAST_DAY,
    LOOK,
    MOST_NOTE,
    REST,
    BurstReason,
    BurstReasonCode,
    BurstState,
    BurstVerdict,
    NetworkSpread,
    SupportDay,
    UsualDay,
    beyond,
    busiest,
    holds_disposable,
    judge,
    reasons,
)
from mapservice.contributions.bursts.queries import (
    FRESH,
    HERE,
    MONTH,
    WEEK,
    BurstExtent,
    ComparableInitiatives,
    OpenBurst,
    Seen,
)
from mapservice.db.engine import fill
from mapservice.errors import InvalidInput, StateConflict

# The latest supports, and all of an hour, a day, a week and a month: bought supports may be few
# among many others, but stand out in the time in which they came.
SAMPLE = 1000
TIMES = (timedelta(hours=1), timedelta(days=1), WEEK, MONTH)

# As whoever writes supports does first.
BESIDE = "SELECT merge_beside()"
ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('burst ' || CAST(:initiative AS text), 0))"

FIND = """
INSERT INTO burst (initiative, verdict, first_at, last_at, size, reasons)
VALUES (:initiative, :verdict, now(), now(), 0, '[]') RETURNING id"""

# What belongs to a burst from now on, and is held back or not.
TAKE = """
WITH {here}
UPDATE support SET burst = :burst, held_at = CASE WHEN :hold THEN now() END
 WHERE support.initiative = :initiative AND {fresh}
   AND support.confirmed_at >= :since AND support.confirmed_at < :until
   AND (:hold OR support.burst IS DISTINCT FROM :burst)
   AND {members}"""
OF_NETWORKS = "support.network = ANY(:networks)"
OF_ELSEWHERE = "coalesce(support.commune NOT IN (SELECT code FROM here), true)"
OF_DOMAINS = """EXISTS (
         SELECT FROM person
          WHERE person.id = support.person
            AND lower(split_part(person.email, '@', 2)) = ANY(:domains))"""
ANYONE = "true"
OF_HERE = "support.commune IN (SELECT code FROM here)"

DESCRIBE = """
UPDATE burst
   SET verdict = :verdict, sweeping = :sweeping, reasons = CAST(:reasons AS jsonb), size = :size,
       first_at = coalesce(:first_at, first_at), last_at = coalesce(:last_at, last_at)
 WHERE id = :burst
   AND (verdict, sweeping, reasons, size, last_at) IS DISTINCT FROM
       (:verdict, :sweeping, CAST(:reasons AS jsonb), :size, coalesce(:last_at, last_at))"""

DECIDE = """
UPDATE burst
   SET state = :state, decided_by = :by, decided_by_person = :person, decided_at = now(),
       note = :note, size = (SELECT count(*) FROM support
                              WHERE burst = :burst AND withdrawn_at IS NULL)
 WHERE id = :burst AND state = 'open'"""

RELEASE = "UPDATE support SET held_at = NULL WHERE burst = :burst AND held_at IS NOT NULL"
DISMISS = "UPDATE support SET held_at = now() WHERE burst = :burst AND held_at IS NULL"


@dataclass(slots=True)
class _Finding:
    """What one look at an initiative finds; its burst is made when it is first needed."""

    connection: Connection
    initiative: UUID
    opened: OpenBurst | None
    reasons: dict[BurstReasonCode, BurstReason] = field(default_factory=dict)
    verdict: BurstVerdict = BurstVerdict.LOOK
    sweeping: bool = False
    beside: ComparableInitiatives | None = None

    def burst(self, verdict: BurstVerdict) -> UUID:
        if verdict is BurstVerdict.HOLD:
            self.verdict = verdict
        if self.opened is None:
            bound = {"initiative": self.initiative, "verdict": verdict}
            found: UUID = self.connection.execute(text(FIND), bound).scalar_one()
            self.opened = OpenBurst(found, verdict, False, (), BurstExtent(0, None, None))
        return self.opened.id

    @property
    def holds(self) -> bool:
        return self.opened is not None and self.verdict is BurstVerdict.HOLD

    def say(self, code: BurstReasonCode, figures: Mapping[str, float] | None = None) -> None:
        self.reasons[code] = BurstReason(code, figures or {})


def assess_support(
    connection: Connection, initiative: UUID, *, network: bytes, commune: str | None
) -> UUID | None:
    """The burst that a support about to be given belongs to; None: it counts.

    Cheap where the network has given few: two index look-ups. Else the latest thousand supports are
    examined; what exceeds a limit there is held back, with all that came before.
    """
    known = queries.standing(connection, initiative, network)
    # Without any lock: a suspicion is examined again under the lock.
    suspect = known.held or _is_swept(connection, initiative, commune, known)
    if not suspect and known.counted >= HOUSEHOLD:
        latest = queries.spread(connection, initiative, MONTH, SAMPLE)
        suspect = bool(beyond(latest, REST if known.holds else HOLD))
    if not suspect:
        return None
    _alone(connection, initiative)
    known = queries.standing(connection, initiative, network)
    finding = _begin(connection, initiative)
    if known.held or _is_swept(connection, initiative, commune, known):
        burst = finding.burst(BurstVerdict.HOLD)
        if not known.burst:
            finding.say(BurstReasonCode.AGAIN)
            _describe(finding)
        return burst
    _sort_networks(finding)
    _describe(finding)
    now = queries.standing(connection, initiative, network)
    return now.burst if now.held else None


def look(
    connection: Connection, initiative: UUID, beside: ComparableInitiatives | None = None
) -> None:
    """Examines all recent supports; holds back, marks, and describes what it finds."""
    _alone(connection, initiative)
    finding = _begin(connection, initiative, beside)
    spreads = _sort_networks(finding)

    # Supports that were assessed at the very moment when others of their network came to be held.
    straying = queries.straying(connection, initiative)
    if straying:
        if finding.opened is None:
            finding.say(BurstReasonCode.AGAIN)
        _take(finding, BurstVerdict.HOLD, OF_NETWORKS, MONTH, networks=straying)

    _judge_day(finding)

    # Many supports of few networks, though within the limits: a person looks, they go on counting.
    if not finding.holds:
        for time, spread in spreads:
            found = [one.digest for one in beyond(spread, LOOK)]
            if found:
                _take(finding, BurstVerdict.LOOK, OF_NETWORKS, time, networks=found)
                finding.say(BurstReasonCode.NETWORKS)
    _describe(finding)


def watch(engine: Engine, seen: dict[UUID, Seen] | None = None) -> int:
    """Each minute: looks at initiatives with many new supports; returns how many those were.

    `seen` is kept between calls: an initiative with the same supports as last time is skipped.
    """
    seen = {} if seen is None else seen
    with engine.connect() as connection:
        found = queries.worth_a_look(connection)
        changed = [one for one in found if seen.get(one) != found[one]]
        beside = queries.others(connection) if changed else None
    for initiative in changed:
        with engine.begin() as connection:
            look(connection, initiative, beside)
    seen.clear()
    seen.update(found)
    return len(changed)


def decide(
    connection: Connection,
    burst: UUID,
    initiative: UUID,
    state: BurstState,
    *,
    by: str,
    person: UUID | None = None,
    note: str = "",
) -> None:
    """Counts the supports of a burst, or excludes them for good. Raises StateConflict when late."""
    if state is BurstState.OPEN:
        raise InvalidInput("state", "is not a decision")
    if len(note) > MOST_NOTE:
        raise InvalidInput("note", f"is longer than {MOST_NOTE} characters")
    _alone(connection, initiative)
    bound = {"burst": burst, "state": state, "by": by, "person": person, "note": note}
    if connection.execute(text(DECIDE), bound).rowcount == 0:
        raise StateConflict("This burst is decided already.")
    statement = RELEASE if state is BurstState.RELEASED else DISMISS
    connection.execute(text(statement), {"burst": burst})


def _alone(connection: Connection, initiative: UUID) -> None:
    connection.execute(text(BESIDE))
    connection.execute(text(ALONE), {"initiative": initiative})


def _begin(
    connection: Connection, initiative: UUID, beside: ComparableInitiatives | None = None
) -> _Finding:
    found = queries.opened(connection, initiative)
    finding = _Finding(connection, initiative, found, beside=beside)
    if found:
        finding.verdict, finding.sweeping = found.verdict, found.sweeping
        finding.reasons.update({one.code: one for one in found.reasons})
    return finding


def _is_swept(
    connection: Connection, initiative: UUID, commune: str | None, known: queries.NetworkStanding
) -> bool:
    return known.sweeps and not queries.is_here(connection, initiative, commune)


def _sort_networks(finding: _Finding) -> list[tuple[timedelta, NetworkSpread]]:
    """Holds back supports of networks that exceed their limits; returns the spreads it examined."""
    spreads = []
    spans: list[tuple[timedelta, int | None]] = [(MONTH, SAMPLE), *((time, None) for time in TIMES)]
    for time, most in spans:
        trigger = REST if finding.holds else HOLD
        spread = queries.spread(finding.connection, finding.initiative, time, most)
        found = [one.digest for one in beyond(spread, trigger)]
        if found:
            _take(finding, BurstVerdict.HOLD, OF_NETWORKS, time, networks=found)
            finding.say(BurstReasonCode.NETWORKS)
        spreads.append((time, spread))
    return spreads


def _judge_day(finding: _Finding) -> None:
    """Judges the busiest day of the week; what is held back already is no part of it."""
    times = busiest(queries.hours(finding.connection, finding.initiative))
    if times is None:
        return
    day, domains = queries.arrivals(finding.connection, finding.initiative, *times)
    if day.supports < LEAST_DAY:
        return
    known = UsualDay()
    if day.supports > GOOD_DAY:
        known = queries.usual(finding.connection, finding.initiative, day.since, finding.beside)
    verdict, found = judge(day, known)
    if verdict is None:
        return
    if holds_disposable(day):
        _take(finding, BurstVerdict.HOLD, OF_DOMAINS, day, domains=list(domains))
    if verdict is BurstVerdict.HOLD:
        finding.sweeping = True
        _take(finding, verdict, OF_ELSEWHERE, day)
    elif not finding.holds:
        # The supports that the reasons are about.
        members = OF_HERE
        if BurstReasonCode.AWAY in found:
            members = OF_ELSEWHERE
        elif BurstReasonCode.BEYOND in found:
            members = ANYONE
        elif BurstReasonCode.DISPOSABLE in found:
            members = OF_DOMAINS
        _take(finding, verdict, members, day, domains=list(domains))
    finding.reasons.update(found)


def _take(
    finding: _Finding,
    verdict: BurstVerdict,
    members: str,
    when: timedelta | SupportDay,
    **bound: Any,
) -> None:
    """Puts fresh supports into the burst: those of some time up to now, or of a day."""
    connection = finding.connection
    if isinstance(when, SupportDay):
        since, until = when.since, when.until
    else:
        now: datetime = connection.execute(text("SELECT now()")).scalar_one()
        since, until = now - when, now + timedelta(days=1)
    connection.execute(
        text(fill(TAKE, {"here": HERE, "fresh": FRESH, "members": members})),
        {
            "initiative": finding.initiative,
            "burst": finding.burst(verdict),
            "hold": verdict is BurstVerdict.HOLD,
            "since": since,
            "until": until,
            **bound,
        },
    )


def _describe(finding: _Finding) -> None:
    """Writes down what a burst is now, if there is one and anything changed."""
    connection, initiative, opened = finding.connection, finding.initiative, finding.opened
    if opened is None:
        return
    known = queries.extent(connection, opened.id)
    if known.size and known != opened.extent:
        # All that is out of the ordinary about its supports, also what did not decide.
        assert known.first_at, "it has supports"
        usual = queries.usual(connection, initiative, known.first_at, finding.beside)
        members = queries.members(connection, initiative, opened.id, known)
        finding.reasons.update(reasons(members, usual))
        if BurstReasonCode.NETWORKS in finding.reasons:
            figures = queries.networks(connection, initiative, opened.id, known)
            finding.say(BurstReasonCode.NETWORKS, figures)
    kept = [{"code": one.code, **one.figures} for one in finding.reasons.values()]
    bound = {
        "burst": opened.id,
        "verdict": finding.verdict,
        "sweeping": finding.sweeping,
        "reasons": json.dumps(kept),
        "size": known.size,
        "first_at": known.first_at,
        "last_at": known.last_at,
    }
    connection.execute(text(DESCRIBE), bound)
