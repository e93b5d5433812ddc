"""A calendar imported again and again: what is new, moved, cancelled, gone, undone."""

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.errors import InvalidInput, StateConflict
from mapservice.events import registration_service, service
from mapservice.imports import run_queries, run_service
from tests.events.incoming.calendars import (
    MONDAY,
    Import,
    calendar,
    event,
    occurrences,
    paris,
    paris_end,
)
from tests.events.organiser import SENDER, make_person, sent_mails
from tests.moderation.moderator import Moderator

SOURCE = "Agenda de l’essai"
STATE = """
SELECT concat_ws('|',
  (SELECT string_agg(to_jsonb(one)::text, ';' ORDER BY id) FROM event AS one),
  (SELECT string_agg(to_jsonb(one)::text, ';' ORDER BY id) FROM event_series AS one),
  (SELECT string_agg(to_jsonb(one)::text, ';' ORDER BY id) FROM waiting AS one))"""
# What undoing a run cannot give back: when it was done, and that calendars are to be told.
CLOCKED = ("changed_at", "sequence")


def state(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.execute(text(STATE)).scalar_one())


def kept(engine: Engine) -> list[dict[str, Any]]:
    """All events, but for what the clock alone says."""
    rows = [dict(one._mapping) for one in occurrences(engine)]
    return [{name: row[name] for name in row if name not in CLOCKED} for row in rows]


def wall(offset: int, hour: int = 18, minute: int = 30) -> datetime:
    return datetime.combine(MONDAY + timedelta(days=offset), time(hour, minute))


def waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT count(*) FROM waiting WHERE kind = 'event'"))
        return int(found.scalar_one())


def mails(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM delivery")).scalar_one())


WEEKLY = event(
    paris(0),
    paris_end(0),
    "RRULE:FREQ=WEEKLY;COUNT=8",
    "LOCATION:Salle des fêtes, 35000 Rennes",
    "URL:https://agenda.example/repas",
    uid="repas",
)
SINGLE = event(
    paris(2), paris_end(2), "DESCRIPTION:On plante.", uid="arbres", title="Plantation d’arbres"
)


def test_a_second_import_changes_nothing(engine: Engine, take: Import) -> None:
    first = take(calendar(WEEKLY, SINGLE))
    assert first.outcomes == ["imported", "imported"]
    before = state(engine)
    # Makers date what they write anew each time, and count it anew.
    again = calendar(SINGLE, WEEKLY).replace("DTSTAMP:2026", "DTSTAMP:2027")
    assert take(again).outcomes == ["unchanged", "unchanged"]
    assert state(engine) == before
    # Nor does one that has forgotten what it read: nothing of it is other.
    with engine.begin() as connection:
        connection.execute(text("UPDATE event_series SET source_digest = NULL"))
    rows = kept(engine)
    assert take(calendar(WEEKLY, SINGLE)).outcomes == ["unchanged", "unchanged"]
    assert kept(engine) == rows
    # No category says what it is about: "quartier" in a title is no theme.
    assert {one.theme for one in occurrences(engine)} == {"autre"}


def test_a_dry_run_writes_nothing(engine: Engine, take: Import) -> None:
    before = state(engine)
    assert take(calendar(WEEKLY), dry_run=True).outcomes == ["imported"]
    assert state(engine) == before
    with engine.connect() as connection:
        assert run_queries.find_runs(connection, 5) == []


def test_an_event_that_moves_stays_the_same_event(engine: Engine, take: Import) -> None:
    take(calendar(SINGLE))
    (before,) = occurrences(engine)
    moved = SINGLE.replace(paris(2), paris(4)).replace(paris_end(2), paris_end(4))
    assert take(calendar(moved)).outcomes == ["updated"]
    (after,) = occurrences(engine)
    assert (after.id, after.status, after.starts_local) == (before.id, "moved", wall(4))
    assert after.former_starts_at == before.starts_at
    assert after.sequence > before.sequence


def test_a_series_that_moves_keeps_its_dates(engine: Engine, take: Import) -> None:
    """Daily, so that each date takes the place in the rule that the next one has."""
    daily = event(paris(0), paris_end(0), "RRULE:FREQ=DAILY;COUNT=5", uid="jour")
    take(calendar(daily))
    before = [one.id for one in occurrences(engine)]
    take(calendar(daily.replace(paris(0), paris(1)).replace(paris_end(0), paris_end(1))))
    rows = occurrences(engine)
    assert [one.starts_local for one in rows if one.status != "cancelled"] == [
        wall(offset) for offset in range(1, 6)
    ]
    assert {one.id for one in rows} >= set(before)
    assert len({one.recurrence_id for one in rows}) == len(rows)


def test_what_its_calendar_cancels_is_cancelled_and_what_comes_back_takes_place(
    engine: Engine, take: Import
) -> None:
    take(calendar(WEEKLY, SINGLE))
    gone = SINGLE.replace("END:VEVENT", "STATUS:CANCELLED\nEND:VEVENT")
    skipped = WEEKLY.replace(
        "LOCATION", f"EXDATE;TZID=Europe/Paris:{wall(7):%Y%m%dT%H%M%S}\nLOCATION"
    )
    assert take(calendar(skipped, gone)).outcomes == ["updated", "updated"]
    rows = occurrences(engine)
    assert {one.starts_local for one in rows if one.status == "cancelled"} == {wall(2), wall(7)}
    assert take(calendar(skipped, gone)).outcomes == ["unchanged", "unchanged"]
    assert take(calendar(WEEKLY, SINGLE)).outcomes == ["updated", "updated"]
    assert {one.status for one in occurrences(engine)} == {"published"}
    assert len(occurrences(engine)) == 9
    unknown = event(paris(1), "STATUS:CANCELLED", uid="jamais vu")
    assert take(calendar(unknown)).outcomes == ["skipped"]


def test_an_older_version_is_not_taken(engine: Engine, take: Import) -> None:
    newer = SINGLE.replace("END:VEVENT", "SEQUENCE:3\nEND:VEVENT")
    older = SINGLE.replace("END:VEVENT", "SEQUENCE:1\nEND:VEVENT").replace("arbres\n", "arbres\n")
    take(calendar(newer))
    done = take(calendar(older.replace("Plantation d’arbres", "Plantation")))
    assert done.outcomes == ["unchanged"]
    assert "older version" in done.reason
    assert occurrences(engine)[0].title == "Plantation d’arbres"


def test_what_a_whole_calendar_lacks_is_announced_no_more(engine: Engine, take: Import) -> None:
    take(calendar(WEEKLY, SINGLE))
    done = take(calendar(SINGLE), snapshot=True)
    assert done.run.gone.archived == 1
    rows = occurrences(engine, "source_id = 'repas'")
    assert {one.status for one in rows} == {"cancelled"}
    assert {one.note for one in rows} == {"Sa source ne l’annonce plus."}
    # No night makes more of it.
    later = datetime.now(UTC) + timedelta(days=300)
    service.extend(engine, later)
    assert {one.status for one in occurrences(engine, "source_id = 'repas'")} == {"cancelled"}
    assert take(calendar(WEEKLY, SINGLE), snapshot=True).outcomes == ["updated", "unchanged"]
    rows = occurrences(engine, "source_id = 'repas'")
    assert {(one.status, one.note) for one in rows} == {("published", "")}


def test_a_run_is_undone_as_a_whole(engine: Engine, take: Import) -> None:
    first = take(calendar(WEEKLY, SINGLE))
    before = kept(engine)
    moved = WEEKLY.replace(paris(0), paris(1)).replace(paris_end(0), paris_end(1))
    other = event(paris(5), paris_end(5), uid="autre", title="Autre chose")
    second = take(
        calendar(moved.replace("Salle des fêtes, 35000 Rennes", "Nantes"), other), snapshot=True
    )
    assert second.outcomes == ["updated", "imported"]
    assert second.run.gone.archived == 1
    with pytest.raises(StateConflict, match="undo it first"):
        run_service.undo_run(engine, first.run.id)
    undone = run_service.undo_run(engine, second.run.id)
    assert (undone.deleted, undone.restored) == (1, 2)
    assert kept(engine) == before
    run_service.undo_run(engine, first.run.id)
    assert occurrences(engine) == []
    assert take(calendar(WEEKLY)).outcomes == ["imported"]


def test_a_source_is_removed_with_its_events(engine: Engine, take: Import) -> None:
    take(calendar(WEEKLY, SINGLE))
    assert run_service.remove_source(engine, SOURCE) == 2
    assert occurrences(engine) == []


def test_what_is_not_trusted_waits_in_the_one_queue(
    engine: Engine, take: Import, eva: Moderator, visitor: FlaskClient
) -> None:
    take(calendar(WEEKLY), moderate=True)
    rows = occurrences(engine)
    assert {one.status for one in rows} == {"pending"}
    assert waiting(engine) == 1
    assert visitor.get(f"/evenements/{rows[0].id}").status_code == 404
    series = rows[0].series
    assert "Repas de quartier" in eva.get("/moderation").text
    page = eva.get(f"/moderation/evenements/{series}").text
    assert "Agenda de l’essai" in page
    published = eva.post(
        f"/moderation/evenements/{series}", page, verdict="publish", revision=_revision(page)
    )
    assert published.status_code in (302, 303), published.text[:500]
    assert {one.status for one in occurrences(engine)} == {"published"}
    assert waiting(engine) == 0

    # Another hour or a cancellation is no text to look at; another text is.
    later = WEEKLY.replace("T183000", "T190000")
    assert take(calendar(later), moderate=True).outcomes == ["updated"]
    assert {one.status for one in occurrences(engine)} == {"moved"}
    assert waiting(engine) == 0
    renamed = later.replace("Repas de quartier", "Tout autre chose")
    take(calendar(renamed), moderate=True)
    assert {one.status for one in occurrences(engine)} == {"pending"}
    assert waiting(engine) == 1

    # What they refuse stays refused, whatever its source makes of it, and no night makes it anew.
    page = eva.get(f"/moderation/evenements/{series}").text
    eva.post(
        f"/moderation/evenements/{series}",
        page,
        verdict="reject",
        revision=_revision(page),
        reason="Ce n’est pas local.",
    )
    assert {one.status for one in occurrences(engine)} == {"rejected"}
    take(calendar(renamed.replace("COUNT=8", "COUNT=9")), moderate=True)
    service.extend(engine, datetime.now(UTC) + timedelta(days=200))
    assert {one.status for one in occurrences(engine)} == {"rejected"}
    assert mails(engine) == 0


def _revision(page: str) -> str:
    return page.partition('name="revision" value="')[2].partition('"')[0]


def test_no_night_publishes_more_of_a_series_that_was_refused(engine: Engine, take: Import) -> None:
    """Once public, then refused: its rule goes on, and all that it makes stays unseen."""
    take(calendar(WEEKLY.replace(";COUNT=8", "")))
    with engine.begin() as connection:
        connection.execute(text("UPDATE event SET status = 'rejected'"))
        connection.execute(text("UPDATE event_series SET made_until = NULL"))
    assert service.extend(engine, datetime.now(UTC) + timedelta(days=90)) > 5
    assert {one.status for one in occurrences(engine)} == {"rejected"}


def test_our_own_calendars_come_back_as_what_they_are(
    engine: Engine, take: Import, visitor: FlaskClient
) -> None:
    take(calendar(WEEKLY, SINGLE))
    (single,) = occurrences(engine, "source_id = 'arbres'")
    before = state(engine)
    ours = visitor.get(f"/evenements/{single.id}.ics").text
    assert take(ours, platform="Autre agenda").outcomes == ["elsewhere"]
    serie = visitor.get(f"/evenements/{occurrences(engine)[-1].id}/serie.ics").text
    assert take(serie, platform="Autre agenda").outcomes == ["elsewhere"]
    assert state(engine) == before


def test_places_are_no_more_precise_than_they_are_told(engine: Engine, take: Import) -> None:
    town_hall = "GEO:48.1113;-1.6800"
    take(
        calendar(
            event(paris(0), "LOCATION:35000 Rennes", uid="words"),
            event(paris(0), "LOCATION:Rennes", "GEO:0.0;0.0", uid="null island"),
            event(paris(0), "LOCATION:3 rue du Chapitre, 35000 Rennes", town_hall, uid="a"),
            event(paris(1), "LOCATION:9 boulevard Sévigné, 35000 Rennes", town_hall, uid="b"),
            event(paris(2), "LOCATION:12 rue de Nantes, 35000 Rennes", town_hall, uid="c"),
            event(
                paris(0),
                "LOCATION:Le Jardin des Mille Pas, Rennes",
                "GEO:48.10642;-1.68231",
                uid="p",
            ),
            event(
                paris(3),
                "LOCATION:Le Jardin des Mille Pas, Rennes",
                "GEO:48.10642;-1.68231",
                uid="q",
            ),
            event(paris(0), "LOCATION:https://visio.example/salle", uid="online"),
            event(paris(0), uid="nowhere"),
        )
    )
    found = {one.source_id: one for one in occurrences(engine)}
    for name in ("words", "null island", "a", "b", "c"):
        assert (found[name].precision, found[name].commune) == ("commune", "35238"), name
    # The same place twice is one place, and its position is true.
    assert (found["p"].precision, found["q"].precision) == ("point", "point")
    assert (found["online"].mode, found["online"].precision) == ("online", "none")
    assert found["online"].online_url == "https://visio.example/salle"
    assert (found["nowhere"].precision, found["nowhere"].commune) == ("none", None)


def test_the_source_and_its_terms_stand_at_every_door(
    engine: Engine, take: Import, visitor: FlaskClient
) -> None:
    take(calendar(WEEKLY, SINGLE))
    with engine.begin() as connection:
        run_queries.credit(connection, SOURCE, "La ville et ses habitants")
    credit = "La ville et ses habitants (Licence Ouverte 2.0)"
    (single,) = occurrences(engine, "source_id = 'arbres'")
    weekly = occurrences(engine, "source_id = 'repas'")[0]
    days = {"from": f"{MONDAY}", "to": f"{MONDAY + timedelta(days=5)}"}
    told = visitor.get("/evenements.geojson", query_string=days).json
    assert told
    for feature in told["features"]:
        own = feature["properties"]
        assert (own["source"], own["licence"], own["attribution"]) == (
            SOURCE,
            "Licence Ouverte 2.0",
            credit,
        )
    urls = {one["properties"]["title"]: one["properties"]["source_url"] for one in told["features"]}
    assert urls == {
        "Repas de quartier": "https://agenda.example/repas",
        "Plantation d’arbres": None,
    }
    items = visitor.get("/ogc/collections/events/items?limit=50").json
    assert items
    assert {one["properties"]["attribution"] for one in items["features"]} == {credit}
    assert {one["properties"]["source"] for one in items["features"]} == {SOURCE}
    for path in ("/evenements.csv", "/evenements.atom", "/evenements.ics"):
        body = visitor.get(path, query_string=days).text.replace("\r\n ", "")
        assert credit in body, path
    page = visitor.get(f"/evenements/{weekly.id}").text
    for words in (SOURCE, "Licence Ouverte 2.0", "La ville et ses habitants", "à sa source"):
        assert words in page
    assert "https://agenda.example/repas" in page
    ld = json.loads(
        page.partition('<script type="application/ld+json">')[2].partition("</script>")[0]
    )
    assert ld["creditText"] == credit
    # It has no seats of ours, and nobody says that none are needed.
    assert (weekly.registration, single.registration) == ("external", "none")
    plain = visitor.get(f"/evenements/{single.id}").text
    assert "Sans inscription" not in plain
    assert "ne dit pas s’il faut s’inscrire" in plain
    assert visitor.get(f"/evenements/{single.id}/inscription").status_code != 200
    assert mails(engine) == 0


def test_pages_tell_no_hour_that_nobody_told(
    engine: Engine, take: Import, visitor: FlaskClient
) -> None:
    take(
        calendar(
            event(f"DTSTART;VALUE=DATE:{MONDAY:%Y%m%d}", uid="a", title="Journée"),
            event(paris(0), uid="b", title="Sans fin"),
        )
    )
    found = {one.source_id: one.id for one in occurrences(engine)}
    assert "toute la journée" in visitor.get(f"/evenements/{found['a']}").text
    assert "18 h 31" not in visitor.get(f"/evenements/{found['b']}").text
    assert "DTEND" not in visitor.get(f"/evenements/{found['b']}.ics").text


def test_a_licence_that_forbids_reuse_is_refused(take: Import) -> None:
    with pytest.raises(InvalidInput, match="licence"):
        take(calendar(WEEKLY), licence="CC BY-NC 4.0")


def test_a_run_that_changes_several_dates_writes_once(engine: Engine, take: Import) -> None:
    take(calendar(WEEKLY))
    with engine.begin() as connection:
        connection.execute(text("UPDATE event SET registration = 'open', registration_url = ''"))
        dates = connection.execute(text("SELECT id FROM event ORDER BY starts_at")).scalars().all()
        person = make_person(connection)
        for one in dates[:5]:
            registration_service.register(connection, one, person, SENDER, datetime.now(UTC))
        connection.execute(text("DELETE FROM delivery"))
    moved = event(
        paris(0, 20),
        paris_end(0, 22),
        "RRULE:FREQ=WEEKLY;COUNT=3",
        "LOCATION:Salle des fêtes, 35000 Rennes",
        "URL:https://agenda.example/repas",
        uid="repas",
    )
    take(calendar(moved))
    told = sorted(mail.subject.replace("\u00a0", " ") for mail in sent_mails(engine))
    assert len(told) == 2, told
    assert told[0].startswith("Annulé :")
    assert told[0].endswith(", 2 dates")
    assert told[1].endswith(", 3 dates")
