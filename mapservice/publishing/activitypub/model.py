"""Actors by their names, their activities, and their followers elsewhere."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import UUID

from mapservice.errors import InvalidInput, NotFound
from mapservice.territories.model import Level, TerritoryRef

PUBLIC_AUDIENCE = "https://www.w3.org/ns/activitystreams#Public"
MAX_ID = 1_000
MAX_KEY = 4_000
# How long a delivery is tried, and for how long a signature that was used is remembered.
GIVE_UP_AFTER = timedelta(days=7)
SEEN_DAYS = 2
# How long the removal of something is still answered as such.
REMOVED_DAYS = 30
ACTORS = "/federation/actors/"
FRANCE = "france"
NAME = re.compile(
    r"(commune|epci|departement|region)-([0-9a-z]{1,9})|groupe-([0-9a-f-]{36})", re.IGNORECASE
)


class SubjectKind(StrEnum):
    """A thing that activities are about."""

    INITIATIVE = "initiative"
    EVENT = "event"

    @property
    def path(self) -> str:
        """Where its objects stand."""
        return {"initiative": "/federation/initiatives/", "event": "/federation/evenements/"}[self]


@dataclass(frozen=True, slots=True, order=True)
class ActorName:
    """The name that an actor is followed by: `commune-35238`, `groupe-…` or `france`.

    Whether there is such a one is not known yet.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """In any case of letters, as addresses are typed. Raises NotFound."""
        if text.lower() == FRANCE:
            return cls(FRANCE)
        found = NAME.fullmatch(text)
        if found is None:
            raise NotFound("There is no such actor.")
        if found[3]:
            try:
                return cls(f"groupe-{UUID(found[3])}")
            except ValueError:
                raise NotFound("There is no such actor.") from None
        return cls(f"{found[1].lower()}-{found[2].upper()}")

    @classmethod
    def of_territory(cls, ref: TerritoryRef) -> Self:
        return cls(f"{ref.level}-{ref.code}")

    @classmethod
    def of_group(cls, identifier: UUID) -> Self:
        return cls(f"groupe-{identifier}")

    @property
    def territory(self) -> TerritoryRef | None:
        level, _, code = self.text.partition("-")
        return TerritoryRef(Level(level), code) if level in tuple(Level) else None

    @property
    def group(self) -> UUID | None:
        kind, _, identifier = self.text.partition("-")
        return UUID(identifier) if kind == "groupe" else None

    @property
    def path(self) -> str:
        return f"{ACTORS}{self.text}"


@dataclass(frozen=True, slots=True)
class LocalActor:
    """An actor of ours that exists. `page` is the path of what people read about it."""

    name: ActorName
    title: str
    summary: str
    page: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class ToldItem:
    """Something public, as it is told. `actors` are all whose followers it concerns.

    `since` is when it was published here, `content` is HTML that is safe, `page` the path of what
    people read, `fields` are those of an event alone (addresses of ours as paths). `is_made_up`: a
    sample, which is sent to nobody; `is_news`: it may be told of although it never was.
    """

    kind: SubjectKind
    id: UUID
    owner: ActorName
    actors: tuple[ActorName, ...]
    title: str
    content: str
    page: str
    since: datetime
    changed_at: datetime
    place: dict[str, Any] | None
    fields: dict[str, Any]
    is_made_up: bool
    is_news: bool


@dataclass(frozen=True, slots=True)
class RemoteActor:
    """An actor of another server, as its server describes it; its key is RSA, in PEM."""

    id: str
    inbox: str
    own_inbox: str
    key_id: str
    public_key: str

    @property
    def host(self) -> str:
        return host_of(self.id)


@dataclass(frozen=True, slots=True)
class Recipient:
    """An inbox, the address that its ids begin with, and by which actors it is reached."""

    inbox: str
    base_url: str
    actors: frozenset[ActorName]


@dataclass(frozen=True, slots=True)
class ToldNote:
    """What others were told of: by whom, in which version, and whether its removal was told."""

    owner: ActorName
    digest: bytes
    version: int
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One activity on its way to one inbox; `next_try_at` should this time fail."""

    id: int
    inbox: str
    key_id: str
    activity: str
    attempts: int
    next_try_at: datetime
    give_up_at: datetime


def host_of(address: str) -> str:
    """In lower case, without its port; "" for what is no address."""
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def netloc_of(address: str) -> str:
    """In lower case, with its port; "" for what is no address."""
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""


def is_id(value: object) -> bool:
    """Whether it may be the id of something: a short address of printable ASCII."""
    return (
        isinstance(value, str)
        and len(value) <= MAX_ID
        and value.isascii()
        and value.isprintable()
        and " " not in value
        and value.startswith(("https://", "http://"))
        and bool(host_of(value))
        and _has_port(value)
    )


def _has_port(address: str) -> bool:
    """Whether its port, where it names one, is one that can be asked."""
    try:
        return urlsplit(address).port != 0
    except ValueError:
        return False


def id_of(value: object) -> str:
    """The id that a member of an activity is, or has; "" where it has none."""
    found = value.get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) and is_id(found) else ""


def read_host(text: str) -> str:
    """A host as an operator types it: a name, or an address that has it. Raises InvalidInput."""
    typed = text.strip().lower()
    host = host_of(typed if "//" in typed else f"//{typed}").rstrip(".")
    if not re.fullmatch(r"[0-9a-z.:_-]{1,300}", host):
        raise InvalidInput("host", "is not the name of a host")
    return host
