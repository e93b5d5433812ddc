"""Initiatives and events as they are told elsewhere: whose they are, and their words, in French."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any
from uuid import UUID

from mapservice.events.model import (
    MADE_UP,
    OPEN,
    Event,
    EventMode,
    EventStatus,
    RegistrationMode,
)
from mapservice.events.words import event_status_label, when_words
from mapservice.events.words import place_words as event_place_words
from mapservice.geocoding.model import Precision
from mapservice.groups.model import LocalGroup
from mapservice.groups.words import place_words as group_place_words
from mapservice.i18n import gettext as _
from mapservice.i18n import theme_label
from mapservice.initiatives.model import LISTED
from mapservice.initiatives.place_words import precision_words
from mapservice.initiatives.queries import Initiative
from mapservice.publishing.activitypub.model import (
    FRANCE,
    ActorName,
    LocalActor,
    SubjectKind,
    ToldItem,
)
from mapservice.territories.model import Level, TerritoryRef, of_territory
from mapservice.territories.queries import TerritorySummary
from mapservice.web.atom import utc_text

DECIMALS = 6
ICAL_STATUS = {EventStatus.CANCELLED: "CANCELLED", EventStatus.POSTPONED: "TENTATIVE"}


@dataclass(frozen=True, slots=True)
class ItemContext:
    """What tells whose an item is: public groups by item, owners by what was told before."""

    groups: Mapping[UUID, UUID]
    owners: Mapping[UUID, ActorName]
    since: Mapping[UUID, datetime]
    next_dates: Collection[UUID]


def of_initiative(one: Initiative, known: ItemContext) -> ToldItem:
    """A place is told as it is known; a position only where there truly is a point."""
    actors = _actors(one, known.groups.get(one.id))
    source = ""
    if one.source_platform not in ("", *MADE_UP):
        source = " · ".join(filter(None, (one.source_platform, one.source_licence)))
    is_made_up = one.source_platform in MADE_UP
    paragraphs = (
        _strong(one.title),
        _("Données d’exemple") if is_made_up else "",
        escape(one.summary),
        escape(f"{theme_label(one.theme)} · {precision_words(one)}"),
        escape(_("Source : %(source)s", source=source)) if source else "",
    )
    return ToldItem(
        kind=SubjectKind.INITIATIVE,
        id=one.id,
        owner=known.owners.get(one.id, actors[0]),
        actors=actors,
        title=one.title,
        content=_html(paragraphs),
        page=one.url,
        since=known.since[one.id],
        changed_at=one.changed_at,
        place=_place(one, precision_words(one)),
        fields={},
        is_made_up=is_made_up,
        is_news=one.status in LISTED,
    )


def of_event(one: Event, known: ItemContext) -> ToldItem:
    """Its moments are those of the world, its words those of the clock there."""
    actors = _actors(one, known.groups.get(one.id))
    gone = one.status in ICAL_STATUS
    label = event_status_label(str(one.status))
    title = f"{label.capitalize()}\u00a0: {one.title}" if gone else one.title
    is_made_up = one.source in MADE_UP
    paragraphs = (
        _strong(title),
        _("Données d’exemple") if is_made_up else "",
        escape(f"{when_words(one)} · {event_place_words(one)}"),
        escape(one.note),
        escape(one.summary),
        escape(theme_label(one.theme)),
    )
    fields: dict[str, Any] = {
        "startTime": utc_text(one.starts_at),
        "endTime": utc_text(one.ends_at),
        "timezone": one.zone,
        "isOnline": one.mode is EventMode.ONLINE,
        "ical:status": ICAL_STATUS.get(one.status, "CONFIRMED"),
        "commentsEnabled": False,
    }
    if one.registration is not RegistrationMode.NONE:
        # Nobody registers from elsewhere: that is done on the page, or where the organiser says.
        fields["joinMode"] = "external"
        fields["externalParticipationUrl"] = one.registration_url or one.url
    if one.capacity is not None:
        fields["maximumAttendeeCapacity"] = one.capacity
    return ToldItem(
        kind=SubjectKind.EVENT,
        id=one.id,
        owner=known.owners.get(one.id, actors[0]),
        actors=actors,
        title=title,
        content=_html(paragraphs),
        page=one.url,
        since=one.created_at,
        changed_at=one.changed_at,
        place=None if one.mode is EventMode.ONLINE else _place(one, event_place_words(one)),
        fields=fields,
        is_made_up=is_made_up,
        is_news=one.status in OPEN and one.id in known.next_dates,
    )


def group_actor(one: LocalGroup) -> LocalActor:
    paragraphs = (
        _("Données d’exemple") if one.source in MADE_UP else "",
        escape(one.summary),
        escape(f"{theme_label(one.theme)} · {group_place_words(one)}"),
    )
    name = ActorName.of_group(one.id)
    return LocalActor(name, one.name, _html(paragraphs), one.url, one.published_at)


def territory_actor(one: TerritorySummary) -> LocalActor:
    ref = TerritoryRef(one.level, one.code)
    of_name = of_territory(one.level, one.name, one.article)
    words = _("Les initiatives et les événements %(of_name)s, publiés ici.", of_name=of_name)
    page = f"/territoires/{one.level}/{one.code}"
    name = ActorName.of_territory(ref)
    return LocalActor(name, one.name, _html((escape(words),)), page, None)


def country_actor() -> LocalActor:
    words = _("Les initiatives et les événements de toute la France, publiés ici.")
    return LocalActor(ActorName(FRANCE), "France", _html((escape(words),)), "/", None)


def _actors(one: Initiative | Event, group: UUID | None) -> tuple[ActorName, ...]:
    """All that it concerns: its group, its territories from the smallest on, the country."""
    refs = [(level, getattr(one, str(level))) for level in Level]
    found = [ActorName.of_territory(TerritoryRef(level, code)) for level, code in refs if code]
    own = [ActorName.of_group(group)] if group else []
    return (*own, *found, ActorName(FRANCE))


def _place(one: Initiative | Event, words: str) -> dict[str, Any] | None:
    """Never a position that nobody told; None for what has no place."""
    if one.precision in (Precision.NONE, Precision.NATIONAL):
        return None
    place: dict[str, Any] = {"type": "Place", "name": one.place_text or words}
    address = {"addressLocality": one.commune_name, "addressRegion": one.region_name}
    place["address"] = {
        "type": "PostalAddress",
        **{name: text for name, text in address.items() if text},
        "addressCountry": "FR",
    }
    if one.lon is not None and one.lat is not None:
        place["longitude"] = round(one.lon, DECIMALS)
        place["latitude"] = round(one.lat, DECIMALS)
    return place


def _strong(text: str) -> str:
    return f"<strong>{escape(text)}</strong>"


def _html(paragraphs: Sequence[str]) -> str:
    return "".join(f"<p>{one}</p>" for one in paragraphs if one)
