"""What moderators see of bursts and decide, and what everybody else is told."""

from random import Random
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.contributions.bursts import service
from mapservice.contributions.bursts.model import BurstState
from mapservice.jobs import make_jobs
from mapservice.settings import Settings
from tests.accounts.people.mailbox import ADDRESS, fill_in, sign_in
from tests.accounts.roles.cast import BRETAGNE, Actor, actor
from tests.contributions.bursts.simulation import (
    CESSON,
    Figures,
    arrive,
    bought,
    figures,
    initiative,
    wave,
)

PANEL = "/moderation/confiance"


@pytest.fixture
def moderator(app: Flask, engine: Engine) -> Actor:
    return actor(app, engine, "moderator", ("moderator", BRETAGNE))


@pytest.fixture
def backed(engine: Engine) -> UUID:
    """Fifty neighbours, and 400 supports behind two networks that are held back."""
    known = initiative(engine)
    arrive(engine, known, wave(Random(1), 50, schools=0, shared=0, told=1))
    arrive(engine, known, bought(Random(1), 400, 2, disposable=0.2))
    service.watch(engine)
    assert figures(engine, known) == Figures(50, 400, (("hold", "open"),))
    return known


def open_burst(engine: Engine) -> UUID:
    with engine.connect() as connection:
        found: UUID = connection.execute(
            text("SELECT id FROM burst WHERE state = 'open'")
        ).scalar_one()
    return found


def test_the_panel_gives_a_verdict_with_its_reasons(
    moderator: Actor, engine: Engine, backed: UUID
) -> None:
    listed = moderator.get(PANEL).text
    assert f"{PANEL}/{backed}" in listed
    page = moderator.get(f"{PANEL}/{backed}").text
    assert "retenus, pas comptés avant votre décision" in page
    assert "400 soutiens viennent de 2 réseaux" in page
    assert "adresses sur 400 sont jetables" in page
    assert f"{PANEL}/rafales/{open_burst(engine)}" in page
    assert str(open_burst(engine)) in moderator.get("/moderation").text, "it waits in the one queue"


def test_figures_and_reasons_count_the_same_networks(moderator: Actor, engine: Engine) -> None:
    """All that came is held, from four networks: none of them is nowhere in the figures."""
    known = initiative(engine)
    arrive(engine, known, bought(Random(4), 400, 4))
    service.watch(engine)
    assert figures(engine, known).counted == 0
    page = moderator.get(f"{PANEL}/{known}").text
    assert "400 soutiens viennent de 4 réseaux" in page
    told = page.split("réseaux en 30 jours", 1)[1].split("</dd>", 1)[0]
    assert told.rsplit("<dd>", 1)[1] == "4"
    assert "soutiens comptés ou non" in told


def test_every_bar_has_its_number(moderator: Actor, backed: UUID) -> None:
    page = moderator.get(f"{PANEL}/{backed}").text
    table = page.split("<tbody>", 1)[1].split("</tbody>", 1)[0]
    cells = [int(one.split("<")[0]) for one in table.split('<td class="number">')[1:]]
    assert (sum(cells[::2]), sum(cells[1::2])) == (50, 400)


def test_one_decision_is_made_and_the_second_is_late(
    moderator: Actor, engine: Engine, backed: UUID
) -> None:
    address = f"{PANEL}/rafales/{open_burst(engine)}"
    assert moderator.post(address, state="open").status_code == 400
    assert moderator.post(address, state="released", note="x" * 2001).status_code == 400
    refused = moderator.client.post(address, data={"state": "released"})
    assert refused.status_code == 403
    assert figures(engine, backed).counted == 50
    done = moderator.post(address, state="released", note="Appelé la mairie.")
    assert done.headers["Location"] == f"{PANEL}/{backed}"
    assert figures(engine, backed).counted == 450
    late = moderator.post(address, state="dismissed")
    assert late.status_code == 409
    assert figures(engine, backed).counted == 450
    page = moderator.get(f"{PANEL}/{backed}").text
    assert "Appelé la mairie." in page
    assert moderator.name in page
    assert "Rien n’attend ici" in moderator.get(PANEL).text


def test_the_panel_of_a_territory_shows_what_stands_out(
    moderator: Actor, engine: Engine, backed: UUID
) -> None:
    initiative(engine, title="Un banc", commune=CESSON)
    page = moderator.get(f"{PANEL}/territoire/departement/35").text
    assert "à regarder (400)" in page
    assert "Une passerelle sur la Vilaine" in page
    assert "Un banc" not in page
    assert moderator.get(f"{PANEL}/territoire/region/28").status_code == 404
    assert moderator.get(f"{PANEL}/territoire/region/99").status_code == 404
    assert moderator.get(f"{PANEL}/territoire/planet/1").status_code == 404


def test_links_that_were_mailed_and_not_used_are_shown(
    app: Flask, moderator: Actor, backed: UUID
) -> None:
    fill_in(app.test_client(), f"/initiatives/{backed}/soutenir", {"email": ADDRESS})
    page = " ".join(moderator.get(f"{PANEL}/{backed}").text.split())
    assert "<dd>1</dd></div> <div><dt>d’ici" in page


def test_everybody_reads_that_supports_are_looked_at(client: FlaskClient, backed: UUID) -> None:
    page = client.get(f"/initiatives/{backed}").text
    assert "50 soutiens confirmés" in page
    assert "400 soutiens sont en cours de vérification" in page
    english = client.get(f"/initiatives/{backed}?lang=en", follow_redirects=True).text
    assert "400 supports are being checked" in english


def test_a_person_is_told_in_neutral_words(app: Flask, engine: Engine, backed: UUID) -> None:
    """Theirs arrives from one of the networks; later it is set aside."""
    client = app.test_client()
    sign_in(client, engine)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE support SET network = decode(:mine, 'hex') WHERE held_at IS NOT NULL"),
            {"mine": network_of(app, engine, client)},
        )
    given = fill_in(client, f"/initiatives/{backed}/soutenir", {"commune": ""})
    shown = client.get(given.headers["Location"]).text
    assert "Il est en cours de vérification" in shown
    assert "Votre soutien est compté" not in shown
    assert "en cours de vérification, pas encore compté" in client.get("/compte").text
    assert "'standing': 'held'" in str(client.get("/compte/donnees").get_json())
    with engine.begin() as connection:
        service.decide(connection, open_burst(engine), backed, BurstState.DISMISSED, by="Eva")
    assert "pas compté, après vérification" in client.get("/compte").text
    assert "votre soutien n’est pas compté" in client.get(f"/initiatives/{backed}/soutenir").text
    assert "en cours de vérification" not in client.get(f"/initiatives/{backed}").text


def network_of(app: Flask, engine: Engine, client: FlaskClient) -> str:
    """What the door keeps of where this client comes from, in hexadecimal."""
    other = initiative(engine, title="Une autre")
    fill_in(client, f"/initiatives/{other}/soutenir", {"commune": ""})
    statement = text("SELECT encode(network, 'hex') FROM support WHERE initiative = :id")
    with engine.connect() as connection:
        return str(connection.execute(statement, {"id": other}).scalar_one())


def test_the_worker_watches_each_minute() -> None:
    jobs = make_jobs(Settings(database_url="postgresql:///none"))
    assert "watch_supports" in jobs.tasks
