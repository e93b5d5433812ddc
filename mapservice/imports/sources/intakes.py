"""What takes in the records of a source: initiatives here, other kinds by rooms above.

A sweep is the same for all of them (`service.py`): what it gave is opened, held against what is
public, and imported as a run, or nothing is touched.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from mapservice.geocoding.service import Locator
from mapservice.imports.connectors.model import RecordKind
from mapservice.imports.reading import SourceFile, empty_file
from mapservice.imports.run_service import OpenedSource
from mapservice.imports.service import (
    ImportOptions,
    ImportRun,
    import_source,
    open_file,
    present_ids,
)
from mapservice.imports.sources import queries


@dataclass(frozen=True, slots=True)
class RecordIntake:
    """How one kind of records comes in.

    `open` reads a file, given the platform, the mapping and the number of its records (0: it holds
    nothing at all; -1: nobody knows); raises SourceError. `present` are the ids that it holds,
    `public` titles of what is public of a source, by these ids: that of it which a whole file would
    hold. `take` imports it.
    """

    open: Callable[[Engine, str, Path, Mapping[str, str], int], OpenedSource]
    present: Callable[[Any], set[str]]
    public: Callable[[Connection, str], Mapping[str, str]]
    take: Callable[[Engine, Locator, Any, ImportOptions], ImportRun]
    what: str = "initiatives"


Intakes = Mapping[RecordKind, RecordIntake]


def _opened(
    engine: Engine, platform: str, path: Path, mapping: Mapping[str, str], count: int
) -> SourceFile:
    if count == 0:
        return empty_file(path.name, platform)
    return open_file(engine, path, mapping or None)


INITIATIVES = RecordIntake(_opened, present_ids, queries.public_titles, import_source)
OWN: Intakes = {RecordKind.INITIATIVE: INITIATIVES}
