"""The ground of the home page's drawing is read once for each load of territories."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, event, text

from mapservice.static_maps.drawing import ground
from mapservice.static_maps.model import DrawingFrame
from mapservice.static_maps.names import place_names
from mapservice.static_maps.wide_frames import MOST_KEPT, of_territories
from mapservice.territories.queries import kept_of
from mapservice.tiles.live_map import FRANCE

LOADED = text("INSERT INTO territory_load (source, licence, cog_year) VALUES ('test', '', 2026)")
RENAMED = text("UPDATE territory SET name = 'Roazhon' WHERE level = 'commune' AND code = '35238'")
WIDE = DrawingFrame.around(FRANCE, 840, 654)
NEAR = DrawingFrame.around((-1.8, 48.0, -1.5, 48.2), 840, 654)


def width_of(frame: DrawingFrame) -> Callable[[Connection], int]:
    return lambda _: frame.width


def names(connection: Connection) -> set[str]:
    return {one.name for one in place_names(connection, WIDE)}


def test_it_is_that_of_the_territories_in_force(engine: Engine) -> None:
    with engine.connect() as connection:
        assert "Rennes" in names(connection)
        connection.execute(RENAMED)
        connection.execute(LOADED)
        assert "Roazhon" in names(connection)
        connection.rollback()
        assert "Rennes" in names(connection)


def test_the_same_ground_is_not_read_again(engine: Engine) -> None:
    asked: list[str] = []
    with engine.connect() as connection:
        first = ground(connection, WIDE)
        event.listen(engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
        assert ground(connection, WIDE) == first
        assert [one for one in asked if "territory_load" not in one] == []
        # With the shade of a commune, or of a place near by, it is read for what it is.
        shaded = ground(connection, WIDE, ["35238"])
        assert shaded.shapes != first.shapes
        assert ground(connection, NEAR) != first
        assert len([one for one in asked if "territory_load" not in one]) >= 2


def test_frames_that_anybody_may_ask_for_do_not_pile_up(engine: Engine) -> None:
    frames = [DrawingFrame.around(FRANCE, 600 + number, 500) for number in range(3 * MOST_KEPT)]
    with engine.connect() as connection:
        made = [of_territories(connection, one, "size", width_of(one)) for one in frames]
        assert made == [one.width for one in frames]
        kept: dict[Any, Any] = kept_of(connection).get(connection, "wide frames", lambda _: {})
        assert len(kept) <= MOST_KEPT
