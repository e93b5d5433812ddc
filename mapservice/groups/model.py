"""What a group is: its vocabularies, what its organisers say, and who may do what in it."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from mapservice.contributions.proposals.model import (
    FieldMistake,
    ProposedPlace,
    one_line,
    paragraphs,
)
from mapservice.contributions.proposals.model import read_form as read_proposal
from mapservice.geocoding.model import Precision
from mapservice.initiatives.model import Scale, Theme
from mapservice.territories.model import Level, TerritoryRef

# Sources of what is made up, for trials and for the sample.
SAMPLE, GENERATED = "sample", "generated"
MADE_UP = frozenset({SAMPLE, GENERATED})
DORMANT_AFTER = timedelta(days=183)  # without a sign of an organiser or editor
SUCCESSION_DAYS = 30  # that members may take a group over before its territory's moderators decide
OFFER_LIFE = timedelta(days=14)  # of an offer to organise
# Of one form, and of one group in a day, whoever of it invites.
INVITED_AT_ONCE, INVITATIONS_A_DAY = 30, 100
INVITATION_LIFE = timedelta(days=7)
# Messages of organisers: of a group, whoever of them writes, by the clock.
MESSAGES_A_WEEK, MESSAGES_AT_ONCE_A_DAY = 4, 1
MAX_SUBJECT, MAX_MESSAGE, MAX_COMPLAINT = 120, 4000, 1000
HELD_FOR = timedelta(days=90)  # that messages are read first, once one was refused
MESSAGE_DAYS = 365  # that a message is kept
MAX_ORGANISATION = 40  # signs that are typed, blanks included

# RNA: W, the code of the prefecture, seven digits (W751234567; W2A1001234, W9R1001234 in Corsica
# and overseas). SIREN: nine digits, the last a check digit.
_RNA = re.compile(r"W[0-9][0-9A-Z][0-9]{7}")
_SIREN = re.compile(r"[0-9]{9}")


class GroupStatus(StrEnum):
    """States of a group; see `PUBLIC` for those that anybody may see."""

    DRAFT = "draft"
    PENDING = "pending"
    PUBLISHED = "published"
    ARCHIVED = "archived"
    REJECTED = "rejected"


PUBLIC = (GroupStatus.PUBLISHED, GroupStatus.ARCHIVED)


class GroupState(StrEnum):
    """What the public is told of a group's life; dormant follows from the clock."""

    ACTIVE = "active"
    DORMANT = "dormant"
    ARCHIVED = "archived"


class GroupOpenness(StrEnum):
    """How one becomes a member: by oneself, by leave of an organiser, or invited."""

    OPEN = "open"
    MODERATED = "moderated"
    INVITATION = "invitation"


class MemberStanding(StrEnum):
    """How a person stands with a group. Who left has none."""

    REQUESTED = "requested"
    FOLLOWER = "follower"
    MEMBER = "member"
    EDITOR = "editor"
    ORGANISER = "organiser"
    BANNED = "banned"


# Who is counted as a member, who may change the text, and who may take over a group that has lost
# its last organiser.
BELONGING = (MemberStanding.MEMBER, MemberStanding.EDITOR, MemberStanding.ORGANISER)
EDITING = (MemberStanding.EDITOR, MemberStanding.ORGANISER)
SUCCEEDING = (MemberStanding.MEMBER, MemberStanding.EDITOR)


class MessageAudience(StrEnum):
    """Whom a message is for, by how they stand; each holds the one before."""

    TEAM = "team"
    MEMBERS = "members"
    EVERYONE = "everyone"


class MessageState(StrEnum):
    """Where a message stands: read by moderators first, sent, or refused by them."""

    HELD = "held"
    SENT = "sent"
    REFUSED = "refused"


class EventAudience(StrEnum):
    """Of those who registered for an event: who has a seat, who waits for one, or both."""

    COMING = "coming"
    WAITING = "waiting"
    REGISTERED = "registered"


class MessageWish(StrEnum):
    """What messages a person wants: as they are sent, in the mail of the day alone, or none."""

    ALL = "all"
    DIGEST = "digest"
    NONE = "none"


class OrganisationMistake(StrEnum):
    """Why an organisation's number is none."""

    FORM = "is neither an RNA number nor a SIREN"
    CHECK_DIGIT = "is a SIREN with a wrong check digit"


@dataclass(frozen=True, slots=True)
class GroupContent:
    """What organisers say of a group. `description` is Markdown.

    `area` says what the group is for: its place itself (`Scale.COMMUNE`), or the whole territory
    of that level around the place.
    """

    name: str
    summary: str
    description: str
    theme: Theme
    openness: GroupOpenness
    area: Scale
    place: ProposedPlace
    organisation: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Reads what `to_json` made back."""
        return cls(
            **{
                **stored,
                "theme": Theme(stored["theme"]),
                "openness": GroupOpenness(stored["openness"]),
                "area": Scale(stored["area"]),
                "place": ProposedPlace(**stored["place"]),
            }
        )


@dataclass(frozen=True, slots=True)
class GroupForm:
    """What was typed, cleaned, and its mistakes by field."""

    content: GroupContent
    mistakes: Mapping[str, FieldMistake | OrganisationMistake] = field(default_factory=dict)


def read_form(fields: Mapping[str, str]) -> GroupForm:
    """What a form says; it is read as that of an initiative is, with a group's own fields."""
    area = fields.get("area", "") or str(Scale.COMMUNE)
    known = area in tuple(Scale)
    shared = read_proposal({**fields, "scale": area if known else str(Scale.COMMUNE)})
    mistakes: dict[str, FieldMistake | OrganisationMistake] = {
        name: mistake
        for name, mistake in shared.mistakes.items()
        if isinstance(mistake, FieldMistake)
    }
    if not known:
        mistakes["area"] = FieldMistake.CHOICE
    text = fields.get("openness", "")
    openness = GroupOpenness.MODERATED
    if text in tuple(GroupOpenness):
        openness = GroupOpenness(text)
    else:
        mistakes["openness"] = FieldMistake.CHOICE if text else FieldMistake.MISSING
    organisation = read_organisation(fields.get("organisation", ""))
    if isinstance(organisation, OrganisationMistake):
        mistakes["organisation"] = organisation
        organisation = ""
    content = GroupContent(
        name=shared.content.title,
        summary=shared.content.summary,
        description=shared.content.description,
        theme=shared.content.theme,
        openness=openness,
        area=shared.content.scale,
        place=ProposedPlace() if shared.content.scale is Scale.NATIONAL else shared.content.place,
        organisation=str(organisation),
    )
    return GroupForm(content, mistakes)


def read_organisation(typed: str) -> str | OrganisationMistake:
    """An RNA number or a SIREN as it is kept, "" for none; blanks and dots between are let pass.

    The form alone is checked: whether there is such an organisation, nobody here knows.
    """
    text = re.sub(r"[\s.\u00a0\u202f-]", "", typed).upper()
    if not text:
        return ""
    if len(typed) > MAX_ORGANISATION or not text.isascii():
        return OrganisationMistake.FORM
    if _RNA.fullmatch(text):
        return text
    if not _SIREN.fullmatch(text) or not text.strip("0"):
        return OrganisationMistake.FORM
    return text if passes_luhn(text) else OrganisationMistake.CHECK_DIGIT


def passes_luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B: every second digit from the right, the last left out, is doubled."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalGroup:
    """A group, with the names of its territories.

    `members` counts who belongs to it, each confirmed by mail; `organisers` are among them.
    `source` names the service that it is organised at, with its page there (`source_url`), or says
    that it is made up; "" for a group of this service. `distance` is in metres from the position
    asked for.
    """

    id: UUID
    status: GroupStatus
    name: str
    summary: str
    description: str
    theme: Theme
    openness: GroupOpenness
    organisation: str
    place_text: str
    area: Scale
    precision: Precision
    lon: float | None
    lat: float | None
    commune: str | None
    commune_name: str | None
    commune_article: str | None
    epci: str | None
    epci_name: str | None
    departement: str | None
    departement_name: str | None
    departement_article: str | None
    region: str | None
    region_name: str | None
    region_article: str | None
    members: int
    organisers: int
    succession_since: datetime | None
    handed_over_at: datetime | None
    last_sign_at: datetime
    revision: int
    queued_at: datetime | None
    submitted_at: datetime
    published_at: datetime | None
    archived_at: datetime | None
    reason: str
    source: str
    source_url: str
    source_licence: str
    changed_at: datetime
    distance: float | None = None

    @property
    def url(self) -> str:
        return f"/groupes/{self.id}"

    @property
    def territory(self) -> TerritoryRef | None:
        """The finest territory known of its place; None for all of France."""
        for level in (Level.COMMUNE, Level.EPCI, Level.DEPARTEMENT, Level.REGION):
            code = getattr(self, str(level))
            if code:
                return TerritoryRef(level, code)
        return None

    @property
    def is_public(self) -> bool:
        return self.status in PUBLIC

    def state(self, now: datetime) -> GroupState:
        """Dormant after six months without a sign of an organiser or editor."""
        if self.status is GroupStatus.ARCHIVED:
            return GroupState.ARCHIVED
        if self.last_sign_at < now - DORMANT_AFTER:
            return GroupState.DORMANT
        return GroupState.ACTIVE

    @property
    def is_made_up(self) -> bool:
        return self.source in MADE_UP

    @property
    def is_from_elsewhere(self) -> bool:
        """Whether another service told of it, where its members are."""
        return self.source not in {"", *MADE_UP}

    @property
    def attribution(self) -> str:
        """Whom to name, in one line; "" for a group of this service."""
        licence = f" ({self.source_licence})" if self.source_licence else ""
        return f"{self.source}{licence}" if self.source else ""

    @property
    def is_without_organiser(self) -> bool:
        """Whether it waits for somebody to take it over; one with a source has nobody here."""
        return self.succession_since is not None and not self.source

    @property
    def takes_members(self) -> bool:
        """Whether one may join, or follow, at all."""
        return self.status is GroupStatus.PUBLISHED and not self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMember:
    """A person in a group. `email` is for mails, and for organisers where it is shared."""

    id: UUID
    local_group: UUID
    person: UUID
    standing: MemberStanding
    name: str
    is_public: bool
    shares_address: bool
    offered_until: datetime | None
    created_at: datetime
    changed_at: datetime
    leave_key: bytes
    hears: MessageWish
    email: str
    locale: str

    def has_offer(self, now: datetime) -> bool:
        """Whether an organiser's offer to organise with them still stands."""
        return self.offered_until is not None and self.offered_until > now


@dataclass(frozen=True, slots=True)
class MemberChoice:
    """What a person says of themselves in a group; all of it is private unless they say so."""

    name: str = ""
    is_public: bool = False
    shares_address: bool = False


# --- Messages -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MessageContent:
    """What an organiser writes, plain text; `at_once` False: in the mail of the day."""

    audience: MessageAudience | EventAudience
    at_once: bool
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class MessageForm:
    """What was typed, cleaned, and its mistakes by field."""

    content: MessageContent
    mistakes: Mapping[str, FieldMistake] = field(default_factory=dict)


def read_message(
    fields: Mapping[str, str],
    audiences: type[MessageAudience] | type[EventAudience] = MessageAudience,
) -> MessageForm:
    """What a form says; about an event (`EventAudience`) messages leave at once."""
    mistakes: dict[str, FieldMistake] = {}
    subject, words = one_line(fields.get("subject", "")), paragraphs(fields.get("text", ""))
    for name, said, most in (("subject", subject, MAX_SUBJECT), ("text", words, MAX_MESSAGE)):
        if not any(sign.isalnum() for sign in said):
            mistakes[name] = FieldMistake.MISSING
        elif len(said) > most:
            mistakes[name] = FieldMistake.LONG
    about_event = audiences is EventAudience
    audience, how = (
        fields.get("audience", ""),
        fields.get("how", "now" if about_event else "digest"),
    )
    known = audience in tuple(audiences)
    if not known:
        mistakes["audience"] = FieldMistake.CHOICE if audience else FieldMistake.MISSING
    if how not in (("now",) if about_event else ("now", "digest")):
        mistakes["how"] = FieldMistake.CHOICE
    among: list[MessageAudience | EventAudience] = list(audiences)
    chosen = next((one for one in among if one == audience), among[0])
    return MessageForm(MessageContent(chosen, how == "now", subject, words), mistakes)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMessage:
    """A message as organisers and moderators see it. `reports` counts those not decided about.

    It is to a group (`local_group`), or to those who registered for an `event`.

    `recipients` is how many it reaches: those who wanted it, of whom it is for, less those who left
    or stopped before it came to them. `waiting` of these find it in their next mail of the day.
    """

    id: UUID
    local_group: UUID | None
    event: UUID | None
    person: UUID
    audience: MessageAudience | EventAudience
    at_once: bool
    subject: str
    text: str
    state: MessageState
    reason: str
    recipients: int
    report_key: bytes
    written_at: datetime
    sent_at: datetime | None
    queued_at: datetime | None
    reports: int
    waiting: int

    @property
    def subject_id(self) -> UUID:
        """The group, or the event."""
        found = self.local_group or self.event
        assert found is not None, "a constraint of the table"
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMessage:
    """A message that is told to one reader, with the name of its group or event."""

    id: UUID
    local_group: UUID | None
    event: UUID | None
    title: str
    subject: str
    text: str
    report_key: bytes
    sent_at: datetime
