"""What a connector is, and what it gives."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mapservice.imports.connectors.visits import SourceVisit


@dataclass(frozen=True, slots=True)
class ConnectorRecord:
    """One record of a source.

    `fields` are texts by the names of `imports/columns.py` (title, city, lat …), of an event those
    of `SourceEvent`, as the source writes them: the importer reads, cleans and places them as it
    does a file's. `attributes` is all else, by the name that people are to read. `is_gone`: the
    source says that there is none any more; nothing but `external_id` is looked at then.
    """

    fields: Mapping[str, Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    is_gone: bool = False


class RecordKind(StrEnum):
    """What the records of a source are about."""

    INITIATIVE = "initiative"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Connector:
    """How sources of one kind are read.

    `read` yields all records of a source, and raises SourceError where the answer is not of its
    shape; None where the file that `address` gives is imported as it is, named `file_name`.
    `is_whole`: what it gives is all that there is, so that what is missing is gone (unless the
    visit asked for what changed alone); else only what `is_gone`. `licence` is that of every such
    source, "" where each has its own. `address` is where it stands, "" where there are many.
    """

    name: str
    about: str
    read: Callable[[SourceVisit], Iterator[ConnectorRecord]] | None
    is_whole: bool = True
    licence: str = ""
    address: str = ""
    kind: RecordKind = RecordKind.INITIATIVE
    file_name: str = ""


def first_of(record: Mapping[str, Any], *names: str) -> Any:
    """The first of these members that says anything; "" where none does."""
    for name in names:
        value = record.get(name)
        if value not in (None, "", [], {}):
            return value
    return ""


def member(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within, or an empty one."""
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def words(value: Any) -> str:
    """A text, a number, or a list of texts or of objects with a name, with commas between."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(words, value)))
    if isinstance(value, Mapping):
        return words(first_of(value, "name", "label", "title"))
    if value is None or isinstance(value, bool):
        return ""
    return str(value).strip()


def others(record: Mapping[str, Any], *used: str) -> dict[str, Any]:
    """Members that no field takes, those that say nothing left out."""
    return {
        name: value
        for name, value in record.items()
        if name not in used and value not in (None, "", [], {})
    }
