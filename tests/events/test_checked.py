"""What an organiser reads before sending: all of the event, what a change changes, and for whom."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Engine

from mapservice.events import queries
from mapservice.events.recurrence import EventTimes
from mapservice.events.recurrence_words import rule_words
from mapservice.events.words import span_words
from mapservice.i18n import day
from tests.events.organiser import (
    Organiser,
    event_fields,
    form_fields,
    publish,
    sent_mails,
    series_of,
    soon,
)
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
    assert re.search(r"et 4[56] autres d’ici à un an", page)
    assert "2 au plus par personne" in page
    assert "personne ne saura où vous rejoindre" in page


def test_a_street_that_is_not_known_is_said(organiser: Organiser) -> None:
    lost = "La commune est connue, pas l’endroit exact"
    page = checked(
        organiser, "/evenements/proposer", **event_fields(place="12 rue des Mésanges, Rennes")
    )
    assert (
        f"{lost} : la carte montrera toute la commune, et « 12 rue des Mésanges, Rennes »" in page
    )
    page = checked(organiser, "/evenements/proposer", **event_fields(place="Rennes"))
    assert lost not in page


def test_a_change_says_what_was_which_dates_and_who_is_told(
    organiser: Organiser, eva: Moderator, event_app: Flask, engine: Engine
) -> None:
    identifier = organiser.propose(repeat="weekly")
    publish(eva, engine, identifier)
    register(event_app.test_client(), engine, identifier, "vient@example.org", seats="2")
    (asked,) = [one for one in sent_mails(engine) if one.kind == "event_register"]
    for told in ("Rennes\n", "2 places. Rien n’est retenu"):
        assert told in asked.text, "what is confirmed, where and for how many"
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


def test_a_series_is_one_card_of_a_page_with_its_other_dates(
    organiser: Organiser, eva: Moderator, event_app: Flask, engine: Engine
) -> None:
    weekly = organiser.propose(title="Chorale du jeudi", repeat="weekly")
    publish(eva, engine, weekly)
    alone = organiser.propose(title="Bal d’hiver")
    publish(eva, engine, alone)
    page = event_app.test_client().get("/evenements?territory=commune:35238&limit=10").text
    assert page.count("Chorale du jeudi</a>") == 1
    assert page.count("Bal d’hiver</a>") == 1
    assert len(set(re.findall(r'data-id="([^"]+)"', page))) == 2 + 6, "six more dates have links"
    assert "et 2 autres jusqu’au" in page.replace("\u00a0", " ")
    own = event_app.test_client().get(f"/evenements/{weekly}").text.replace("\u00a0", " ")
    told = re.search(r"<summary>et (\d+) autres, jusqu’au ", own)
    assert told
    others = own.split('id="others-title"')[1].split("</section>")[0]
    assert others.count("<li>") == 8 + int(told[1])
    assert others.count("<li>") in (50, 51), "each of the year to come"


def test_the_list_is_narrowed_to_what_is_online(event_app: Flask) -> None:
    page = event_app.test_client().get("/evenements?mode=online,both").text
    assert '<option value="online,both" selected>' in page
    assert '<option value="place,both">' in page
    narrowed = page.split('class="more-fields event-filter"')[1].split("</form>")[0]
    assert narrowed.count('name="mode"') == 1, "not carried beside the choice"


def test_a_search_that_only_an_event_answers_leads_to_it(
    organiser: Organiser, eva: Moderator, event_app: Flask, engine: Engine
) -> None:
    today = soon(0)
    sunday = today + timedelta(days=6 - today.weekday())
    last = f"{sunday:%Y-%m-%d}"
    identifier = organiser.propose(starts=f"{last}T23:00", ends=f"{last}T23:59")
    publish(eva, engine, identifier)
    page = event_app.test_client().get("/recherche?q=ce week-end à Rennes").text
    understood = page.split('id="understood"')[1].split("</section>")[0]
    assert 'href="/evenements?' in understood
    assert "Aucune initiative ne répond" not in page


def test_the_check_lists_the_dates_that_stand_and_no_other(
    organiser: Organiser, eva: Moderator, engine: Engine
) -> None:
    identifier = organiser.propose(repeat="weekly", registration="none")
    publish(eva, engine, identifier)
    with engine.connect() as connection:
        dates = queries.of_series(connection, series_of(connection, identifier))
    page = f"/evenements/{dates[1].id}/organiser"
    gone = {"scope": "this", "sure": "1"}
    assert organiser.act(f"/evenements/{dates[1].id}/annuler", page, **gone).status_code == 303
    answer = organiser.edit(dates[2].id, scope="this", title="Ce soir-là, un film")
    assert answer.status_code == 303
    path = f"/evenements/{identifier}/modifier"
    fields = form_fields(organiser.client.get(path).text)
    for hours in (0, 1):
        starts = dates[0].starts_local + timedelta(hours=hours)
        ends = dates[0].ends_local + timedelta(hours=hours)
        sent = {
            **fields,
            "scope": "all",
            "starts": f"{starts:%Y-%m-%dT%H:%M}",
            "ends": f"{ends:%Y-%m-%dT%H:%M}",
        }
        answer = organiser.client.post(path, data={**sent, "action": "preview"})
        listed = re.findall(r"<li><svg.*?</svg>(.*?)</li>", answer.text.partition("event-dates")[2])
        move = timedelta(hours=hours)
        wanted = [
            span_words(one.starts_local + move, one.ends_local + move)
            for one in (dates[0], *dates[3:7])
        ]
        assert listed[:5] == wanted
        count = len(dates) - 2
        assert f"{count} dates, du" in answer.text.replace("\u00a0", " ")
        assert f"et {count - 5} autres d’ici à un an" in answer.text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("zone", "place", "date", "exists"),
    [
        ("", "Rennes", "2027-03-28", False),
        ("", "Saint-Denis (974)", "2027-03-28", True),
        ("America/Miquelon", "Saint-Pierre (975)", "2027-03-14", False),
        ("", "Rennes", "2027-03-27", True),
    ],
)
def test_an_hour_that_clocks_skip_is_told(
    organiser: Organiser, zone: str, place: str, date: str, exists: bool
) -> None:
    fields = event_fields(place=place, starts=f"{date}T02:30", ends=f"{date}T05:00", zone=zone)
    path = "/evenements/proposer"
    carried = form_fields(organiser.client.get(path).text)
    answer = organiser.client.post(path, data={**carried, **fields, "action": "preview"})
    assert ("Cette heure n’existe pas ce jour-là" in answer.text) is not exists
    assert answer.status_code == (200 if exists else 400)


def test_no_seat_at_all_is_no_number_of_seats(organiser: Organiser) -> None:
    path = "/evenements/proposer"
    carried = form_fields(organiser.client.get(path).text)
    for capacity in ("0", "-1", "deux"):
        fields = {**carried, **event_fields(capacity=capacity), "action": "preview"}
        answer = organiser.client.post(path, data=fields)
        assert answer.status_code == 400
        assert "Un nombre de places, à partir d’une" in answer.text


def test_the_desk_and_the_moderators_see_that_it_repeats_and_until_when(
    organiser: Organiser, eva: Moderator, engine: Engine
) -> None:
    identifier = organiser.propose(repeat="weekly")
    with engine.connect() as connection:
        dates = queries.of_series(connection, series_of(connection, identifier))
    desk = organiser.client.get(f"/evenements/{identifier}/organiser").text
    assert all(f"/evenements/{one.id}/organiser" in desk for one in dates[1:])
    last = str(day(dates[-1].starts_local))
    assert f"Voir les {len(dates) - 13} autres, jusqu’au {last}" in desk.replace("\u00a0", " ")
    queue = eva.get("/moderation").text
    assert rule_words(times_of(engine, identifier)) in queue
    case = eva.get(f"/moderation/evenements/{dates[0].series}").text.replace("\u00a0", " ")
    assert f"et {len(dates) - 10} autres, jusqu’au {last}" in case


def times_of(engine: Engine, identifier: UUID) -> EventTimes:
    with engine.connect() as connection:
        series = queries.find_series(connection, series_of(connection, identifier))
    assert series
    return series.times


def test_a_rule_that_is_not_understood_is_told_in_the_language_of_the_page(
    organiser: Organiser,
) -> None:
    path = "/evenements/proposer"
    carried = form_fields(organiser.client.get(path).text)
    fields = {**carried, **event_fields(repeat="rule"), "rrule": "FREQ=HOURLY", "action": "preview"}
    page = organiser.client.post(path, data=fields).text
    assert "n’est pas comprise" in page
    assert "must be" not in page
    ended = f"{soon(days=2):%Y-%m-%d}"
    fields = {**carried, **event_fields(repeat="weekly"), "until": ended, "action": "preview"}
    page = organiser.client.post(path, data=fields).text
    assert "ne donne aucune date" in page or "La fin vient avant le début" in page
    assert "gives no date" not in page
