"""Which new rows are rows imported before that were corrected since, in files without ids.

A row without an id is known by its title, its place and its point. Where one of these was
corrected, the file seems to lack a row and to have another: as two, the mistake would stay on the
map beside its correction, and what people wrote about the first would not be at the second. So
the one that is missing and the one that is new are paired, where only one of each fits.
"""

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
from sqlalchemy import Connection

from mapservice.imports import run_queries
from mapservice.imports.repeated_rows import title_key
from mapservice.imports.row_spool import IdentifiedRow, RowSpool
from mapservice.imports.run_queries import MissingInitiative
from mapservice.imports.text import digest_number, words_of
from mapservice.initiatives.model import SourceRow

# More rows than that are no corrections of a list, but another list.
MOST = 2_000
# A file with so much of what is known of its source is that list again, and not its next part.
SAME_LIST = 0.5
ALIKE = 0.75
# With more new rows at one place, spelling tells none of them for sure.
MOST_OF_A_PLACE = 40
WITHOUT_ID = "sha256:"


@dataclass(frozen=True, slots=True)
class RowSuccession:
    """The initiative that a new row goes on from, its status, and what was corrected, in words."""

    initiative: UUID
    status: str
    told: str


@dataclass(frozen=True, slots=True)
class FileBesideSource:
    """How a file stands beside what is known of its source: what its new rows go on from, by their
    ids, and how many initiatives it has no row for."""

    successions: Mapping[str, RowSuccession]
    absent: int


def beside_source(connection: Connection, platform: str, spool: RowSpool) -> FileBesideSource:
    """Only rows without ids of their source's own go on from another."""
    ids = np.unique(np.frombuffer(spool.ids, dtype=np.int64))
    absent: list[UUID] = []
    known: list[np.ndarray] = []
    missed = total = 0
    for some in run_queries.known_ids(connection, platform):
        digests = np.fromiter((digest_number(base) for _, base in some), dtype=np.int64)
        found = np.isin(digests, ids)
        total += len(some)
        missed += int((~found).sum())
        known.append(digests[found])
        absent += [
            identifier
            for (identifier, base), is_there in zip(some, found, strict=True)
            if not is_there and base.startswith(WITHOUT_ID) and len(absent) <= MOST
        ]
    new = set(np.setdiff1d(ids, np.concatenate(known)).tolist()) if absent else set()
    if not new or len(absent) > MOST or len(new) > MOST:
        return FileBesideSource({}, missed)
    rows = [
        one
        for one in spool.rows
        if one.source_id.startswith(WITHOUT_ID)
        and digest_number(one.source_id) in new
        and not (one.row.rejected or one.row.skipped or one.row.own_id)
    ]
    pairing = _Pairing(run_queries.missing(connection, absent), rows)
    pairing.pair(_title_and_place_of_missing, _title_and_place_of_row)
    if missed <= (1 - SAME_LIST) * total:
        pairing.pair(_title_of_missing, _title_of_row)
        pairing.pair(_content_of_missing, _content_of_row)
        pairing.pair_alike()
    going_on = {
        row.source_id: RowSuccession(one.id, one.status, _corrected(one, row.row))
        for one, row in pairing.pairs
    }
    return FileBesideSource(going_on, missed - len(going_on))


def shared_ids(
    connection: Connection,
    platform: str,
    spool: RowSpool,
    identified: Callable[[IdentifiedRow], tuple[SourceRow, str]],
) -> dict[tuple[str, str], str]:
    """Ids of rows that share one, as repeated rows do, by that id and their digest: those that they
    had, in whatever order they come now.

    `identified` gives a row as it will be imported, and its digest. What is new, or said otherwise
    than before, takes an id that is free.
    """
    ids, counts = np.unique(np.frombuffer(spool.ids, dtype=np.int64), return_counts=True)
    repeated = frozenset(ids[counts > 1].tolist())
    if not repeated:
        return {}
    digests: dict[str, dict[str, None]] = {}
    for one in spool.rows:
        if digest_number(one.source_id) in repeated:
            row, digest = identified(one)
            if not (row.rejected or row.skipped):
                digests.setdefault(one.source_id, {})[digest] = None
    known = run_queries.ids_sharing(connection, platform, list(digests))
    found: dict[tuple[str, str], str] = {}
    for base, said in digests.items():
        former = known.get(base, {})
        had = {digest: source_id for source_id, digest in former.items() if digest in said}
        free = [base, *(one for one in former if one != base)]
        taken = set(had.values())
        free = [one for one in reversed(free) if one not in taken]
        for digest in said:
            own = had.get(digest) or (free.pop() if free else f"{base}#{digest[:12]}")
            found[base, digest] = own
    return found


class _Pairing:
    """What is missing and what is new, paired where one of each has the same key."""

    def __init__(self, missing: Iterable[MissingInitiative], rows: Iterable[IdentifiedRow]) -> None:
        self._missing = {one.id: one for one in missing}
        self._rows = {one.source_id: one for one in rows}
        self.pairs: list[tuple[MissingInitiative, IdentifiedRow]] = []

    def pair(
        self,
        key_of_missing: Callable[[MissingInitiative], Hashable],
        key_of_row: Callable[[SourceRow], Hashable],
    ) -> None:
        missing = _alone((key_of_missing(one), one) for one in self._missing.values())
        rows = _alone((key_of_row(one.row), one) for one in self._rows.values())
        for key, one in missing.items():
            if key in rows:
                self._take(one, rows[key])

    def pair_alike(self) -> None:
        """Titles that are spelt nearly alike at one place."""
        rows: dict[str, list[IdentifiedRow]] = {}
        for row in self._rows.values():
            rows.setdefault(words_of(row.row.place_text), []).append(row)
        for one in list(self._missing.values()):
            there = rows.get(words_of(one.place_text), [])
            near = [
                row
                for row in there[: MOST_OF_A_PLACE + 1]
                if row.source_id in self._rows and _likeness(one.title, row.row.title) >= ALIKE
            ]
            if len(near) == 1 and len(there) <= MOST_OF_A_PLACE:
                self._take(one, near[0])

    def _take(self, one: MissingInitiative, row: IdentifiedRow) -> None:
        del self._missing[one.id]
        del self._rows[row.source_id]
        self.pairs.append((one, row))


Value = TypeVar("Value")


def _alone(pairs: Iterable[tuple[Hashable, Value]]) -> dict[Hashable, Value]:
    """What is the only one of its key; None is no key."""
    found: dict[Hashable, list[Value]] = {}
    for key, value in pairs:
        if key is not None:
            found.setdefault(key, []).append(value)
    return {key: values[0] for key, values in found.items() if len(values) == 1}


def _title_and_place_of_missing(one: MissingInitiative) -> Hashable:
    return title_key(one.title), words_of(one.place_text)


def _title_and_place_of_row(row: SourceRow) -> Hashable:
    return title_key(row.title), words_of(row.place_text)


def _title_of_missing(one: MissingInitiative) -> Hashable:
    return title_key(one.title)


def _title_of_row(row: SourceRow) -> Hashable:
    return title_key(row.title)


def _content_of_missing(one: MissingInitiative) -> Hashable:
    return _content(one.place_text, one.summary, one.description, one.attributes)


def _content_of_row(row: SourceRow) -> Hashable:
    return _content(row.place_text, row.summary, row.description, row.attributes)


def _content(
    place: str, summary: str, description: str, attributes: dict[str, Any]
) -> Hashable | None:
    """All but the title, where that says enough to tell one from another."""
    words = words_of(f"{summary} {description}")
    if not words and len(attributes) < 2:
        return None
    return words_of(place), words, json.dumps(attributes, sort_keys=True)


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, words_of(one), words_of(other)).ratio()


def _corrected(one: MissingInitiative, row: SourceRow) -> str:
    return (
        "; ".join(_corrections(one, row)) or "goes on from a row imported before, corrected since"
    )


def _corrections(one: MissingInitiative, row: SourceRow) -> Iterator[str]:
    if one.title != row.title:
        yield f"goes on from what was imported before as {one.title[:120]!r}"
    if one.place_text != row.place_text:
        yield f"its place was {one.place_text[:120]!r}"
