"""`/groupes/{id}/adhesion`: joining, following, what one shows of oneself, leaving."""

from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import service as people
from mapservice.accounts.people import session
from mapservice.accounts.people.magic_links import ConfirmationQuestion, MagicLinkAction
from mapservice.accounts.people.model import MAX_NAME, MagicLink, Person
from mapservice.accounts.people.service import ConfirmationRequest, clean_display_name
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.groups import membership_service as membership
from mapservice.groups import queries
from mapservice.groups.author_routes import conflict_words, see
from mapservice.groups.membership_service import OwnAct
from mapservice.groups.model import (
    GroupOpenness,
    LocalGroup,
    MemberChoice,
    MemberStanding,
)
from mapservice.groups.routes import words
from mapservice.groups.words import own_standing_words
from mapservice.i18n import gettext as _
from mapservice.i18n import quoted
from mapservice.web import edge, forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.forms import FormGate, FormRefused
from mapservice.web.unsubscribe import UnsubscribePage

blueprint = Blueprint("group_members", __name__, url_prefix="/groupes/<uuid:identifier>")
blueprint.after_request(edge.secret_answer)

GATE = FormGate("group_join")
LEAVING = UnsubscribePage("groups/leave.html", membership.leave_key, membership.leave)


@blueprint.get("/adhesion")
def ask(identifier: UUID) -> Response:
    """How one stands with the group, or the form to join it."""
    only_parameters()
    with services().engine.connect() as connection:
        found = public_group(connection, identifier)
        return make_response(_page(connection, found))


@blueprint.post("/adhesion")
def join(identifier: UUID) -> Response:
    """Somebody signed in joins or follows at once; anybody else confirms by a mailed link."""
    person = session.current_person()
    with services().engine.connect() as connection:
        found = public_group(connection, identifier)
        try:
            choice, follows = _choice(), request.form.get("as") == "follower"
            takes = found.takes_members and (
                follows or found.openness is not GroupOpenness.INVITATION
            )
            if not takes:
                raise StateConflict("This group takes nobody in.")
            asks = not follows and found.openness is GroupOpenness.MODERATED
            if asks and not (choice.name or choice.shares_address):
                page = _page(connection, found, _("Dites qui demande à être membre."), "name")
                return make_response(page, HTTPStatus.BAD_REQUEST)
            if person is None:
                email = forms.read_email()
                forms.check(GATE, email=email)
                wanted = ConfirmationRequest(
                    purpose=membership.JOIN_PURPOSE,
                    letter=membership.JOIN_LETTER,
                    subject=identifier,
                    payload={
                        "follows": follows,
                        "name": choice.name,
                        "shares_address": choice.shares_address,
                    },
                    values={
                        "title": found.name,
                        "follows": follows,
                        "is_asked": found.openness is GroupOpenness.MODERATED,
                    },
                    locale=session.locale(),
                )
                site = session.letterhead()
                with services().engine.begin() as writing:
                    people.ask_confirmation(writing, site, email, wanted)
                return see(url_for("people.sent"))
            forms.check(GATE, person=person.id)
            with services().engine.begin() as writing:
                membership.join(
                    writing,
                    session.letterhead(),
                    identifier,
                    person.id,
                    choice,
                    follows=follows,
                )
        except FormRefused as error:
            return forms.answer(error, _page(connection, found, error.words, error.field))
        except InvalidInput as error:
            wrong = _("Un nom tient sur une ligne : %(most)s signes au plus.", most=MAX_NAME)
            page = _page(connection, found, wrong, error.field)
            return make_response(page, HTTPStatus.BAD_REQUEST)
        except StateConflict:
            page = _page(connection, found, _("Ce groupe ne prend pas de nouveaux membres."))
            return make_response(page, HTTPStatus.CONFLICT)
    return see(url_for("group_members.ask", identifier=identifier))


@blueprint.post("/adhesion/choix")
def choose(identifier: UUID) -> Response:
    """What one shows of oneself to organisers, or to everybody."""
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        membership.choose(connection, identifier, person.id, _choice())
    return see(url_for("group_members.ask", identifier=identifier))


@blueprint.post("/adhesion/role")
def act(identifier: UUID) -> Response:
    """Takes or declines an offer, steps down, takes a group over: see `OwnAct`."""
    person = session.require_person()
    forms.check_own()
    text = request.form.get("action", "")
    if text not in tuple(OwnAct):
        raise InvalidInput("action", "is not one of those offered")
    try:
        with services().engine.begin() as connection:
            membership.act(
                connection,
                session.letterhead(),
                identifier,
                person.id,
                OwnAct(text),
                datetime.now(UTC),
            )
    except StateConflict as error:
        return _again(identifier, error)
    return see(url_for("group_members.ask", identifier=identifier))


@blueprint.post("/adhesion/quitter")
def leave(identifier: UUID) -> Response:
    person = session.require_person()
    forms.check_own()
    try:
        with services().engine.begin() as connection:
            known = queries.of_person(connection, identifier, person.id)
            if known:
                membership.leave(connection, known.id)
    except StateConflict as error:
        return _again(identifier, error)
    return see("/compte#mes-groupes")


@blueprint.get("/quitter/<uuid:member>/<secret:signature>")
def ask_leave(identifier: UUID, member: UUID, signature: str) -> Response:
    del identifier
    return LEAVING.ask(member, signature)


@blueprint.post("/quitter/<uuid:member>/<secret:signature>")
def leave_by_link(identifier: UUID, member: UUID, signature: str) -> Response:
    """Raises StateConflict for the last organiser, whom no mail gives such a link."""
    del identifier
    return LEAVING.leave(member, signature)


def public_group(connection: Connection, identifier: UUID) -> LocalGroup:
    """Raises NotFound for what is not public, whether it exists or not."""
    found = queries.find(connection, identifier)
    if found is None or not found.is_public:
        raise NotFound("There is no such group, or it is not public.")
    return found


def _page(connection: Connection, found: LocalGroup, error: str = "", field: str = "") -> str:
    person, now = session.current_person(), datetime.now(UTC)
    mine = queries.of_person(connection, found.id, person.id) if person else None
    return render_template(
        "groups/membership.html",
        group=found,
        person=person,
        mine=mine,
        mine_words=own_standing_words(mine.standing) if mine else "",
        has_offer=bool(mine and mine.has_offer(now)),
        error=error,
        field=field,
        typed=request.form,
        max_name=MAX_NAME,
        **words(now),
    )


def _again(identifier: UUID, error: StateConflict) -> Response:
    with services().engine.connect() as connection:
        found = public_group(connection, identifier)
        page = _page(connection, found, conflict_words(error))
    return make_response(page, HTTPStatus.CONFLICT)


def _choice() -> MemberChoice:
    """Raises InvalidInput naming `name`."""
    return MemberChoice(
        name=clean_display_name(request.form.get("name", "")),
        is_public=request.form.get("is_public") == "1",
        shares_address=request.form.get("shares_address") == "1",
    )


def _subject(connection: Connection, token: MagicLink) -> LocalGroup:
    assert token.subject is not None, "set where the link was made"
    found = queries.find(connection, token.subject)
    if found is None or not found.is_public:
        raise NotFound("This group no longer exists.")
    return found


def _ask_join(connection: Connection, token: MagicLink) -> ConfirmationQuestion:
    found = _subject(connection, token)
    if token.payload["follows"]:
        return ConfirmationQuestion(
            _("Suivre ce groupe"),
            _("%(name)s. Seuls ses organisateurs le sauront.", name=quoted(found.name)),
            _("Suivre le groupe"),
        )
    if found.openness is GroupOpenness.MODERATED:
        return ConfirmationQuestion(
            _("Demander à rejoindre ce groupe"),
            _(
                "%(name)s. Un organisateur vous répond ; eux seuls sauront que vous demandez.",
                name=quoted(found.name),
            ),
            _("Demander à rejoindre"),
        )
    return ConfirmationQuestion(
        _("Rejoindre ce groupe"),
        _("%(name)s. Seuls ses organisateurs sauront que vous en êtes.", name=quoted(found.name)),
        _("Rejoindre le groupe"),
    )


def _confirm_join(connection: Connection, person: Person, token: MagicLink) -> str:
    found, payload = _subject(connection, token), token.payload
    choice = MemberChoice(str(payload["name"]), shares_address=bool(payload["shares_address"]))
    try:
        membership.join(
            connection,
            session.letterhead(),
            found.id,
            person.id,
            choice,
            follows=bool(payload["follows"]),
        )
    except StateConflict:
        return found.url  # too late: the page says how things stand
    return url_for("group_members.ask", identifier=found.id)


def _ask_invitation(connection: Connection, token: MagicLink) -> ConfirmationQuestion:
    found = _subject(connection, token)
    if not token.payload["by"]:
        return ConfirmationQuestion(
            _("Organiser ce groupe"),
            _("%(name)s n’a plus personne pour l’organiser.", name=quoted(found.name)),
            _("Organiser le groupe"),
        )
    return ConfirmationQuestion(
        _("Rejoindre ce groupe"),
        _("%(name)s. Seuls ses organisateurs sauront que vous en êtes.", name=quoted(found.name)),
        _("Accepter l’invitation"),
    )


def _confirm_invitation(connection: Connection, person: Person, token: MagicLink) -> str:
    found = _subject(connection, token)
    try:
        standing = membership.accept_invitation(
            connection, found.id, person, str(token.payload["by"]), datetime.now(UTC)
        )
    except StateConflict:
        return found.url
    desk = standing is MemberStanding.ORGANISER
    return url_for("group_authors.organise" if desk else "group_members.ask", identifier=found.id)


MAGIC_LINKS = (
    MagicLinkAction(membership.JOIN_PURPOSE, ask=_ask_join, confirm=_confirm_join),
    MagicLinkAction(membership.INVITE_PURPOSE, ask=_ask_invitation, confirm=_confirm_invitation),
)
