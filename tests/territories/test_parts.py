"""EPCI that straddle: each wider territory has its part of them, and the parts add up."""

from collections import defaultdict
from random import Random

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.territories.model import Level
from tests.emptied import empty
from tests.web.population import Made, insert

REDON = "243500741"  # in Ille-et-Vilaine, Morbihan and Loire-Atlantique
RENNES_METROPOLE = "243500139"
WIDE = (Level.REGION, Level.DEPARTEMENT)

# What a wider territory holds, from the base tables alone.
GROUND = """
SELECT {level} AS wide, epci, code, population FROM territory
 WHERE level = 'commune' AND epci IS NOT NULL"""
HELD = """
SELECT commune, epci, count(*) AS initiatives FROM initiative
 WHERE status IN ('published', 'done') AND epci IS NOT NULL
 GROUP BY commune, epci"""


@pytest.fixture(scope="module")
def doors(app: Flask, shared_engine: Engine) -> FlaskClient:
    """Random initiatives, many of them on ground that straddles; some known to an EPCI alone."""
    chance = Random(19)
    empty(shared_engine, "initiative, person")
    with shared_engine.begin() as connection:
        straddling = connection.execute(
            text(
                "SELECT code FROM territory WHERE level = 'commune' AND epci IN (SELECT epci"
                " FROM epci_part GROUP BY epci HAVING count(*) > 1) ORDER BY code"
            )
        ).scalars()
        anywhere = connection.execute(
            text("SELECT code FROM territory WHERE level = 'commune' ORDER BY code")
        ).scalars()
        chosen = [*chance.sample(list(straddling), 250), *chance.sample(list(anywhere), 250)]
    alone = [REDON] * 3 + [RENNES_METROPOLE] * 2
    with shared_engine.begin() as connection:
        insert(connection, [Made(commune=code) for code in chosen])
        connection.execute(text("SELECT rollup_compact()"))
    with shared_engine.begin() as connection:
        insert(connection, [Made(commune=code) for code in chosen[:120]])
        insert(connection, [Made(precision="epci", epci=code) for code in alone])
    return app.test_client()


@pytest.mark.parametrize("level", WIDE)
def test_the_parts_of_every_wider_territory_are_all_of_its_communes(
    doors: FlaskClient, shared_engine: Engine, level: Level
) -> None:
    """Union of parts, inhabitants and initiatives: a recount by commune says the same."""
    with shared_engine.connect() as connection:
        communes = connection.execute(text(GROUND.format(level=level))).all()
        held = {(row.commune, row.epci): row.initiatives for row in connection.execute(text(HELD))}
    grounds: dict[str, set[str]] = defaultdict(set)
    people: dict[tuple[str, str], int] = defaultdict(int)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for one in communes:
        grounds[one.epci].add(one.wide)
        people[one.wide, one.epci] += one.population
        counts[one.wide, one.epci] += held.get((one.code, one.epci), 0)
    for (commune, epci), number in held.items():
        if commune is None and len(grounds[epci]) == 1:
            counts[next(iter(grounds[epci])), epci] += number
    for wide in {one.wide for one in communes}:
        found = doors.get(f"/activity/epci.json?territory={level}:{wide}").get_json()["territories"]
        told = {one["code"]: (one["population"], one["initiatives"]) for one in found}
        assert told == {
            epci: (people[wide, epci], counts[wide, epci]) for of, epci in people if of == wide
        }
        partial = {one["code"] for one in found if one["partial"]}
        assert partial == {epci for epci in told if len(grounds[epci]) > 1}


def test_the_kept_parts_are_the_communes(shared_engine: Engine) -> None:
    statement = text(
        """
        SELECT epci, departement, communes, population FROM epci_part
        EXCEPT
        SELECT epci, departement, count(*), sum(population) FROM territory
         WHERE level = 'commune' AND epci IS NOT NULL GROUP BY epci, departement"""
    )
    with shared_engine.connect() as connection:
        assert connection.execute(statement).all() == []
        total = connection.execute(text("SELECT sum(communes) FROM epci_part")).scalar_one()
        having = text("SELECT count(*) FROM territory WHERE level = 'commune' AND epci IS NOT NULL")
        assert total == connection.execute(having).scalar_one()


def test_the_outlines_of_the_parts_cover_their_communes_and_no_more(shared_engine: Engine) -> None:
    """In square kilometres of the plane that maps are drawn in."""
    statement = text(
        """
        SELECT max(ST_Area(ST_SymDifference(piece.geom, ground.geom)) / ST_Area(ground.geom))
          FROM epci_part_outline AS piece
          JOIN (SELECT epci, departement, ST_Union(geom) AS geom
                  FROM territory AS commune
                  JOIN territory_outline AS shown
                    ON shown.level = 'commune' AND shown.code = commune.code AND shown.zoom = 8
                 WHERE commune.level = 'commune' AND commune.epci = :epci
                 GROUP BY epci, departement) AS ground USING (epci, departement)
         WHERE piece.zoom = 8"""
    )
    with shared_engine.connect() as connection:
        assert connection.execute(statement, {"epci": REDON}).scalar_one() < 1e-9


def test_the_coordination_of_a_region_lists_the_part_and_says_so(doors: FlaskClient) -> None:
    page = doors.get("/coordination/region/53?by=epci").text
    row = page.split(f'href="/coordination/epci/{REDON}"', 1)[1].split("</tr>", 1)[0]
    assert "partie en Bretagne" in row
    assert "3 initiatives connues seulement à l’échelle d’une intercommunalité à cheval" in page
    columns = doors.get("/coordination/region/53.json?by=epci").get_json()
    codes = columns["codes"].split(",")
    at = codes.index(REDON)
    assert columns["partial"][at]
    assert columns["names"][at].endswith("(partie)")
    listed = doors.get("/activity/epci.json?territory=region:53").get_json()["territories"]
    assert codes == [one["code"] for one in listed]
    whole = doors.get("/coordination/epci/243500741").text
    assert "partie" not in whole.split("<tbody>", 1)[1].split("</tbody>", 1)[0]


def test_its_page_says_where_it_lies(doors: FlaskClient) -> None:
    page = doors.get(f"/territoires/epci/{REDON}").text
    told = page.split('class="lies-in"', 1)[1].split("</ul>", 1)[0]
    for place in ("region/53", "region/52", "departement/35", "departement/56", "departement/44"):
        assert f"/territoires/{place}" in told
    assert "68,5" in told
    assert 'class="lies-in"' not in doors.get(f"/territoires/epci/{RENNES_METROPOLE}").text


@pytest.mark.parametrize("place", ["departement/35", "departement/56", "region/53", "region/52"])
def test_the_pages_of_all_that_it_lies_in_list_it(doors: FlaskClient, place: str) -> None:
    listed = doors.get(f"/territoires/{place}").text.split('id="intercommunalites"', 1)[1]
    assert f"/territoires/epci/{REDON}" in listed


def test_tiles_draw_the_part(doors: FlaskClient) -> None:
    whole = doors.get("/tiles/outlines/epci/8/126/89.pbf", buffered=True)
    part = doors.get("/tiles/outlines/epci/8/126/89.pbf?within=region:53", buffered=True)
    assert (whole.status_code, part.status_code) == (200, 200)
    assert REDON.encode() in part.data
    assert len(part.data) < len(whole.data)
    assert doors.get("/tiles/outlines/epci/8/126/89.pbf?within=epci:1").status_code == 400
    assert doors.get("/tiles/outlines/commune/8/125/89.pbf?within=region:53").status_code == 400


def test_a_report_draws_and_counts_the_part(doors: FlaskClient, shared_engine: Engine) -> None:
    from mapservice.publishing.reports import words
    from mapservice.publishing.reports.model import ReportView
    from mapservice.publishing.reports.queries import read

    with shared_engine.connect() as connection:
        report = read(connection, ReportView.of_query("territory=region:53&by=epci"), "", "Ici")
    line = next(one for one in report.lines if one.code == REDON)
    assert line.partial
    assert report.epci_alone == 3
    assert words.name(line).endswith("(partie)")
    lons = [p[0] for polygon in report.outlines.areas[REDON]["coordinates"] for p in polygon[0]]
    assert max(lons) < -1.8  # the part in Loire-Atlantique reaches to -1.65
