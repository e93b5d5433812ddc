"""Practical facts of an initiative from the columns of a file, where a cell is surely understood.

What is not understood, or might mean something else, stays an attribute as it is.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mapservice.imports.attributes import NO, YES, AttributeColumn, ColumnKind
from mapservice.imports.columns import plain_name
from mapservice.imports.dates import is_day, is_serial, read_date
from mapservice.imports.text import folded, is_placeholder, one_line, words_of
from mapservice.initiatives.facts import (
    MAX_ADDRESS,
    MAX_WEBSITE,
    Audience,
    InitiativeFacts,
    read_facts,
    web_address,
)

# Names that leave no doubt, as `plain_name` gives them. Days of works, of enrolment or of a grant
# are no days on which something takes place.
WHAT = r"(?: (?:evenement|action|projet|initiative|activite|manifestation|event))?"
START_NAME = re.compile(rf"(?:date |jour )?(?:debut|start|begin)(?: date| day)?{WHAT}")
END_NAME = re.compile(rf"(?:date |jour )?(?:fin|end)(?: date| day)?{WHAT}")
START_TIME_NAME = re.compile(r"(?:heure debut|start time)")
END_TIME_NAME = re.compile(r"(?:heure fin|end time)")
# One day, where an hour stands beside it: an agenda. "Horaires" may be when something is open.
DAY_NAME = re.compile(rf"(?:date|dates|jour|day)(?: date| day)?{WHAT}")
HOURS_NAME = re.compile(r"(?:heure|horaire|hour|time)(?: debut| fin)?")
# What people pay who come; a budget, a cost or a grant is none.
PRICE_NAME = re.compile(
    r"(?:tarifs?|prix|price|fee|prix entree|tarif entree|entrance fee|admission)"
    r"(?: (?:entree|euros?|eur|ttc|public))?"
)
FREE_NAME = re.compile(r"(?:est |is )?(?:gratuit|gratuite|gratuite oui non|free)|acces gratuit")
WHEELCHAIR_NAME = re.compile(r"\b(?:pmr|fauteuils?|wheelchair|mobilite reduite)\b")
WEBSITE_NAME = re.compile(
    r"(?:adresse )?(?:votre )?(?:page |site )?(?:web|internet)|site|website|web site"
    r"|(?:avez )?vous (?:un )?site (?:web|internet)|avez vous un site (?:web|internet)"
)
EURO = re.compile(r"€|\b(?:euros?|eur)\b", re.IGNORECASE)
STREET = re.compile(
    r"\d{1,4} ?(?:bis|ter|[a-d])?,? \D|(?:rue|avenue|av\.?|place|boulevard|bd|chemin|route|impasse"
    r"|quai|all[ée]es?|cours|square|passage|esplanade|sentier|faubourg)\b",
    re.IGNORECASE,
)
FREE_WORDS = frozenset(
    [
        *(
            "gratuit",
            "gratuite",
            "gratuits",
            "free",
            "entree libre",
            "entree gratuite",
            "0",
            "0 00",
        ),
        *("acces libre", "acces gratuit", "gratuit pour tous", "free of charge", "0 euro", "0 eur"),
    ]
)
WHEELCHAIR_WORDS = {
    **dict.fromkeys(("oui", "yes", "true", "vrai", "accessible", "total", "totale"), "yes"),
    **dict.fromkeys(("non", "no", "false", "faux", "non accessible", "inaccessible"), "no"),
    **dict.fromkeys(("partiel", "partielle", "partiellement", "limite", "limited"), "limited"),
}
AUDIENCE_WORDS: Mapping[str, Audience] = {
    **dict.fromkeys(
        ("tous", "tout public", "tous publics", "grand public", "tout le monde", "everybody"),
        Audience.ALL,
    ),
    **dict.fromkeys(("tous ages", "toutes", "all", "tous les publics", "public"), Audience.ALL),
    **dict.fromkeys(("enfants", "enfant", "children", "kids"), Audience.CHILDREN),
    **dict.fromkeys(
        ("jeunes", "jeune", "ados", "adolescents", "jeunesse", "young people"), Audience.YOUNG
    ),
    **dict.fromkeys(("familles", "famille", "families", "family"), Audience.FAMILIES),
    **dict.fromkeys(("adultes", "adulte", "adults"), Audience.ADULTS),
    **dict.fromkeys(
        ("seniors", "senior", "aines", "personnes agees", "retraites", "elderly"), Audience.ELDERLY
    ),
}
HASHTAGS = re.compile(r"(?:#[^\s#,;|]+\s*)+")


@dataclass(frozen=True, slots=True)
class FactColumns:
    """The column of each fact; no column plays two roles.

    `website_field`: the column of the row's page is called after a site of its own.
    """

    columns: Mapping[str, AttributeColumn]
    website_field: bool = False
    address_field: bool = False

    def __bool__(self) -> bool:
        return bool(self.columns) or self.website_field or self.address_field

    @property
    def names(self) -> frozenset[str]:
        """The columns that may tell a fact."""
        return frozenset(one.column for one in self.columns.values())

    def read(
        self, values: Mapping[str, str], address: str, url: str
    ) -> tuple[InitiativeFacts, frozenset[str]]:
        """The facts of a row, and the keys of the attributes that they say whole."""
        facts: dict[str, Any] = {}
        kept: set[str] = set()
        for names in TOGETHER:
            told = self._understood(values, names)
            # Half a period is a day, which nobody told; hours alone are none.
            if not told or (names in (WHEN, PERIOD) and not told.keys() >= set(PERIOD)):
                continue
            # Days alone where their hours are not understood.
            if names == PERIOD and "start_day" in facts:
                continue
            if names == ONE_DAY and ("start_day" in facts or "day" not in told):
                continue
            merged: dict[str, str] = {}
            for one in told.values():
                merged = one | merged
            # Hours beside the days of a period: each day's, or those of its beginning and its end?
            has_hours = any("start_time" in one or "end_time" in one for one in told.values())
            is_unsure = has_hours and merged.get("start_day") != merged.get("end_day")
            if is_unsure and not told.keys() & {"start_time", "end_time"}:
                continue
            contradicts = any(merged[key] != one[key] for one in told.values() for key in one)
            understood = _understood_facts(tuple(sorted(merged.items())))
            if not contradicts and understood is not None:
                facts |= understood.to_json()
                kept |= {self.columns[name].key for name in told}
        if self.website_field and len(url) <= MAX_WEBSITE and (site := web_address(url)):
            facts.setdefault("website", site)
        if self.address_field and STREET.match(address) and len(address) <= MAX_ADDRESS:
            facts["address"] = address
        return InitiativeFacts.from_json(facts), frozenset(kept)

    def _understood(
        self, values: Mapping[str, str], names: Sequence[str]
    ) -> dict[str, dict[str, str]]:
        """For each column of some facts, what its cell types into a form."""
        found = {}
        for name in names:
            if one := self.columns.get(name):
                cell = one_line(values.get(one.column, "")[:1_000])
                if not is_placeholder(cell) and (typed := _typed(name, one, cell)):
                    found[name] = typed
        return found


@lru_cache(maxsize=4_096)
def _understood_facts(typed: tuple[tuple[str, str], ...]) -> InitiativeFacts | None:
    """Facts of some fields of a form, None where one of them is not understood.

    The same hours and prices stand in many rows.
    """
    facts, mistakes, _ = read_facts(dict(typed), one_line)
    return None if mistakes else facts


PERIOD = ("start_day", "end_day")
WHEN = (*PERIOD, "start_time", "end_time")
ONE_DAY = ("day", "hours")
TOGETHER: tuple[tuple[str, ...], ...] = (
    WHEN,
    PERIOD,
    ONE_DAY,
    ("price", "free"),
    ("opening_hours",),
    ("wheelchair",),
    ("website",),
    ("tags",),
    ("audience",),
)


def fact_columns(attributes: Sequence[AttributeColumn], fields: Mapping[str, str]) -> FactColumns:
    """Which columns tell facts, by names that leave no doubt. `fields`: the column of each field.

    A fact that two columns could tell is told by neither.
    """
    found: dict[str, list[AttributeColumn]] = {}
    names = [one.column for one in attributes]
    is_agenda = any(is_day_of_event(name, names) for name in names)
    for one in attributes:
        if is_day_of_event(one.column, names):
            found.setdefault("day", []).append(one)
        elif is_agenda and HOURS_NAME.fullmatch(plain_name(one.column)):
            found.setdefault("hours", []).append(one)
        elif name := _fact_of(one):
            found.setdefault(name, []).append(one)
    return FactColumns(
        {name: ones[0] for name, ones in found.items() if len(ones) == 1},
        website_field=WEBSITE_NAME.fullmatch(plain_name(fields.get("url", ""))) is not None,
        address_field="address" in fields,
    )


def is_period(start: str, ends: Sequence[str]) -> bool:
    """Whether a column is the beginning of what another one is the end of."""
    return START_NAME.fullmatch(plain_name(start)) is not None and any(
        END_NAME.fullmatch(plain_name(column)) for column in ends
    )


def is_day_of_event(column: str, columns: Sequence[str]) -> bool:
    """Whether a column tells the day on which something takes place: hours stand beside it, and no
    other column tells when it begins."""
    names = [plain_name(other) for other in columns]
    return (
        DAY_NAME.fullmatch(plain_name(column)) is not None
        and any(map(HOURS_NAME.fullmatch, names))
        and not any(map(START_NAME.fullmatch, names))
    )


def _fact_of(one: AttributeColumn) -> str:
    name = plain_name(one.column)
    if one.is_personal:
        return ""
    if one.kind is ColumnKind.OPENING_HOURS:
        return "opening_hours"
    if one.kind is ColumnKind.TAGS:
        return "tags"
    if one.kind is ColumnKind.AUDIENCE:
        return "audience"
    for fact, pattern in NAMES_OF_FACTS.items():
        if pattern.fullmatch(name):
            return fact
    return "wheelchair" if WHEELCHAIR_NAME.search(name) else ""


NAMES_OF_FACTS = {
    "start_day": START_NAME,
    "end_day": END_NAME,
    "start_time": START_TIME_NAME,
    "end_time": END_TIME_NAME,
    "price": PRICE_NAME,
    "free": FREE_NAME,
    "website": WEBSITE_NAME,
}


def _typed(name: str, one: AttributeColumn, cell: str) -> dict[str, str]:
    """What a cell would be in a form, {} where it is not surely that."""
    words = words_of(cell[:200])
    if name in PERIOD:
        return _day_and_hour(name, one, cell)
    if name == "day":
        typed = _day_and_hour("start_day", one, cell)
        return {**typed, "end_day": typed["start_day"]} if typed else {}
    if name == "hours":
        hours = HOURS.fullmatch("".join(folded(cell[:40]).split()))
        if hours is None:
            return {}
        begins, ends = _clock(hours["begins"]), _clock(hours["ends"] or "")
        return {"start_time": begins} | ({"end_time": ends} if ends else {})
    if name == "free":
        is_free = True if words in YES else False if words in NO else None
        return {"free": str(is_free).lower()} if is_free is not None else {}
    if name == "price":
        if words in FREE_WORDS:
            return {"free": "true"}
        # A number alone is one of euros where the column says so.
        if re.fullmatch(r"\d+(?:[.,]\d{1,2})?", cell):
            return {"price": f"{cell} €"} if EURO.search(one.column) else {}
        return {"price": cell} if any(map(str.isalpha, cell)) or EURO.search(cell) else {}
    if name == "wheelchair":
        told = WHEELCHAIR_WORDS.get(words)
        return {"wheelchair": told} if told else {}
    if name == "tags":
        # Not only at commas: "#eau #sec", "vélo|partage".
        apart = cell.replace("#", ",") if HASHTAGS.fullmatch(cell) else cell
        return {"tags": re.sub(r"[|/\n]", ",", apart)}
    if name == "audience":
        parts = [words_of(part) for part in re.split(r"[,;|/&+]|\bet\b|\band\b", cell)]
        chosen = [AUDIENCE_WORDS.get(part) for part in parts if part]
        return {"audience": ",".join(map(str, chosen))} if chosen and all(chosen) else {}
    return {name: cell}


def _day_and_hour(name: str, one: AttributeColumn, cell: str) -> dict[str, str]:
    """A day, and an hour where one is written beside it; midnight is what spreadsheets add to a
    day."""
    if cell.isdigit():
        # Beside days that are written out, a number of these is one too.
        is_known = is_serial(cell) and one.type in (ColumnKind.DATE, ColumnKind.TEXT)
        return {name: read_date(cell) or ""} if is_known else {}
    found = HOUR_BESIDE.fullmatch(cell)
    written, hour = (found["day"], found["hour"]) if found else (cell, "")
    day = read_date(written) or ""
    if not is_day(day) or ":" in written:
        return {}
    if not hour or hour.zfill(5) == "00:00":
        return {name: day}
    return {name: day, name.replace("_day", "_time"): hour.zfill(5)}


def _clock(hour: str) -> str:
    """ "18h30", "20h" as a form has it: "18:30", "20:00"."""
    hours, _h, minutes = hour.replace(":", "h").partition("h")
    return f"{hours.zfill(2)}:{minutes or '00'}" if hours else ""


_HOUR = r"\d{1,2}(?:[h:]\d{2}|h)"
# An hour, or from one to another; spaces are left out before.
HOURS = re.compile(rf"(?:de|a|des)?(?P<begins>{_HOUR})(?:(?:a|-|–|/|jusqua)(?P<ends>{_HOUR}))?")
HOUR_BESIDE = re.compile(
    r"(?P<day>.*?\d)(?:[ T]|,? à )(?P<hour>\d{1,2}:\d{2})(?::00(?:\.0+)?)?(?:Z|\+00:00)?"
)
