"""What a drawing of a whole country has of territories alone, kept until others are loaded.

The home page shows such a drawing first, to everybody: its ground and the towns that may be named
take longer to read than all that changes on it.
"""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from mapservice.static_maps.model import DrawingFrame
from mapservice.territories.queries import kept_of

Made = TypeVar("Made")

KEPT_BELOW_ZOOM = 6.0
# The home page has three frames, of two things each; anybody may ask for others.
MOST_KEPT = 12


def of_territories(
    connection: Connection, frame: DrawingFrame, name: str, make: Callable[[Connection], Made]
) -> Made:
    """What `make` makes of the territories in force, or made before, where a frame is so wide."""
    if frame.zoom >= KEPT_BELOW_ZOOM:
        return make(connection)
    kept: dict[tuple[str, DrawingFrame], Made] = kept_of(connection).get(
        connection, "wide frames", lambda _: {}
    )
    made = kept.get((name, frame))
    if made is None:
        made = make(connection)
        while len(kept) >= MOST_KEPT:
            kept.pop(next(iter(kept)), None)
        kept[name, frame] = made
    return made
