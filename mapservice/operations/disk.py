"""How much the disks of the service have left."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from mapservice.errors import ServiceUnavailable
from mapservice.media.storage import FolderStore, store_of
from mapservice.settings import Settings


class DiskUsage(NamedTuple):
    """In bytes; `free` is what we may write, less than what only root may."""

    total: int
    free: int


def disks(settings: Settings) -> Mapping[str, DiskUsage]:
    """By what is written there. A folder that is not there yet counts as the next one above."""
    home = settings.home.absolute()
    places = {"home": home, "exports": home / "exports"}
    store = store_of(settings)
    if isinstance(store, FolderStore):
        places["media"] = store.root.absolute()
    if not _is_elsewhere(settings):
        places["database"] = home / "postgres"
    found = {}
    for name, folder in places.items():
        there = next(path for path in (folder, *folder.parents) if path.exists())
        usage = shutil.disk_usage(there)
        found[name] = DiskUsage(usage.total, usage.free)
    return found


def _is_elsewhere(settings: Settings) -> bool:
    """Whether the database is no private cluster of this home."""
    return not Path(settings.home / "postgres").exists()


def free_disk(settings: Settings) -> str:
    """What is left where least is. Raises ServiceUnavailable where it is too little."""
    found = disks(settings)
    place = min(found, key=lambda name: found[name].free)
    free = found[place].free
    if free < settings.disk_free_bytes:
        raise ServiceUnavailable(
            f"The disk is full: {place} has {free} bytes left, less than"
            f" MAPSERVICE_DISK_FREE_BYTES ({settings.disk_free_bytes})."
        )
    return f"{free // 1_000_000} MB free ({place})"


def restore_is_over(connection: Connection) -> str | None:
    """None while a restore has yet to migrate, and to erase anew whom it brought back."""
    is_under_way = connection.exec_driver_sql(
        "SELECT to_regclass('restore_under_way') IS NOT NULL"
    ).scalar_one()
    return None if is_under_way else "none"
