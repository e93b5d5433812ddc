"""Figures after another year of the COG: communes merged, parted and renumbered under all of it.

The communes, codes and events are real ones; their outlines are boxes.
"""

from collections.abc import Iterator
from random import Random

import pytest
from sqlalchemy import Engine, text

from mapservice.db.engine import make_engine
from mapservice.db.migrate import migrate
from mapservice.rollups.queries import differences
from mapservice.territories.model import Level, TerritoryRef
from tests.conftest import temporary_database
from tests.dashboards.recounting import SCOPES, Place, Written, change, check, write
from tests.territories.lineage_facts import yearly_movements
from tests.territories.test_lineage_load import COG_2022, COG_2026, loaded

PLACES: list[Place] = [
    (None, Level.REGION),
    (None, Level.DEPARTEMENT),
    (None, Level.EPCI),
    (None, Level.COMMUNE),
    (TerritoryRef(Level.DEPARTEMENT, "85"), Level.COMMUNE),
    (TerritoryRef(Level.EPCI, "200054781"), Level.COMMUNE),
]
COMMUNES = ("93066", "93059", "85084", "15141", "27058")
THERE = Written(COMMUNES, [*COMMUNES, None], "85", "52")


@pytest.fixture
def atlas(server_url: str) -> Iterator[Engine]:
    """A database of its own."""
    with temporary_database(server_url, "recount") as url:
        engine = make_engine(url)
        migrate(engine)
        yield engine
        engine.dispose()


def test_every_figure_is_a_recount_after_another_year(atlas: Engine) -> None:
    chance = Random(2022)
    loaded(atlas, COG_2022, yearly_movements())
    with atlas.begin() as connection:
        write(connection, chance, THERE, 120)
        connection.execute(text("SELECT rollup_compact()"))
        change(connection, chance, THERE)
    loaded(atlas, COG_2026)
    with atlas.connect() as connection:
        for scope in (SCOPES[0], SCOPES[-1]):
            check(connection, scope, PLACES)
        assert differences(connection) == []


def test_who_told_a_former_commune_lives_in_that_of_today(atlas: Engine) -> None:
    """Pierrefitte-sur-Seine is in Saint-Denis since 2025; both are in one EPCI, as before."""
    chance = Random(1)
    loaded(atlas, COG_2022, yearly_movements())
    there = Written(["93059"], ["93059"], "93", "11")
    with atlas.begin() as connection:
        write(connection, chance, there, 20)
    loaded(atlas, COG_2026)
    with atlas.connect() as connection:
        told, local = connection.execute(
            text("SELECT sum(told_here), sum(local_here) FROM initiative WHERE commune = '93066'")
        ).one()
        assert told == local > 0
        assert differences(connection) == []
