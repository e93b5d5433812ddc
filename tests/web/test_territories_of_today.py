"""A code that a commune has no more means the commune of today, at every address that filters."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from tests.web.population import Made, insert

PARIS, LYON, MARSEILLE = "75056", "69123", "13055"
ARRONDISSEMENTS = {"75101": PARIS, "75116": PARIS, "69381": LYON, "13201": MARSEILLE}
ADDRESSES = (
    "/initiatives.geojson?limit=100&territory=",
    "/initiatives.geojson?territory=",
    "/ogc/collections/initiatives/items?limit=100&territory=",
)


@pytest.fixture
def cities(client: FlaskClient, engine: Engine) -> dict[str, str]:
    """One initiative in each of three cities, by its commune; more elsewhere."""
    made = [Made(commune=code) for code in (PARIS, LYON, MARSEILLE, "35238", "2A004")]
    with engine.begin() as connection:
        insert(connection, made)
    return {str(one.commune): one.id for one in made}


@pytest.fixture
def former(engine: Engine) -> Iterator[dict[str, str]]:
    """What became of former communes: as the stored aliases have it, each code one commune's."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT code, min(commune) AS commune FROM territory_alias AS alias"
                " WHERE code NOT IN (SELECT code FROM territory WHERE level = 'commune')"
                " GROUP BY code HAVING count(DISTINCT commune) = 1 ORDER BY md5(code) LIMIT 20"
            )
        ).all()
        yield {row.code: row.commune for row in rows}


def ids(client: FlaskClient, address: str) -> list[str]:
    answer = client.get(address, buffered=True)
    assert answer.status_code == 200, (address, answer.text)
    return [feature["id"] for feature in answer.get_json(force=True)["features"]]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(("code", "city"), ARRONDISSEMENTS.items())
def test_an_arrondissement_means_its_commune(
    client: FlaskClient, cities: dict[str, str], address: str, code: str, city: str
) -> None:
    assert ids(client, f"{address}commune:{code}") == [cities[city]]
    both = ids(client, f"{address}commune:{code},commune:{city}")
    assert both == [cities[city]]


@pytest.mark.parametrize(
    "path",
    [
        "/initiatives",
        "/initiatives.geojson",
        "/tiles/initiatives.json",
        "/ogc/collections/initiatives/items",
    ],
)
def test_the_answer_names_the_address_of_today(
    client: FlaskClient, cities: dict[str, str], path: str
) -> None:
    answer = client.get(f"{path}?theme=culture&territory=commune:75101", buffered=True)
    links = ", ".join(answer.headers.getlist("Link"))
    assert (
        f'<http://map.test{path}?theme=culture&territory=commune:{PARIS}>; rel="canonical"' in links
    )
    plain = client.get(f"{path}?theme=culture&territory=commune:{PARIS}", buffered=True)
    assert "canonical" not in ", ".join(plain.headers.getlist("Link"))


def test_former_communes_mean_their_heirs(client: FlaskClient, former: dict[str, str]) -> None:
    assert len(former) == 20
    for code, commune in former.items():
        answer = client.get(f"/initiatives.csv?territory=commune:{code}", buffered=True)
        assert answer.status_code == 200, (code, answer.text)
        assert f"territory=commune:{commune}>" in ", ".join(answer.headers.getlist("Link"))


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_case_of_a_code_does_not_matter(
    client: FlaskClient, cities: dict[str, str], address: str
) -> None:
    for written in ("departement:2a", "departement:2A", "commune:2a004"):
        assert ids(client, address + written) == [cities["2A004"]]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "written", ["commune:99999", "commune:75199", "departement:75101", "epci:1"]
)
def test_a_code_that_never_was_is_named(client: FlaskClient, address: str, written: str) -> None:
    answer = client.get(address + quote(written))
    assert (answer.status_code, answer.get_json()["field"]) == (400, "territory")
    assert written in answer.get_json()["detail"]


@pytest.mark.parametrize("suffix", ["atom", "ics"])
def test_feeds_lead_to_the_commune_of_today(client: FlaskClient, suffix: str) -> None:
    moved = client.get(f"/territoires/commune/75101.{suffix}")
    assert (moved.status_code, moved.location) == (302, f"/territoires/commune/{PARIS}.{suffix}")
    assert client.get(f"/territoires/departement/2a.{suffix}").location.endswith(f"/2A.{suffix}")
    assert client.get(f"/territoires/commune/99999.{suffix}").status_code == 404
