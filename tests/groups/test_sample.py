"""The sample shows groups in every région, and claims nobody."""

from datetime import UTC, datetime

from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.db.engine import fill
from mapservice.geocoding.service import Locator
from mapservice.groups import fixtures, queries, service
from mapservice.territories.load import FOLLOW
from tests.groups.founder import Founder, make_group
from tests.web.population import Made, insert

KEPT = """
SELECT count(*) AS groups, count(DISTINCT region) AS regions, sum(members) AS members,
       count(*) FILTER (WHERE precision = 'none') AS lost,
       count(*) FILTER (WHERE precision = area) AS as_asked
  FROM local_group"""


def test_the_sample_has_groups_in_every_region(
    engine: Engine, locator: Locator, visitor: FlaskClient
) -> None:
    now = datetime.now(UTC)
    for _ in range(2):  # loaded again it replaces itself
        with engine.begin() as connection:
            assert fixtures.load_sample(connection, locator, now) == 20
    with engine.connect() as connection:
        kept = connection.execute(text(KEPT)).one()
        regions = connection.execute(
            text("SELECT count(*) FROM territory WHERE level = 'region'")
        ).scalar_one()
        assert fixtures.is_in_use(connection)
    assert (kept.groups, kept.regions, kept.members) == (20, regions, 0)
    assert (kept.lost, kept.as_asked) == (0, 20)
    page = visitor.get("/groupes").text
    assert "ces groupes n’existent pas" in page
    assert "En sommeil" not in page
    assert "en sommeil" in page  # one of the sample is
    # Nobody is asked to take over what is made up, and nobody joins it.
    one = visitor.get("/groupes.geojson?limit=1").get_json()["features"][0]["id"]
    shown = visitor.get(f"/groupes/{one}").text
    assert "n’a plus personne" not in shown
    assert "C’est un exemple" in shown
    with engine.begin() as connection:
        connection.execute(text("UPDATE local_group SET succession_since = '2020-01-01'"))
    assert service.hand_over(engine, now) == 0
    with engine.begin() as connection:
        assert fixtures.remove(connection) == 20
        # Without the sample of initiatives it has nothing to stand beside.
        assert fixtures.is_in_use(connection)
        insert(connection, [Made(commune="35238", source_platform="sample")])
        assert not fixtures.is_in_use(connection)


def test_groups_follow_their_communes(founder: Founder, engine: Engine) -> None:
    """To the commune that theirs became part of; else to what is still sure."""
    kept, lost = founder.found(), founder.found(title="Un autre")
    with engine.connect() as connection:
        connection.execute(text("ALTER TABLE local_group DISABLE TRIGGER group_place"))
        for identifier, code in ((kept, "35999"), (lost, "35998")):
            connection.execute(
                text("UPDATE local_group SET commune = :code WHERE id = :id"),
                {"id": identifier, "code": code},
            )
        connection.execute(text("ALTER TABLE local_group ENABLE TRIGGER group_place"))
        connection.execute(
            text(
                "INSERT INTO territory_alias (kind, code, name, commune, postcodes)"
                " VALUES ('former', '35999', 'Saint-Rien', '35238', '{}')"
            )
        )
        for statement in FOLLOW:
            connection.execute(text(fill(statement, {"table": "local_group"})))
        follows, remains = queries.find(connection, kept), queries.find(connection, lost)
        assert follows
        assert (follows.commune, follows.commune_name) == ("35238", "Rennes")
        assert remains
        assert (remains.precision, remains.departement) == ("departement", "35")
        connection.rollback()


def test_a_group_from_elsewhere_is_not_said_to_sleep(visitor: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        made = make_group(connection, None)
        told = "SET source = 'Ailleurs', last_sign_at = '2020-01-02'"
        connection.execute(text(f"UPDATE local_group {told} WHERE id = :id"), {"id": made})
    for path in (f"/groupes/{made}", "/groupes"):
        assert "en sommeil</span>" not in visitor.get(path).text
    assert "Ailleurs en sait peut-être plus" in visitor.get(f"/groupes/{made}").text
