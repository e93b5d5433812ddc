"""What is made of territories alone stays the same until others are loaded."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from mapservice.territories.queries import source_in_force

Made = TypeVar("Made")


class KeptByLoad:
    """Keeps it for one engine, by a key of whoever makes it; for few things, not large ones."""

    def __init__(self) -> None:
        self._kept: tuple[int | None, dict[Hashable, Any]] = (None, {})

    def get(
        self, connection: Connection, key: Hashable, make: Callable[[Connection], Made]
    ) -> Made:
        """Looks which load is in force first: what is made while another comes is made again."""
        source = source_in_force(connection)
        load = source.id if source else None
        if self._kept[0] != load:
            self._kept = (load, {})
        made = self._kept[1]
        if key not in made:
            made[key] = make(connection)
        found: Made = made[key]
        return found


_OF_ENGINES: WeakKeyDictionary[Engine, KeptByLoad] = WeakKeyDictionary()


def kept_of(connection: Connection) -> KeptByLoad:
    """That of the engine which made a connection: its database is one and the same."""
    return _OF_ENGINES.setdefault(connection.engine, KeptByLoad())
