"""From one case to the next, of whatever kind: each says what was just decided."""

from collections.abc import Callable
from random import Random

from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.contributions.bursts import service
from tests.contributions.bursts.simulation import arrive, bought, initiative
from tests.contributions.proposals.desk import propose
from tests.moderation.moderator import Moderator

# Several communes are called so.
IN_DOUBT = """\
title,city,theme,status
Fête du village,Saint-Denis,culture,en cours
"""
JUST_DECIDED = "«\u00a0Un verger derrière la mairie\u00a0»\u00a0: publiée."


def onward(client: FlaskClient, engine: Engine, eva: Moderator) -> tuple[str, str]:
    """Publishes a proposal that waits; where that leads, and the page there."""
    found = propose(client, engine)
    answer = eva.decide(found.id, "publish")
    assert answer.status_code == 303
    page = eva.get(answer.headers["Location"])
    assert page.status_code == 200
    return answer.headers["Location"], page.text


def test_from_a_text_to_a_place(
    client: FlaskClient,
    engine: Engine,
    eva: Moderator,
    import_rows: Callable[[str], list[str]],
) -> None:
    import_rows(IN_DOUBT)
    location, page = onward(client, engine, eva)
    assert location.startswith("/moderation/lieux/")
    assert "Fête du village" in page
    assert JUST_DECIDED in page


def test_from_a_text_to_a_burst(client: FlaskClient, engine: Engine, eva: Moderator) -> None:
    arrive(engine, initiative(engine), bought(Random(1), 400, 2, disposable=0.2))
    service.watch(engine)
    location, page = onward(client, engine, eva)
    assert location.startswith("/moderation/confiance/rafales/")
    assert JUST_DECIDED in page
