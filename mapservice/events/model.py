"""What an event is: its vocabularies, what its organiser says, and how seats are given."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Self, TypeVar
from uuid import UUID

from mapservice.contributions.proposals.model import (
    FieldMistake,
    ProposedPlace,
    one_line,
    paragraphs,
)
from mapservice.contributions.proposals.model import read_form as read_proposal
from mapservice.errors import InvalidInput
from mapservice.events.recurrence import (
    PARIS,
    SIMPLE_RULES,
    ZONES,
    EventTimes,
    RecurrenceRule,
    read_dates,
    simple_rule,
)
from mapservice.geocoding.model import Precision
from mapservice.initiatives.model import Theme

Choice = TypeVar("Choice", bound=StrEnum)

MAX_QUESTION, MAX_NOTE, MAX_ANSWER = 300, 1000, 1000
MAX_SEATS, MAX_CAPACITY = 10, 100_000
MAX_URL = 500
LONGEST = timedelta(days=31)
# An event announced with no end: a moment to calendars (RFC 5545, 3.6.1), whose end no page names.
NO_LENGTH = timedelta(minutes=1)
# Sources of what is made up, for trials and for the sample.
SAMPLE, GENERATED = "sample", "generated"
MADE_UP = frozenset({SAMPLE, GENERATED})
FURTHEST_YEARS = 5  # ahead that a first date may lie
OFFER_LIFE = timedelta(hours=24)
REMINDER_BEFORE = timedelta(hours=24)
NOTED_BEFORE = timedelta(weeks=4)  # within which a date may be noted by who need not register
CANCELLED_DAYS = 90  # that calendars are told of a cancellation
UNDO_CANCELLATION = timedelta(days=7)  # after which what was called off stays so
ANSWER_DAYS = 30  # after the event that answers to questions are kept


class EventStatus(StrEnum):
    """States of an event; see `PUBLIC` for those that anybody may see."""

    DRAFT = "draft"
    PENDING = "pending"
    PUBLISHED = "published"
    MOVED = "moved"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"
    DONE = "done"
    REJECTED = "rejected"


# What lists and maps show without being asked: what takes place, or took place.
LISTED = (EventStatus.PUBLISHED, EventStatus.MOVED, EventStatus.DONE)
PUBLIC = (*LISTED, EventStatus.POSTPONED, EventStatus.CANCELLED)
# What somebody can still come to.
OPEN = (EventStatus.PUBLISHED, EventStatus.MOVED)


class EventMode(StrEnum):
    """Whether one comes to it, joins it online, or either."""

    PLACE = "place"
    ONLINE = "online"
    BOTH = "both"


class RegistrationMode(StrEnum):
    """How one registers: not at all, by oneself, by leave of the organiser, or elsewhere."""

    NONE = "none"
    OPEN = "open"
    APPROVAL = "approval"
    EXTERNAL = "external"


class RegistrationState(StrEnum):
    """States of a registration. One that is not confirmed by mail yet is a mailed link alone."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    WAITING = "waiting"
    OFFERED = "offered"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    ATTENDED = "attended"


# States that hold seats, and those in which a person still means to come.
SEATED = (RegistrationState.CONFIRMED, RegistrationState.OFFERED, RegistrationState.ATTENDED)
COMING = (RegistrationState.CONFIRMED, RegistrationState.ATTENDED)
ALIVE = (
    RegistrationState.REQUESTED,
    RegistrationState.CONFIRMED,
    RegistrationState.WAITING,
    RegistrationState.OFFERED,
)


class ChangeScope(StrEnum):
    """What a change of a recurring event is about."""

    THIS = "this"
    FOLLOWING = "following"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class EventContent:
    """What an organiser says of an event, its times apart. `description` is Markdown.

    `capacity` None: seats are not counted.
    """

    title: str
    summary: str
    description: str
    theme: Theme
    mode: EventMode
    place: ProposedPlace
    online_url: str = ""
    registration: RegistrationMode = RegistrationMode.NONE
    registration_url: str = ""
    capacity: int | None = None
    max_seats: int = 1
    question: str = ""
    initiative: UUID | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"initiative": str(self.initiative) if self.initiative else None}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Reads what `to_json` made back."""
        linked = stored["initiative"]
        return cls(
            **{
                **stored,
                "theme": Theme(stored["theme"]),
                "mode": EventMode(stored["mode"]),
                "registration": RegistrationMode(stored["registration"]),
                "place": ProposedPlace(**stored["place"]),
                "initiative": UUID(linked) if linked else None,
            }
        )


def times_to_json(times: EventTimes) -> dict[str, Any]:
    return {
        "start": times.start.isoformat(),
        "seconds": int(times.duration.total_seconds()),
        "zone": times.zone,
        "rrule": times.rule.text(times.zone) if times.rule else "",
        "exdates": [one.isoformat() for one in times.excluded],
        "rdates": [one.isoformat() for one in times.added],
    }


def times_from_json(stored: Mapping[str, Any]) -> EventTimes:
    """Reads what `times_to_json` made back."""
    rrule, zone = stored["rrule"], stored["zone"]
    return EventTimes(
        datetime.fromisoformat(stored["start"]),
        timedelta(seconds=stored["seconds"]),
        zone,
        RecurrenceRule.parse(rrule, zone) if rrule else None,
        tuple(datetime.fromisoformat(one) for one in stored["exdates"]),
        tuple(datetime.fromisoformat(one) for one in stored["rdates"]),
    )


@dataclass(frozen=True, slots=True)
class EventForm:
    """What was typed, cleaned, and its mistakes by field. `times` None where they are no times."""

    content: EventContent
    times: EventTimes | None
    mistakes: Mapping[str, FieldMistake | str] = field(default_factory=dict)


# Mistakes of times, for the words of the page.
NO_DATE, ENDS_FIRST, TOO_LONG, TOO_FAR, IN_THE_PAST = (
    "is no date and time",
    "ends before it begins",
    "takes longer than 31 days",
    "lies too far ahead",
    "has begun already",
)
BAD_RULE = "rrule: "


def read_form(fields: Mapping[str, str], now: datetime) -> EventForm:
    """What a form says; `now` is wall time in the zone of the form (`read_form_zone`)."""
    shared = read_proposal({**fields, "scale": "commune"})
    mistakes: dict[str, FieldMistake | str] = dict(shared.mistakes)
    mode = _choice(EventMode, fields, "mode", EventMode.PLACE, mistakes)
    place = shared.content.place
    if mode is EventMode.ONLINE:
        place = ProposedPlace()
        mistakes.pop("place", None)
    online_url = _url(fields, "online_url", mistakes)
    registration = _choice(
        RegistrationMode, fields, "registration", RegistrationMode.NONE, mistakes
    )
    registration_url = ""
    if registration is RegistrationMode.EXTERNAL:
        registration_url = _url(fields, "registration_url", mistakes)
        if not registration_url:
            mistakes.setdefault("registration_url", FieldMistake.MISSING)
    question = one_line(fields.get("question", ""))
    if len(question) > MAX_QUESTION:
        mistakes["question"] = FieldMistake.LONG
    # None to give is "full" from the start: a source may say so, nobody means it here.
    capacity = _count(fields, "capacity", 1, MAX_CAPACITY, mistakes)
    max_seats = _count(fields, "max_seats", 1, MAX_SEATS, mistakes) or 1
    initiative = None
    if fields.get("initiative"):
        try:
            initiative = UUID(fields["initiative"])
        except ValueError:
            mistakes["initiative"] = FieldMistake.CHOICE
    content = EventContent(
        title=shared.content.title,
        summary=shared.content.summary,
        description=shared.content.description,
        theme=shared.content.theme,
        mode=mode,
        place=place,
        online_url=online_url if mode is not EventMode.PLACE else "",
        registration=registration,
        registration_url=registration_url,
        capacity=capacity,
        max_seats=max_seats,
        question=question,
        initiative=initiative,
    )
    return EventForm(content, read_times(fields, now, mistakes), mistakes)


def read_form_zone(fields: Mapping[str, str]) -> str:
    zone = fields.get("zone", "") or PARIS
    return zone if zone in ZONES else PARIS


def read_times(
    fields: Mapping[str, str], now: datetime, mistakes: dict[str, FieldMistake | str]
) -> EventTimes | None:
    """The wall times of a form: `starts` and `ends`, and its rule.

    Of what takes whole days (`whole_days`) the hours are not read, and `ends` is its last day.
    """
    whole_days = fields.get("whole_days") == "1"
    start = _moment(fields, "starts", mistakes, is_day=whole_days)
    end = _moment(fields, "ends", mistakes, is_day=whole_days)
    if start and end and whole_days:
        start = datetime.combine(start, time())
        end = datetime.combine(end, time()) + timedelta(days=1)
    if fields.get("zone") and fields["zone"] not in ZONES:
        mistakes["zone"] = FieldMistake.CHOICE
    if start is None or end is None:
        return None
    if end <= start:
        mistakes["ends"] = ENDS_FIRST
    elif end - start > LONGEST:
        mistakes["ends"] = TOO_LONG
    elif start > now + timedelta(days=366 * FURTHEST_YEARS):
        mistakes["starts"] = TOO_FAR
    elif end <= now:
        mistakes["starts"] = IN_THE_PAST
    if "starts" in mistakes or "ends" in mistakes:
        return None
    zone = read_form_zone(fields)
    times = EventTimes(start, end - start, zone)
    kind = fields.get("repeat", "")
    try:
        until = date.fromisoformat(fields["until"]) if fields.get("until") else None
    except ValueError:
        mistakes["until"] = NO_DATE
        return None
    try:
        if kind == "rule":
            times = replace(times, rule=RecurrenceRule.parse(fields.get("rrule", ""), zone))
        elif kind in SIMPLE_RULES:
            times = replace(times, rule=simple_rule(kind, start, until))
        elif kind:
            mistakes["repeat"] = FieldMistake.CHOICE
        if times.rule is not None:
            skipped = read_dates(fields.get("exdates", ""), "exdates")
            times = times.aligned().skipping(skipped, "exdates")
            if times.rule and times.rule.until and times.rule.until < times.start:
                mistakes["until"] = ENDS_FIRST
    except InvalidInput as error:
        mistakes["rrule" if error.field == "rrule" else error.field] = BAD_RULE + error.reason
        return None
    return times


def _moment(
    fields: Mapping[str, str],
    name: str,
    mistakes: dict[str, FieldMistake | str],
    *,
    is_day: bool,
) -> datetime | None:
    text = fields.get(name, "").strip()
    if not text:
        mistakes[name] = FieldMistake.MISSING
        return None
    try:
        hour = r"[T ]\d{2}:\d{2}(:\d{2})?"
        if not re.fullmatch(rf"\d{{4}}-\d{{2}}-\d{{2}}({hour}){'?' if is_day else ''}", text):
            raise ValueError(text)
        return datetime.fromisoformat(text)
    except ValueError:
        mistakes[name] = NO_DATE
        return None


def _choice(
    kind: type[Choice],
    fields: Mapping[str, str],
    name: str,
    default: Choice,
    mistakes: dict[str, FieldMistake | str],
) -> Choice:
    text = fields.get(name, "")
    if not text:
        return default
    if text in [str(one) for one in kind]:
        return kind(text)
    mistakes[name] = FieldMistake.CHOICE
    return default


def _url(fields: Mapping[str, str], name: str, mistakes: dict[str, FieldMistake | str]) -> str:
    text = fields.get(name, "").strip()
    found = read_url(text)
    if text and not found:
        mistakes[name] = FieldMistake.CHOICE
    return found


def read_url(text: str) -> str:
    """An address of the web as it is kept; "" for what is none."""
    is_one = len(text) <= MAX_URL and text.isprintable()
    return text if is_one and re.fullmatch(r"https?://[^\s<>\"]+\.[^\s<>\"]+", text) else ""


def _count(
    fields: Mapping[str, str],
    name: str,
    least: int,
    most: int,
    mistakes: dict[str, FieldMistake | str],
) -> int | None:
    text = fields.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 9 and least <= int(text) <= most):
        mistakes[name] = FieldMistake.CHOICE
        return None
    return int(text)


def read_note(text: str) -> str:
    """What an organiser says about a change. Raises InvalidInput naming `note`."""
    note = paragraphs(text)
    if len(note) > MAX_NOTE:
        raise InvalidInput("note", f"is longer than {MAX_NOTE} characters")
    return note


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One occurrence, with the names of its territories and what is known of its series.

    `starts_local` and `ends_local` are wall times in `zone`. `source_credit` is whom its source
    asks to be named, "" for itself. `seats_taken` counts those held,
    offers included. `distance` is in metres from the position asked for.
    """

    id: UUID
    series: UUID
    recurrence_id: datetime
    status: EventStatus
    title: str
    summary: str
    description: str
    theme: Theme
    initiative: UUID | None
    starts_at: datetime
    ends_at: datetime
    zone: str
    starts_local: datetime
    ends_local: datetime
    mode: EventMode
    online_url: str
    place_text: str
    precision: Precision
    lon: float | None
    lat: float | None
    anchor_lon: float | None
    anchor_lat: float | None
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
    registration: RegistrationMode
    registration_url: str
    capacity: int | None
    max_seats: int
    question: str
    former_starts_at: datetime | None
    former_place: str
    note: str
    sequence: int
    created_at: datetime
    changed_at: datetime
    rrule: str
    source: str
    source_url: str = ""
    source_licence: str = ""
    source_credit: str = ""
    distance: float | None = None
    is_full: bool = False

    @property
    def url(self) -> str:
        return f"/evenements/{self.id}"

    @property
    def public_online_url(self) -> str:
        """Where it takes place online, "" where that is told to those who have a seat alone."""
        seated = self.registration in (RegistrationMode.OPEN, RegistrationMode.APPROVAL)
        return "" if seated else self.online_url

    @property
    def attribution(self) -> str:
        """Whom to name, and under which licence: "source (licence)"; "" for what began here."""
        if not self.source:
            return ""
        licence = f" ({self.source_licence})" if self.source_licence else ""
        return (self.source_credit or self.source) + licence

    @property
    def is_from_elsewhere(self) -> bool:
        """Whether a source tells of it, which knows more than this service does."""
        return self.source not in {"", *MADE_UP}

    @property
    def has_told_end(self) -> bool:
        """Whether its end is known: what lasts a minute was told to begin, and no more."""
        return self.ends_local - self.starts_local > NO_LENGTH

    @property
    def is_public(self) -> bool:
        return self.status in PUBLIC

    def is_over(self, now: datetime) -> bool:
        return self.ends_at <= now

    def is_open(self, now: datetime) -> bool:
        """Whether one can still register: it will take place, and has not begun."""
        return self.status in OPEN and self.starts_at > now


@dataclass(frozen=True, slots=True)
class WaitingPerson:
    """Who waits, in order: the registration and the seats asked for."""

    id: UUID
    seats: int


@dataclass(frozen=True, slots=True)
class SeatOffer:
    """Seats offered to who waits first."""

    id: UUID
    seats: int


def offers_of(free: int | None, waiting: Sequence[WaitingPerson]) -> list[SeatOffer]:
    """What is offered to whom, in the order of the list; `free` None: seats are not counted.

    The first in the list is offered what is free, be it fewer seats than asked for: so that nobody
    is passed by, and no seat stays empty while somebody waits.
    """
    made: list[SeatOffer] = []
    for one in waiting:
        if free is not None and free <= 0:
            break
        seats = one.seats if free is None else min(one.seats, free)
        made.append(SeatOffer(one.id, seats))
        if free is not None:
            free -= seats
    return made


def is_whole_days(begins: datetime, ends: datetime) -> bool:
    """From midnight to midnight: no hour of it was told."""
    return begins.time() == ends.time() == time()
