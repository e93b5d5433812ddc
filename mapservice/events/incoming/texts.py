"""What a source says of an event in words, made fit to be shown: the same for all sources."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from mapservice.events.incoming.model import CalendarEvent, CalendarTexts
from mapservice.events.model import MAX_URL, EventMode, read_url
from mapservice.imports.attributes import personal_part
from mapservice.imports.rows import CELL_LENGTH, DESCRIPTION_LENGTH, TITLE_LENGTH
from mapservice.imports.text import block, is_placeholder, one_line, shortened

PLACE_LENGTH = 1_000

_ADDRESS = re.compile(r"https?://[^\s<>\"]+")
_ONLINE = re.compile(
    r"\W*(?:en ligne|online|en visio\w*|visio-?conférence|visio|webinaire|webinar|zoom|teams"
    r"|microsoft teams(?: meeting)?|réunion microsoft teams|google meet|jitsi)\W*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Named:
    """A text, and the name that its source has for it: reports say it."""

    name: str
    text: str


def cleaned_texts(
    *,
    title: Named,
    description: Named,
    location: Named,
    page: Named,
    categories: str,
    online: Iterable[str],
    notes: list[str],
) -> CalendarTexts:
    """The texts as they are kept; `notes` are told what was cut, dropped, or looks personal.

    `online` are addresses at which one takes part, the first that is one counts.
    """
    told_title, told_description = one_line(title.text), block(description.text)
    for name, words, length in (
        (title.name, told_title, TITLE_LENGTH),
        (description.name, told_description, DESCRIPTION_LENGTH),
    ):
        if len(words) > length:
            notes.append(f"{name}: {len(words)} characters, cut to {length}")
        if about := personal_part(words):
            notes.append(f"{name}: holds {about}: is it meant to be public?")
    place = one_line(location.text)
    if is_placeholder(place):
        place = ""
    if len(place) > PLACE_LENGTH:
        notes.append(f"{location.name}: {len(place)} characters, cut to {PLACE_LENGTH}")
    online_url = next(filter(None, (read_url(one.strip()) for one in online)), "")
    if found := _ADDRESS.search(place):
        online_url = online_url or read_url(found.group())
        place = " ".join(place.replace(found.group(), " ").split()).strip(" -–·,;()")
    return CalendarTexts(
        title=shortened(told_title, TITLE_LENGTH),
        description=shortened(told_description, DESCRIPTION_LENGTH),
        categories=shortened(categories, CELL_LENGTH),
        location=shortened(place, PLACE_LENGTH),
        url=read_address(page, notes),
        online_url=online_url,
    )


def read_address(told: Named, notes: list[str]) -> str:
    """A web address as it is kept, "" for what is none, which `notes` are told."""
    text = told.text.strip()
    found = read_url(text) if len(text) <= MAX_URL else ""
    if text and not found:
        notes.append(f"{told.name}: {text[:60]!r} is not a web address; dropped")
    return found


def read_point(lat: str, lon: str, told: Named, notes: list[str]) -> tuple[float, float] | None:
    """Longitude and latitude; 0;0 is no place. `told` is what the source wrote, for `notes`."""
    if not told.text:
        return None
    try:
        x, y = float(lon), float(lat)
    except ValueError:
        notes.append(f"{told.name}: {told.text[:40]!r} is no position; dropped")
        return None
    is_on_earth = math.isfinite(x) and math.isfinite(y) and -90 <= y <= 90 and -180 <= x <= 180
    if not is_on_earth or (abs(y) < 0.01 and abs(x) < 0.01):
        notes.append(f"{told.name}: {told.text[:40]!r} is no place on earth that is meant; dropped")
        return None
    return x, y


def is_online_only(event: CalendarEvent) -> bool:
    """Whether it has no place: its source says so, or what it says of one is that there is none."""
    if event.mode:
        return event.mode == EventMode.ONLINE
    place = event.texts.location
    said = bool(_ONLINE.fullmatch(place)) if place else bool(event.texts.online_url)
    return said and event.lon is None
