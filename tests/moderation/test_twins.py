"""Look-alikes that wait are shown to who decides about one of them."""

from flask import Flask
from sqlalchemy import Engine

from tests.accounts.roles.cast import BRETAGNE, NORMANDIE, actor, proposal
from tests.moderation.moderator import Moderator

SECTION = 'class="alike-waiting"'


def test_twins_that_both_wait_are_shown_to_each_other(engine: Engine, eva: Moderator) -> None:
    first = proposal(engine, "Un verger derrière la mairie", commune="35238")
    second = proposal(engine, "Le verger derrière la mairie", commune="35238")
    other = proposal(engine, "Une chorale du lundi", commune="35238")
    for one, twin in ((first, second), (second, first)):
        page = eva.get(f"/moderation/{one}").text
        told = page.split(SECTION, 1)[1].split("</section>", 1)[0]
        assert f"/moderation/{twin}" in told
        assert str(other) not in told
    assert SECTION not in eva.get(f"/moderation/{other}").text


def test_a_twin_that_is_decided_is_no_longer_among_those_that_wait(
    engine: Engine, eva: Moderator
) -> None:
    first = proposal(engine, "Un verger derrière la mairie", commune="35238")
    second = proposal(engine, "Le verger derrière la mairie", commune="35238")
    eva.decide(first, "reject", reason="Deux fois la même.")
    assert SECTION not in eva.get(f"/moderation/{second}").text


def test_nobody_is_shown_a_twin_beyond_their_reach(app: Flask, engine: Engine) -> None:
    """Saint-Georges-de-Reintembault (35) touches Normandie."""
    here = proposal(engine, "Un verger derrière la mairie", commune="35271")
    there = proposal(engine, "Le verger derrière la mairie", commune="50347")
    moderator = actor(app, engine, "breton", ("moderator", BRETAGNE))
    assert str(there) not in moderator.get(f"/moderation/{here}").text
    both = actor(app, engine, "both", ("moderator", BRETAGNE), ("moderator", NORMANDIE))
    assert str(there) in both.get(f"/moderation/{here}").text
