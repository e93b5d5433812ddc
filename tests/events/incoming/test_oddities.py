"""What calendars of many makers hold: taken as it is meant, or told why not."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from mapservice.errors import SourceError
from mapservice.events.incoming.clocks import zone_named
from mapservice.events.recurrence import moment_of, within_year
from tests.events.incoming.calendars import (
    MONDAY,
    OWN_ZONE,
    ROMANCE,
    Import,
    calendar,
    day,
    event,
    occurrences,
    paris,
    paris_end,
)
from tests.events.reading import by_ical_js

DAY = timedelta(days=1)


def wall(offset: int, hour: int = 18, minute: int = 30) -> datetime:
    return datetime.combine(MONDAY + timedelta(days=offset), time(hour, minute))


# Times that are one moment, however their calendar tells it: 18:30 to 20:00 in Paris.
ALIKE = {
    "zone by name": ((), (paris(0), paris_end(0))),
    "length": ((), (paris(0), "DURATION:PT1H30M")),
    "prefixed zone": (
        (),
        (
            f"DTSTART;TZID=/freeassociation.sourceforge.net/Europe/Paris:{day(0)}T183000",
            "DURATION:PT90M",
        ),
    ),
    "quoted zone": (
        (),
        (f'DTSTART;TZID="Europe/Paris":{day(0)}T183000', "DURATION:PT90M"),
    ),
    "Windows, with rules since 1601": (
        (ROMANCE,),
        (f"DTSTART;TZID=Romance Standard Time:{day(0)}T183000", "DURATION:PT90M"),
    ),
    "Windows, without its rules": (
        (),
        (f"DTSTART;TZID=Romance Standard Time:{day(0)}T183000", "DURATION:PT90M"),
    ),
    "a name of its own, with rules since 1970": (
        (OWN_ZONE,),
        (f"DTSTART;TZID=Heure de la mairie:{day(0)}T183000", "DURATION:PT90M"),
    ),
    "Exchange, with lines of its own and a name that is escaped": (
        (
            OWN_ZONE.replace("Heure de la mairie", "(UTC+01:00) Bruxelles\\, Paris")
            .replace(
                "BEGIN:DAYLIGHT", "X-MICROSOFT-CDO-TZID:3\nX-ENTOURAGE-CFTIMEZONE:a\nBEGIN:DAYLIGHT"
            )
            .replace("TZNAME:CET", "X-WHO:knows\nTZNAME:CET"),
        ),
        (f'DTSTART;TZID="(UTC+01:00) Bruxelles, Paris":{day(0)}T183000', "DURATION:PT90M"),
    ),
    "clocks that agree with ours": (
        (),
        (f"DTSTART;TZID=Europe/Brussels:{day(0)}T183000", "DURATION:PT90M"),
    ),
    "floating": ((), (f"DTSTART:{day(0)}T183000", f"DTEND:{day(0)}T200000")),
    "without seconds": ((), (f"DTSTART;TZID=Europe/Paris:{day(0)}T1830", "DURATION:PT90M")),
}


@pytest.mark.parametrize("name", ALIKE)
def test_times_are_one_moment_however_they_are_told(
    engine: Engine, take: Import, name: str
) -> None:
    head, lines = ALIKE[name]
    done = take(calendar(*head, event(*lines)))
    assert done.outcomes == ["imported"], done.reason
    (one,) = occurrences(engine)
    assert (one.zone, one.starts_local, one.ends_local) == (
        "Europe/Paris",
        wall(0),
        wall(0, 20, 0),
    )
    assert one.starts_at == moment_of(wall(0), "Europe/Paris")


def test_a_moment_in_utc_is_told_by_the_clock_of_its_place(engine: Engine, take: Import) -> None:
    begins, ends = f"DTSTART:{day(0)}T140000Z", f"DTEND:{day(0)}T150000Z"
    take(
        calendar(
            event(begins, ends, "LOCATION:Mamoudzou", uid="m"),
            event(begins, ends, "LOCATION:Rennes", uid="r"),
            event(begins, ends, uid="nowhere"),
            event(f"DTSTART;VALUE=DATE:{day(0)}", "LOCATION:97400 Saint-Denis", uid="whole"),
            event(f"DTSTART;TZID=America/New_York:{day(0)}T090000", "DURATION:PT1H", uid="us"),
        )
    )
    found = {one.source_id: one for one in occurrences(engine)}
    assert (found["m"].zone, found["m"].starts_local) == ("Indian/Mayotte", wall(0, 17, 0))
    for name in ("r", "nowhere"):
        assert found[name].zone == "Europe/Paris"
        assert found[name].starts_at == datetime.combine(MONDAY, time(14), UTC)
    assert (found["whole"].zone, found["whole"].starts_local) == ("Indian/Reunion", wall(0, 0, 0))
    new_york = datetime.combine(MONDAY, time(9), ZoneInfo("America/New_York"))
    assert (found["us"].zone, found["us"].starts_at) == ("Europe/Paris", new_york)


def test_whole_days_and_several_days(engine: Engine, take: Import) -> None:
    done = take(
        calendar(
            event(f"DTSTART;VALUE=DATE:{day(0)}", uid="a"),
            event(f"DTSTART;VALUE=DATE:{day(0)}", f"DTEND;VALUE=DATE:{day(1)}", uid="b"),
            event(f"DTSTART;VALUE=DATE:{day(0)}", f"DTEND;VALUE=DATE:{day(0)}", uid="c"),
            event(f"DTSTART;VALUE=DATE:{day(0)}", f"DTEND;VALUE=DATE:{day(3)}", uid="d"),
            event(paris(0), paris_end(2), uid="e"),
            event(f"DTSTART;VALUE=DATE:{day(0)}", "DURATION:P2D", uid="f"),
            event(paris(0), uid="g"),
            event(paris(0), paris_end(40), uid="h"),
            event(paris(0), paris_end(-1), uid="i"),
        )
    )
    assert done.outcomes == ["imported"] * 7 + ["rejected"] * 2
    assert "31 days" in done.reports[7].reason
    assert "before it begins" in done.reports[8].reason
    assert "no end" in done.reports[6].reason
    found = {one.source_id: one.ends_local - one.starts_local for one in occurrences(engine)}
    assert found["a"] == found["b"] == found["c"] == DAY
    assert found["d"] == 3 * DAY
    assert found["e"] == 2 * DAY + timedelta(hours=1, minutes=30)
    assert found["f"] == 2 * DAY
    assert found["g"] == timedelta(minutes=1)


# Series: the lines, and how many of their first dates to hold against ical.js.
SERIES = {
    "weekly": (paris(0), paris_end(0), "RRULE:FREQ=WEEKLY;BYDAY=MO"),
    "count": (paris(0), paris_end(0), "RRULE:FREQ=DAILY;INTERVAL=2;COUNT=5"),
    "until in utc": (paris(0), paris_end(0), f"RRULE:FREQ=WEEKLY;UNTIL={day(21)}T210000Z"),
    "until a day": (
        f"DTSTART;VALUE=DATE:{day(0)}",
        f"RRULE:FREQ=DAILY;UNTIL={day(3)}",
    ),
    "exdate with its zone": (
        paris(0),
        paris_end(0),
        "RRULE:FREQ=WEEKLY;COUNT=6",
        f"EXDATE;TZID=Europe/Paris:{day(7)}T183000,{day(14)}T183000",
    ),
    "first date left out": (
        paris(0),
        paris_end(0),
        "RRULE:FREQ=WEEKLY;COUNT=6",
        f"EXDATE;TZID=Europe/Paris:{day(0)}T183000",
    ),
    "rdates": (
        paris(0),
        paris_end(0),
        f"RDATE;TZID=Europe/Paris:{day(3)}T183000,{day(400)}T200000",
    ),
    "last friday": (
        paris(4),
        paris_end(4),
        "RRULE:FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
    ),
    "london, always an hour behind": (
        f"DTSTART;TZID=Europe/London:{day(0)}T173000",
        f"DTEND;TZID=Europe/London:{day(0)}T190000",
        "RRULE:FREQ=WEEKLY;COUNT=40",
    ),
    "new york, whose clocks change on other days": (
        f"DTSTART;TZID=America/New_York:{day(0)}T120000",
        f"DTEND;TZID=America/New_York:{day(0)}T130000",
        "RRULE:FREQ=WEEKLY;COUNT=40",
    ),
    "utc, with an end": (
        f"DTSTART:{day(0)}T173000Z",
        f"DTEND:{day(0)}T190000Z",
        "RRULE:FREQ=WEEKLY;COUNT=40",
    ),
}
ZONES = {
    "london, always an hour behind": "Europe/London",
    "new york, whose clocks change on other days": "America/New_York",
}


def test_series_have_the_dates_that_ical_js_gives_them(engine: Engine, take: Import) -> None:
    """ical.js knows no zone but those that a calendar defines: it gives wall times, made moments
    here by the zone that the calendar names."""
    parts = [event(*lines, uid=name) for name, lines in SERIES.items()]
    done = take(calendar(*parts))
    assert set(done.outcomes) == {"imported"}, [one.reason for one in done.reports]
    horizon = within_year(datetime.now(UTC))
    (told,) = by_ical_js([(calendar(*parts), "2099-01-01T00:00:00")])
    rows = occurrences(engine)
    for name in SERIES:
        zone = ZONES.get(name, "UTC" if name.startswith("utc") else "Europe/Paris")
        expected = [
            datetime.fromisoformat(one["start"]).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
            for one in told["found"]
            if one["uid"] == name
        ]
        # Dates beyond twelve months are made night by night, but for those named one by one.
        kept = [one.starts_at for one in rows if one.source_id == name]
        if name == "rdates":
            # ical.js leaves DTSTART out there, which RFC 5545 (3.8.5.2) counts as a date.
            assert kept == [moment_of(wall(0), "Europe/Paris"), *expected]
        else:
            assert kept == [one for one in expected if one < horizon], name
        assert kept


def test_a_day_left_out_is_left_out_whatever_its_hour(engine: Engine, take: Import) -> None:
    take(
        calendar(
            event(
                paris(0),
                paris_end(0),
                "RRULE:FREQ=WEEKLY;COUNT=5",
                f"EXDATE;VALUE=DATE:{day(7)}",
                f"EXDATE:{(moment_of(wall(14), 'Europe/Paris')):%Y%m%dT%H%M%SZ}",
            )
        )
    )
    assert [one.starts_local for one in occurrences(engine)] == [wall(0), wall(21), wall(28)]


def test_an_added_period_has_its_own_length(engine: Engine, take: Import) -> None:
    take(
        calendar(
            event(
                paris(0),
                paris_end(0),
                f"RDATE;TZID=Europe/Paris;VALUE=PERIOD:{day(1)}T100000/PT3H,"
                f"{day(2)}T100000/{day(2)}T110000",
            )
        )
    )
    found = [(one.starts_local, one.ends_local) for one in occurrences(engine)]
    assert found == [
        (wall(0), wall(0, 20, 0)),
        (wall(1, 10, 0), wall(1, 13, 0)),
        (wall(2, 10, 0), wall(2, 11, 0)),
    ]


def test_dates_that_are_told_apart(engine: Engine, take: Import) -> None:
    """One moved and renamed, one cancelled, one beyond the year ahead, as its own part says."""
    done = take(
        calendar(
            event(paris(0), paris_end(0), "RRULE:FREQ=WEEKLY", "LOCATION:Rennes"),
            event(
                f"RECURRENCE-ID;TZID=Europe/Paris:{day(7)}T183000",
                paris(8),
                paris_end(8),
                title="Repas du mardi",
            ),
            event(f"RECURRENCE-ID;TZID=Europe/Paris:{day(14)}T183000", "STATUS:CANCELLED"),
            event(
                f"RECURRENCE-ID;TZID=Europe/Paris:{day(7 * 60)}T183000",
                paris(7 * 60, 10, 0),
                paris_end(7 * 60, 11, 0),
            ),
        )
    )
    assert done.outcomes == ["imported"], done.reason
    found = occurrences(engine)
    assert [one.starts_local for one in found[:3]] == [wall(0), wall(8), wall(21)]
    assert (found[1].title, found[1].changed_alone, found[1].commune) == (
        "Repas du mardi",
        True,
        "35238",
    )
    assert found[1].recurrence_id == wall(7)
    assert found[-1].starts_local == wall(7 * 60, 10, 0)


REFUSED = {
    "no key": ((paris(0), "UID:"), "UID"),
    "no beginning": (("LOCATION:Rennes",), "DTSTART"),
    "no date": (("DTSTART:demain",), "DTSTART"),
    "the 30th of February": (("DTSTART:20270230T100000",), "DTSTART"),
    "a zone of nobody": ((f"DTSTART;TZID=Ma zone:{day(0)}T100000",), "TZID"),
    "hourly": ((paris(0), "RRULE:FREQ=HOURLY"), "FREQ"),
    "a part that is not ours": ((paris(0), "RRULE:FREQ=YEARLY;BYWEEKNO=20"), "BYWEEKNO"),
    "two rules": ((paris(0), "RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"), "RRULE"),
    "exrule": ((paris(0), "RRULE:FREQ=DAILY", "EXRULE:FREQ=WEEKLY"), "EXRULE"),
    "this and the following": (
        (f"RECURRENCE-ID;RANGE=THISANDFUTURE:{day(0)}T100000", paris(0)),
        "RANGE",
    ),
    "without an end, by a clock that shifts": (
        (f"DTSTART:{day(0)}T100000Z", "RRULE:FREQ=WEEKLY"),
        "UTC",
    ),
    "ten years ahead": ((f"DTSTART:{MONDAY.year + 10}0101T100000",), "5 years"),
    "no title": ((paris(0), "SUMMARY:"), "SUMMARY"),
    "a licence that forbids it": ((paris(0), "LICENSE:CC BY-NC 4.0"), "forbids reuse"),
}


def test_what_cannot_be_taken_tells_why_and_takes_no_neighbour(
    engine: Engine, take: Import
) -> None:
    parts = [event(*lines, uid=f"u{number}") for number, (lines, _) in enumerate(REFUSED.values())]
    done = take(calendar(*parts, event(paris(0), paris_end(0), uid="fine")))
    assert [one.source_id for one in occurrences(engine)] == ["fine"]
    for (name, (_, told)), report in zip(REFUSED.items(), done.reports, strict=False):
        assert (str(report.outcome), told in report.reason) == ("rejected", True), (
            name,
            report.reason,
        )


def test_what_is_not_for_the_public_is_told_to_nobody(engine: Engine, take: Import) -> None:
    done = take(
        calendar(
            event(paris(0), "CLASS:PRIVATE", "LOCATION:chez moi", title="Mon rendez-vous"),
            event(
                paris(0),
                "ORGANIZER;CN=Anne Secret:mailto:anne@secret.example",
                "ATTENDEE;CN=Jean Secret:mailto:jean@secret.example",
                "CONTACT:Anne Secret",
                uid="public",
            ),
        )
    )
    assert done.outcomes == ["skipped", "imported"]
    assert (done.reports[0].title, done.reports[0].place) == ("", "")
    assert "Secret" not in str(occurrences(engine))


def test_texts_are_unescaped_once(engine: Engine, take: Import) -> None:
    take(
        calendar(
            event(
                paris(0),
                "DESCRIPTION:C:\\\\nouveau\\, puis\\nla suite",
                r"CATEGORIES:sport\, loisirs",
                uid=r"a\\nb",
                title=r"Un \\ et deux\; trois",
            )
        )
    )
    (found,) = occurrences(engine)
    assert (found.title, found.description) == (
        "Un \\ et deux; trois",
        "C:\\nouveau, puis\nla suite",
    )
    assert found.source_id == r"a\nb"


def test_texts_are_read_as_they_are_meant(engine: Engine, take: Import) -> None:
    """Folded in the middle of a sign, with markup, escaped, in an encoding of the last century."""
    folded = event(
        paris(0),
        "DESCRIPTION:Un <b>caf\\, un thé</b>\\nà la\n  bibliothèque\\; entrée libre",
        "CATEGORIES:Culture",
        title="Café des lecteurs",
    )
    take(calendar(folded).encode("cp1252"))
    (one,) = occurrences(engine)
    assert one.title == "Café des lecteurs"
    assert one.description == "Un caf, un thé\nà la bibliothèque; entrée libre"
    assert one.theme == "culture"


@pytest.mark.parametrize(
    "content",
    [
        "<html>404</html>",
        "",
        calendar(event(paris(0))).replace("END:VCALENDAR", ""),
        calendar(event(paris(0)))[:-40],
        calendar(event(paris(0)), head=("METHOD:REQUEST",)),
    ],
)
def test_what_is_no_whole_calendar_is_refused(take: Import, content: str) -> None:
    with pytest.raises(SourceError):
        take(content)


def test_of_versions_of_one_event_the_newest_is_taken(engine: Engine, take: Import) -> None:
    done = take(
        calendar(
            event(paris(0), "SEQUENCE:2", title="La dernière"),
            event(paris(1), "SEQUENCE:1", title="L’avant-dernière"),
        )
    )
    assert done.outcomes == ["imported"]
    assert "older version" in done.reason
    assert [one.title for one in occurrences(engine)] == ["La dernière"]


def test_what_was_over_long_ago_is_left_out_and_old_series_begin_lately(
    engine: Engine, take: Import
) -> None:
    done = take(
        calendar(
            event("DTSTART;TZID=Europe/Paris:20150105T183000", "DURATION:PT1H", uid="old"),
            event(
                "DTSTART;TZID=Europe/Paris:20150105T183000",
                "DURATION:PT1H",
                "RRULE:FREQ=WEEKLY;INTERVAL=2",
                uid="fortnight",
            ),
        )
    )
    assert done.outcomes == ["skipped", "imported"]
    starts = [one.starts_local for one in occurrences(engine)]
    assert 50 <= len(starts) <= 54
    first = datetime.combine(datetime(2015, 1, 5, tzinfo=UTC).date(), time(18, 30))
    assert {(one - first).days % 14 for one in starts} == {0}
    statuses = {one.status for one in occurrences(engine)}
    assert statuses == {"done", "published"}


def test_names_of_zones() -> None:
    assert zone_named("Europe/Paris") == "Europe/Paris"
    assert zone_named("/citadel.org/20210210_1/Europe/Paris") == "Europe/Paris"
    assert zone_named("W. Europe Standard Time") == "Europe/Berlin"
    assert zone_named("Customized Time Zone") == ""
