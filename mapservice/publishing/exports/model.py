"""What an export is: its formats, its states, and how far it has come."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

# How long a finished file is kept, and how long it also answers new requests for the same.
KEPT = timedelta(hours=24)
FRESH = timedelta(minutes=10)
# Exports that may wait at once, beside the one in the making.
MAX_WAITING = 20
# Of these, how many one person or network may have under way, and order within an hour.
MAX_OWN = 4
MAX_OWN_HOURLY = 60
# An export may be what killed its worker: it gets no more attempts than these.
MAX_ATTEMPTS = 3


class ExportFormat(StrEnum):
    """Formats whose file is made whole before it is sent; the value is its suffix."""

    GEOPACKAGE = "gpkg"
    FLATGEOBUF = "fgb"
    GEOPARQUET = "parquet"

    @property
    def media_type(self) -> str:
        return {
            ExportFormat.GEOPACKAGE: "application/geopackage+sqlite3",
            ExportFormat.FLATGEOBUF: "application/flatgeobuf",
            ExportFormat.GEOPARQUET: "application/vnd.apache.parquet",
        }[self]

    @property
    def label(self) -> str:
        return {
            ExportFormat.GEOPACKAGE: "GeoPackage",
            ExportFormat.FLATGEOBUF: "FlatGeobuf",
            ExportFormat.GEOPARQUET: "GeoParquet",
        }[self]


class SheetFormat(StrEnum):
    """Workbooks, made row by row; the value is the suffix."""

    XLSX = "xlsx"
    ODS = "ods"

    @property
    def media_type(self) -> str:
        return {
            SheetFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            SheetFormat.ODS: "application/vnd.oasis.opendocument.spreadsheet",
        }[self]

    @property
    def label(self) -> str:
        return {SheetFormat.XLSX: "Excel (XLSX)", SheetFormat.ODS: "LibreOffice (ODS)"}[self]


class BundleFormat(StrEnum):
    """Several files in one archive, made whole before it is sent; the value is its suffix."""

    REPORT = "report.zip"
    PACKAGE = "zip"

    @property
    def media_type(self) -> str:
        return "application/zip"

    @property
    def label(self) -> str:
        return "ZIP"


class StreamFormat(StrEnum):
    """Formats that PostgreSQL makes row by row; the value is the suffix."""

    CSV = "csv"
    GEOJSON = "geojson"
    GEOJSON_LINES = "geojsonl"
    GEOJSON_SEQUENCE = "geojsons"


JobFormat = ExportFormat | SheetFormat | BundleFormat
# What anybody may order by its filter; a report is ordered at an address of its own.
ORDERED: tuple[JobFormat, ...] = (
    *ExportFormat,
    *SheetFormat,
    BundleFormat.PACKAGE,
)
# The whole map as one archive of tiles, which any static host serves.
ARCHIVE = "pmtiles"
MAX_ZOOM = 12
# The finest grid of rollup counts, hence the largest zoom that an archive can have.
GRID_ZOOM = 14
# Whatever can be written at once, by the suffix of the file.
SUFFIXES = (*map(str, StreamFormat), *map(str, ORDERED), ARCHIVE)


class ExportState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ExportJob:
    """One export. `filter` is the canonical query string; `total` is None until it is counted.

    `done` and `total` are rows, or files of a bundle.
    """

    id: UUID
    format: JobFormat
    filter: str
    state: ExportState
    base_url: str
    done: int
    total: int | None
    bytes: int | None
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None

    @property
    def unfinished(self) -> bool:
        return self.state in (ExportState.QUEUED, ExportState.RUNNING)

    @property
    def kept_long(self) -> bool:
        """Whether its file is kept longer than those of anonymous orders."""
        if self.finished_at is None or self.expires_at is None:
            return False
        return self.expires_at - self.finished_at > KEPT

    @property
    def url(self) -> str:
        return f"/{'rapports' if self.format is BundleFormat.REPORT else 'exports'}/{self.id}"

    @property
    def file_url(self) -> str | None:
        return f"{self.url}/file" if self.state is ExportState.DONE else None

    @property
    def file_name(self) -> str:
        """Its name in the folder of exports."""
        return f"{self.id}.{self.format}"

    @property
    def share(self) -> float:
        """How much is written, 0 to 1; rows may be added or removed meanwhile."""
        if self.state is ExportState.DONE:
            return 1.0
        return min(self.done / self.total, 1.0) if self.total else 0.0
