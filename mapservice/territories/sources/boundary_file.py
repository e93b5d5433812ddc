"""Official outlines from a file, laid over a set that has the names, parents and postcodes.

Read are IGN's ADMIN EXPRESS COG (GeoPackage or Shapefile, any layer of communes, either family
of column names) and Etalab's `contours-administratifs` (GeoJSON, gzipped or not).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from shapely import Geometry

from mapservice.errors import SourceError
from mapservice.territories.model import (
    AliasKind,
    AliasRecord,
    Level,
    TerritorySet,
)

# Names of columns, newest first, in lower case. Etalab's `code` is last: other files use it too.
CODE_COLUMNS = ("code_insee", "insee_com", "codgeo", "code")
POPULATION_COLUMNS = ("population",)
EPCI_COLUMNS = ("codes_siren_des_epci", "code_siren_de_l_epci", "siren_epci", "epci")

_NAMED_LIKE_COMMUNES = "commune"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What a file says of one code: outline in EPSG:4326; None where it says nothing."""

    code: str
    outline: Geometry
    population: int | None
    epci: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OverlayReport:
    """Codes of the file that no commune or alias bears, and communes the file lacks."""

    unknown: tuple[str, ...]
    missing: tuple[str, ...]


def overlay(base: TerritorySet, path: Path) -> tuple[TerritorySet, OverlayReport]:
    """The base set with the file's outlines, populations and EPCI where it has them.

    Paris, Lyon and Marseille are put together from their arrondissements where the file has
    only these. A commune the file lacks keeps its outline. Raises SourceError for a file that
    cannot be read, or that has no commune of the base.
    """
    records = read_boundaries(path)
    known_epci = {parent.code for parent in base.parents if parent.level is Level.EPCI}
    whole = _with_arrondissements(records, base.aliases)
    codes = {commune.code for commune in base.communes}
    if not codes & whole.keys():
        raise SourceError(f"{path.name} has none of the {len(codes)} communes of {base.source}")
    missing = tuple(sorted(codes - whole.keys()))
    known = codes | {alias.code for alias in base.aliases}
    communes = []
    for commune in base.communes:
        laid = commune
        if record := whole.get(commune.code):
            counted = record.population is not None
            epci = next((siren for siren in record.epci if siren in known_epci), commune.epci)
            laid = replace(
                commune,
                outline=record.outline,
                outline_approximate=False,
                population=record.population if counted else commune.population,
                # The file does not say of which year its populations are.
                population_year=None if counted else commune.population_year,
                epci=epci,
            )
        communes.append(laid)
    aliases = []
    for alias in base.aliases:
        # A file may give a déléguée's outline, yet never that of the commune that bears its code.
        own = records.get(alias.code) if alias.code != alias.commune else None
        aliases.append(replace(alias, outline=own.outline) if own else alias)
    merged = replace(
        base,
        source=f"{base.source}, outlines of {path.name}",
        communes=communes,
        aliases=aliases,
        land=base.land if missing else None,  # coarser than a file that is complete
    )
    return merged, OverlayReport(tuple(sorted(records.keys() - known)), missing)


def read_boundaries(path: Path) -> dict[str, FileRecord]:
    """All outlines of the file by code, parts of one commune joined. Raises SourceError."""
    if not path.is_file():
        raise SourceError(f"{path} does not exist")
    location = f"/vsigzip/{path.resolve()}" if path.suffix == ".gz" else str(path)
    try:
        # ADMIN EXPRESS has a layer per level, and several whose names begin with "commune".
        layers = pyogrio.list_layers(location)[:, 0].tolist()
        alike = [layer for layer in layers if layer.lower().startswith(_NAMED_LIKE_COMMUNES)]
        frame = pyogrio.read_dataframe(location, layer=min(alike or layers, key=len))
    except (DataSourceError, DataLayerError, ValueError, UnicodeDecodeError) as problem:
        raise SourceError(f"{path.name} cannot be read: {problem}") from None
    if not isinstance(frame, geopandas.GeoDataFrame):
        raise SourceError(f"{path.name} has no outlines")
    frame = frame.rename(columns={name: str(name).lower() for name in frame.columns})
    columns = {str(name) for name in frame.columns}
    code = _column(CODE_COLUMNS, columns)
    if code is None:
        raise SourceError(f"{path.name} has no column of INSEE codes ({', '.join(CODE_COLUMNS)})")
    if frame.crs is None:
        raise SourceError(f"{path.name} does not name its coordinate system")
    geometry = shapely.force_2d(frame.to_crs("EPSG:4326").geometry.to_numpy())
    rows = zip(
        frame[code].tolist(),
        geometry,
        _cells(frame, _column(POPULATION_COLUMNS, columns)),
        _cells(frame, _column(EPCI_COLUMNS, columns)),
        strict=True,
    )
    joined: dict[str, FileRecord] = {}
    for cell, outline, count, epci in rows:
        if not outline:
            continue
        try:
            population = int(count)
        except (TypeError, ValueError):
            population = None
        # A commune may come in several rows, one for each of its parts.
        former = joined.get(str(cell))
        whole = shapely.union(former.outline, outline) if former else outline
        joined[str(cell)] = FileRecord(str(cell), whole, population, _sirens(epci))
    return joined


def _column(names: Iterable[str], present: Iterable[str]) -> str | None:
    return next((name for name in names if name in set(present)), None)


def _cells(frame: "geopandas.GeoDataFrame", column: str | None) -> list[Any]:
    return [None] * len(frame) if column is None else frame[column].tolist()


def _sirens(cell: Any) -> tuple[str, ...]:
    """IGN joins several by "/" (Grand Paris) and writes NR ("non renseigné") for none."""
    found = str(cell).split("/") if cell else ()
    return tuple(siren for siren in found if siren.isdigit())


def _with_arrondissements(
    records: Mapping[str, FileRecord], aliases: Sequence[AliasRecord]
) -> dict[str, FileRecord]:
    parts: dict[str, list[FileRecord | None]] = defaultdict(list)
    for alias in aliases:
        if alias.kind is AliasKind.ARRONDISSEMENT and alias.commune not in records:
            parts[alias.commune].append(records.get(alias.code))
    whole = dict(records)
    for commune, found in parts.items():
        present = [part for part in found if part is not None]
        if len(present) == len(found):
            outline = shapely.union_all([part.outline for part in present])
            whole[commune] = FileRecord(commune, outline, None, present[0].epci)
    return whole
