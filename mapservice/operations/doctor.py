"""What `mapservice doctor` examines: whether a database is ready and sound."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from mapservice.accounts.second_factor import service as second_factor
from mapservice.accounts.second_factor.service import SecretBox
from mapservice.db import revisions, soundness
from mapservice.errors import ServiceUnavailable
from mapservice.imports.fixtures.service import count_initiatives
from mapservice.media.service import missing
from mapservice.media.storage import MediaStore
from mapservice.operations.backup import queries as backups
from mapservice.operations.backup.model import MANIFEST
from mapservice.rollups import queries as activity
from mapservice.territories.queries import source_in_force

SHOWN = 20


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """One line for a person, and whether it is as it should be."""

    words: str
    sound: bool = True


def examine(
    connection: Connection, store: MediaStore, box: SecretBox | None
) -> Iterator[DoctorFinding]:
    """Stops early where the rest cannot be examined: at a schema of another version.

    `store` is that of photos, `box` holds the keys of the service.
    """
    schema, newest = revisions.current_revision(connection), revisions.newest_revision()
    yield DoctorFinding(
        f"schema {schema or 'missing'}, this version needs {newest}", schema == newest
    )
    if schema != newest:
        return
    faults = soundness.problems(connection)
    yield from _told(faults, "schema and rows: whole")
    if any(fault.startswith("missing") for fault in faults):
        return
    source = source_in_force(connection)
    yield DoctorFinding(
        f"territories: {source.source if source else 'not loaded'}", source is not None
    )
    yield DoctorFinding(f"initiatives: {count_initiatives(connection)}")
    different = activity.differences(connection)
    yield from _told(
        [f"{one.table} [{one.key}]: kept {one.kept}, counted {one.counted}" for one in different],
        "kept counts: exact",
    )
    try:
        lost = [f"photos: {name} is not in the store" for name in missing(connection, store)]
        yield from _told(lost, "photos: every file is there")
    except ServiceUnavailable as error:
        yield DoctorFinding(str(error), sound=False)

    yield from _told(
        [f"backup: erasures do not reach {folder}" for folder in _away(connection)],
        "backups: erasures reach every one that is known",
    )
    if box is None:
        return
    locked_out = second_factor.unreadable(connection, box)
    yield DoctorFinding(
        f"second factors: {locked_out} are of an unknown key: name the former one in"
        " MAPSERVICE_FORMER_SECRET_KEY, or take them away (accounts forget-second-factor)"
        if locked_out
        else "second factors: the keys of the service read every one",
        sound=not locked_out,
    )


def _away(connection: Connection) -> list[Path]:
    known = backups.known(connection)
    return [one.folder for one in known if not (one.folder / MANIFEST).is_file()]


def _told(faults: list[str], whole: str) -> Iterator[DoctorFinding]:
    yield from (DoctorFinding(fault, sound=False) for fault in faults[:SHOWN])
    if len(faults) > SHOWN:
        yield DoctorFinding(f"and {len(faults) - SHOWN} more of this kind", sound=False)
    if not faults:
        yield DoctorFinding(whole)
