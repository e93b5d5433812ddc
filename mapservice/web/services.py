"""What every route may use: the settings, the database, the geocoder."""

from dataclasses import dataclass, field

from flask import current_app
from sqlalchemy import Engine

from mapservice.db.engine import make_engine, of_one_moment, reading
from mapservice.geocoding.service import Geocoders
from mapservice.initiatives.filters import Filters
from mapservice.settings import Settings

EXTENSION = "mapservice"


@dataclass(frozen=True, slots=True)
class Services:
    """`reader` is the engine without transactions: each statement sees its own moment.

    `steady` is the same on connections of its own, which plan a prepared statement once. With
    `moment` all statements of a page see one moment: its figures agree, and no other territories
    come in between.
    """

    settings: Settings
    engine: Engine
    geocoders: Geocoders
    reader: Engine = field(init=False)
    moment: Engine = field(init=False)
    steady: Engine = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reader", reading(self.engine))
        object.__setattr__(self, "moment", of_one_moment(self.engine))
        object.__setattr__(self, "steady", engine_of(self.settings, steady=True))

    def reader_of(self, filters: Filters) -> Engine:
        """The engine for a filter: themes and statuses alone do not change the best plan."""
        return self.steady if filters.counted and not filters.territory else self.reader

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
