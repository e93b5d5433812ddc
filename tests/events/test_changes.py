"""This one, this and the following, all: what stays, what moves, who is told."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import icalendar
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.db.engine import fill
from mapservice.errors import NotFound, StateConflict
from mapservice.events import queries, registration_service, service
from mapservice.events.calendar_format import CalendarEntry, CalendarFeed, calendar
from mapservice.events.model import ChangeScope, Event, EventStatus
from mapservice.events.recurrence import moment_of, within_year
from mapservice.events.recurrence_words import rule_words
from mapservice.events.service import EventChange
from mapservice.geocoding.service import Locator
from mapservice.groups import membership_service
from mapservice.groups.model import MemberChoice, MemberStanding
from mapservice.i18n import LOCALES, format_date
from mapservice.territories.load import FOLLOW
from tests.events.organiser import SENDER, letter_of, make_event, make_person, soon, written
from tests.groups.founder import make_group

NOW = datetime.now(UTC)


@pytest.fixture
def weekly(engine: Engine) -> tuple[UUID, UUID]:
    """An organiser, and the first date of what takes place each week."""
    with engine.begin() as connection:
        person = make_person(connection, "Ana")
        return person, make_event(connection, rrule="FREQ=WEEKLY", person=person, capacity=9)


def dates(connection: Connection, identifier: UUID) -> list[Event]:
    found = queries.find(connection, identifier)
    assert found
    return queries.of_series(connection, found.series)


def change(
    engine: Engine,
    locator: Locator,
    person: UUID,
    identifier: UUID,
    scope: ChangeScope,
    *,
    title: str = "",
    hours: int = 0,
) -> None:
    """Sends the form of an occurrence with another title or another hour."""
    with engine.begin() as connection:
        found = queries.find(connection, identifier)
        assert found
        series = queries.find_series(connection, found.series)
        assert series
        from mapservice.contributions.proposals.model import ProposedPlace
        from mapservice.events.model import EventContent
        from mapservice.events.recurrence import EventTimes

        content = EventContent(
            title=title or found.title,
            summary="",
            description="",
            theme=found.theme,
            mode=found.mode,
            place=ProposedPlace(),
            registration=found.registration,
            capacity=found.capacity,
            max_seats=found.max_seats,
        )
        start = found.starts_local + timedelta(hours=hours)
        times = EventTimes(start, found.ends_local - found.starts_local, found.zone)
        wanted = EventChange(scope, content, times, series.revision)
        service.change(connection, locator, identifier, person, wanted, SENDER, NOW)


def test_twelve_months_are_there_as_rows_and_the_job_goes_on(
    engine: Engine, weekly: tuple[UUID, UUID]
) -> None:
    _person, first = weekly
    with engine.connect() as connection:
        made = dates(connection, first)
        assert 50 <= len(made) <= 53
        assert made[-1].starts_at <= within_year(NOW)
        # By the clock, whatever the season.
        assert {one.starts_local.hour for one in made} == {18}
        assert len({one.starts_at.hour for one in made}) == 2
    assert service.extend(engine, NOW) == 0
    later = NOW + timedelta(days=28)
    assert service.extend(engine, later) == 4
    assert service.extend(engine, later) == 0
    with engine.connect() as connection:
        assert len(dates(connection, first)) == len(made) + 4


def test_what_a_night_makes_of_many_series_says_what_each_of_them_says(engine: Engine) -> None:
    with engine.begin() as connection:
        person = make_person(connection, "Ana")
        first = {
            status: make_event(
                connection, rrule=f"FREQ={rule}", person=person, title=str(status), status=status
            )
            for status, rule in (
                (EventStatus.PUBLISHED, "WEEKLY"),
                (EventStatus.PENDING, "DAILY"),
                (EventStatus.REJECTED, "WEEKLY"),
                (EventStatus.DRAFT, "WEEKLY"),
            )
        }
        before = {one: dates(connection, identifier) for one, identifier in first.items()}
    assert service.extend(engine, NOW + timedelta(days=14)) == 2 + 14 + 2 + 2
    with engine.connect() as connection:
        for status, identifier in first.items():
            known = {one.id for one in before[status]}
            made = [one for one in dates(connection, identifier) if one.id not in known]
            assert len(made) == (14 if status is EventStatus.PENDING else 2)
            assert {(one.title, one.status) for one in made} == {(str(status), status)}
            assert min(one.starts_local for one in made) > before[status][-1].starts_local


def test_who_comes_each_week_learns_that_one_date_alone_is_off(
    engine: Engine, weekly: tuple[UUID, UUID]
) -> None:
    person, first = weekly
    with engine.begin() as connection:
        guest = make_person(connection)
        registration_service.register(connection, first, guest, SENDER, NOW)
        service.cancel(connection, first, person, ChangeScope.THIS, "Il pleut.", SENDER, NOW)
    (one,) = written(engine, "event_change")
    with engine.begin() as connection:
        sent = letter_of(connection, one["payload"])
        assert sent
        assert "D’autres dates ont lieu" in sent.text
        assert "D’autres dates ont lieu" in sent.html
        connection.execute(text("UPDATE event SET status = 'done' WHERE status = 'published'"))
        sent = letter_of(connection, one["payload"])
        assert sent
        assert "est annulé" in sent.text
        assert "D’autres dates ont lieu" not in sent.text


def test_this_one_alone(engine: Engine, locator: Locator, weekly: tuple[UUID, UUID]) -> None:
    person, first = weekly
    with engine.connect() as connection:
        second = dates(connection, first)[1]
    change(engine, locator, person, second.id, ChangeScope.THIS, title="Autre", hours=1)
    with engine.connect() as connection:
        now = dates(connection, first)
    assert [one.title for one in now[:3]] == ["Repas de quartier", "Autre", "Repas de quartier"]
    assert now[1].status is EventStatus.MOVED
    assert now[1].former_starts_at == second.starts_at
    assert now[1].recurrence_id == second.recurrence_id
    assert now[1].sequence == second.sequence + 1
    # A change of all leaves it as it was made.
    change(engine, locator, person, first, ChangeScope.ALL, title="Neuf")
    with engine.connect() as connection:
        assert [one.title for one in dates(connection, first)[:3]] == ["Neuf", "Autre", "Neuf"]


def test_of_a_series_what_may_be_noted_is_said_to_be_moved(
    engine: Engine, locator: Locator, weekly: tuple[UUID, UUID]
) -> None:
    person, first = weekly
    with engine.begin() as connection:
        before = dates(connection, first)
        registration_service.register(
            connection, before[30].id, make_person(connection), SENDER, NOW
        )
    change(engine, locator, person, first, ChangeScope.ALL, hours=1)
    with engine.connect() as connection:
        after = dates(connection, first)
    near = [one.id for one in before if one.starts_at <= NOW + timedelta(weeks=4)]
    assert 3 <= len(near) <= 5
    moved = [one.id for one in after if one.status is EventStatus.MOVED]
    assert moved == [*near, before[30].id]
    far = next(one for one in after if one.id == before[20].id)
    assert (far.status, far.former_starts_at) == ("published", None)
    assert far.starts_local == before[20].starts_local + timedelta(hours=1)
    assert far.sequence == before[20].sequence + 1


def test_this_and_the_following_part_the_series(
    engine: Engine, locator: Locator, client: FlaskClient, weekly: tuple[UUID, UUID]
) -> None:
    person, first = weekly
    with engine.begin() as connection:
        before = dates(connection, first)
        guest = make_person(connection)
        kept = registration_service.register(connection, before[3].id, guest, SENDER, NOW)
    change(engine, locator, person, before[2].id, ChangeScope.FOLLOWING, title="Suite", hours=1)
    with engine.connect() as connection:
        old, new = dates(connection, first), dates(connection, before[2].id)
        assert [one.id for one in old] == [one.id for one in before[:2]]
        assert {one.title for one in old} == {"Repas de quartier"}
        assert [one.id for one in new] == [one.id for one in before[2:]]  # ids stay
        assert {one.title for one in new} == {"Suite"}
        assert {one.starts_local.hour for one in new} == {19}
        series = queries.find_series(connection, old[0].series)
        assert series
        assert series.times.starts(datetime(2099, 1, 1)) == [one.recurrence_id for one in old]
        # Its words end with its last date, not with the first of what continues it.
        last = format_date(old[-1].starts_local, "long", locale=LOCALES["fr"])
        assert rule_words(series.times, "fr").endswith(f"jusqu’au {last}")
        # Who is registered followed their date, and is told.
        found = registration_service.find(connection, kept.id)
        assert found
        assert found.event == before[3].id
    told = written(engine, "event_change")
    assert [one["payload"]["registration"] for one in told] == [str(kept.id)]
    # Either half leads to the dates of the other, and its calendar has both.
    for one, other in ((before[0], before[5]), (before[5], before[1])):
        page = client.get(one.url).text
        assert f'href="{other.url}"' in page
        ics = client.get(f"{one.url}/serie.ics").text
        found_in = {str(part["UID"]) for part in icalendar.Calendar.from_ical(ics).walk("VEVENT")}
        assert found_in == {f"series-{old[0].series}", f"series-{new[0].series}"}
    # Neither half gets dates of the other one.
    assert service.extend(engine, NOW + timedelta(days=15)) == 2
    with engine.connect() as connection:
        assert len(dates(connection, first)) == 2


def test_all_with_another_hour(engine: Engine, locator: Locator, weekly: tuple[UUID, UUID]) -> None:
    person, first = weekly
    with engine.connect() as connection:
        before = dates(connection, first)
    change(engine, locator, person, before[4].id, ChangeScope.ALL, hours=-2)
    with engine.connect() as connection:
        after = dates(connection, first)
    assert [one.id for one in after] == [one.id for one in before]
    assert {one.starts_local.hour for one in after} == {16}


def test_cancelling_this_and_the_following(engine: Engine, weekly: tuple[UUID, UUID]) -> None:
    person, first = weekly
    with engine.begin() as connection:
        before = dates(connection, first)
        guest = make_person(connection)
        for one in before[1:4]:
            registration_service.register(connection, one.id, guest, SENDER, NOW)
        service.cancel(
            connection, before[2].id, person, ChangeScope.FOLLOWING, "Fini.", SENDER, NOW
        )
    with engine.connect() as connection:
        after = dates(connection, first)
        assert [one.status for one in after[:3]] == [
            EventStatus.PUBLISHED,
            EventStatus.PUBLISHED,
            EventStatus.CANCELLED,
        ]
        assert {one.status for one in after[2:]} == {EventStatus.CANCELLED}
    assert len(written(engine, "event_change")) == 1, "of both dates, who comes to both"
    # The rule ends there: the job makes no date that nobody holds.
    assert service.extend(engine, NOW + timedelta(days=60)) == 0


def test_postponed_then_given_a_new_date(
    engine: Engine, locator: Locator, weekly: tuple[UUID, UUID]
) -> None:
    person, first = weekly
    with engine.begin() as connection:
        before = dates(connection, first)[0]
        service.postpone(connection, first, person, "Grippe", SENDER, NOW)
        meanwhile = queries.find(connection, first)
        assert meanwhile
        assert meanwhile.status is EventStatus.POSTPONED
    change(engine, locator, person, first, ChangeScope.THIS, hours=48)
    with engine.connect() as connection:
        after = queries.find(connection, first)
        assert after
        assert after.status is EventStatus.MOVED
        assert after.former_starts_at == before.starts_at
        assert after.starts_at == moment_of(before.starts_local + timedelta(hours=48), before.zone)


def test_only_its_organiser_changes_it(
    engine: Engine, locator: Locator, weekly: tuple[UUID, UUID]
) -> None:
    _person, first = weekly
    with engine.begin() as connection:
        other = make_person(connection)
    with pytest.raises(NotFound):
        change(engine, locator, other, first, ChangeScope.THIS, title="x")
    with engine.begin() as connection, pytest.raises(NotFound):
        service.cancel(connection, first, other, ChangeScope.ALL, "", SENDER, NOW)


def test_a_change_of_a_version_before_is_refused(
    engine: Engine, locator: Locator, weekly: tuple[UUID, UUID]
) -> None:
    person, first = weekly
    change(engine, locator, person, first, ChangeScope.ALL, title="Deux")
    with engine.begin() as connection:
        connection.execute(text("UPDATE event_series SET revision = revision + 1"))
    change(engine, locator, person, first, ChangeScope.ALL, title="Trois")
    with engine.begin() as connection:
        service.cancel(connection, first, person, ChangeScope.THIS, "", SENDER, NOW)
    with pytest.raises(StateConflict):
        change(engine, locator, person, first, ChangeScope.ALL, title="Quatre")


def test_an_erased_organiser_leaves_what_was_public(
    engine: Engine, weekly: tuple[UUID, UUID]
) -> None:
    person, first = weekly
    with engine.begin() as connection:
        hidden = make_event(connection, person=person)
        connection.execute(
            text("UPDATE event SET status = 'pending' WHERE id = :id"), {"id": hidden}
        )
        service.erase(connection, person, SENDER)
        assert queries.find(connection, hidden) is None
        kept = queries.find(connection, first)
        assert kept
        series = queries.find_series(connection, kept.series)
        assert series
        assert series.person is None
    assert soon()


def test_events_follow_their_commune_into_another(engine: Engine) -> None:
    with engine.begin() as connection:
        kept, lost = make_event(connection), make_event(connection)
        connection.execute(
            text(
                "UPDATE event SET mode = 'place', precision = 'commune', commune = '35238'"
                " WHERE id = ANY(:ids)"
            ),
            {"ids": [kept, lost]},
        )
    with engine.connect() as connection:
        # As if one's commune had become part of Rennes, and nobody knew what became of the other's.
        connection.execute(text("ALTER TABLE event DISABLE TRIGGER event_place"))
        for identifier, code in ((kept, "35999"), (lost, "35998")):
            connection.execute(
                text("UPDATE event SET commune = :code WHERE id = :id"),
                {"id": identifier, "code": code},
            )
        connection.execute(text("ALTER TABLE event ENABLE TRIGGER event_place"))
        connection.execute(
            text(
                "INSERT INTO territory_alias (kind, code, name, commune, postcodes)"
                " VALUES ('former', '35999', 'Saint-Rien', '35238', '{}')"
            )
        )
        for statement in FOLLOW:
            connection.execute(text(fill(statement, {"table": "event"})))
        follows, remains = queries.find(connection, kept), queries.find(connection, lost)
        assert follows
        assert (follows.commune, follows.commune_name) == ("35238", "Rennes")
        assert remains
        assert (remains.precision, remains.departement, remains.commune) == (
            "departement",
            "35",
            None,
        )
        connection.rollback()


def test_who_organises_its_group_organises_it_too(
    engine: Engine, locator: Locator, weekly: tuple[UUID, UUID]
) -> None:
    author, event = weekly
    with engine.begin() as connection:
        other, editor, stranger = (make_person(connection) for _ in range(3))
        group = make_group(connection, other)
        for person, standing in ((editor, "editor"), (author, "editor")):
            choice = MemberChoice()
            membership_service.add(connection, group, person, MemberStanding(standing), choice)
        with pytest.raises(NotFound):
            service.own_series(connection, event, other)
        service.set_group(connection, event, author, group)
        assert service.own_series(connection, event, other)[0].id == event
        for person in (editor, stranger):
            with pytest.raises(NotFound):
                service.own_series(connection, event, person)
        # It is its author who says whose it is.
        with pytest.raises(NotFound):
            service.set_group(connection, event, other, None)
    change(engine, locator, other, event, ChangeScope.THIS, title="Par un autre")
    with engine.begin() as connection:
        found = queries.find(connection, event)
        assert found is not None
        assert found.title == "Par un autre"
        connection.execute(text("DELETE FROM group_member WHERE person = :id"), {"id": other})
        with pytest.raises(NotFound):
            service.own_series(connection, event, other)


def test_a_group_shows_what_takes_place(engine: Engine, weekly: tuple[UUID, UUID]) -> None:
    author, event = weekly
    with engine.begin() as connection:
        group = make_group(connection, author)
        service.set_group(connection, event, author, group)
        second, third, fourth = (one.id for one in dates(connection, event)[1:4])
        for one in (second, third, fourth):
            service.cancel(connection, one, author, ChangeScope.THIS, "", SENDER, NOW)
        shown = queries.of_group(connection, group, NOW, 3)
        assert [str(one.status) for one in shown] == [
            "published", "cancelled", "cancelled", "published", "published"
        ]  # fmt: skip
        assert [one.starts_at for one in shown] == sorted(one.starts_at for one in shown)
        service.cancel(connection, event, author, ChangeScope.ALL, "", SENDER, NOW)
        (only,) = queries.of_group(connection, group, NOW, 3)
        assert only.status is EventStatus.CANCELLED


def test_calendars_learn_of_a_rule_that_was_cut_short(
    engine: Engine, locator: Locator, client: FlaskClient, weekly: tuple[UUID, UUID]
) -> None:
    person, first = weekly

    def master() -> dict[str, str]:
        feed = client.get(f"/evenements/{first}/serie.ics").text.replace("\r\n ", "")
        event = feed.partition("BEGIN:VEVENT")[2].partition("END:VEVENT")[0]
        return dict(line.split(":", 1) for line in event.strip().splitlines())

    with engine.connect() as connection:
        fifth = dates(connection, first)[4]
    before = master()
    change(engine, locator, person, fifth.id, ChangeScope.FOLLOWING, hours=1)
    after = master()
    assert after["RRULE"] != before["RRULE"]
    assert int(after["SEQUENCE"]) > int(before["SEQUENCE"])
    assert after["LAST-MODIFIED"] >= before["LAST-MODIFIED"]
    assert after["URL"].endswith(f"/evenements/{first}")


def test_the_calendar_of_an_organiser_has_what_waits_as_not_sure(engine: Engine) -> None:
    with engine.begin() as connection:
        person = make_person(connection, "Ana")
        made = make_event(connection, person=person, status=EventStatus.PENDING)
        for status in ("pending", "draft"):
            connection.execute(text("UPDATE event SET status = :status"), {"status": status})
            one = queries.find(connection, made)
            assert one
            entry = CalendarEntry(one, "", "", "https://example.org/e")
            feed = calendar(CalendarFeed("", "", [entry])).decode()
            assert "STATUS:TENTATIVE" in feed


def test_a_new_place_leaves_the_former_one_in_the_mail(engine: Engine) -> None:
    with engine.begin() as connection:
        made = make_event(connection, registration="open")
        known = registration_service.register(
            connection, made, make_person(connection), SENDER, NOW
        )
        connection.execute(
            text(
                "UPDATE event SET status = 'moved', former_place = 'Pacé', mode = 'place',"
                " place_text = 'Gévezé'"
            )
        )
        sent = letter_of(connection, {"registration": str(known.id), "about": "change"})
        assert sent
        for body in (sent.text, sent.html):
            assert "Pacé" in body.partition("Il était prévu")[2]


def test_what_a_change_of_all_leaves_is_told(
    engine: Engine, locator: Locator, weekly: tuple[UUID, UUID]
) -> None:
    person, first = weekly
    with engine.connect() as connection:
        before = dates(connection, first)
    change(engine, locator, person, before[1].id, ChangeScope.THIS, title="Autre")
    change(engine, locator, person, before[4].id, ChangeScope.FOLLOWING, hours=1)
    first_half, second_half = [one.id for one in before[:4]], [one.id for one in before[4:]]
    with engine.begin() as connection:
        for found, scope, changed, apart in (
            (first, ChangeScope.ALL, [first_half[0], *first_half[2:]], second_half),
            (first_half[1], ChangeScope.FOLLOWING, first_half[1:], second_half),
            (first, ChangeScope.THIS, [first], []),
            (second_half[0], ChangeScope.ALL, second_half, first_half),
            (second_half[0], ChangeScope.FOLLOWING, second_half, []),
        ):
            about = (connection, *service.own_series(connection, found, person), scope, NOW)
            assert [one.id for one in service.to_change(*about)] == changed
            assert [one.id for one in service.left_apart(*about)] == apart
        # What waits for a moderator was parted as well.
        connection.execute(text("UPDATE event SET status = 'pending'"))
        about = (connection, *service.own_series(connection, first, person), ChangeScope.ALL, NOW)
        assert [one.id for one in service.left_apart(*about)] == second_half


def test_a_date_that_was_called_off_does_not_come_back_with_another_hour(
    engine: Engine, locator: Locator, weekly: tuple[UUID, UUID]
) -> None:
    person, first = weekly
    with engine.begin() as connection:
        before = dates(connection, first)
        service.cancel(connection, before[3].id, person, ChangeScope.THIS, "", SENDER, NOW)
    change(engine, locator, person, first, ChangeScope.ALL, hours=1)
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT status FROM event WHERE CAST(starts_local AS date) = :day"),
            {"day": before[3].starts_local.date()},
        ).scalars()
        assert list(rows) == ["cancelled"]
