"""`/evenements/{id}/besoins`: what a date asks hands for, for its organiser."""

from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, url_for
from sqlalchemy import Connection

from mapservice.accounts.people.model import Person
from mapservice.contributions.needs.author_pages import AskingPage, attach_author_pages
from mapservice.contributions.needs.model import NeedOwner
from mapservice.contributions.needs.service import NeedAsker
from mapservice.events.author_routes import own
from mapservice.events.model import EventStatus
from mapservice.events.service import change_needs
from mapservice.web import edge

blueprint = Blueprint("event_needs", __name__)
blueprint.after_request(edge.secret_answer)

ASKER = NeedAsker(NeedOwner.EVENT, change_needs)


def _own_event(connection: Connection, identifier: UUID, person: Person) -> AskingPage:
    found, _series = own(connection, identifier, person)
    called_off = found.status in (EventStatus.CANCELLED, EventStatus.REJECTED)
    return AskingPage(
        title=found.title,
        back=url_for("event_authors.organise", identifier=identifier),
        is_public=found.is_public,
        editable=not called_off and not found.is_over(datetime.now(UTC)),
        departement=found.departement,
        region=found.region,
        day=found.starts_local.date(),
    )


attach_author_pages(blueprint, "/evenements", ASKER, _own_event)
