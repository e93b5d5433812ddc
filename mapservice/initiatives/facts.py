"""Practical facts of an initiative: where exactly, when, at what price, for whom.

All are optional: what nobody told is empty or None, and is shown nowhere.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, time
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self
from urllib.parse import urlsplit

from mapservice.errors import InvalidInput
from mapservice.initiatives import opening_hours

MAX_ADDRESS = 200
MAX_PRICE = 100
MAX_WEBSITE = 500
MAX_TAGS = 10
MAX_TAG = 30
# Days that a form may name: those of people's plans and memories.
FIRST_YEAR, LAST_YEAR = 1900, 2200


class Wheelchair(StrEnum):
    """Access for wheelchairs, in the words of OpenStreetMap; unknown is None."""

    YES = "yes"
    LIMITED = "limited"
    NO = "no"


class Audience(StrEnum):
    """Whom an initiative is for; ALL says that everybody is meant, not that nobody told."""

    ALL = "tous"
    CHILDREN = "enfants"
    YOUNG = "jeunes"
    FAMILIES = "familles"
    ADULTS = "adultes"
    ELDERLY = "aines"


@dataclass(frozen=True, slots=True)
class InitiativeFacts:
    """Practical facts of an initiative, beside its text.

    `opening_hours` is the canonical spelling of its syntax. `end_day` is given wherever
    `start_day` is: the same for a single day. Times are local to the place; `start_time` is that
    of the first day, `end_time` that of the last. `is_free` None: nobody told; `price` is text.
    """

    address: str = ""
    opening_hours: str = ""
    start_day: date | None = None
    end_day: date | None = None
    start_time: time | None = None
    end_time: time | None = None
    is_free: bool | None = None
    price: str = ""
    wheelchair: Wheelchair | None = None
    website: str = ""
    tags: tuple[str, ...] = ()
    audience: tuple[Audience, ...] = ()

    def __bool__(self) -> bool:
        return self != NO_FACTS

    def to_json(self) -> dict[str, Any]:
        """Only the facts that are known, as JSON can hold them."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name: _as_json(value) for name, value in told.items() if value not in ("", None, ())
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Reads what `to_json` made; what is missing was not told."""
        return cls(**{name: _FROM_JSON.get(name, _same)(value) for name, value in stored.items()})

    def columns(self) -> dict[str, Any]:
        """The columns of `initiative`; null is what nobody told. `open_minutes` are pairs."""
        told: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        told = {name: None if value in ("", ()) else value for name, value in told.items()}
        told["wheelchair"] = self.wheelchair and str(self.wheelchair)
        told["tags"] = list(self.tags) or None
        told["audience"] = [str(one) for one in self.audience] or None
        told["open_minutes"] = None
        if self.opening_hours:
            told["open_minutes"] = _minutes(self.opening_hours)
        return told

    @classmethod
    def of_columns(cls, row: Mapping[str, Any]) -> Self:
        """From the columns of a row by their names."""
        told = {name: row[name] for name in FACT_COLUMNS if row[name] is not None}
        for name, kind in (("wheelchair", Wheelchair), ("audience", _audiences), ("tags", tuple)):
            if name in told:
                told[name] = kind(told[name])
        return cls(**told)


# The places of a source share few hours.
@lru_cache(4096)
def _minutes(hours: str) -> tuple[tuple[int, int], ...]:
    return opening_hours.parse(hours).minutes()


NO_FACTS = InitiativeFacts()
# Of `initiative`, and the names of the properties at every machine endpoint.
FACT_COLUMNS = tuple(one.name for one in fields(InitiativeFacts))
# Of a form: whether it is free of charge is a field of its own.
FACT_FIELDS = (*FACT_COLUMNS, "free")


def _same(value: Any) -> Any:
    return value


def _as_json(value: Any) -> Any:
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, date):
        return value.isoformat()
    return [str(one) for one in value] if isinstance(value, tuple) else value


def _audiences(values: Iterable[str]) -> tuple[Audience, ...]:
    return tuple(Audience(value) for value in values)


_FROM_JSON: Mapping[str, Callable[[Any], Any]] = {
    "start_day": date.fromisoformat,
    "end_day": date.fromisoformat,
    "start_time": time.fromisoformat,
    "end_time": time.fromisoformat,
    "wheelchair": Wheelchair,
    "tags": tuple,
    "audience": _audiences,
}


class FactMistake(StrEnum):
    """What can be wrong with a fact."""

    LONG = "is too long"
    CHOICE = "is not one of those offered"
    DAY = "is not a day such as 2026-05-12"
    TIME = "is not a time such as 14:30"
    ORDER = "comes before the beginning"
    LONELY = "needs the day on which it begins"
    HOURS = "is not understood"
    BOTH = "cannot stand beside free of charge"
    ADDRESS = "is not the address of a web page (https)"
    MANY = "are too many"


def read_facts(
    typed: Mapping[str, str], clean: Callable[[str], str]
) -> tuple[InitiativeFacts, dict[str, FactMistake], str]:
    """Facts from the fields of a form, the mistakes by field, and what is wrong with the hours.

    `clean` makes one line of what was typed. `audience` and `tags` are separated by commas.
    """
    mistakes: dict[str, FactMistake] = {}
    why = ""
    lines = {name: clean(typed.get(name, "")) for name in FACT_FIELDS}
    for name, most in (("address", MAX_ADDRESS), ("price", MAX_PRICE), ("website", MAX_WEBSITE)):
        if len(lines[name]) > most:
            mistakes[name] = FactMistake.LONG

    hours = ""
    if lines["opening_hours"]:
        try:
            hours = opening_hours.understood(lines["opening_hours"]).text
            if len(hours) > opening_hours.MAX_LENGTH:
                mistakes["opening_hours"] = FactMistake.LONG
        except InvalidInput as error:
            mistakes["opening_hours"], why = FactMistake.HOURS, error.reason

    days = _days(lines, mistakes)
    is_free, wheelchair, audience = _choices(lines, mistakes)
    website = ""
    if lines["website"] and "website" not in mistakes:
        website = web_address(lines["website"])
        if not website:
            mistakes["website"] = FactMistake.ADDRESS

    tags: tuple[str, ...] = ()
    try:
        tags = read_tags(lines["tags"])
        if len(tags) > MAX_TAGS:
            mistakes["tags"] = FactMistake.MANY
    except InvalidInput:
        mistakes["tags"] = FactMistake.LONG

    facts = InitiativeFacts(
        address=lines["address"],
        opening_hours=hours,
        **days,
        is_free=is_free,
        price=lines["price"],
        wheelchair=wheelchair,
        website=website,
        tags=tags,
        audience=audience,
    )
    return facts, mistakes, why


def _days(lines: Mapping[str, str], mistakes: dict[str, FactMistake]) -> dict[str, Any]:
    """The days and times; a single day ends on itself."""
    days = {name: _day(lines[name], name, mistakes) for name in ("start_day", "end_day")}
    times = {name: _time(lines[name], name, mistakes) for name in ("start_time", "end_time")}
    start, end = days["start_day"], days["end_day"]
    if start is None and "start_day" not in mistakes:
        for name in ("end_day", "start_time", "end_time"):
            if lines[name]:
                mistakes.setdefault(name, FactMistake.LONELY)
    if start and "end_day" not in mistakes:
        end = end or start
        if end < start:
            mistakes["end_day"] = FactMistake.ORDER
        elif (
            end == start
            and times["start_time"]
            and times["end_time"]
            and times["end_time"] <= times["start_time"]
        ):
            mistakes.setdefault("end_time", FactMistake.ORDER)
    return {"start_day": start, "end_day": end if start else None, **times}


def _choices(
    lines: Mapping[str, str], mistakes: dict[str, FactMistake]
) -> tuple[bool | None, Wheelchair | None, tuple[Audience, ...]]:
    """Whether it is free, access, and whom it is for."""
    # A price that is told may be free for some ("prix libre"): then nothing is said for all.
    is_free = {"1": True, "true": True, "false": False}.get(lines["free"])
    if lines["free"] not in ("", "1", "true", "false"):
        mistakes["free"] = FactMistake.CHOICE
    if is_free and lines["price"]:
        mistakes["price"] = FactMistake.BOTH
    wheelchair = None
    if lines["wheelchair"] in tuple(Wheelchair):
        wheelchair = Wheelchair(lines["wheelchair"])
    elif lines["wheelchair"] not in ("", "unknown"):
        mistakes["wheelchair"] = FactMistake.CHOICE
    chosen = {part.strip() for part in lines["audience"].split(",")} - {""}
    if chosen - set(Audience):
        mistakes["audience"] = FactMistake.CHOICE
    return is_free, wheelchair, tuple(one for one in Audience if one in chosen)


def typed_facts(facts: InitiativeFacts) -> dict[str, str]:
    """The fields of a form that `read_facts` reads the same facts from."""
    told = facts.to_json()
    typed = {name: str(told[name]) for name in told if name not in ("is_free", "tags", "audience")}
    return typed | {
        "free": "" if facts.is_free is None else str(facts.is_free).lower(),
        "tags": ", ".join(facts.tags),
        "audience": ",".join(facts.audience),
    }


def read_tag(text: str) -> str:
    """One tag as it is kept: in small letters, on one line, without a "#" before it.

    Raises InvalidInput for one that is too long.
    """
    told = "".join(
        sign for sign in unicodedata.normalize("NFC", text.lower()) if sign.isprintable()
    )
    told = " ".join(re.sub(r"[,;|\"<>\\]", " ", told).split()).strip("#.·-_ ")
    if len(told) > MAX_TAG:
        raise InvalidInput("tag", f"is longer than {MAX_TAG} characters")
    return told


def read_tags(text: str) -> tuple[str, ...]:
    """Each once, in the order in which they are given. Raises InvalidInput."""
    found = (read_tag(part) for part in re.split(r"[,;]", text))
    return tuple(dict.fromkeys(tag for tag in found if re.search(r"\w", tag)))


def web_address(text: str) -> str:
    """An address of the web with its scheme, or "" for what is none. No name, no password in it."""
    written = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(written)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    del port
    is_name = re.fullmatch(r"[^\s.]+(\.[^\s.]+)+", host)
    if parts.scheme not in ("http", "https") or not is_name or "@" in parts.netloc:
        return ""
    if re.search(r"[\s<>\"\\^`{|}]", written):
        return ""
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower()).geturl()


def read_day(text: str) -> date:
    """A day as forms send it (2026-05-12) or people write it (12/05/2026). Raises ValueError."""
    iso = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", text)
    french = re.fullmatch(r"([0-9]{1,2})[/.]([0-9]{1,2})[/.]([0-9]{4})", text)
    if iso:
        day = date(int(iso[1]), int(iso[2]), int(iso[3]))
    elif french:
        day = date(int(french[3]), int(french[2]), int(french[1]))
    else:
        raise ValueError(text)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(text)
    return day


def _day(text: str, name: str, mistakes: dict[str, FactMistake]) -> date | None:
    if not text:
        return None
    try:
        return read_day(text)
    except ValueError:
        mistakes[name] = FactMistake.DAY
        return None


def _time(text: str, name: str, mistakes: dict[str, FactMistake]) -> time | None:
    if not text:
        return None
    try:
        found = re.fullmatch(r"([0-9]{1,2}) ?(?:[:hH] ?([0-9]{2})?)(?::00)?", text)
        if not found:
            raise ValueError(text)
        return time(int(found[1]), int(found[2] or 0))
    except ValueError:
        mistakes[name] = FactMistake.TIME
        return None
