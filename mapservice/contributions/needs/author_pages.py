"""What an initiative, a group or an event asks for, and who comes: for those who answer for it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.people.model import Person
from mapservice.contributions.needs import queries, service
from mapservice.contributions.needs.model import (
    KEPT_DAYS,
    MAX_NEEDS,
    MAX_PLACES,
    MAX_WORDS,
    NeedMistake,
    NeedSkill,
    read_need,
)
from mapservice.contributions.needs.service import NeedAsker
from mapservice.errors import StateConflict
from mapservice.i18n import gettext as _
from mapservice.web import forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.forms import FormGate, FormRefused

GATE = FormGate("ask for help")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingPage:
    """What its page of needs says of what asks; `back` leads to that of its organisers.

    `day` is that of an event: a need of no other day is of that one.
    """

    title: str
    back: str
    is_public: bool
    editable: bool
    departement: str | None
    region: str | None
    day: date | None = None


# Raises NotFound for anybody who does not answer for it, whether it exists or not.
OwnReader = Callable[[Connection, UUID, Person], AskingPage]


def attach_author_pages(
    blueprint: Blueprint, prefix: str, asker: NeedAsker, own: OwnReader
) -> None:
    """`{prefix}/{id}/besoins`: what is asked for, asking for more, taking it back."""

    @blueprint.get(f"{prefix}/<uuid:identifier>/besoins")
    def of_author(identifier: UUID) -> Response:
        only_parameters()
        person = session.require_person()
        with services().engine.connect() as connection:
            return _page(connection, asker, identifier, own(connection, identifier, person))

    @blueprint.post(f"{prefix}/<uuid:identifier>/besoins")
    def add(identifier: UUID) -> Response:
        person = session.require_person()
        forms.check_own()
        with services().engine.connect() as connection:
            known = own(connection, identifier, person)
            form = read_need(request.form, service.today(known.departement, known.region))
            try:
                if form.mistakes:
                    mistakes = {name: _mistake(name, one) for name, one in form.mistakes.items()}
                    return _page(connection, asker, identifier, known, mistakes)
                forms.check(GATE, person=person.id)
                with services().engine.begin() as writing:
                    service.add(writing, asker, identifier, person.id, form)
            except FormRefused as error:
                page = _page(connection, asker, identifier, known, notice=error.words)
                return forms.answer(error, page.get_data(as_text=True))
            except StateConflict:
                notice = _(
                    "Cela ne peut pas être ajouté : %(most)s besoins au plus, et seulement tant "
                    "que c’est en cours.",
                    most=MAX_NEEDS,
                )
                return _page(connection, asker, identifier, known, notice=notice)
        return _see(url_for(".of_author", identifier=identifier))

    @blueprint.post(f"{prefix}/<uuid:identifier>/besoins/<uuid:need>/retirer")
    def remove(identifier: UUID, need: UUID) -> Response:
        person = session.require_person()
        forms.check_own()
        site = session.letterhead()
        with services().engine.begin() as connection:
            service.remove(connection, site, asker, identifier, person.id, need)
        return _see(url_for(".of_author", identifier=identifier))


def _page(
    connection: Connection,
    asker: NeedAsker,
    identifier: UUID,
    known: AskingPage,
    mistakes: dict[str, str] | None = None,
    notice: str = "",
) -> Response:
    page = render_template(
        "needs/author.html",
        asking=known,
        identifier=identifier,
        needs=queries.of_owner(connection, asker.kind, identifier, None),
        participants=queries.participants(connection, asker.kind, identifier),
        mistakes=mistakes or {},
        notice=notice,
        typed=request.form,
        skills=list(NeedSkill),
        most_words=MAX_WORDS,
        most_places=MAX_PLACES,
        most_needs=MAX_NEEDS,
        kept_days=KEPT_DAYS,
    )
    if mistakes:
        return make_response(page, HTTPStatus.BAD_REQUEST)
    return make_response(page, HTTPStatus.CONFLICT if notice else HTTPStatus.OK)


def _mistake(name: str, mistake: NeedMistake) -> str:
    if name == "words":
        if mistake is NeedMistake.LONG:
            return _("C’est trop long : %(most)s signes au plus.", most=MAX_WORDS)
        return _("Dites de quoi vous avez besoin.")
    if name == "day":
        return _("Donnez un jour à venir, comme 12/05/2026, ou rien.")
    if name == "skill":
        return _("Choisissez une des réponses proposées.")
    return _("Donnez un nombre de personnes, de 1 à %(most)s.", most=MAX_PLACES)


def _see(address: str) -> Response:
    response = redirect(address, HTTPStatus.SEE_OTHER)
    assert isinstance(response, Response)
    return response
