"""`/suivre/notifications`: a device is added and ended, and whether mails come too."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, redirect, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.errors import InvalidInput, NotFound
from mapservice.notifications.push import queries
from mapservice.notifications.push import service as push
from mapservice.notifications.push.encryption import vapid_key
from mapservice.notifications.push.model import PushDevice, PushTarget
from mapservice.notifications.push.transport import allowed_hosts
from mapservice.notifications.subscriptions import service
from mapservice.web import edge, forms
from mapservice.web.edge import services

blueprint = Blueprint("push", __name__)
blueprint.after_request(edge.secret_answer)


@blueprint.before_request
def only_where_offered() -> None:
    if not is_push_offered():
        raise NotFound("No notifications are offered here.")


@dataclass(frozen=True, slots=True)
class PushSection:
    """What a person sees of their notifications; `public_key` is what browsers ask for."""

    public_key: str
    devices: Sequence[PushDevice]
    by_mail: bool


def is_push_offered() -> bool:
    return vapid_key(services().settings) is not None


def push_section(connection: Connection, person: UUID) -> PushSection | None:
    """None where none are offered."""
    key = vapid_key(services().settings)
    if key is None:
        return None
    devices = queries.devices(connection, person)
    return PushSection(key.public, devices, queries.by_mail(connection, person))


@blueprint.post("/suivre/notifications")
def add() -> Response:
    """Called by a script, with what the browser gave; mails end unless `courriel` is sent too."""
    person = session.require_person()
    forms.check_own()
    form = request.form
    target = PushTarget.parse(
        form.get("endpoint", ""),
        form.get("p256dh", ""),
        form.get("auth", ""),
        allowed_hosts(services().settings),
    )
    with services().engine.begin() as connection:
        is_first = not queries.devices(connection, person.id)
        service.become_follower(connection, person.id, session.letterhead().base_url)
        push.add_device(connection, person.id, target)
        if is_first:
            push.set_by_mail(connection, person.id, wanted=False)
    return Response(status=HTTPStatus.NO_CONTENT)


@blueprint.post("/suivre/notifications/<uuid:identifier>/arreter")
def stop(identifier: UUID) -> Response:
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        push.end_device(connection, person.id, identifier)
    return _account()


@blueprint.post("/suivre/notifications/courriel")
def set_by_mail() -> Response:
    person = session.require_person()
    forms.check_own()
    wanted = request.form.get("courriel", "")
    if wanted not in ("oui", "non"):
        raise InvalidInput("courriel", "must be oui or non")
    with services().engine.begin() as connection:
        push.set_by_mail(connection, person.id, wanted=wanted == "oui")
    return _account()


def _account() -> Response:
    address = url_for("people.account", _anchor="notifications")
    response = redirect(address, HTTPStatus.SEE_OTHER)
    assert isinstance(response, Response)
    return response
