"""`/groupes/{id}/besoins`: what a group asks hands for, for who organises or edits it."""

from uuid import UUID

from flask import Blueprint, url_for
from sqlalchemy import Connection

from mapservice.accounts.people.model import Person
from mapservice.contributions.needs.author_pages import AskingPage, attach_author_pages
from mapservice.contributions.needs.model import NeedOwner
from mapservice.contributions.needs.service import NeedAsker
from mapservice.groups.author_routes import own
from mapservice.groups.model import EDITING, GroupStatus
from mapservice.groups.service import change_needs
from mapservice.web import edge

blueprint = Blueprint("group_needs", __name__)
blueprint.after_request(edge.secret_answer)

ASKER = NeedAsker(NeedOwner.GROUP, change_needs)


def _own_group(connection: Connection, identifier: UUID, person: Person) -> AskingPage:
    found, _standing = own(connection, identifier, person, *EDITING)
    return AskingPage(
        title=found.name,
        back=url_for("group_desk.desk", identifier=identifier),
        is_public=found.is_public,
        editable=found.status not in (GroupStatus.REJECTED, GroupStatus.ARCHIVED),
        departement=found.departement,
        region=found.region,
    )


attach_author_pages(blueprint, "/groupes", ASKER, _own_group)
