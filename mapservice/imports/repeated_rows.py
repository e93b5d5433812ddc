"""Rows that say the title and the place of another one, and differ in a detail: an amount, a
spelling.

Published both, one initiative would stand twice on the map and in every count. Whether it is one
that was written twice, or two of one name, is for a person to say: the later row waits. Only rows
whose title is repeated are kept in mind, so memory stays small whatever the file holds.
"""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain, islice
from typing import Any

import numpy as np

from mapservice.imports.shared_points import metres_apart
from mapservice.imports.streets import street_key
from mapservice.imports.text import digest_number, one_line, words_of
from mapservice.initiatives.model import SourceRow

# Points of one place, as two people would set them; and points of two places.
SAME_M, APART_M = 50.0, 150.0
ARTICLES = frozenset({"le", "la", "les", "l", "un", "une", "the"})
NAMED_COLUMNS = 4
# Of rows of one title, place and street, so many are kept to compare with: thirty thousand litter
# bins of one name would else be compared with each other.
MOST_COMPARED = 60


def title_key(title: str) -> str:
    """A title as compared: without case, accents, signs or a first article."""
    words = words_of(title).split()
    return " ".join(words[1:] if len(words) > 1 and words[0] in ARTICLES else words)


class RepeatHandling(StrEnum):
    """What becomes of a row that may be another one: it waits for a moderator, it is an initiative
    of its own, or it is left out, and the report alone tells of it."""

    WAIT = "wait"
    SEPARATE = "separate"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class RowSighting:
    """What tells rows of one title and one place apart; texts by their digests.

    `lon`, `lat` are EPSG:4326, where the point is the row's own. `cells` are what no field takes.
    """

    line: int
    external_id: str
    street: int
    lon: float | None
    lat: float | None
    description: int
    url: int
    start_day: str
    cells: Mapping[str, int]

    @classmethod
    def of(cls, row: SourceRow) -> "RowSighting":
        has_point = not row.point_doubt
        return cls(
            line=row.line,
            external_id=row.external_id or row.own_id,
            street=digest_number(street_key(row.address, row.city)),
            lon=row.lon if has_point else None,
            lat=row.lat if has_point else None,
            description=digest_number(words_of(f"{row.summary} {row.description}")),
            url=digest_number(row.url),
            start_day=(row.facts or {}).get("start_day") or "",
            cells={
                name: digest_number(_words_of_cell(value))
                for name, value in (row.attributes | row.withheld).items()
            },
        )

    def is_like(self, other: "RowSighting") -> bool:
        """Whether two rows of one title in one commune may be one initiative."""
        if self.start_day and other.start_day and self.start_day != other.start_day:
            return False
        if self.street and other.street and self.street != other.street:
            return False
        metres = self.metres_to(other.lon, other.lat)
        if metres is not None and metres > APART_M:
            return False
        if self.external_id and other.external_id:
            # Their source counts them as two: as one, only where nothing else differs.
            return self.description == other.description and self.cells == other.cells
        if (self.street and other.street) or (metres is not None and metres <= SAME_M):
            return True
        texts = ((self.description, other.description), (self.url, other.url))
        return not any(own and told and own != told for own, told in texts)

    def metres_to(self, lon: float | None, lat: float | None) -> float | None:
        """None where one of the two has no point."""
        if self.lon is None or self.lat is None or lon is None or lat is None:
            return None
        return metres_apart(self.lon, self.lat, lon, lat)

    def differing(self, other: "RowSighting") -> list[str]:
        """The columns in which it says something else than another."""
        return [name for name, told in self.cells.items() if other.cells.get(name) != told]


@dataclass(slots=True)
class RepeatedRows:
    """The rows of one file whose titles are repeated in it, as they are placed one by one.

    `repeated` are the digests of these titles, `seen` the latest rows of a place by their street.
    """

    repeated: frozenset[int]
    seen: dict[tuple[int, str], dict[int, deque[RowSighting]]] = field(default_factory=dict)

    @classmethod
    def among(cls, titles: bytes) -> "RepeatedRows":
        """`titles`: those of all rows of the file, as `RowSpool` has them."""
        found, counts = np.unique(np.frombuffer(titles, dtype=np.int64), return_counts=True)
        return cls(frozenset(found[(counts > 1) & (found != 0)].tolist()))

    def may_repeat(self, row: SourceRow) -> bool:
        return digest_number(title_key(row.title)) in self.repeated

    def told(self, row: SourceRow, commune: str) -> str:
        """Which earlier row this one may be the same as, in words, or ""; it is kept in mind too.

        `commune` is the INSEE code of where it lies, "" where that is not known.
        """
        title = digest_number(title_key(row.title))
        if title not in self.repeated:
            return ""
        own = RowSighting.of(row)
        streets = self.seen.setdefault((title, commune or words_of(row.place_text)), {})
        # A street is compared with itself and with none, none with all.
        others = (
            (streets.get(own.street, ()), streets.get(0, ())) if own.street else streets.values()
        )
        near = islice(chain.from_iterable(others), 2 * MOST_COMPARED)
        like = next((other for other in near if own.is_like(other)), None)
        streets.setdefault(own.street, deque(maxlen=MOST_COMPARED)).append(own)
        return repeats_line(like.line, own.differing(like)) if like else ""


def repeats_line(line: int, differing: list[str]) -> str:
    """The reason of a row that waits as it may be an earlier one of its file."""
    told = f"may be the same as line {line}: same title, same place"
    if not differing:
        return told
    shown = ", ".join(one_line(name)[:60] for name in differing[:NAMED_COLUMNS])
    shown += ", …" if len(differing) > NAMED_COLUMNS else ""
    return "; ".join((told, f"it says something else in: {shown}"))


def _words_of_cell(value: Any) -> str:
    return words_of(value) if isinstance(value, str) else json.dumps(value, sort_keys=True)
