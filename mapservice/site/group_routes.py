"""`/groupes/{id}`: a group with its next dates and its initiatives, which rooms apart keep."""

from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template
from markupsafe import Markup

from mapservice.accounts.people import session
from mapservice.accounts.roles import permissions
from mapservice.contributions.needs import queries as needs
from mapservice.contributions.needs.model import NeedOwner
from mapservice.contributions.needs.service import today
from mapservice.errors import NotFound
from mapservice.events import queries as events
from mapservice.events.routes import words as event_words
from mapservice.groups import queries
from mapservice.groups.model import BELONGING, EDITING, SUCCEEDING, GroupStatus
from mapservice.groups.routes import sample_of, words
from mapservice.groups.words import own_standing_words
from mapservice.i18n import gettext as _
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.markdown import to_html
from mapservice.moderation.model import CaseKind
from mapservice.tiles.live_map import place_map
from mapservice.web.edge import base_url, only_parameters, same_for_all, services

blueprint = Blueprint("group_pages", __name__)

SHOWN_DATES = 6


@blueprint.get("/groupes/<uuid:identifier>")
def detail(identifier: UUID) -> Response:
    """Anybody sees a public group, its organisers one that waits; nobody here who belongs to it."""
    only_parameters()
    same_for_all()
    now, person = datetime.now(UTC), session.current_person()
    with services().autocommit.connect() as connection:
        found = queries.find(connection, identifier)
        mine = queries.of_person(connection, identifier, person.id) if person else None
        belongs = bool(mine and mine.standing in BELONGING)
        if found is None or not (found.is_public or belongs):
            raise NotFound("There is no such group, or it is not public.")
        ids = queries.initiatives_of(connection, identifier)
        known = initiatives.of_any_status(connection, ids)
        territory = found.territory
        point = (found.lon, found.lat) if found.lon is not None and found.lat is not None else None
        page = render_template(
            "groups/detail.html",
            group=found,
            mine=mine,
            mine_words=own_standing_words(mine.standing) if mine else "",
            edits=bool(mine and mine.standing in EDITING),
            may_take_over=bool(mine and mine.standing in SUCCEEDING and found.is_without_organiser),
            may_decide=permissions.decides_within(
                lambda reach: queries.is_within(connection, identifier, reach)
            ),
            organisers=queries.public_organisers(connection, identifier),
            dates=events.of_group(connection, identifier, now, SHOWN_DATES),
            needs=needs.of_owner(
                connection, NeedOwner.GROUP, identifier, today(found.departement, found.region)
            )
            if found.status is GroupStatus.PUBLISHED
            else [],
            linked=[known[one] for one in ids if one in known],
            description_html=Markup(to_html(found.description)),
            map_config=place_map(connection, territory, point, drawing="")
            if territory or found.precision == "national"
            else None,
            sample=sample_of([found]),
            sample_words=_("ce groupe n’existe pas."),
            canonical=base_url() + found.url,
            **{**event_words(now), **words(now), "CaseKind": CaseKind},
        )
    response = make_response(page)
    if person:
        response.headers["Cache-Control"] = "private, no-store"
    return response
