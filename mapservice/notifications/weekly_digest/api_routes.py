"""`/api/briefing`: the content of the weekly digest as JSON, for a key."""

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from mapservice.accounts.api_keys import bearer
from mapservice.accounts.api_keys.model import ApiKeyScope
from mapservice.errors import InvalidInput
from mapservice.i18n import PARIS
from mapservice.notifications.weekly_digest import queries
from mapservice.notifications.weekly_digest.model import WEEK, AreaMove, DigestWeek, monday
from mapservice.web.edge import base_url, only_parameters, services

blueprint = Blueprint("weekly_digest_api", __name__, url_prefix="/api/briefing")


@blueprint.get("")
def weekly_digest() -> Response:
    """The week before the Monday `day`, by default the latest; waiting cases are those of now.

    `sources` has what each source brought in the month that ended in this week, if one did.
    """
    only_parameters("day")
    holder = bearer.require(ApiKeyScope.READ_COORDINATION)
    bearer.badge(holder)
    today = datetime.now(PARIS).date()
    text = request.args.get("day")
    try:
        day = monday(today) if text is None else date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("day", "is not a day such as 2026-01-05") from None
    if day != monday(day) or not date(2000, 1, 3) <= day <= today:
        raise InvalidInput("day", "is not a Monday of the past")
    week = DigestWeek(day - WEEK, day)
    with services().engine.connect() as connection:
        found = queries.weekly_digest(connection, holder.person.id, week, day)
    waiting = [
        {
            "kind": str(one.kind),
            "count": one.count,
            "oldest": f"{one.oldest.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "url": base_url() + one.path,
        }
        for one in (found.waiting if found else ())
    ]
    territories = [
        {
            "territory": str(one.ref) if one.ref else None,
            "name": one.name or "France",
            "new": one.news.total,
            "newest": [
                {"id": str(item.id), "title": item.title, "url": base_url() + item.url}
                for item in one.news.items
            ],
            "recent": one.recent,
            "before": one.before,
            "compared": one.compared,
            "changed": one.changed,
            "rising": [_move(move) for move in one.rising],
            "falling": [_move(move) for move in one.falling],
            "events_coming": one.coming.total,
            "groups_fallen_silent": one.silent.total,
        }
        for one in (found.sections if found else ())
    ]
    response = jsonify(
        since=str(week.start),
        until=str(week.end),
        waiting=waiting,
        territories=territories,
        sources=[asdict(one) for one in (found.sources if found else ())],
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _move(one: AreaMove) -> dict[str, Any]:
    return {
        "territory": f"{one.level}:{one.code}",
        "name": one.name,
        "recent": one.recent,
        "before": one.before,
    }
