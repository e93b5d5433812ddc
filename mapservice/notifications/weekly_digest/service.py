"""Weekly digests: one a person, for all their territories, until they unsubscribe.

A digest is written in one transaction with the mark that says so: a worker that dies in the middle
leaves nothing of it, and the next turn writes it whole.
"""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from mapservice.errors import MapserviceError
from mapservice.events.words import when_words
from mapservice.i18n import format_date, translator
from mapservice.initiatives.changes import horizon
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead, Mail
from mapservice.notifications.subscriptions.words import place_words
from mapservice.notifications.weekly_digest import queries
from mapservice.notifications.weekly_digest.model import (
    MOST_BACK,
    QUIET_WEEKS,
    AreaMove,
    DigestWeek,
    leave_path,
    midnight,
    monday,
)
from mapservice.notifications.weekly_digest.queries import DigestReader, WeeklyDigest
from mapservice.settings import Settings

if TYPE_CHECKING:
    from mapservice.initiatives.queries import Initiative

log = structlog.get_logger()

NOBODY = UUID(int=0)
ACCOUNT = "/compte#lettre"

TOLD = """
UPDATE briefing_reader SET told_on = :monday, quiet_weeks = :quiet WHERE person = :person"""

# People who subscribe again get what is new from then on.
SET_LEFT = """
INSERT INTO briefing_reader (person, told_on, left_at)
VALUES (:person, :monday, CASE WHEN :left THEN now() END)
    ON CONFLICT (person) DO UPDATE
   SET left_at = CASE WHEN :left THEN coalesce(briefing_reader.left_at, now()) END,
       told_on = CASE WHEN briefing_reader.left_at IS NOT NULL AND NOT :left
                      THEN excluded.told_on ELSE briefing_reader.told_on END"""

LEAVE = "UPDATE briefing_reader SET left_at = coalesce(left_at, now()) WHERE id = :id"


def tell(engine: Engine, settings: Settings, day: date) -> int:
    """Writes the digests of a day's week that are still missing; returns how many mails that made.

    None before all that was changed up to Monday can be read: a transaction of Sunday that is still
    open holds them up, so that its initiatives are in a digest, and in one only.
    """
    start = monday(day)
    with engine.begin() as connection:
        queries.enrol(connection, start)
    with engine.connect() as connection:
        if horizon(connection) < midnight(start):
            return 0
    mails, person = 0, NOBODY
    while True:
        with engine.connect() as connection:
            following = queries.next_due(connection, start, person)
        if following is None:
            return mails
        person = following
        try:
            with engine.begin() as connection:
                mails += _write_digest(connection, settings, person, day)
        except (MapserviceError, DBAPIError) as error:
            log.error("briefing_not_written", person=str(person), error=str(error))


def set_weekly_digest(connection: Connection, person: UUID, day: date, *, wanted: bool) -> None:
    """Ends the digest of a person, or lets it come again."""
    bound = {"person": person, "monday": monday(day), "left": not wanted}
    connection.execute(text(SET_LEFT), bound)


def leave(connection: Connection, reader: UUID) -> None:
    """The same through the link in a mail; the caller has checked the signature."""
    connection.execute(text(LEAVE), {"id": reader})


def erase(connection: Connection, person: UUID) -> None:
    connection.execute(text("DELETE FROM briefing_reader WHERE person = :id"), {"id": person})


def _write_digest(connection: Connection, settings: Settings, person: UUID, day: date) -> bool:
    """Returns whether a mail was written."""
    start = monday(day)
    reader = queries.lock_due(connection, person, start)
    if reader is None:
        return False
    week = DigestWeek(max(reader.told_on, start - MOST_BACK), start)
    found = queries.weekly_digest(connection, person, week, day)
    quiet = reader.quiet_weeks + 1 if found is None or found.is_quiet else 0
    bound = {"monday": start, "quiet": min(quiet, 1000), "person": person}
    connection.execute(text(TOLD), bound)
    if found is None or (found.is_quiet and reader.quiet_weeks % QUIET_WEEKS):
        return False
    mail.enqueue(connection, _digest_mail(settings, reader, found, day))
    return True


def _digest_mail(settings: Settings, reader: DigestReader, found: WeeklyDigest, day: date) -> Mail:
    site, locale, week = mail.letterhead(settings), reader.locale, found.week
    _ = translator(locale)
    leave = site.base_url + leave_path(reader.id, reader.leave_key)
    # The first day is written without its month where the last day names it.
    same_month = (week.start.year, week.start.month) == (week.last.year, week.last.month)
    values = {
        "first": format_date(week.start, "d" if same_month else "d MMMM", locale=locale),
        "last": format_date(week.last, "d MMMM", locale=locale),
        "new": found.new,
        "waits": found.waits,
        "coming": found.coming,
        "quiet": found.is_quiet,
        "waiting": [
            {
                "kind": str(one.kind),
                "count": one.count,
                "days": one.days(midnight(day)),
                "url": site.base_url + one.path,
            }
            for one in found.waiting
        ],
        "sections": [
            {
                "name": one.name or _("Toute la France"),
                "url": site.base_url + one.path,
                "list_url": site.base_url + one.listing,
                "new": one.news.total,
                "more": one.news.total - len(one.news.items),
                "items": [
                    {
                        "title": item.title,
                        "place": place_words(item, _),
                        "url": site.base_url + item.url,
                    }
                    for item in one.news.items
                ],
                "recent": one.recent,
                "before": one.before,
                "compared": one.compared,
                "changed": one.changed,
                "rising": [_move(site, move) for move in one.rising],
                "falling": [_move(site, move) for move in one.falling],
                "coming": one.coming.total,
                "coming_more": one.coming.more_than,
                "agenda_url": site.base_url + one.agenda(day),
                "dates": [
                    {
                        "title": date_.title,
                        "when": when_words(date_, locale),
                        "place": ""
                        if date_.mode == "online"
                        else place_words(cast("Initiative", date_), _),
                        "url": site.base_url + date_.url,
                    }
                    for date_ in one.coming.items
                ],
                "silent": one.silent.total,
                "silent_more": one.silent.total - len(one.silent.items),
                "silent_url": site.base_url + one.sleepers,
                "groups": [
                    {
                        "name": group.name,
                        "since": format_date(group.last_sign_at, "d MMMM y", locale=locale),
                        "url": site.base_url + group.url,
                    }
                    for group in one.silent.items
                ],
            }
            for one in found.sections
        ],
        "sources": [
            {
                "name": one.platform,
                "new": one.new,
                "changed": one.changed,
                "gone": one.gone,
                "in_doubt": one.in_doubt,
                "failure": one.failure,
            }
            for one in found.sources
        ],
        "month": format_date(week.month[0], "MMMM", locale=locale) if week.month else "",
        "importer": f"{site.base_url}/importer",
        "moved": any(one.rising or one.falling for one in found.sections),
        "leave": leave,
        "account": site.base_url + ACCOUNT,
    }
    headers = {
        "List-Unsubscribe": f"<{leave}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return mail.write(
        site,
        "briefing",
        reader.email,
        values,
        locale=locale,
        person=reader.person,
        headers=headers,
    )


def _move(site: Letterhead, one: AreaMove) -> Mapping[str, Any]:
    return {
        "name": one.name,
        "partial": one.partial,
        "recent": one.recent,
        "before": one.before,
        "url": site.base_url + one.path,
    }
