"""Populations of Etalab's npm package `decoupage-administratif`, read as data beside ours.

Its README names the sources: INSEE's populations de référence of metropolitan France and overseas,
and for Mayotte those of 2017, the last ones counted there. Codes and names stay those of the set
that the populations are laid over. Its EPCI populations are of another year than its communes':
ours are sums of communes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mapservice.errors import SourceError
from mapservice.settings import vendor_folder
from mapservice.territories.model import TerritorySet

PACKAGE = "@etalab/decoupage-administratif"

# Year that the populations of each version are of: those in force on 1 January 2026 are of 2023.
POPULATION_YEARS = {"6.0.0": 2023}
MAYOTTE, MAYOTTE_YEAR = "976", 2017


@dataclass(frozen=True, slots=True)
class PackageAtHand:
    """A release of the package and the folder it lies in."""

    folder: Path
    version: str

    @property
    def label(self) -> str:
        """As the load of territories keeps it."""
        return f"populations of {PACKAGE} {self.version}"


@dataclass(frozen=True, slots=True)
class CommunePopulations:
    """By INSEE code of a commune: inhabitants, None where there is no figure, and their year."""

    label: str
    by_commune: Mapping[str, tuple[int | None, int | None]]


def populations_at_hand(vendor: Path | None = None) -> PackageAtHand | None:
    """The package among the npm files, or None where it is not installed.

    Raises SourceError for a version whose year is not known.
    """
    folder = (vendor or vendor_folder()) / PACKAGE
    try:
        version = str(json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise SourceError(f"{PACKAGE} cannot be read: {problem}") from None
    if version not in POPULATION_YEARS:
        known = ", ".join(POPULATION_YEARS)
        raise SourceError(f"{PACKAGE} {version} is not known; known: {known}")
    return PackageAtHand(folder, version)


def read_populations(package: PackageAtHand) -> CommunePopulations:
    """Raises SourceError for a file that cannot be read, or is of an unknown shape."""
    try:
        rows = json.loads((package.folder / "data" / "communes.json").read_text(encoding="utf-8"))
        counts = {
            str(row["code"]): row.get("population")
            for row in rows
            if row["type"] == "commune-actuelle"
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise SourceError(f"communes.json of {PACKAGE} cannot be read: {problem}") from None
    found: dict[str, tuple[int | None, int | None]] = {}
    for code, count in counts.items():
        year = MAYOTTE_YEAR if code.startswith(MAYOTTE) else POPULATION_YEARS[package.version]
        # To Python, true is an int as well.
        known = isinstance(count, int) and not isinstance(count, bool) and count >= 0
        found[code] = (count, year) if known else (None, None)
    return CommunePopulations(package.label, found)


def with_populations(base: TerritorySet, populations: CommunePopulations) -> TerritorySet:
    """The set with these instead of its own; a commune that the package lacks keeps its own."""
    communes = []
    for commune in base.communes:
        own = commune.population, commune.population_year
        count, year = populations.by_commune.get(commune.code, own)
        communes.append(replace(commune, population=count, population_year=year))
    return replace(base, source=f"{base.source}, {populations.label}", communes=communes)
