"""What an organiser reads before sending: all of the event, what a change changes, and for whom."""

from flask import Flask
from sqlalchemy import Engine

from tests.events.organiser import Organiser, event_fields, form_fields, publish, soon
from tests.events.test_journey import register
from tests.moderation.moderator import Moderator


def checked(organiser: Organiser, path: str, **fields: str) -> str:
    page = organiser.client.get(path).text
    answer = organiser.client.post(path, data={**form_fields(page), **fields, "action": "preview"})
    assert answer.status_code == 200, answer.text
    return answer.text.replace("\u00a0", " ")


def test_all_that_is_sent_is_read_again(organiser: Organiser) -> None:
    page = checked(
        organiser,
        "/evenements/proposer",
        **event_fields(repeat="weekly", question="Allergies ?", mode="both"),
    )
    assert '<div class="prose check-description"><p>Venez avec <em>votre</em> vélo.</p>' in page
    assert "2 places" in page
    assert "« Allergies ? »" in page
    assert "et 47 autres dates dans les douze mois" in page or "autres dans les douze mois" in page
    assert "personne ne saura où vous rejoindre" in page


def test_a_street_that_is_not_known_is_said(organiser: Organiser) -> None:
    lost = "Nous ne savons pas où se trouve « 12 rue des Mésanges, Rennes »"
    page = checked(
        organiser, "/evenements/proposer", **event_fields(place="12 rue des Mésanges, Rennes")
    )
    assert lost in page
    page = checked(organiser, "/evenements/proposer", **event_fields(place="Rennes"))
    assert "Nous ne savons pas où" not in page


def test_a_change_says_what_was_which_dates_and_who_is_told(
    organiser: Organiser, eva: Moderator, event_app: Flask, engine: Engine
) -> None:
    identifier = organiser.propose(repeat="weekly")
    publish(eva, engine, identifier)
    register(event_app.test_client(), engine, identifier, "vient@example.org")
    path = f"/evenements/{identifier}/modifier"
    later = soon(hour=20)
    fields = event_fields(
        repeat="keep", starts=f"{later:%Y-%m-%dT%H:%M}", ends=f"{later:%Y-%m-%dT23:00}"
    )
    page = checked(organiser, path, **fields, scope="this")
    assert "Cette date seule." in page
    assert "Jusqu’ici : " in page
    assert "18 h 30" in page
    assert "1 personne y est inscrite" in page
    page = checked(organiser, path, **fields, scope="following")
    assert "dates, du " in page
    assert "Cette date seule." not in page
