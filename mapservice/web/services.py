"""What every route may use: the settings, the database, and what rooms hold for all requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from flask import current_app
from sqlalchemy import Engine

from mapservice.db.engine import make_engine, of_one_moment, reading
from mapservice.settings import Settings

EXTENSION = "mapservice"
Held = TypeVar("Held")


@dataclass(frozen=True, slots=True)
class Services:
    """`reader` is the engine without transactions: each statement sees its own moment.

    `steady` is the same on connections of its own, which plan a prepared statement once. With
    `moment` all statements of a page see one moment: its figures agree, and no other territories
    come in between. `held` is filled by `app.py`: what a room keeps for all requests, by its class.
    """

    settings: Settings
    engine: Engine
    held: Mapping[type, object]
    reader: Engine = field(init=False)
    moment: Engine = field(init=False)
    steady: Engine = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reader", reading(self.engine))
        object.__setattr__(self, "moment", of_one_moment(self.engine))
        object.__setattr__(self, "steady", engine_of(self.settings, steady=True))

    def of(self, kind: type[Held]) -> Held:
        """The one object of a class that a room above holds: `services().of(Geocoders)`."""
        found = self.held[kind]
        assert isinstance(found, kind)
        return found

    def dispose(self) -> None:
        """Closes all connections: none must be shared by two processes."""
        self.engine.dispose()
        self.steady.dispose()


def engine_of(settings: Settings, *, steady: bool = False) -> Engine:
    """A pool as the settings have it; `steady` as `Services` says."""
    return make_engine(
        settings.database_url,
        pool_size=settings.pool_size,
        pool_wait_ms=settings.pool_wait_ms,
        statement_timeout_ms=settings.statement_timeout_ms,
        plan_once=steady,
        autocommit=steady,
    )


def services() -> Services:
    """Those of the application that serves the present request."""
    found = current_app.extensions[EXTENSION]
    assert isinstance(found, Services)
    return found
