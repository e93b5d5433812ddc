"""What lies within a role, and what does not: for cases, lists, counts and choices."""

import re
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from tests.accounts.roles.cast import (
    BRETAGNE,
    CAEN,
    NORMANDIE,
    RENNES,
    Actor,
    actor,
    doubts,
    proposal,
    revoke,
)

LIEUX = "/moderation/lieux"
RENNES_METROPOLE, LANNION = "243500139", "22113"


def listed(page: str) -> set[str]:
    return set(re.findall(r'data-id="([^"]+)"', page))


def shares(page: str) -> list[str]:
    """The parts of the queue that a page offers, with what waits in each."""
    found = re.findall(r'territory=([\w:]+)"[^>]*><span>[^<]*</span> <span[^>]*>(\d+)<', page)
    return [f"{territory} {count}" for territory, count in found]


@pytest.mark.parametrize(
    ("territory", "seen"),
    [
        (BRETAGNE, {"commune", "epci", "departement", "region", "far"}),
        ("departement:35", {"commune", "epci", "departement"}),
        (f"epci:{RENNES_METROPOLE}", {"commune", "epci"}),
        (f"commune:{RENNES}", {"commune"}),
        ("departement:22", {"far"}),
        (NORMANDIE, {"abroad"}),
    ],
)
def test_a_role_holds_a_territory_and_what_is_below_it(
    app: Flask, engine: Engine, territory: str, seen: set[str]
) -> None:
    known = {
        "commune": proposal(engine, "Rennes", commune=RENNES),
        "epci": proposal(engine, "Métropole", precision="epci", epci=RENNES_METROPOLE),
        "departement": proposal(engine, "35", precision="departement", departement="35"),
        "region": proposal(engine, "Bretagne", precision="region", region="53"),
        "far": proposal(engine, "Lannion", commune=LANNION),
        "abroad": proposal(engine, "Caen", commune=CAEN),
        "nowhere": proposal(engine, "Où", precision="none"),
        "national": proposal(engine, "Partout", precision="national"),
    }
    moderator = actor(app, engine, "eva", ("moderator", territory))
    page = moderator.get("/moderation").text
    assert listed(page) == {str(known[name]) for name in seen}
    for name, identifier in known.items():
        status = moderator.get(f"/moderation/{identifier}").status_code
        assert status == (200 if name in seen else 404), name
    for _ in seen:
        taken = moderator.post("/moderation/suivante").location.rpartition("/")[2]
        assert taken in {str(known[name]) for name in seen}
        done = moderator.post(f"/moderation/{taken}", verdict="publish", revision="1")
        assert done.status_code == 303
    assert moderator.post("/moderation/suivante").location == "/moderation"


def test_only_admins_have_what_is_placed_nowhere(app: Flask, engine: Engine) -> None:
    nowhere = proposal(engine, "Où", precision="none")
    admin = actor(app, engine, "admin", ("admin", ""))
    moderator = actor(app, engine, "eva", ("moderator", BRETAGNE))
    assert listed(admin.get("/moderation?territory=none").text) == {str(nowhere)}
    assert moderator.get("/moderation?territory=none").status_code == 404
    assert moderator.get(f"{LIEUX}?territory=none").status_code == 404


def test_counts_and_parts_of_a_queue_tell_nothing_of_elsewhere(app: Flask, engine: Engine) -> None:
    for commune in (RENNES, RENNES, LANNION, CAEN):
        proposal(engine, "Un jardin", commune=commune)
    admin = actor(app, engine, "admin", ("admin", ""))
    moderator = actor(app, engine, "eva", ("moderator", BRETAGNE))
    assert shares(admin.get("/moderation").text) == [f"{BRETAGNE} 3", f"{NORMANDIE} 1"]
    page = moderator.get("/moderation").text
    assert shares(page) == [f"{BRETAGNE} 3"]
    assert "Normandie" not in page
    assert "3 cas attendent" in page


def test_a_part_may_be_larger_than_the_role(app: Flask, engine: Engine) -> None:
    here = proposal(engine, "Ici", commune=RENNES)
    proposal(engine, "Là", commune=LANNION)
    moderator = actor(app, engine, "eva", ("moderator", "departement:35"))
    assert listed(moderator.get(f"/moderation?territory={BRETAGNE}").text) == {str(here)}
    assert moderator.get("/moderation?territory=departement:22").status_code == 404
    assert moderator.get("/moderation?territory=region:99").status_code == 400


def test_several_roles_add_up_and_a_coordinator_still_only_reads(
    app: Flask, engine: Engine
) -> None:
    here = proposal(engine, "Ici", commune=RENNES)
    there = proposal(engine, "Là-bas", commune=CAEN)
    eva = actor(app, engine, "eva", ("moderator", BRETAGNE), ("coordinator", NORMANDIE))
    assert listed(eva.get("/moderation").text) == {str(here), str(there)}
    assert 'name="verdict"' not in eva.get(f"/moderation/{there}").text
    assert eva.post(f"/moderation/{there}/prendre").status_code == 403
    assert 'name="verdict"' in eva.get(f"/moderation/{here}").text
    assert eva.post(f"/moderation/suivante?territory={NORMANDIE}").location.endswith(NORMANDIE)
    assert eva.post("/moderation/suivante").location == f"/moderation/{here}"


def test_what_was_decided_elsewhere_is_not_told(app: Flask, engine: Engine) -> None:
    there = proposal(engine, "Secret normand", commune=CAEN)
    admin = actor(app, engine, "admin", ("admin", ""))
    moderator = actor(app, engine, "eva", ("moderator", BRETAGNE))
    admin.post(f"/moderation/{there}", verdict="publish", revision="1")
    assert "Secret normand" in admin.get(f"/moderation?decided={there}").text
    assert "Secret normand" not in moderator.get(f"/moderation?decided={there}").text


class TestPlaces:
    @pytest.fixture
    def waiting(self, engine: Engine, import_rows: Callable[[str], list[str]]) -> dict[str, UUID]:
        return doubts(engine, import_rows)

    @pytest.fixture
    def eva(self, app: Flask, engine: Engine) -> Actor:
        return actor(app, engine, "eva", ("moderator", BRETAGNE))

    def test_a_case_concerns_each_territory_that_it_may_be_in(
        self, app: Flask, engine: Engine, waiting: dict[str, UUID], eva: Actor
    ) -> None:
        norman = actor(app, engine, "max", ("moderator", NORMANDIE))
        assert listed(eva.get(LIEUX).text) == {str(waiting[n]) for n in ("bretagne", "both")}
        assert listed(norman.get(LIEUX).text) == {str(waiting[n]) for n in ("normandie", "both")}
        assert "Normandie" not in eva.get(LIEUX).text
        for name, status in (
            ("bretagne", 200),
            ("both", 200),
            ("normandie", 404),
            ("nowhere", 404),
        ):
            assert eva.get(f"{LIEUX}/{waiting[name]}").status_code == status, name

    def test_a_choice_lies_in_the_role_or_is_one_of_the_readings(
        self, engine: Engine, waiting: dict[str, UUID], eva: Actor
    ) -> None:
        path = f"{LIEUX}/{waiting['both']}"
        for far in ("commune:67482", "region:44", "departement:67", "epci:246700488"):
            assert eva.post(path, choice=far).status_code == 400, far
        assert eva.post(path, choice=f"commune:{LANNION}").status_code == 303
        assert eva.post(f"{path}/attente").status_code == 303
        assert eva.post(path, choice="point").status_code == 303
        with engine.connect() as connection:
            statement = "SELECT commune FROM initiative WHERE id = :id"
            assert connection.execute(text(statement), {"id": waiting["both"]}).scalar() == CAEN

    def test_the_list_of_decided_places_is_theirs_alone(
        self, app: Flask, engine: Engine, waiting: dict[str, UUID], eva: Actor
    ) -> None:
        admin = actor(app, engine, "admin", ("admin", ""))
        for name in ("normandie", "bretagne"):
            assert admin.post(f"{LIEUX}/{waiting[name]}", choice="unknown").status_code == 303
        page = eva.get(f"{LIEUX}?state=decided").text
        assert listed(page) == {str(waiting["bretagne"])}
        told = "Une haie"
        assert told in admin.get(f"{LIEUX}?decided={waiting['normandie']}").text
        assert told not in eva.get(f"{LIEUX}?decided={waiting['normandie']}").text
        assert eva.post(f"{LIEUX}/{waiting['normandie']}/attente").status_code == 404

    def test_a_coordinator_sees_no_form(
        self, app: Flask, engine: Engine, waiting: dict[str, UUID], eva: Actor
    ) -> None:
        reader = actor(app, engine, "max", ("coordinator", BRETAGNE))
        path = f"{LIEUX}/{waiting['bretagne']}"
        assert 'id="decision"' not in reader.get(path).text
        assert 'id="decision"' in eva.get(path).text
        eva.post(path, choice="unknown")
        assert "/attente" not in reader.get(path).text
        assert "/attente" in eva.get(path).text


def test_a_revoked_role_ends_at_the_next_request(app: Flask, engine: Engine) -> None:
    here = proposal(engine, "Ici", commune=RENNES)
    eva = actor(app, engine, "eva", ("moderator", BRETAGNE))
    assert eva.post(f"/moderation/{here}/prendre").status_code == 303
    assert eva.person
    revoke(engine, eva.person, "moderator", BRETAGNE)
    assert eva.get("/moderation").status_code == 404
    assert eva.post(f"/moderation/{here}", verdict="publish", revision="1").status_code == 404


def test_who_does_not_exist_is_not_within_anything(app: Flask, engine: Engine) -> None:
    for roles in (("moderator", BRETAGNE), ("admin", "")):
        somebody = actor(app, engine, roles[0], roles)
        for path in (f"/moderation/{uuid4()}", f"{LIEUX}/{uuid4()}"):
            assert somebody.get(path).status_code == 404
            assert somebody.post(path).status_code == 404
