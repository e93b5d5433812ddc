"""Spots of far zooms: what a layer shows of the whole map, read once for all of its tiles.

A far tile of events or groups would read a large part of its layer, a whole map of such tiles the
same part again and again. So one statement reads it all, 70 bytes a row, and tiles are put together
from that as long as it holds: until a statement that changed the layer is committed, which triggers
note in `spot_change`. Each tile looks there first; so it is exact, and that costs next to nothing.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from mapservice.db.engine import compiled, fill
from mapservice.geocoding.model import Precision
from mapservice.initiatives.grid import CELL_ZOOM, Tile
from mapservice.initiatives.model import Theme
from mapservice.tiles.spot_queries import GRID_STEPS, SpotHits, SpotLayer, TileSpots

# From the next zoom on a tile reads few rows.
LAST_FAR_ZOOM = 6
THEMES, PRECISIONS = [str(one) for one in Theme], [str(one) for one in Precision]
# What PostgreSQL counts moments from.
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

_ROW: list[tuple[str, str]] = [
    *(("cell", ">i8"), ("x", ">f8"), ("y", ">f8"), ("id", "V16")),
    *(("theme", ">i2"), ("precision", ">i2")),
]
_MOMENTS: list[tuple[str, str]] = [("starts", ">i8"), ("ends", ">i8")]
# Which notes are committed. Their order is not that of their ids, so all that are kept count.
STATE = """
SELECT count(*) || ' ' || coalesce(bit_xor(id), 0) || ' ' || coalesce(max(id), 0)
  FROM spot_change WHERE layer = %(layer)s"""
# In one statement, so in one snapshot.
PACKED = """
SELECT ({state}),
       string_agg(int8send(cell) || float8send((anchor_3857::point)[0])
                  || float8send((anchor_3857::point)[1]) || uuid_send(id)
                  || int2send(array_position(%(all_themes)s, theme)::int2)
                  || int2send(array_position(%(all_precisions)s, precision)::int2){moments},
                  ''::bytea ORDER BY cell)
  FROM ({hits}) AS hit"""
PACKED_MOMENTS = " || timestamptz_send({moment}) || timestamptz_send({end})"


@dataclass(frozen=True, slots=True)
class FarSpan:
    """From when to when a tile shows what takes place, and until when that was read."""

    begin: datetime
    end: datetime
    read_until: datetime


@dataclass(frozen=True, slots=True, eq=False)
class _ReadLayer:
    """A layer as the database shows it in one `state`, in the order of cells.

    `x` and `y` are EPSG:3857 in metres, moments microseconds since `EPOCH`.
    """

    state: str
    span: FarSpan | None
    cell: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]

    def serves(self, span: FarSpan | None) -> bool:
        if span is None or self.span is None:
            return span is None and self.span is None
        return self.span.begin <= span.begin and span.end <= self.span.read_until


class FarSpots:
    """What each layer of spots shows, kept by a process for the requests that it serves."""

    def __init__(self) -> None:
        self._read: dict[str, _ReadLayer] = {}
        self._turn = threading.Lock()
        self._readings = 0

    def of_tile(
        self,
        connection: Connection,
        layer: SpotLayer,
        tile: Tile,
        everything: Callable[[], SpotHits],
        themes: Sequence[Theme] = (),
        span: FarSpan | None = None,
    ) -> TileSpots:
        """The spots of a tile; `everything` asks for the rows of the whole map, until
        `span.read_until`, whatever their theme."""
        return _spots(self._current(connection, layer, everything, span), tile, themes, span)

    def _current(
        self,
        connection: Connection,
        layer: SpotLayer,
        everything: Callable[[], SpotHits],
        span: FarSpan | None,
    ) -> _ReadLayer:
        before = self._readings
        state = connection.exec_driver_sql(STATE, {"layer": layer.name}).scalar_one()
        kept = self._read.get(layer.name)
        if kept and kept.state == state and kept.serves(span):
            return kept
        with self._turn:
            # Whoever waited here is served by what was read meanwhile: it is no older.
            kept = self._read.get(layer.name)
            if kept and self._readings > before and kept.serves(span):
                return kept
            kept = _read_layer(connection, layer, everything(), span)
            self._read[layer.name] = kept
            self._readings += 1
            return kept


def _read_layer(
    connection: Connection, layer: SpotLayer, hits: SpotHits, span: FarSpan | None
) -> _ReadLayer:
    statement, values = compiled(hits)
    has_moments = bool(layer.moment)
    moments = {"moment": layer.moment, "end": layer.end}
    texts = {
        "state": STATE,
        "hits": statement,
        "moments": PACKED_MOMENTS if has_moments else "",
        **moments,
    }
    values = values | {
        "layer": layer.name,
        "all_themes": THEMES,
        "all_precisions": PRECISIONS,
    }
    state, packed = connection.exec_driver_sql(fill(PACKED, texts), values).one()
    rows = np.frombuffer(packed or b"", np.dtype(_ROW + (_MOMENTS if has_moments else [])))
    columns = {
        name: np.ascontiguousarray(rows[name]).astype(rows[name].dtype.newbyteorder("="))
        for name in rows.dtype.names or ()
        if name != "cell"
    }
    return _ReadLayer(state, span, rows["cell"].astype(np.int64), columns)


def _spots(
    read: _ReadLayer, tile: Tile, themes: Sequence[Theme], span: FarSpan | None
) -> TileSpots:
    first, last = np.searchsorted(read.cell, tile.cells(CELL_ZOOM))
    cell = read.cell[first:last]
    own = {name: column[first:last] for name, column in read.columns.items()}

    # What is asked for, in the order of cells.
    is_wanted = np.ones(len(cell), bool)
    if span is not None:
        is_wanted &= (own["ends"] > _micros(span.begin)) & (own["starts"] < _micros(span.end))
    if themes:
        # Arrays of PostgreSQL begin with 1.
        is_wanted &= np.isin(own["theme"], [1 + THEMES.index(str(theme)) for theme in themes])
    key = cell[is_wanted] >> 2 * (CELL_ZOOM - GRID_STEPS - tile.z)
    if not len(key):
        return TileSpots()
    own = {name: column[is_wanted] for name, column in own.items()}

    # Each run of one cell of the tile's grid is a spot.
    begins = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    counts = np.diff(np.concatenate((begins, [len(key)])))

    def shared(name: str, words: Sequence[str]) -> list[str | None]:
        least = np.minimum.reduceat(own[name], begins)
        is_same = least == np.maximum.reduceat(own[name], begins)
        return [words[one - 1] if same else None for one, same in zip(least, is_same, strict=True)]

    firsts: list[datetime | None] = [None] * len(counts)
    if span is not None:
        moments = np.minimum.reduceat(own["starts"], begins)
        firsts = [EPOCH + timedelta(microseconds=int(one)) for one in moments]
    alone = [
        bytes(one).hex() if count == 1 else None
        for one, count in zip(own["id"][begins], counts, strict=True)
    ]
    return TileSpots(
        counts=counts.tolist(),
        firsts=firsts,
        xs=(np.add.reduceat(own["x"], begins) / counts).tolist(),
        ys=(np.add.reduceat(own["y"], begins) / counts).tolist(),
        alone=alone,
        themes=shared("theme", THEMES),
        precisions=shared("precision", PRECISIONS),
    )


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
