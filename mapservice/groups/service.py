"""What organisers and moderators do with a group: start it, change it, archive it, decide.

Each verb runs in its caller's transaction. What comes from an unconfirmed address stays in the
payload of the mailed link. The group's row is locked before those of its members, groups by their
ids: so no two verbs decide about the same group at once (`membership_service.py`).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, insert, text, update

from mapservice.accounts.people import service as people
from mapservice.accounts.people.model import Person
from mapservice.accounts.people.service import ConfirmationRequest
from mapservice.audit import log
from mapservice.audit import queries as audit
from mapservice.audit.model import DecisionRecord, DecisionVerdict
from mapservice.contributions.proposals import queries as proposals
from mapservice.contributions.proposals.model import ON_TEXT
from mapservice.contributions.proposals.service import PlaceReading, read_place, territory_of
from mapservice.db.group_tables import local_group
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.geocoding.model import Precision
from mapservice.geocoding.service import Locator
from mapservice.groups import membership_service as membership
from mapservice.groups import queries
from mapservice.groups.model import (
    EDITING,
    PUBLIC,
    SUCCESSION_DAYS,
    GroupContent,
    GroupStatus,
    LocalGroup,
    MemberChoice,
    MemberStanding,
)
from mapservice.initiatives.model import Scale
from mapservice.initiatives.service import place_values
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead
from mapservice.mail.service import EmailAddress
from mapservice.moderation import queries as moderation
from mapservice.moderation.model import CaseKind
from mapservice.moderation.service import (
    LateReason,
    ModeratorIdentity,
    TooLate,
    check_holder,
    clean_reason,
)
from mapservice.territories.model import Level, TerritoryRef

PURPOSE = "group"
LETTER = "group_propose"


@dataclass(frozen=True, slots=True)
class GroupSubmission:
    """A form as it was sent. `form` identifies it: sent twice, it is still one group."""

    form: UUID
    content: GroupContent
    choice: MemberChoice

    def to_json(self) -> dict[str, Any]:
        return {
            "content": self.content.to_json(),
            "name": self.choice.name,
            "is_public": self.choice.is_public,
        }

    @classmethod
    def from_json(cls, form: UUID, stored: Mapping[str, Any]) -> "GroupSubmission":
        choice = MemberChoice(str(stored["name"]), bool(stored["is_public"]))
        return cls(form, GroupContent.from_json(stored["content"]), choice)


@dataclass(frozen=True, slots=True)
class GroupPlaceReading:
    """Where a group will be shown.

    `reading` is how its place was understood, None for all of France. `ref` is the finest territory
    that is sure: for a group of a whole territory, that one. `lacks`: there is no such territory
    around the place, or it is wider than that.
    """

    reading: PlaceReading | None
    precision: Precision
    ref: TerritoryRef | None
    lacks: bool = False

    @property
    def asks(self) -> bool:
        return self.reading is not None and self.reading.asks

    @property
    def values(self) -> dict[str, Any]:
        """The columns that say where; the database fills in the parents."""
        if self.reading and self.precision is self.reading.placement.precision:
            return place_values(self.reading.placement)
        codes: dict[str, Any] = dict.fromkeys(("commune", "epci", "departement", "region"))
        if self.ref:
            codes[str(self.ref.level)] = self.ref.code
        return {**codes, "precision": str(self.precision), "point": None}


def understand(
    connection: Connection, locator: Locator, content: GroupContent
) -> GroupPlaceReading:
    """Where the group is, as initiatives are placed; or the whole territory around that place."""
    if content.area is Scale.NATIONAL:
        return GroupPlaceReading(None, Precision.NATIONAL, None)
    reading = read_place(connection, locator, content.place)
    found = territory_of(reading.placement)
    if content.area is Scale.COMMUNE or found is None:
        return GroupPlaceReading(reading, reading.placement.precision, found)
    level = Level(str(content.area))
    code = queries.parent_of(connection, found, level)
    if code is None:
        return GroupPlaceReading(reading, reading.placement.precision, found, lacks=True)
    return GroupPlaceReading(reading, Precision(str(level)), TerritoryRef(level, code))


def ask(
    connection: Connection,
    site: Letterhead,
    email: EmailAddress,
    submission: GroupSubmission,
    locale: str,
) -> None:
    """Mails the link that confirms a group; a form that is sent twice is mailed once."""
    people.ask_confirmation_once(
        connection,
        site,
        email,
        ConfirmationRequest(
            purpose=PURPOSE,
            letter=LETTER,
            subject=submission.form,
            payload=submission.to_json(),
            values={"title": submission.content.name},
            locale=locale,
        ),
    )


def submit(
    connection: Connection,
    locator: Locator,
    person: Person,
    submission: GroupSubmission,
    *,
    at_once: bool,
    now: datetime,
) -> UUID:
    """Makes the group with its first organiser, public `at_once` or waiting; returns its id.

    A form that has made one makes no other. Raises StateConflict where that one is somebody else's.
    """
    membership.hold_person(connection, person.id)
    people.one_form_at_a_time(connection, PURPOSE, submission.form)
    known = queries.of_form(connection, submission.form)
    if known:
        own = queries.of_person(connection, known, person.id)
        if own is None or own.standing is not MemberStanding.ORGANISER:
            raise StateConflict("This form was sent already.")
        return known
    status = GroupStatus.PUBLISHED if at_once else GroupStatus.PENDING
    place = understand(connection, locator, submission.content)
    group = make(connection, submission.content, place, status, now, form=submission.form)
    membership.add(connection, group, person.id, MemberStanding.ORGANISER, submission.choice)
    # After its row, so that the queue knows its territories.
    connection.execute(text(QUEUE_FIRST), {"id": group})
    return group


def make(
    connection: Connection,
    content: GroupContent,
    place: GroupPlaceReading,
    status: GroupStatus,
    now: datetime,
    *,
    form: UUID | None = None,
    source: str = "",
) -> UUID:
    """A group without members; who calls gives it its organiser in the same transaction."""
    row = {
        "form": form,
        "status": str(status),
        "published_at": now if status is GroupStatus.PUBLISHED else None,
        "last_sign_at": now,
        "source": source,
        **content_values(content),
        **place.values,
    }
    made: UUID = connection.execute(
        insert(local_group).values(row).returning(local_group.c.id)
    ).scalar_one()
    return made


def content_values(content: GroupContent) -> dict[str, Any]:
    """The columns of a group that its content makes, its place apart."""
    return {
        "name": content.name,
        "summary": content.summary,
        "description": content.description,
        "theme": str(content.theme),
        "openness": str(content.openness),
        "organisation": content.organisation,
        "area": str(content.area),
        "place_text": content.place.words,
    }


# --- Changes by organisers and editors ------------------------------------------------------------


def change(
    connection: Connection,
    locator: Locator,
    identifier: UUID,
    person: UUID,
    content: GroupContent,
    seen: int,
    now: datetime,
) -> None:
    """Changes the text: a public group at once, and it is looked at by moderators afterwards.

    Raises NotFound, or StateConflict where it was changed meanwhile or can no longer be changed.
    """
    found = membership.locked_by(connection, identifier, person, EDITING)
    if found.status is GroupStatus.REJECTED:
        raise StateConflict("This can no longer be changed.")
    if found.revision != seen:
        raise StateConflict("There is a newer version.")
    values = content_values(content) | understand(connection, locator, content).values
    if found.is_public:
        # For who looks at it afterwards: of several changes, what stood before the first.
        before = {name: str(getattr(found, name)) for name in FORMER_TEXTS}
        connection.execute(text(NOTE_BEFORE), {"id": identifier, "before": json.dumps(before)})
    if found.status is GroupStatus.DRAFT:
        values["status"] = str(GroupStatus.PENDING)
    connection.execute(update(local_group).where(local_group.c.id == identifier).values(values))
    connection.execute(text(REQUEUE), {"id": identifier})
    membership.note_sign(connection, identifier, now)


def change_needs(
    connection: Connection, identifier: UUID, person: UUID, change: Callable[[], bool]
) -> None:
    """What a group asks hands for: shown at once, and looked at by moderators afterwards.

    By who organises or edits it. Raises NotFound, StateConflict for what is refused or archived.
    """
    found = membership.locked_by(connection, identifier, person, EDITING)
    if found.status in (GroupStatus.REJECTED, GroupStatus.ARCHIVED):
        raise StateConflict("This can no longer be changed.")
    if change():
        if found.status is not GroupStatus.DRAFT:
            connection.execute(text(REQUEUE), {"id": identifier})
        membership.note_sign(connection, identifier, datetime.now(UTC))


def archive(connection: Connection, identifier: UUID, person: UUID, now: datetime) -> None:
    """By an organiser: the page stays and says so, nobody joins any more. Done twice, it is once.

    Raises NotFound, StateConflict for what is not public.
    """
    found = membership.locked_by(connection, identifier, person, (MemberStanding.ORGANISER,))
    if found.status is GroupStatus.ARCHIVED:
        return
    if found.status is not GroupStatus.PUBLISHED:
        raise StateConflict("Only a public group can be archived.")
    connection.execute(text(ARCHIVE), {"id": identifier, "now": now})
    membership.note_sign(connection, identifier, now)


def reopen(connection: Connection, identifier: UUID, person: UUID, now: datetime) -> None:
    """By an organiser: takes an archived group up again. Raises NotFound."""
    found = membership.locked_by(connection, identifier, person, (MemberStanding.ORGANISER,))
    if found.status is GroupStatus.ARCHIVED:
        connection.execute(text(REOPEN), {"id": identifier})
        membership.note_sign(connection, identifier, now)


def withdraw(connection: Connection, identifier: UUID, person: UUID) -> None:
    """By an organiser: deletes a group that was never public. Raises NotFound, StateConflict."""
    found = membership.locked_by(connection, identifier, person, (MemberStanding.ORGANISER,))
    if found.published_at is not None:
        raise StateConflict("What was public is archived, not deleted.")
    connection.execute(text("DELETE FROM local_group WHERE id = :id"), {"id": identifier})


def add_initiative(
    connection: Connection, identifier: UUID, person: UUID, initiative: UUID, now: datetime
) -> None:
    """Lets one's own public initiative belong to a group that one organises or edits.

    Raises NotFound.
    """
    found = membership.locked_by(connection, identifier, person, EDITING)
    proposal = proposals.find(connection, initiative)
    if proposal is None or proposal.person != person or not proposal.is_public:
        raise NotFound("There is no such public initiative of yours.")
    if found.status is not GroupStatus.PUBLISHED:
        raise StateConflict("This group is not public.")
    connection.execute(text(ADD_INITIATIVE), {"group": identifier, "initiative": initiative})
    membership.note_sign(connection, identifier, now)


def remove_initiative(
    connection: Connection, identifier: UUID, person: UUID, initiative: UUID, now: datetime
) -> None:
    """Parts an initiative from its group; by who organises or edits that. Raises NotFound."""
    membership.locked_by(connection, identifier, person, EDITING)
    connection.execute(text(REMOVE_INITIATIVE), {"group": identifier, "initiative": initiative})
    membership.note_sign(connection, identifier, now)


# --- Decisions by moderators ----------------------------------------------------------------------

NEXT_STATUS: Mapping[DecisionVerdict, GroupStatus] = {
    DecisionVerdict.PUBLISH: GroupStatus.PUBLISHED,
    DecisionVerdict.REJECT: GroupStatus.REJECTED,
    DecisionVerdict.ASK: GroupStatus.DRAFT,
}


def hand_over(engine: Engine, now: datetime) -> int:
    """Nightly: groups that nobody took over in thirty days go to moderators; returns how many."""
    with engine.begin() as connection:
        bound = {"now": now, "before": now - timedelta(days=SUCCESSION_DAYS)}
        return len(connection.execute(text(HAND_OVER), bound).all())


def decide(
    connection: Connection,
    site: Letterhead,
    identifier: UUID,
    verdict: DecisionVerdict,
    moderator: ModeratorIdentity,
    *,
    seen: int,
    reason: str = "",
) -> None:
    """Decides about a group as about initiatives: one claim, one log, a mail to its organisers.

    ARCHIVE is for a group without an organiser. Raises NotFound, TooLate, or InvalidInput naming
    the field.
    """
    if verdict not in (*ON_TEXT, DecisionVerdict.ARCHIVE):
        raise InvalidInput("verdict", "is not one of those offered")
    clean = clean_reason(reason)
    if verdict not in (DecisionVerdict.REJECT, DecisionVerdict.ASK):
        clean = ""
    elif not clean:
        raise InvalidInput("reason", "is missing")
    found = _case(connection, identifier, moderator)
    if found.revision != seen:
        raise TooLate(LateReason.EDITED)
    fits = {
        DecisionVerdict.KEEP: found.is_public,
        DecisionVerdict.PUBLISH: not found.is_public,
        DecisionVerdict.ARCHIVE: found.is_without_organiser
        and found.status is GroupStatus.PUBLISHED,
    }
    if not fits.get(verdict, True):
        raise InvalidInput("verdict", "does not fit the state of this group")
    status = NEXT_STATUS.get(verdict)
    if status:
        bound = {"id": identifier, "status": str(status)}
        connection.execute(text(DECIDE), bound)
    elif verdict is DecisionVerdict.ARCHIVE:
        now = connection.execute(text("SELECT now()")).scalar_one()
        connection.execute(text(ARCHIVE), {"id": identifier, "now": now})
    connection.execute(text(SETTLE), {"id": identifier, "reason": clean})
    log.keep(
        connection,
        DecisionRecord(
            local_group=identifier,
            verdict=verdict,
            by=moderator.name,
            person=moderator.person,
            revision=seen,
            reason=clean,
        ),
    )
    if status is None:
        return
    link = f"{site.base_url}/groupes/{identifier}"
    values = {
        "title": found.name,
        "verdict": str(verdict),
        "reason": clean,
        "link": link if status in PUBLIC else f"{link}/organiser",
    }
    for one in queries.members(connection, identifier):
        if one.standing is MemberStanding.ORGANISER:
            letter = mail.write(
                site, "group_decision", one.email, values, locale=one.locale, person=one.person
            )
            mail.enqueue(connection, letter)


def appoint(
    connection: Connection,
    site: Letterhead,
    identifier: UUID,
    moderator: ModeratorIdentity,
    email: EmailAddress,
) -> None:
    """Invites somebody to organise a group that has lost its organisers; the case stays meanwhile.

    Raises NotFound, TooLate.
    """
    found = _case(connection, identifier, moderator)
    if not found.is_without_organiser or found.status is not GroupStatus.PUBLISHED:
        raise TooLate(LateReason.DECIDED)
    membership.invite_to_organise(connection, site, found, email)


def _case(connection: Connection, identifier: UUID, moderator: ModeratorIdentity) -> LocalGroup:
    found = queries.find(connection, identifier, lock=True)
    if found is None:
        raise NotFound("There is no such group.")
    kind, _holder = moderation.find(connection, identifier, CaseKind.GROUP)
    if kind is None:
        last = next(iter(audit.decisions(connection, identifier)), None)
        raise TooLate(LateReason.DECIDED, last.decided_by if last else "")
    check_holder(connection, identifier, moderator.name, CaseKind.GROUP)
    return found


QUEUE_FIRST = "UPDATE local_group SET queued_at = now() WHERE id = :id"

# What moderators compare, of a group that was changed while public.
FORMER_TEXTS = ("name", "summary", "description", "place_text", "openness", "organisation")
NOTE_BEFORE = """
UPDATE local_group
   SET before_change = coalesce(before_change, CAST(:before AS jsonb))
 WHERE id = :id"""

REQUEUE = """
UPDATE local_group
   SET queued_at = coalesce(queued_at, now()), revision = revision + 1
 WHERE id = :id"""

ARCHIVE = "UPDATE local_group SET status = 'archived', archived_at = :now WHERE id = :id"

REOPEN = "UPDATE local_group SET status = 'published', archived_at = NULL WHERE id = :id"

HAND_OVER = """
UPDATE local_group
   SET handed_over_at = :now, queued_at = coalesce(queued_at, :now)
 WHERE id IN (SELECT id FROM local_group
               WHERE status = 'published' AND source = '' AND succession_since < :before
                 AND handed_over_at IS NULL
               ORDER BY id FOR NO KEY UPDATE)
RETURNING id"""

ADD_INITIATIVE = """
INSERT INTO group_initiative (initiative, local_group) VALUES (:initiative, :group)
    ON CONFLICT (initiative) DO UPDATE SET local_group = excluded.local_group, added_at = now()"""

REMOVE_INITIATIVE = """
DELETE FROM group_initiative WHERE initiative = :initiative AND local_group = :group"""

DECIDE = """
UPDATE local_group
   SET status = CAST(:status AS text), archived_at = NULL,
       published_at = CASE WHEN CAST(:status AS text) = 'published'
                           THEN coalesce(published_at, now()) ELSE published_at END
 WHERE id = :id"""

SETTLE = """
UPDATE local_group SET queued_at = NULL, before_change = NULL, reason = :reason WHERE id = :id"""
