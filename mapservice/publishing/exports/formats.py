"""Initiatives as GDAL and Parquet files, in memory that does not grow with their number.

Rows are read through a cursor and appended to a draft, some thousands at a time. The wanted file
is made from the draft: GDAL hands its rows on as an Arrow stream that never passes through Python,
and indexes them at once. A file appears under its name only when it is whole.

Geometry is the true point (EPSG:4326, longitude first) or null; moments are UTC.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
from arro3.io import write_parquet
from pyogrio.raw import open_arrow, write, write_arrow
from sqlalchemy import Connection, Row

from mapservice import __version__
from mapservice.geocoding.model import Precision
from mapservice.initiatives.exports import FIELDS, typed_rows
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.publishing.exports.model import ExportFormat
from mapservice.publishing.exports.unfinished import beside, publish

BATCH_ROWS = 10_000
LAYER = "initiatives"
GEOMETRY = "geometry"
CRS = "EPSG:4326"
MOMENTS = ("created_at", "updated_at")
KINDS = (
    dict.fromkeys(FIELDS, "object")
    | dict.fromkeys(MOMENTS, "datetime64[ms]")
    | {"supporters": "int32", "source_supporters": "float64"}  # null where unknown
    | {"is_free": "bool"}
)
# Null where unknown, though their kind knows no null.
MASKED = ("is_free",)
# GDAL's code for UTC; other values are offsets from it in quarters of an hour.
UTC = 100
# Rows of a Parquet row group, which readers read or skip as a whole.
ROW_GROUP = 65_536

Advance = Callable[[int], None]


def write_file(
    connection: Connection,
    form: ExportFormat,
    filters: InitiativeFilters,
    base_url: str,
    target: Path,
    advance: Advance,
) -> None:
    """Writes the initiatives of a filter to `target`, which a crash leaves as it was.

    `advance` is told how many rows each batch had.
    """
    with beside(target) as folder:
        draft, made = folder / "draft.gpkg", folder / f"{LAYER}.{form}"
        # The draft has no index, whose upkeep row by row would cost more than all the rest.
        _append(draft, [])
        for rows in typed_rows(connection, filters, base_url, BATCH_ROWS):
            _append(draft, rows)
            advance(len(rows))
        if form is ExportFormat.GEOPACKAGE:
            _by_gdal(draft, made, "GPKG", GEOMETRY_NAME=GEOMETRY, SPATIAL_INDEX="YES")
        elif form is ExportFormat.FLATGEOBUF:
            # The format cannot index a feature without geometry.
            indexed = filters.precision == (Precision.POINT,)
            _by_gdal(draft, made, "FlatGeobuf", SPATIAL_INDEX="YES" if indexed else "NO")
        else:
            # GeoParquet 1.1's metadata. No `crs` means OGC:CRS84, longitude first.
            column: dict[str, Any] = {"encoding": "WKB", "geometry_types": ["Point"]}
            bounds = pyogrio.read_info(draft, layer=LAYER, force_total_bounds=True)["total_bounds"]
            if bounds is not None and np.isfinite(bounds).all():
                column["bbox"] = [float(side) for side in bounds]
            geo = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
            with open_arrow(draft, layer=LAYER, batch_size=BATCH_ROWS) as (_, stream):
                write_parquet(
                    stream,
                    made,
                    compression="zstd(3)",
                    max_row_group_size=ROW_GROUP,
                    created_by=f"mapservice {__version__}",
                    key_value_metadata={"geo": json.dumps(geo)},
                )
        publish(made, target)


def _append(path: Path, rows: Sequence[Row[Any]]) -> None:
    new = not path.exists()
    *columns, points = zip(*rows, strict=True) if rows else ((),) * (len(FIELDS) + 1)
    write(
        path,
        np.array(points, dtype=object),
        [np.array(values, KINDS[name]) for name, values in zip(FIELDS, columns, strict=True)],
        FIELDS,
        field_mask=[
            np.array([value is None for value in values]) if name in MASKED else None
            for name, values in zip(FIELDS, columns, strict=True)
        ],
        layer=LAYER,
        driver="GPKG",
        geometry_type="Point",
        crs=CRS,
        append=not new,
        layer_options={"GEOMETRY_NAME": GEOMETRY, "SPATIAL_INDEX": "NO"} if new else None,
        gdal_tz_offsets={name: np.full(len(rows), UTC) for name in MOMENTS},
    )


def _by_gdal(draft: Path, path: Path, driver: str, **options: str) -> None:
    with open_arrow(draft, layer=LAYER, batch_size=BATCH_ROWS) as (meta, stream):
        write_arrow(
            stream,
            path,
            layer=LAYER,
            driver=driver,
            geometry_name=meta["geometry_name"],
            geometry_type="Point",
            crs=CRS,
            layer_options=options,
        )
