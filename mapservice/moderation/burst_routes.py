"""`/moderation/confiance`: supports that stand out or are held back, and decisions about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.roles import permissions as access
from mapservice.accounts.roles.queries import overlaps
from mapservice.contributions.bursts import panel_queries, queries, service
from mapservice.contributions.bursts.model import (
    LEAST_DAY,
    MOST_NOTE,
    BurstState,
    SupportArrivals,
)
from mapservice.contributions.bursts.panel_queries import PanelScope
from mapservice.dashboards.model import MonthChart, chart
from mapservice.dashboards.routes import territory_of
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.i18n import gettext as _
from mapservice.initiatives import queries as initiatives
from mapservice.moderation import pages
from mapservice.moderation.queries import is_within
from mapservice.rollups import territory_queries
from mapservice.territories import queries as territories
from mapservice.territories.lineage.model import plain
from mapservice.territories.model import Level, TerritoryRef
from mapservice.web.edge import only_parameters, services

blueprint = Blueprint("trust", __name__, url_prefix="/moderation/confiance")
pages.keep_private(blueprint)

SHOWN = 50
MONTH, HOURS = timedelta(days=30), timedelta(hours=72)
HOUR, DAY = "hour", "day"


@dataclass(frozen=True, slots=True)
class ArrivalCurve:
    """Arrivals as bars; `held` are the heights of the supports not counted in each."""

    step: str
    arrived: Sequence[SupportArrivals]
    chart: MonthChart
    held: Sequence[float]


@blueprint.get("")
def listing() -> str:
    """Open bursts, and links to the territories of a person's roles; admins get all régions."""
    only_parameters()
    reach = access.sees()
    with services().engine.connect() as connection:
        if reach.everywhere:
            regions = territory_queries.everywhere(connection, Level.REGION)
            places = [one.place for one in regions]
            parts = [(TerritoryRef(Level.REGION, one.code), one.name) for one in places]
            parts.sort(key=lambda part: plain(part[1]))
        else:
            found = ((ref, territories.find(connection, ref)) for ref in reach.territories)
            parts = [(ref, one.name) for ref, one in found if one]
        return render_template(
            "trust/bursts.html",
            bursts=panel_queries.open_bursts(connection, reach, SHOWN),
            parts=parts,
            **_shared(),
        )


@blueprint.get("/<uuid:identifier>")
def initiative(identifier: UUID) -> Response:
    only_parameters()
    with services().engine.connect() as connection:
        return make_response(_panel(connection, identifier))


@blueprint.get("/territoire/<level>/<code>")
def territory(level: str, code: str) -> str:
    only_parameters()
    ref, reach = territory_of(level, code), access.sees()
    with services().engine.connect() as connection:
        found = territories.find(connection, ref) if ref else None
        seen = ref is not None and (reach.everywhere or overlaps(connection, ref, reach))
        if ref is None or found is None or not seen:
            raise NotFound("There is no such territory.")
        part = panel_queries.of_territory(ref, reach)
        now = datetime.now(UTC)
        return render_template(
            "trust/territory.html",
            ref=ref,
            place=found,
            figures=panel_queries.figures(connection, part),
            curve=_curve(connection, part, now - MONTH, now, DAY),
            notable=panel_queries.notable(connection, part, LEAST_DAY, SHOWN),
            least=LEAST_DAY,
            **_shared(),
        )


@blueprint.get("/rafales/<uuid:identifier>")
def case(identifier: UUID) -> Response:
    """The panel of the initiative that a burst is about."""
    only_parameters("territory", "kind", "decided")
    with services().engine.connect() as connection:
        about = panel_queries.initiative_of(connection, identifier, access.sees())
        if about is None:
            raise NotFound("There is no such burst.")
        return make_response(_panel(connection, about))


@blueprint.post("/rafales/<uuid:identifier>")
def decide(identifier: UUID) -> Response:
    with services().engine.connect() as connection:
        access.require_decider(
            lambda reach: panel_queries.initiative_of(connection, identifier, reach) is not None
        )
        about = panel_queries.initiative_of(connection, identifier, access.decides())
    assert about is not None, "who may decide sees it"
    if not access.is_own_form():
        return _again(about, HTTPStatus.FORBIDDEN, pages.expired())
    state = request.form.get("state", "")
    if state not in (BurstState.RELEASED, BurstState.DISMISSED):
        words = _("Choisissez une des décisions proposées.")
        return _again(about, HTTPStatus.BAD_REQUEST, words)
    try:
        with services().engine.begin() as connection:
            service.decide(
                connection,
                identifier,
                about,
                BurstState(state),
                by=access.reviewer(),
                person=access.badge().person,
                note=request.form.get("note", "").strip(),
            )
    except InvalidInput as error:
        words = (
            _("C’est trop long : %(most)s signes au plus.", most=MOST_NOTE)
            if error.field == "note"
            else _("Choisissez une des décisions proposées.")
        )
        return _again(about, HTTPStatus.BAD_REQUEST, words)
    except StateConflict:
        words = _("Quelqu’un vient d’en décider. Rien n’a été enregistré.")
        return _again(about, HTTPStatus.CONFLICT, words)
    response = redirect(url_for("trust.initiative", identifier=about), HTTPStatus.SEE_OTHER)
    assert isinstance(response, Response)
    return response


def _panel(connection: Connection, identifier: UUID, error: str = "") -> str:
    known = initiatives.of_any_status(connection, [identifier]).get(identifier)
    if known is None or not is_within(connection, identifier, access.sees()):
        raise NotFound("There is no such initiative.")
    found = panel_queries.bursts(connection, identifier, SHOWN)
    part = panel_queries.of_initiative(identifier)
    # Three days by the hour around a short burst, else the last month by the day.
    until = datetime.now(UTC)
    since, step = until - MONTH, DAY
    if found and found[0].last_at - found[0].first_at < HOURS / 2:
        until = min(until, found[0].last_at + HOURS / 4)
        since, step = until - HOURS, HOUR
    networks, effective = panel_queries.networks(connection, identifier)
    return render_template(
        "trust/initiative.html",
        initiative=known,
        bursts=found,
        open=next((one for one in found if one.state is BurstState.OPEN), None),
        figures=panel_queries.figures(connection, part),
        curve=_curve(connection, part, since, until, step),
        networks=networks,
        effective=effective,
        usual=queries.usual(connection, identifier, found[0].first_at if found else until),
        may_decide=is_within(connection, identifier, access.decides()),
        error=error,
        typed=request.form,
        most=MOST_NOTE,
        scope_pairs=pages.part_pairs(),
        **pages.settled_decision(connection),
        **_shared(),
    )


def _curve(
    connection: Connection, part: PanelScope, since: datetime, until: datetime, step: str
) -> ArrivalCurve:
    arrived = panel_queries.arrivals(connection, part, since, until, step)
    drawn = chart([(one.at, one.counted + one.held) for one in arrived], None, None)
    held = [
        round(bar.height * one.held / bar.count, 2) if bar.count else 0
        for bar, one in zip(drawn.bars, arrived, strict=True)
    ]
    return ArrivalCurve(step, arrived, drawn, held)


def _again(identifier: UUID, status: HTTPStatus, words: str) -> Response:
    """The panel again with an error message, in its present state."""
    with services().engine.connect() as connection:
        return make_response(_panel(connection, identifier, words), status)


def _shared() -> dict[str, Any]:
    return {"token": access.form_token(), "reviewer": access.reviewer(), "badge": access.badge()}
