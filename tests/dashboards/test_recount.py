"""Every figure equals a recount from the base tables, whatever was written, folded or filtered."""

from collections.abc import Iterator
from random import Random

import pytest
from sqlalchemy import Connection, Engine, text

from mapservice.initiatives.filters import RollupScope
from mapservice.rollups.queries import differences
from mapservice.territories.model import Level, TerritoryRef
from tests.dashboards.recounting import SCOPES, Place, Written, change, check, write
from tests.emptied import empty

pytestmark = pytest.mark.long

BRETAGNE = TerritoryRef(Level.REGION, "53")
ILLE_ET_VILAINE = TerritoryRef(Level.DEPARTEMENT, "35")
RENNES_METROPOLE = TerritoryRef(Level.EPCI, "243500139")
REDON = TerritoryRef(Level.EPCI, "243500741")  # reaches into three départements
RENNES = TerritoryRef(Level.COMMUNE, "35238")
PLACES: list[Place] = [
    (None, Level.REGION),
    (None, Level.DEPARTEMENT),
    (None, Level.EPCI),
    (None, Level.COMMUNE),
    (BRETAGNE, Level.DEPARTEMENT),
    (BRETAGNE, Level.EPCI),
    (BRETAGNE, Level.COMMUNE),
    (ILLE_ET_VILAINE, Level.COMMUNE),
    (ILLE_ET_VILAINE, Level.EPCI),
    (RENNES_METROPOLE, Level.COMMUNE),
    (REDON, Level.COMMUNE),
    (RENNES, Level.COMMUNE),
]
# An arrondissement of Paris, and a commune that is part of Val d'Anast since 2017.
FORMER = ("75116", "35060")


@pytest.fixture(scope="module", params=[2010])
def written(request: pytest.FixtureRequest, shared_engine: Engine) -> Iterator[Connection]:
    """Random initiatives: some folded into the rollups, some changed or removed since, some new."""
    chance = Random(request.param)
    empty(shared_engine, "initiative, person")
    with shared_engine.begin() as connection:
        there = _where(connection, chance)
        write(connection, chance, there, 400)
        connection.execute(text("SELECT rollup_compact()"))
    with shared_engine.begin() as connection:
        change(connection, chance, there)
        write(connection, chance, there, 60)
    with shared_engine.connect() as connection:
        yield connection


def _where(connection: Connection, chance: Random) -> Written:
    places = connection.execute(
        text(
            "SELECT code FROM territory WHERE level = 'commune'"
            " AND (departement IN ('35', '56', '44') OR code IN ('75056', '97411', '2A004'))"
            " ORDER BY code"
        )
    )
    communes = [*chance.sample(list(places.scalars()), 60), "35238", "97411", "35236"]
    near = ["35238"] * 20 + ["35047", "35024"]  # in the EPCI of Rennes
    homes = [*communes, *near, *FORMER, *[None] * 20]
    return Written(communes, homes, "35", "53", ("243500741", "243500139"))


@pytest.mark.parametrize("scope", SCOPES)
def test_every_figure_is_a_recount(written: Connection, scope: RollupScope) -> None:
    check(written, scope, PLACES)


def test_the_kept_counts_are_right(written: Connection) -> None:
    assert differences(written) == []
