"""GeoPackage (OGC 12-128) through GDAL, its layers one after the other, in EPSG:4326."""

import logging
import re
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
from pyogrio.errors import DataLayerError, DataSourceError, FieldError
from pyproj import CRS
from pyproj.exceptions import ProjError

from mapservice.errors import SourceError
from mapservice.imports.readers.content import FileContent
from mapservice.imports.readers.geojson import Projecting, to_wgs84
from mapservice.imports.readers.geometries import read_geometry
from mapservice.imports.readers.tables import (
    MAX_COLUMNS,
    SourceRecord,
    SourceTable,
    number_text,
    storable,
)

FEATURES_PER_READ = 10_000
GDAL_ERRORS = (DataSourceError, DataLayerError, FieldError, ValueError, RuntimeError)
# Triggers that GDAL, QGIS and the extensions of the standard keep in every file: indexes, counts.
KNOWN_TRIGGERS = re.compile(
    r"(?:rtree_.*_(?:insert|delete|update\d*)|trigger_(?:insert|delete)_feature_count_.*|gpkg_.*"
    r"|fk(?:i|u|d)_.*)",
    re.IGNORECASE | re.DOTALL,
)
# QGIS keeps its styles in the file, as a table with a "description".
NOT_DATA = frozenset({"layer_styles", "qgis_projects"})


@dataclass(frozen=True, slots=True)
class GeoPackageLayer:
    """One table of a GeoPackage: its columns, its count and its way to EPSG:4326."""

    name: str
    columns: tuple[str, ...]
    total: int
    project: Projecting | None


def read_geopackage(
    content: FileContent, is_usable: Callable[[tuple[str, ...]], bool]
) -> SourceTable:
    """The rows of every layer whose columns are usable (`is_usable(columns)`), in order.

    Raises SourceError for a damaged file. Views and generated columns are not read: they run
    the file's own SQL, without bound.
    """
    logging.getLogger("pyogrio._io").setLevel(logging.CRITICAL)
    layers = [layer_of(content, name) for name in _plain_tables(content)]
    usable = [layer for layer in layers if layer.total and is_usable(layer.columns)]
    chosen = usable or [layer for layer in layers if layer.total]
    if not chosen:
        raise SourceError(f"{content.name}: no layer holds a row")
    columns = tuple(dict.fromkeys(column for layer in chosen for column in layer.columns))
    if len(columns) > MAX_COLUMNS:
        raise SourceError(f"{content.name}: has more than {MAX_COLUMNS} columns")

    def records() -> Iterator[SourceRecord]:
        for layer in chosen:
            yield from records_of(content, layer)

    skipped = tuple(
        f"layer {layer.name!r} is not read: no title among its columns, or no row"
        for layer in layers
        if layer not in chosen
    )
    return SourceTable(columns, records, sum(layer.total for layer in chosen), skipped)


def _plain_tables(content: FileContent) -> list[str]:
    """Names of the data tables, after checking that reading them runs no SQL of the file."""
    try:
        # Read-only: no journal is created, and no lock waited for.
        if isinstance(content.source, Path):
            uri = f"{content.source.absolute().as_uri()}?mode=ro&immutable=1"
            opened = sqlite3.connect(uri, uri=True)
        else:
            opened = sqlite3.connect(":memory:")
        with closing(opened) as connection:
            if isinstance(content.source, bytes):
                connection.deserialize(content.source)
            connection.text_factory = lambda data: data.decode("utf-8", "replace")
            kinds = dict(connection.execute("SELECT name, type FROM pragma_table_list"))
            if kinds.get("gpkg_contents") != "table":
                raise SourceError(f"{content.name}: is an SQLite file but not a GeoPackage")
            for name in kinds:
                if name.lower().startswith("gpkg_") and not _is_plain(connection, kinds, name):
                    raise SourceError(f"{content.name}: {storable(name)!r} must be a plain table")
            # None would run here, where nothing is written: a file that has its own is still not
            # what it seems to be.
            for (trigger,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ):
                if not KNOWN_TRIGGERS.fullmatch(trigger):
                    raise SourceError(
                        f"{content.name}: holds a trigger of its own ({storable(trigger)[:60]!r}):"
                        " export the layer to a new GeoPackage"
                    )
            listed = connection.execute(
                "SELECT CAST(table_name AS TEXT) FROM gpkg_contents"
                " WHERE data_type IN ('features', 'attributes') ORDER BY rowid"
            ).fetchall()
            names = [name for (name,) in listed if name not in NOT_DATA]
            return [name for name in names if _is_plain(connection, kinds, name)]
    except (sqlite3.Error, ValueError) as error:
        # ValueError: sqlite3 decodes its own messages strictly, whatever bytes they quote.
        why = storable(str(error))[:100]
        raise SourceError(f"{content.name}: the GeoPackage is damaged ({why})") from error


def _is_plain(connection: sqlite3.Connection, kinds: dict[str, str], name: str) -> bool:
    """Whether `name` is a stored table: no view, no virtual table, no generated column."""
    generated = connection.execute(
        "SELECT count(*) FROM pragma_table_xinfo(?) WHERE hidden <> 0", (name,)
    ).fetchone()[0]
    return kinds.get(name) == "table" and generated == 0


def layer_of(content: FileContent, name: str) -> GeoPackageLayer:
    """What GDAL tells of a layer. Raises SourceError."""
    try:
        with warnings.catch_warnings(action="ignore"):
            info = pyogrio.read_info(content.source, layer=name, force_feature_count=True)
    except GDAL_ERRORS as error:
        raise SourceError(f"{content.name}: layer {name!r} cannot be read") from error
    columns = tuple(storable(str(column)) for column in info["fields"])
    # For an undeclared or unknown CRS, the range of the coordinates tells.
    project = None
    with suppress(ProjError):
        project = to_wgs84(CRS.from_user_input(info["crs"])) if info["crs"] else None
    return GeoPackageLayer(name, columns, max(int(info["features"]), 0), project)


def records_of(content: FileContent, layer: GeoPackageLayer) -> Iterator[SourceRecord]:
    """The rows of a layer, some thousands at a time. Raises SourceError."""
    for start in range(0, layer.total, FEATURES_PER_READ):
        # WKB geometries (None for a table without) and one array of values per column.
        try:
            with warnings.catch_warnings(action="ignore"):
                _, _, geometries, fields = pyogrio.raw.read(
                    content.source,
                    layer=layer.name,
                    skip_features=start,
                    max_features=FEATURES_PER_READ,
                )
        except GDAL_ERRORS as error:
            raise SourceError(f"{content.name}: layer {layer.name!r} cannot be read") from error
        cells = [[_cell(value) for value in field] for field in fields]
        count = len(geometries) if geometries is not None else len(cells[0]) if cells else 0
        for index in range(count):
            values = {
                column: field[index] for column, field in zip(layer.columns, cells, strict=True)
            }
            wkb = None if geometries is None else geometries[index]
            point, shape, note = read_geometry(wkb, layer.project)
            yield SourceRecord(values, point, shape, (note,) if note else ())
        if count < FEATURES_PER_READ:
            # The count that a file states of itself may be wrong.
            return


def _cell(value: Any) -> str:
    if value is None or value is np.ma.masked:
        return ""
    if isinstance(value, np.datetime64):
        return "" if np.isnat(value) else str(value)
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else number_text(float(value))
    if isinstance(value, bytes):
        return ""
    return storable(str(value))
