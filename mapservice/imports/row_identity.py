"""Which row is which: its id at its source, and a digest of all that it says."""

import hashlib
import json
from dataclasses import fields
from operator import attrgetter

from mapservice.imports.dates import first_day
from mapservice.initiatives.model import SourceRow

# Raised where rows that did not change are to be placed or dated anew by their next import.
DIGEST_VERSION = 5

# Where a row stands, how it was written and what was mended are no part of what it says.
_SAID = tuple(
    sorted(
        {one.name for one in fields(SourceRow)}
        - {"number", "line", "raw", "problems", "is_forbidden", "facts", "point_doubt", "own_id"}
    )
)
_said_of = attrgetter(*_SAID)


def source_id_of(row: SourceRow) -> str:
    """The id that the file gives; without one, a hash of what stays when details are mended."""
    if row.external_id:
        return row.external_id
    created = first_day(row.created_as_told)  # as the first version of the import read it
    content = [row.title, row.place_text, created, row.lon, row.lat]
    return "sha256:" + hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def digest_of(row: SourceRow) -> str:
    """Of all that a row says, however its file is arranged, and of whether its point is believed:
    how many rows share that point may change without this row.
    """
    content = dict(zip(_SAID, _said_of(row), strict=True))
    content |= {"point_doubt": bool(row.point_doubt), "version": DIGEST_VERSION}
    # A row that tells no fact says the same whether or not its file has columns for them.
    content["facts"] = row.facts or None
    # As the first version of the import had it.
    content |= {"number": 0, "raw": {}, "problems": ()}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
