"""`/api/briefing`: what the letter of the week tells, as data, for a key."""

from datetime import UTC, date, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from mapservice.accounts.api_keys import bearer
from mapservice.accounts.api_keys.model import ApiKeyScope
from mapservice.errors import InvalidInput
from mapservice.i18n.locale import PARIS
from mapservice.notifications.weekly_digest import queries
from mapservice.notifications.weekly_digest.model import (
    WEEK,
    AreaMove,
    DigestWeek,
    WaitingSummary,
    monday,
)
from mapservice.notifications.weekly_digest.queries import DigestSection, WeeklyDigest
from mapservice.web.edge import base_url, only_parameters, services

blueprint = Blueprint("briefing_api", __name__, url_prefix="/api/briefing")


@blueprint.get("")
def briefing() -> Response:
    """Of the week before the Monday `day`, by default the latest one; what waits is of now."""
    only_parameters("day")
    holder = bearer.require(ApiKeyScope.READ_COORDINATION)
    bearer.badge(holder)
    day = _day()
    week = DigestWeek(day - WEEK, day)
    with services().engine.connect() as connection:
        found = queries.briefing(connection, holder.person.id, week, day)
    response = jsonify(_document(found) if found else _nothing(week))
    response.headers["Cache-Control"] = "no-store"
    return response


def _day() -> date:
    today = datetime.now(PARIS).date()
    text = request.args.get("day")
    if text is None:
        return monday(today)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("day", "is not a day such as 2026-01-05") from None
    if day != monday(day) or not date(2000, 1, 3) <= day <= today:
        raise InvalidInput("day", "is not a Monday of the past")
    return day


def _nothing(week: DigestWeek) -> dict[str, Any]:
    return {"since": str(week.start), "until": str(week.end), "waiting": [], "territories": []}


def _document(found: WeeklyDigest) -> dict[str, Any]:
    return _nothing(found.week) | {
        "waiting": [_waiting(one) for one in found.waiting],
        "territories": [_section(one) for one in found.sections],
    }


def _waiting(one: WaitingSummary) -> dict[str, Any]:
    return {
        "kind": str(one.kind),
        "count": one.count,
        "oldest": f"{one.oldest.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "url": base_url() + one.path,
    }


def _section(one: DigestSection) -> dict[str, Any]:
    return {
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
    }


def _move(one: AreaMove) -> dict[str, Any]:
    return {
        "territory": f"{one.level}:{one.code}",
        "name": one.name,
        "recent": one.recent,
        "before": one.before,
    }
