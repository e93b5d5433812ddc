"""What the form of an event takes: whole days, dates left out, the group it is proposed for."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.contributions.proposals.model import FieldMistake
from mapservice.events import queries, registration_service
from mapservice.events.model import read_form
from mapservice.events.words import when_words
from tests.accounts.people.mailbox import token_of
from tests.contributions.proposals.desk import preview
from tests.events.organiser import (
    SENDER,
    Organiser,
    event_fields,
    form_fields,
    make_event,
    make_person,
    publish,
    series_of,
    soon,
)
from tests.moderation.moderator import Moderator

PATH = "/evenements/proposer"


def dates_of(engine: Engine, identifier: UUID) -> list[datetime]:
    with engine.connect() as connection:
        series = series_of(connection, identifier)
        return [one.starts_local for one in queries.of_series(connection, series)]


def refusal(client: FlaskClient, **changes: str) -> str:
    answer, _carried = preview(client, event_fields(**changes), PATH)
    assert answer.status_code == 400, answer.text
    return answer.text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    "kind", ["date", "datetime-local"], ids=["days", "hours typed all the same"]
)
def test_whole_days_have_no_hours(organiser: Organiser, engine: Engine, kind: str) -> None:
    first, last = soon(10), soon(12)
    form = "%Y-%m-%d" if kind == "date" else "%Y-%m-%dT%H:%M"
    made = organiser.propose(whole_days="1", starts=f"{first:{form}}", ends=f"{last:{form}}")
    with engine.connect() as connection:
        found = queries.find(connection, made)
    assert found
    assert found.starts_local == datetime.combine(first.date(), datetime.min.time())
    assert found.ends_local == datetime.combine(last.date(), datetime.min.time()) + timedelta(1)
    assert " h" not in when_words(found)
    # Its form shows it as it was told, and changes no day.
    page = organiser.client.get(f"/evenements/{made}/modifier").text
    fields = form_fields(page)
    assert fields["whole_days"] == "1"
    assert (fields["starts"], fields["ends"]) == (f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}")
    assert organiser.edit(made, title="Autre titre").status_code == 303
    with engine.connect() as connection:
        again = queries.find(connection, made)
    assert again
    assert (again.starts_local, again.ends_local) == (found.starts_local, found.ends_local)


def test_one_whole_day_ends_on_the_day_it_begins() -> None:
    day = soon(10)
    told = event_fields(whole_days="1", starts=f"{day:%Y-%m-%d}", ends=f"{day:%Y-%m-%d}")
    form = read_form(told, soon(0))
    assert form.times
    assert form.times.duration == timedelta(days=1)
    # Without the box, a day alone tells no hour.
    form = read_form(told | {"whole_days": ""}, soon(0))
    assert form.times is None
    assert set(form.mistakes) == {"starts", "ends"}
    assert FieldMistake.MISSING not in form.mistakes.values()


@pytest.mark.parametrize("written", ["%d/%m/%Y", "%Y-%m-%d", "%Y-%m-%dT%H:%M"])
def test_dates_that_are_left_out_are_never_made(
    organiser: Organiser, engine: Engine, written: str
) -> None:
    first = soon(10)
    given = [first + timedelta(weeks=n) for n in range(5)]
    left_out = (given[0], given[1], given[3])
    made = organiser.propose(
        repeat="weekly",
        until=f"{given[-1]:%Y-%m-%d}",
        exdates=", ".join(f"{one:{written}}" for one in left_out),
    )
    assert dates_of(engine, made) == [given[2], given[4]]


def test_a_counted_rule_gives_no_date_more_for_those_left_out(
    organiser: Organiser, engine: Engine
) -> None:
    given = [soon(10 + n) for n in range(4)]
    made = organiser.propose(
        repeat="rule", rrule="FREQ=DAILY;COUNT=4", exdates=f"{given[0]:%d/%m/%Y}"
    )
    assert dates_of(engine, made) == given[1:]


@pytest.mark.parametrize(
    "exdates", ["{other:%d/%m/%Y}", "{day:%Y-%m-%d}T03:00", "31/02/2027", "Noël"]
)
def test_what_is_no_date_of_it_cannot_be_left_out(visitor: FlaskClient, exdates: str) -> None:
    day = soon(10)
    told = exdates.format(day=day, other=day + timedelta(days=1))
    page = refusal(visitor, repeat="weekly", exdates=told)
    assert "Ce ne sont pas toutes des dates de cet événement." in page
    assert 'id="exdates-error"' in page


def test_some_date_must_be_left(visitor: FlaskClient) -> None:
    days = ", ".join(f"{soon(10 + n):%d/%m/%Y}" for n in range(2))
    page = refusal(visitor, repeat="rule", rrule="FREQ=DAILY;COUNT=2", exdates=days)
    assert "Il ne resterait aucune date." in page


def test_a_date_of_a_series_is_called_off_and_not_left_out(
    organiser: Organiser, eva: Moderator, engine: Engine
) -> None:
    made = organiser.propose(repeat="weekly")
    publish(eva, engine, made)
    path = f"/evenements/{made}/modifier"
    fields = form_fields(organiser.client.get(path).text)
    sent = {**fields, "exdates": f"{soon(17):%d/%m/%Y}", "scope": "all", "action": "preview"}
    answer = organiser.client.post(path, data=sent)
    assert answer.status_code == 400
    assert "annulez-la depuis sa page" in answer.text


def test_moderators_see_what_stood_before_a_change(
    organiser: Organiser, eva: Moderator, engine: Engine
) -> None:
    made = organiser.propose(repeat="weekly")
    with engine.connect() as connection:
        case = f"/moderation/evenements/{series_of(connection, made)}"
    assert "Modifié après publication" not in eva.get(case).text
    publish(eva, engine, made)
    start = soon(10, hour=20)
    organiser.edit(
        made,
        title="Bière gratuite",
        starts=f"{start:%Y-%m-%dT%H:%M}",
        ends=f"{start + timedelta(hours=2):%Y-%m-%dT%H:%M}",
        scope="this",
    )
    organiser.edit(made, title="Bière gratuite !", scope="this")
    page = eva.get(case).text.replace("\u00a0", " ")
    former = page[page.index("Modifié après publication") : page.index("Votre décision")]
    assert "Atelier vélo devant la gare" in former, "what stood before the first of the changes"
    assert "de 18 h 30 à 20 h 30" in former
    for same in ("On répare ensemble.", "Rennes", "Bière"):
        assert same not in former, "what was not changed, or stands now"
    publish(eva, engine, made, "keep")
    organiser.edit(made, summary="On répare tous ensemble.", scope="this")
    page = eva.get(case).text
    former = page[page.index("Modifié après publication") : page.index("Votre décision")]
    assert "On répare ensemble." in former
    assert "Atelier vélo" not in former, "that was looked at"


def test_who_waits_reads_their_rank(event_app: Flask, engine: Engine) -> None:
    now = datetime.now(UTC)
    with engine.begin() as connection:
        identifier = make_event(connection, capacity=1)
        own = [
            registration_service.register(
                connection, identifier, make_person(connection), SENDER, now
            )
            for _n in range(4)
        ]
    with engine.connect() as connection:
        ranks = [registration_service.waiting_rank(connection, one) for one in own]
    assert ranks == [None, 1, 2, 3]
    client = event_app.test_client()
    pages = [client.get(registration_service.seat_path(one)).text for one in own]
    assert "de la liste" not in pages[0]
    assert "en tête de la liste" in pages[1]
    assert "no 3 de la liste" in pages[3]
    with engine.begin() as connection:
        registration_service.leave(connection, own[1].id, SENDER, now)
    assert "no 2 de la liste" in client.get(registration_service.seat_path(own[3])).text


def test_a_whole_room_may_register_from_one_address(event_app: Flask, engine: Engine) -> None:
    """A village hall's network is one address, and some of its phones run no scripts."""
    with engine.begin() as connection:
        identifier = make_event(connection)
    path = f"/evenements/{identifier}/inscription"
    for n in range(40):
        client = event_app.test_client()
        token = token_of(client.get(path).text)
        sent = client.post(path, data={"token": token, "email": f"v{n}@example.org"})
        assert sent.status_code == 303, (n, sent.status_code)
