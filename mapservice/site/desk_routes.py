"""`/groupes/{id}/bureau`: what organisers and editors have to do, from all rooms."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template

from mapservice.accounts.people import session
from mapservice.contributions.needs import queries as needs
from mapservice.contributions.needs.model import NeedOwner
from mapservice.events.routes import words as event_words
from mapservice.groups import message_service as messages
from mapservice.groups import queries
from mapservice.groups.author_routes import own
from mapservice.groups.model import DORMANT_AFTER, EDITING, GroupStatus, MemberStanding
from mapservice.groups.routes import words
from mapservice.initiatives import queries as initiatives
from mapservice.site import desk_queries
from mapservice.web import edge
from mapservice.web.edge import only_parameters, services

blueprint = Blueprint("group_desk", __name__)
blueprint.after_request(edge.secret_answer)

# Before a group sleeps, its organisers are asked for a sign.
ASKED_BEFORE = timedelta(days=30)
SHOWN_REQUESTS, SHOWN_MESSAGES = 20, 10


@blueprint.get("/groupes/<uuid:identifier>/bureau")
def desk(identifier: UUID) -> Response:
    """Who asks to join, and messages, are for organisers alone; so are counts of who waits.

    The organiser of an event sees those of that event in any case.
    """
    only_parameters()
    person, now = session.require_person(), datetime.now(UTC)
    with services().snapshot.connect() as connection:
        found, standing = own(connection, identifier, person, *EDITING)
        organises = standing is MemberStanding.ORGANISER
        requests = [
            one
            for one in (queries.members(connection, identifier) if organises else [])
            if one.standing is MemberStanding.REQUESTED
        ]
        ids = queries.initiatives_of(connection, identifier)
        reports = desk_queries.open_reports(connection, ids)
        known = initiatives.of_any_status(connection, list(reports))
        unpublished = desk_queries.unpublished(connection, identifier, person.id, now)
        written = messages.of_group(connection, identifier) if organises else []
        quiet_from = found.last_sign_at + DORMANT_AFTER
        page = render_template(
            "groups/desk.html",
            group=found,
            organises=organises,
            requests=requests,
            shown_requests=SHOWN_REQUESTS,
            reports=[(known[one], count) for one, count in reports.items() if one in known],
            coming=desk_queries.coming(connection, identifier, person.id, now),
            drafts=[one for one in unpublished if one.event.status == "draft"],
            pending=[one for one in unpublished if one.event.status == "pending"],
            needs=needs.of_owner(connection, NeedOwner.GROUP, identifier, None),
            written=written[:SHOWN_MESSAGES],
            held=[one for one in written if one.state == "held"],
            allowance=messages.allowance(connection, identifier, now),
            asks_for_sign=found.status is GroupStatus.PUBLISHED and quiet_from < now + ASKED_BEFORE,
            quiet_from=quiet_from,
            **{**event_words(now), **words(now)},
        )
    return make_response(page)
