"""The photo on the picture of an initiative, from the room that keeps photos: it stands higher."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from mapservice.static_maps.model import CardPhoto

PhotoFinder = Callable[[Connection, UUID], CardPhoto | None]
"""The photo of a public initiative, or None."""


@dataclass(frozen=True, slots=True)
class CardPhotos:
    """What rooms know of photos, handed over by `app.py`; the first that has one is used."""

    finders: tuple[PhotoFinder, ...] = ()

    def of(self, connection: Connection, initiative: UUID) -> CardPhoto | None:
        asked = (find(connection, initiative) for find in self.finders)
        return next((photo for photo in asked if photo), None)
