"""Who belongs to a group: joining, inviting, leaving, and never without an organiser by accident.

Each verb locks the group's row first and reads its members after, so that what it decides by still
holds when it writes. A group's last organiser cannot leave, step down or be banned; to hand a group
over is an offer and its acceptance. Only an erasure takes the last one away: the group is then in
succession (`local_group.succession_since`, kept by a trigger), and its members may take it over.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.accounts.people import service as people
from mapservice.accounts.people.model import LOCALES, Person
from mapservice.accounts.people.service import ConfirmationRequest
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.groups import queries
from mapservice.groups.model import (
    BELONGING,
    EDITING,
    INVITATION_LIFE,
    INVITATIONS_A_DAY,
    OFFER_LIFE,
    SUCCEEDING,
    GroupMember,
    GroupOpenness,
    GroupStatus,
    LocalGroup,
    MemberChoice,
    MemberStanding,
)
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead
from mapservice.mail.service import EmailAddress
from mapservice.mail.unsubscribe import signature

JOIN_PURPOSE, JOIN_LETTER = "group_join", "group_join"
INVITE_PURPOSE, INVITE_LETTER = "group_invite", "group_invite"
# Of those who are told that a group needs a new organiser: editors first, then who came first.
MOST_TOLD = 200


class LastOrganiser(StateConflict):
    """Somebody has to organise a group: offer that to another member first, or archive it."""

    def __init__(self) -> None:
        super().__init__("A group's last organiser stays: offer the group to somebody first.")


class TooManyInvitations(StateConflict):
    """The group has invited as many as it may in a day; `left` more are possible now."""

    def __init__(self, left: int) -> None:
        super().__init__("This group has sent as many invitations as it may in a day.")
        self.left = left


class MemberAct(StrEnum):
    """What an organiser does with a person's row."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    EDITOR = "editor"
    MEMBER = "member"
    OFFER = "offer"
    TAKE_BACK = "take_back"
    BAN = "ban"
    UNBAN = "unban"


class OwnAct(StrEnum):
    """What a person does with their own row."""

    TAKE_OFFER = "take_offer"
    DECLINE_OFFER = "decline_offer"
    STEP_DOWN = "step_down"
    TAKE_OVER = "take_over"


class GroupNews(StrEnum):
    """What a mail to a member or organiser is about."""

    REQUEST = "request"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    OFFER = "offer"
    TAKEN = "taken"
    SUCCESSION = "succession"


def locked(connection: Connection, identifier: UUID) -> LocalGroup:
    """Raises NotFound."""
    found = queries.find(connection, identifier, lock=True)
    if found is None:
        raise NotFound("There is no such group.")
    return found


def locked_by(
    connection: Connection,
    identifier: UUID,
    person: UUID,
    standings: Collection[MemberStanding],
) -> LocalGroup:
    """A group in which the person has one of these standings. Raises NotFound for any other."""
    found = queries.find(connection, identifier, lock=True)
    own = queries.of_person(connection, identifier, person)
    if found is None or own is None or own.standing not in standings:
        raise NotFound("There is no such group of yours.")
    return found


def note_sign(connection: Connection, identifier: UUID, now: datetime) -> None:
    """An organiser or editor did something: the group is alive."""
    connection.execute(text(SIGN), {"id": identifier, "now": now})


def still_here(connection: Connection, identifier: UUID, person: UUID, now: datetime) -> None:
    """An organiser or editor says so. Raises NotFound."""
    locked_by(connection, identifier, person, EDITING)
    note_sign(connection, identifier, now)


def hold_person(connection: Connection, person: UUID) -> None:
    """Keeps an erasure waiting until the transaction ends; before the lock of any group.

    Raises NotFound for an erased person.
    """
    if connection.execute(text(HOLD_PERSON), {"person": person}).one_or_none() is None:
        raise NotFound("There is no such person.")


def add(
    connection: Connection,
    group: UUID,
    person: UUID,
    standing: MemberStanding,
    choice: MemberChoice,
) -> None:
    """A row of a person in a group whose row is held; one that is there gets this standing."""
    bound = {
        "group": group,
        "person": person,
        "standing": str(standing),
        "name": choice.name,
        "is_public": choice.is_public,
        "shares_address": choice.shares_address,
    }
    connection.execute(text(ADD), bound)


# --- By oneself -----------------------------------------------------------------------------------


def join(
    connection: Connection,
    site: Letterhead,
    identifier: UUID,
    person: UUID,
    choice: MemberChoice,
    *,
    follows: bool = False,
) -> MemberStanding:
    """Follows a group, or asks to belong to it; what is there already stays.

    Raises NotFound, StateConflict where one cannot (any more). To a banned person it says the same
    as to anybody whom the group does not take.
    """
    hold_person(connection, person)
    group = locked(connection, identifier)
    own = queries.of_person(connection, identifier, person)
    if not group.takes_members or (own and own.standing is MemberStanding.BANNED):
        raise StateConflict("This group takes nobody in.")
    if own and (follows or own.standing is not MemberStanding.FOLLOWER):
        return own.standing
    if follows:
        standing = MemberStanding.FOLLOWER
    elif group.openness is GroupOpenness.OPEN:
        standing = MemberStanding.MEMBER
    elif group.openness is GroupOpenness.MODERATED:
        standing = MemberStanding.REQUESTED
    else:
        raise StateConflict("One becomes a member of this group by invitation.")
    add(connection, identifier, person, standing, choice)
    if standing is MemberStanding.REQUESTED:
        for one in queries.members(connection, group.id):
            if one.standing is MemberStanding.ORGANISER:
                _tell(connection, site, group, one, GroupNews.REQUEST)
    return standing


def choose(connection: Connection, identifier: UUID, person: UUID, choice: MemberChoice) -> None:
    """What a person shows of themselves. Raises NotFound for a person without a row."""
    locked(connection, identifier)
    own = queries.of_person(connection, identifier, person)
    if own is None or own.standing is MemberStanding.BANNED:
        raise NotFound("You do not belong to this group.")
    add(connection, identifier, person, own.standing, choice)


def leave(connection: Connection, member: UUID) -> None:
    """Ends it all at once: nothing of it stays; done twice it is done once.

    A ban is no belonging, and stays. Raises LastOrganiser.
    """
    known = queries.member(connection, member)
    if known is None:
        return
    group = locked(connection, known.local_group)
    known = queries.member(connection, member)
    if known is None or known.standing is MemberStanding.BANNED:
        return
    _keep_an_organiser(group, known)
    connection.execute(text(DELETE), {"id": member})


def leave_key(connection: Connection, member: UUID) -> bytes | None:
    """What signs the link that leaves with one click."""
    known = queries.member(connection, member)
    return bytes(known.leave_key) if known else None


def act(
    connection: Connection,
    site: Letterhead,
    identifier: UUID,
    person: UUID,
    wanted: OwnAct,
    now: datetime,
) -> None:
    """Takes or declines an offer, steps down, or takes a group over that has lost its organisers.

    Raises NotFound for somebody who does not belong, LastOrganiser, or StateConflict for an offer
    that is over.
    """
    group = locked(connection, identifier)
    own = queries.of_person(connection, identifier, person)
    if own is None or own.standing not in BELONGING:
        raise NotFound("You do not belong to this group.")
    if wanted is OwnAct.DECLINE_OFFER:
        _end_offer(connection, own.id)
    elif wanted is OwnAct.STEP_DOWN:
        if own.standing is MemberStanding.ORGANISER:
            _keep_an_organiser(group, own)
            _stand(connection, own.id, MemberStanding.MEMBER)
    elif own.standing is MemberStanding.ORGANISER:
        return  # they took it already
    elif wanted is OwnAct.TAKE_OFFER:
        by = _offering(connection, own.id)
        if not own.has_offer(now) or (by is None and group.organisers):
            raise StateConflict("This offer is over.")
        _stand(connection, own.id, MemberStanding.ORGANISER)
        note_sign(connection, identifier, now)
        if by:
            _tell(connection, site, group, by, GroupNews.TAKEN)
    else:
        if not group.is_without_organiser or not group.is_public:
            raise StateConflict("Somebody organises this group.")
        _stand(connection, own.id, MemberStanding.ORGANISER)
        note_sign(connection, identifier, now)


# --- By organisers --------------------------------------------------------------------------------


def manage(
    connection: Connection,
    site: Letterhead,
    identifier: UUID,
    person: UUID,
    member: UUID,
    wanted: MemberAct,
    now: datetime,
) -> None:
    """What an organiser does with the row of another person of their group.

    Nobody becomes an organiser but by accepting an offer. Raises NotFound, StateConflict for what
    does not fit how that person stands (any more), InvalidInput for one's own row.
    """
    group = locked_by(connection, identifier, person, (MemberStanding.ORGANISER,))
    known = queries.member(connection, member)
    if known is None or known.local_group != identifier:
        raise NotFound("There is no such member.")
    if known.person == person:
        raise InvalidInput("action", "is about yourself")
    standings, result = ACTS[wanted]
    if known.standing not in standings:
        raise StateConflict("This person stands otherwise by now.")
    if wanted is MemberAct.OFFER:
        by = queries.of_person(connection, identifier, person)
        assert by is not None, "an organiser has a row"
        bound = {"id": member, "by": by.id, "until": now + OFFER_LIFE}
        connection.execute(text(OFFER), bound)
        _tell(connection, site, group, known, GroupNews.OFFER)
    elif wanted is MemberAct.TAKE_BACK:
        _end_offer(connection, member)
    elif result is None:
        connection.execute(text(DELETE), {"id": member})
        if wanted is MemberAct.REFUSE:
            _tell(connection, site, group, known, GroupNews.REFUSED)
    else:
        if known.standing is MemberStanding.ORGANISER:
            _keep_an_organiser(group, known)
        _stand(connection, member, result)
        if wanted is MemberAct.ACCEPT:
            _tell(connection, site, group, known, GroupNews.ACCEPTED)
    note_sign(connection, identifier, now)


# Whom an act fits, and how they stand after it; None: they have no row any more, or keep theirs.
ACTS: dict[MemberAct, tuple[Collection[MemberStanding], MemberStanding | None]] = {
    MemberAct.ACCEPT: ((MemberStanding.REQUESTED,), MemberStanding.MEMBER),
    MemberAct.REFUSE: ((MemberStanding.REQUESTED,), None),
    MemberAct.EDITOR: ((MemberStanding.MEMBER,), MemberStanding.EDITOR),
    MemberAct.MEMBER: ((MemberStanding.EDITOR,), MemberStanding.MEMBER),
    MemberAct.OFFER: (SUCCEEDING, None),
    MemberAct.TAKE_BACK: (SUCCEEDING, None),
    MemberAct.BAN: (
        tuple(one for one in MemberStanding if one is not MemberStanding.BANNED),
        MemberStanding.BANNED,
    ),
    MemberAct.UNBAN: ((MemberStanding.BANNED,), None),
}


def invite(
    connection: Connection,
    site: Letterhead,
    identifier: UUID,
    person: UUID,
    emails: Sequence[EmailAddress],
    now: datetime,
) -> None:
    """Mails each a link by which they become a member; until they press it nothing is kept of it.

    Says nothing about whether an address is known, or belongs already. Raises NotFound,
    StateConflict for a group that takes nobody in, TooManyInvitations.
    """
    group = locked_by(connection, identifier, person, (MemberStanding.ORGANISER,))
    if not group.takes_members:
        raise StateConflict("This group takes nobody in.")
    by = queries.of_person(connection, identifier, person)
    assert by is not None, "an organiser has a row"
    day = now - timedelta(days=1)
    sent = connection.execute(text(INVITED), {"group": identifier, "since": day}).scalar_one()
    if sent + len(emails) > INVITATIONS_A_DAY:
        raise TooManyInvitations(max(0, INVITATIONS_A_DAY - sent))
    for email in emails:
        _invite(connection, site, group, email, {"by": str(by.id)})
    note_sign(connection, identifier, now)


def invite_to_organise(
    connection: Connection, site: Letterhead, group: LocalGroup, email: EmailAddress
) -> None:
    """Mails a link by which somebody takes over a group that has no organiser."""
    _invite(connection, site, group, email, {"by": ""})


def accept_invitation(
    connection: Connection, identifier: UUID, person: Person, by: str, now: datetime
) -> MemberStanding:
    """Becomes a member; or, invited by moderators (`by` is ""), the organiser of a group without.

    Raises NotFound, StateConflict where who invited is no organiser any more, the group has found
    one, or takes nobody in.
    """
    hold_person(connection, person.id)
    group = locked(connection, identifier)
    own = queries.of_person(connection, identifier, person.id)
    if not group.takes_members or (own and own.standing is MemberStanding.BANNED):
        raise StateConflict("This group takes nobody in.")
    choice = MemberChoice(name=person.name)
    if own:
        choice = MemberChoice(own.name, own.is_public, own.shares_address)
    if not by:
        if own and own.standing is MemberStanding.ORGANISER:
            return own.standing
        if not group.is_without_organiser:
            raise StateConflict("Somebody organises this group by now.")
        add(connection, identifier, person.id, MemberStanding.ORGANISER, choice)
        note_sign(connection, identifier, now)
        return MemberStanding.ORGANISER
    inviter = queries.member(connection, UUID(by))
    if (
        inviter is None
        or inviter.local_group != identifier
        or inviter.standing is not MemberStanding.ORGANISER
    ):
        raise StateConflict("This invitation is over.")
    if own and own.standing in BELONGING:
        return own.standing
    add(connection, identifier, person.id, MemberStanding.MEMBER, choice)
    return MemberStanding.MEMBER


# --- Erasure --------------------------------------------------------------------------------------


def erase(connection: Connection, site: Letterhead, person: UUID) -> None:
    """Takes a person out of every group, before their account is erased.

    A group that was never public goes with its only organiser. A public one that loses its last
    organiser stays, and those of its members who may take it over are told.
    """
    connection.execute(text(HOLD_ERASED), {"person": person})
    connection.execute(text(LOCK_ALL), {"person": person})
    organised = connection.execute(text(ORGANISED_ALONE), {"person": person}).all()
    gone = [row.id for row in organised if row.published_at is None]
    connection.execute(text(DELETE_GROUPS), {"ids": gone})
    connection.execute(text("DELETE FROM group_member WHERE person = :person"), {"person": person})
    for row in organised:
        group = queries.find(connection, row.id) if row.published_at is not None else None
        if group and group.status is GroupStatus.PUBLISHED:
            told = [
                one for one in queries.members(connection, group.id) if one.standing in SUCCEEDING
            ]
            told.sort(key=lambda one: (one.standing is MemberStanding.MEMBER, one.created_at))
            for one in told[:MOST_TOLD]:
                _tell(connection, site, group, one, GroupNews.SUCCESSION)


# --- Mails ----------------------------------------------------------------------------------------


def leave_path(member: GroupMember) -> str:
    key = bytes(member.leave_key)
    return f"/groupes/{member.local_group}/quitter/{member.id}/{signature(member.id, key)}"


def _tell(
    connection: Connection,
    site: Letterhead,
    group: LocalGroup,
    member: GroupMember,
    news: GroupNews,
) -> None:
    """Mails one person of a group; to who may leave, with the link that does it in one click."""
    page = f"{site.base_url}{group.url}"
    stays = news not in (GroupNews.REFUSED, GroupNews.REQUEST, GroupNews.TAKEN)
    leaving = f"{site.base_url}{leave_path(member)}" if stays else ""
    to_desk = news is GroupNews.REQUEST
    values = {
        "about": str(news),
        "title": group.name,
        "link": f"{page}/bureau" if to_desk else f"{page}/adhesion" if stays else page,
        "days": OFFER_LIFE.days,
        "leave": leaving,
    }
    headers = {}
    if leaving:
        headers = {
            "List-Unsubscribe": f"<{leaving}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    letter = mail.write(
        site,
        "group_news",
        member.email,
        values,
        locale=member.locale,
        person=member.person,
        headers=headers,
    )
    mail.enqueue(connection, letter)


def _invite(
    connection: Connection,
    site: Letterhead,
    group: LocalGroup,
    email: EmailAddress,
    payload: dict[str, Any],
) -> None:
    people.ask_confirmation(
        connection,
        site,
        email,
        ConfirmationRequest(
            purpose=INVITE_PURPOSE,
            letter=INVITE_LETTER,
            subject=group.id,
            payload=payload,
            values={"title": group.name, "organises": not payload["by"]},
            locale=LOCALES[0],
            valid_for=INVITATION_LIFE,
        ),
    )


# Of links that were mailed and not used: who accepted is no burden to anybody.
INVITED = """
SELECT count(*) FROM token
 WHERE purpose = 'group_invite' AND subject = :group AND created_at > :since"""


# --- Rows -----------------------------------------------------------------------------------------


def _keep_an_organiser(group: LocalGroup, member: GroupMember) -> None:
    """Raises LastOrganiser where nobody else organises; `group` is held, so that stays true."""
    if member.standing is MemberStanding.ORGANISER and group.organisers <= 1:
        raise LastOrganiser()


def _stand(connection: Connection, member: UUID, standing: MemberStanding) -> None:
    connection.execute(text(STAND), {"id": member, "standing": str(standing)})


def _end_offer(connection: Connection, member: UUID) -> None:
    connection.execute(text(END_OFFER), {"id": member})


def _offering(connection: Connection, member: UUID) -> GroupMember | None:
    """Who made the offer, if they organise the group still."""
    statement = text("SELECT offered_by FROM group_member WHERE id = :id")
    by: UUID | None = connection.execute(statement, {"id": member}).scalar_one()
    found = queries.member(connection, by) if by else None
    return found if found and found.standing is MemberStanding.ORGANISER else None


SIGN = """
UPDATE local_group SET last_sign_at = greatest(last_sign_at, :now) WHERE id = :id"""

ADD = """
INSERT INTO group_member AS kept (local_group, person, standing, name, is_public, shares_address)
VALUES (:group, :person, :standing, :name, :is_public, :shares_address)
    ON CONFLICT (local_group, person) DO UPDATE
   SET standing = excluded.standing, name = excluded.name, is_public = excluded.is_public,
       shares_address = excluded.shares_address,
       offered_by = CASE WHEN kept.standing = excluded.standing THEN kept.offered_by END,
       offered_until = CASE WHEN kept.standing = excluded.standing THEN kept.offered_until END,
       changed_at = CASE WHEN kept.standing = excluded.standing THEN kept.changed_at
                         ELSE now() END"""

DELETE_GROUPS = "DELETE FROM local_group WHERE id = ANY(CAST(:ids AS uuid[]))"

DELETE = "DELETE FROM group_member WHERE id = :id"

STAND = """
UPDATE group_member
   SET standing = :standing, offered_by = NULL, offered_until = NULL, changed_at = now()
 WHERE id = :id"""

OFFER = """
UPDATE group_member SET offered_by = :by, offered_until = :until WHERE id = :id"""

END_OFFER = """
UPDATE group_member SET offered_by = NULL, offered_until = NULL WHERE id = :id"""

# Foreign keys take a weaker lock, which goes with both: so that no mail waits for an erasure.
HOLD_PERSON = "SELECT id FROM person WHERE id = :person AND erased_at IS NULL FOR SHARE"

HOLD_ERASED = "SELECT FROM person WHERE id = :person FOR NO KEY UPDATE"

LOCK_ALL = """
SELECT FROM local_group
 WHERE id IN (SELECT local_group FROM group_member WHERE person = :person)
 ORDER BY id FOR NO KEY UPDATE"""

ORGANISED_ALONE = """
SELECT local_group.id, local_group.published_at
  FROM local_group JOIN group_member ON group_member.local_group = local_group.id
 WHERE group_member.person = :person AND group_member.standing = 'organiser'
   AND local_group.organisers = 1
 ORDER BY local_group.id"""
