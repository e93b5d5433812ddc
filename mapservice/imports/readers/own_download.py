"""A list that was taken from this service (`/initiatives.xlsx` and its kin), as a file of its own.

Such a list has columns that the service works out (counts, names of territories, precision), one
that holds several others as JSON, and ids of initiatives beside those of their sources. Taken for
an ordinary file it would bring all these back as attributes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mapservice.imports.readers.tables import MAX_COLUMNS, SourceRecord, SourceTable
from mapservice.initiatives.exports import FORMULA_SIGNS, WRITTEN
from mapservice.initiatives.facts import FACT_COLUMNS

# No file of anybody else has all of these.
TELLING = frozenset(
    [
        *("id", "title", "commune", "commune_name", "region_name", "precision", "supporters"),
        *("created_period", "source_supporters", "attribution"),
    ]
)
# What a file of a source has: the same, or made of several columns.
TAKEN = ("title", "summary", "theme", "status", "scale", "departement", "updated_at", "licence")
MADE = ("id", "description", "code_commune", "commune", "created_at", "url")
# Whom a row names, in the words of `_says_more`.
NAMED = ("source", "licence", "attribution")
PLACED = ("lon", "lat")
# What the service works out of these, or counts itself.
WORKED_OUT = (
    *("commune_name", "epci", "region", "region_name", "precision", "created_period"),
    *("supporters", "source", "source_id", "source_url", "attribution"),
    "attributes",
)


def is_own_download(table: SourceTable) -> bool:
    """Whether a table is a list that was taken from here, or from another such service."""
    return set(table.columns) >= TELLING


def own_download(table: SourceTable) -> SourceTable:
    """The same rows with the columns that a file of a source would have.

    Whom a row names is kept as an attribute where that is more than its source.
    """
    keys, sources = _looked_through(table)
    own = (*MADE, *TAKEN, *FACT_COLUMNS, *PLACED)
    added = [name for name in table.columns if name not in (*own, *WORKED_OUT)]
    credit = ["attribution"] if any(map(_says_more, sources)) else []
    columns = tuple(dict.fromkeys((*own, *added, *credit, *keys)))[:MAX_COLUMNS]

    def records() -> Iterator[SourceRecord]:
        for record in table.records():
            values = {name: _as_written(name, cell) for name, cell in record.values.items()}
            made = _others(values.get("attributes", "")) | values | _made_of(values)
            kept = {name: made.get(name, "") for name in columns}
            yield replace(record, values=kept, own_id=values.get("id", ""))

    # What was proposed here names no source, and is none of another's.
    named = {source for source, _, _ in sources}
    told = (
        "a list taken from this service: its counts, names of territories and precision are worked"
        " out anew"
    )
    return replace(
        table,
        columns=columns,
        records=records,
        problems=(*table.problems, told),
        platform=next(iter(named)) if len(named) == 1 else "",
    )


def _looked_through(table: SourceTable) -> tuple[list[str], set[tuple[str, ...]]]:
    """The attributes that any row has, in order, and whom the rows name (`NAMED`)."""
    keys: dict[str, None] = {}
    sources: set[tuple[str, ...]] = set()
    for record in table.records():
        cells = record.values
        keys |= dict.fromkeys(_others(cells.get("attributes", "")))
        sources.add(tuple(cells.get(name, "") for name in NAMED))
    return list(keys), sources


def _says_more(named: Sequence[str]) -> bool:
    source, licence, credit = named
    return credit not in ("", source, f"{source} ({licence})")


def _made_of(cells: Mapping[str, str]) -> dict[str, str]:
    """The cells of columns that are one of several, or go by another name."""
    commune, departement = cells.get("commune", ""), cells.get("departement", "")
    town = cells.get("commune_name", "")
    return {
        "id": cells.get("source_id", "") or cells.get("id", ""),
        "code_commune": commune,
        # Known to its région alone: that is its place.
        "commune": town if commune or departement else town or cells.get("region_name", ""),
        "url": cells.get("source_url", ""),
        "created_at": cells.get("created_at", "") or cells.get("created_period", ""),
        "description": cells.get("description", ""),
    }


def _as_written(name: str, cell: str) -> str:
    """Without the apostrophe that kept a spreadsheet from running it."""
    if name in WRITTEN and cell[:1] == "'" and cell[1:2] in tuple(FORMULA_SIGNS):
        return cell[1:]
    return cell


def _others(cell: str) -> dict[str, str]:
    if not cell.startswith("{"):
        return {}
    try:
        held = json.loads(cell)
    except ValueError:
        return {}
    return {key: _text(value) for key, value in held.items()} if isinstance(held, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
