"""Zipped Shapefiles through GDAL: the parts of one layer, unpacked within a bound."""

import logging
import shutil
import tempfile
import weakref
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from pyproj import CRS
from pyproj.exceptions import ProjError

from mapservice.errors import SourceError
from mapservice.imports.readers.content import MAX_UNPACKED_BYTES, MIB, FileContent
from mapservice.imports.readers.geojson import to_wgs84
from mapservice.imports.readers.geopackage import GeoPackageLayer, layer_of, records_of
from mapservice.imports.readers.tables import MAX_COLUMNS, SourceRecord, SourceTable

PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
MAGIC = b"\x00\x00\x27\x0a"


class UnpackedFolder:
    """A folder that goes when nothing holds this any more."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="mapservice-shapefile-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def read_shapefile(content: FileContent) -> SourceTable:
    """The rows of the one Shapefile of an archive. Raises SourceError."""
    logging.getLogger("pyogrio._io").setLevel(logging.CRITICAL)
    unpacked = UnpackedFolder()
    folder = unpacked.path
    _unpack(content, folder)
    file = FileContent(content.name, ".shp", folder / "layer.shp")
    layer = layer_of(file, "layer")
    project = layer.project
    projection = folder / "layer.prj"
    if projection.exists():
        with suppress(ProjError, OSError):
            project = to_wgs84(CRS.from_wkt(projection.read_text("utf-8", "replace")))
    layer = GeoPackageLayer(layer.name, layer.columns, layer.total, project)
    if not layer.total:
        raise SourceError(f"{content.name}: the Shapefile holds no row")
    if len(layer.columns) > MAX_COLUMNS:
        raise SourceError(f"{content.name}: has more than {MAX_COLUMNS} columns")

    def records() -> Iterator[SourceRecord]:
        assert unpacked.path == folder  # it stays as long as it is held here
        yield from records_of(file, layer)

    problems = () if projection.exists() else ("no .prj: coordinates are told by their range",)
    return SourceTable(layer.columns, records, layer.total, problems)


def _unpack(content: FileContent, folder: Path) -> None:
    """The parts of the archive's one layer as `layer.shp` and so on; nothing else of it."""
    total = 0
    try:
        with content.open() as opened, zipfile.ZipFile(opened) as archive:
            names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
            layers = [name for name in names if name.lower().endswith(".shp")]
            if len(layers) != 1:
                raise SourceError(
                    f"{content.name}: the archive must hold one Shapefile; it holds"
                    f" {len(layers)}: {', '.join(sorted(layers)[:6])}"
                )
            stem = layers[0][: -len(".shp")].lower()
            for name in names:
                suffix = PurePosixPath(name).suffix.lower()
                if suffix not in PARTS or name[: -len(suffix)].lower() != stem:
                    continue
                with (
                    archive.open(name) as part,
                    (folder / f"layer{suffix}").open("wb") as target,
                ):
                    while block := part.read(MIB):
                        total += len(block)
                        if total > MAX_UNPACKED_BYTES:
                            raise SourceError(
                                f"{content.name}: unpacks to more than"
                                f" {MAX_UNPACKED_BYTES // MIB} MiB"
                            )
                        target.write(block)
    except SourceError:
        raise
    except Exception as error:
        # zipfile raises ten kinds of error on hostile archives, some of them undocumented.
        raise SourceError(f"{content.name}: the zip archive cannot be read") from error
    for suffix in (".shp", ".dbf"):
        if not (folder / f"layer{suffix}").exists():
            raise SourceError(f"{content.name}: the Shapefile lacks its {suffix} file")
    with (folder / "layer.shp").open("rb") as stream:
        if stream.read(4) != MAGIC:
            raise SourceError(f"{content.name}: the Shapefile is damaged")
