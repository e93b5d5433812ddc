"""Starting a group, and what its organisers do with it and with who belongs to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from flask import (
    Blueprint,
    Response,
    has_app_context,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from markupsafe import Markup
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.people.magic_links import ConfirmationQuestion, MagicLinkAction
from mapservice.accounts.people.model import MAX_NAME, MagicLink, Person
from mapservice.accounts.people.personal_data import AccountSection, PersonalDataProvider
from mapservice.accounts.people.service import clean_display_name
from mapservice.contributions.proposals import model as proposal_model
from mapservice.contributions.proposals import queries as proposals
from mapservice.contributions.proposals.model import FieldMistake
from mapservice.contributions.proposals.routes import place_words as proposed_place_words
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.geocoding.service import GeocoderCache
from mapservice.groups import membership_service as membership
from mapservice.groups import queries, service
from mapservice.groups import words as wording
from mapservice.groups.membership_service import LastOrganiser, MemberAct, TooManyInvitations
from mapservice.groups.model import (
    EDITING,
    INVITATIONS_A_DAY,
    INVITED_AT_ONCE,
    MAX_ORGANISATION,
    GroupForm,
    GroupOpenness,
    LocalGroup,
    MemberChoice,
    MemberStanding,
    OrganisationMistake,
    read_form,
)
from mapservice.groups.routes import words
from mapservice.groups.service import GroupPlaceReading, GroupSubmission
from mapservice.i18n import gettext as _
from mapservice.i18n import ngettext
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.markdown import to_html
from mapservice.initiatives.model import PUBLIC as PUBLIC_INITIATIVE
from mapservice.initiatives.model import Scale, Theme
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead
from mapservice.mail.service import EmailAddress
from mapservice.moderation.case_forms import read_revision
from mapservice.settings import Settings
from mapservice.territories import queries as territories
from mapservice.territories.model import Level, TerritoryRef
from mapservice.web import edge, forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.forms import FormGate, FormRefused

blueprint = Blueprint("group_authors", __name__)

GATE = FormGate("group")
INVITE_GATE = FormGate("group_invite")
MAX_PASTED = 6000
LIMITS = {
    "title": proposal_model.MAX_TITLE,
    "summary": proposal_model.MAX_SUMMARY,
    "description": proposal_model.MAX_DESCRIPTION,
    "place": proposal_model.MAX_PLACE,
    "organisation": MAX_ORGANISATION,
    "name": MAX_NAME,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFormPage:
    """What the form's template shows; `typed` is what was sent, unchanged.

    `checked`: it was read without a mistake, so that the page offers to send it.
    """

    typed: Mapping[str, str]
    mistakes: Mapping[str, str] = field(default_factory=dict)
    checked: bool = False
    place: GroupPlaceReading | None = None
    notice: str = ""
    group: LocalGroup | None = None


@blueprint.get("/groupes/creer")
def start() -> Response:
    """The empty form; a link may fill in the commune. Raises InvalidInput."""
    only_parameters("commune")
    typed = {"form": str(uuid4()), "area": "commune", "openness": str(GroupOpenness.MODERATED)}
    with services().engine.connect() as connection:
        code = request.args.get("commune", "")
        if code:
            found = territories.find(connection, TerritoryRef(Level.COMMUNE, code[:9]))
            if found is None:
                raise InvalidInput("commune", "is not the INSEE code of a commune")
            choice = f"commune:{found.code}"
            typed |= {"place": found.name, "choice_for": found.name, "choice": choice}
        return form_response(connection, GroupFormPage(typed=typed))


@blueprint.post("/groupes/creer")
def send() -> Response:
    """Signed in, the address is proved already; anybody else is mailed a link to confirm."""
    try:
        form_id = UUID(request.form.get("form", ""))
    except ValueError:
        form_id = uuid4()
    typed = {**request.form.to_dict(), "form": str(form_id)}
    with services().engine.connect() as connection:
        page, form = look_at(connection, GroupFormPage(typed=typed))
        if page.mistakes:
            return form_response(connection, page, HTTPStatus.BAD_REQUEST)
        if typed.get("action") != "send" or page.notice:
            return form_response(connection, page)
        name = clean_display_name(typed.get("name", ""))
        choice = MemberChoice(name, is_public=typed.get("is_public") == "1")
        submission = GroupSubmission(form_id, form.content, choice)
        person = session.current_person()
        try:
            if person:
                forms.check(GATE, person=person.id)
                with services().engine.begin() as writing:
                    return see(_submit(writing, person, submission))
            email = forms.read_email()
            forms.check(GATE, email=email)
            site = session.letterhead()
            with services().engine.begin() as writing:
                service.ask(writing, site, email, submission, session.locale())
            return see(url_for("people.sent"))
        except FormRefused as error:
            wrong = {error.field: error.words} if error.field else {}
            again = replace(page, mistakes=wrong, notice="" if error.field else error.words)
            return forms.answer(error, form_html(connection, again))


@blueprint.get("/groupes/<uuid:identifier>/modifier")
def edit(identifier: UUID) -> Response:
    only_parameters()
    person = session.require_person()
    with services().engine.connect() as connection:
        found, _own = own(connection, identifier, person, *EDITING)
        typed = {
            "title": found.name,
            "summary": found.summary,
            "description": found.description,
            "theme": str(found.theme),
            "openness": str(found.openness),
            "organisation": found.organisation,
            "area": str(found.area),
            "place": found.place_text,
            "choice": f"commune:{found.commune}" if found.commune else "",
            "choice_for": found.place_text,
            "lon": "" if found.lon is None else f"{found.lon:.6f}",
            "lat": "" if found.lat is None else f"{found.lat:.6f}",
            "revision": str(found.revision),
        }
        return form_response(connection, GroupFormPage(typed=typed, group=found))


@blueprint.post("/groupes/<uuid:identifier>/modifier")
def save(identifier: UUID) -> Response:
    person = session.require_person()
    forms.check_own()
    typed = request.form.to_dict()
    with services().engine.connect() as connection:
        found, _own = own(connection, identifier, person, *EDITING)
        page, form = look_at(connection, GroupFormPage(typed=typed, group=found))
        if page.mistakes:
            return form_response(connection, page, HTTPStatus.BAD_REQUEST)
        if typed.get("action") != "send" or page.notice:
            return form_response(connection, page)
        seen, now = read_revision(), datetime.now(UTC)
        locator = services().of(GeocoderCache).current(connection)
        try:
            with services().engine.begin() as writing:
                service.change(writing, locator, identifier, person.id, form.content, seen, now)
        except StateConflict:
            notice = _("Ce groupe a changé entre-temps : relisez-le, puis recommencez.")
            again = replace(page, notice=notice, checked=False)
            return form_response(connection, again, HTTPStatus.CONFLICT)
    return see(url_for("group_authors.organise", identifier=identifier))


@blueprint.get("/groupes/<uuid:identifier>/organiser")
def organise(identifier: UUID) -> Response:
    """The page of organisers and editors; who belongs is shown to organisers alone."""
    only_parameters()
    person = session.require_person()
    with services().engine.connect() as connection:
        return edge.secret_answer(make_response(_desk_html(connection, identifier, person)))


@blueprint.post("/groupes/<uuid:identifier>/membres/<uuid:member>")
def manage(identifier: UUID, member: UUID) -> Response:
    """Accepts, refuses, excludes, makes an editor of, offers to organise: see `MemberAct`."""
    person = session.require_person()
    forms.check_own()
    text = request.form.get("action", "")
    if text not in tuple(MemberAct):
        raise InvalidInput("action", "is not one of those offered")
    try:
        with services().engine.begin() as connection:
            membership.manage(
                connection,
                session.letterhead(),
                identifier,
                person.id,
                member,
                MemberAct(text),
                datetime.now(UTC),
            )
    except StateConflict as error:
        return _desk_again(identifier, person, conflict_words(error), HTTPStatus.CONFLICT)
    if request.form.get("back") == "bureau":
        return see(url_for("group_desk.desk", identifier=identifier))
    return see(f"{url_for('group_authors.organise', identifier=identifier)}#membres")


@blueprint.post("/groupes/<uuid:identifier>/inviter")
def invite(identifier: UUID) -> Response:
    """Mails invitations to the addresses that were pasted, all or none, a mail each.

    The answer is the same whether an address is known here, belongs already, or neither.
    """
    person = session.require_person()
    with services().engine.connect() as connection:
        own(connection, identifier, person, MemberStanding.ORGANISER)
    try:
        emails = _read_invited(request.form.get("email", ""))
        forms.check(INVITE_GATE, person=person.id)
        forms.count_mailboxes(INVITE_GATE, emails)
        with services().engine.begin() as connection:
            membership.invite(
                connection,
                session.letterhead(),
                identifier,
                person.id,
                emails,
                datetime.now(UTC),
            )
    except FormRefused as error:
        with services().engine.connect() as connection:
            page = _desk_html(connection, identifier, person, error.words, error.field)
        return forms.answer(error, page)
    except TooManyInvitations as error:
        return _desk_again(
            identifier,
            person,
            _(
                "%(most)s invitations au plus en un jour : %(left)s encore possibles aujourd’hui. "
                "Rien n’a été envoyé.",
                most=INVITATIONS_A_DAY,
                left=error.left,
            ),
            HTTPStatus.TOO_MANY_REQUESTS,
        )
    except StateConflict as error:
        return _desk_again(identifier, person, conflict_words(error), HTTPStatus.CONFLICT)
    done = ngettext(
        "L’invitation est envoyée à cette adresse.",
        "%(count)s invitations sont envoyées, un courriel par adresse.",
        len(emails),
        count=len(emails),
    )
    return _desk_again(identifier, person, done=done)


def _read_invited(written: str) -> list[EmailAddress]:
    """Addresses as they are pasted from anywhere, each mailbox once, in their order.

    Between them stand blanks, commas or semicolons; names and angle brackets around are left out.
    Raises FormRefused naming the field and the first that is none.
    """
    found: dict[str, EmailAddress] = {}
    parts: list[str] = []
    names: list[str] = []
    for line in written[:MAX_PASTED].splitlines():
        parted = [one for one in re.split(r"[\s,;<>()\[\]\"]+", line) if one]
        # A domain without its sign is a slip to be told of, any other word somebody's name; a line
        # of names alone is a slip too.
        addresses = [one for one in parted if "@" in one or re.search(r"\w\.\w{2,}$", one)]
        parts += addresses
        names += [line.strip()] if parted and not addresses else []
    if not parts or len(written) > MAX_PASTED:
        raise FormRefused(
            HTTPStatus.BAD_REQUEST,
            _("Indiquez une adresse électronique, comme nom@exemple.fr."),
            field="email",
        )
    for part in (*names, *parts):
        try:
            email = EmailAddress.parse(part[:320])
        except InvalidInput:
            words_ = _("Ce n’est pas une adresse où écrire : %(text)s", text=part[:80])
            raise FormRefused(HTTPStatus.BAD_REQUEST, words_, field="email") from None
        found.setdefault(email.key, email)
    if len(found) > INVITED_AT_ONCE:
        words_ = _("%(most)s adresses au plus à la fois.", most=INVITED_AT_ONCE)
        raise FormRefused(HTTPStatus.BAD_REQUEST, words_, field="email")
    return list(found.values())


@blueprint.post("/groupes/<uuid:identifier>/initiatives")
def change_initiatives(identifier: UUID) -> Response:
    """Lets one's own public initiative belong to the group, or parts one from it."""
    person = session.require_person()
    forms.check_own()
    act, now = request.form.get("action", ""), datetime.now(UTC)
    try:
        initiative = UUID(request.form.get("initiative", ""))
    except ValueError:
        raise InvalidInput("initiative", "is not the id of an initiative") from None
    if act not in ("add", "remove"):
        raise InvalidInput("action", "is not one of those offered")
    change = service.add_initiative if act == "add" else service.remove_initiative
    with services().engine.begin() as connection:
        change(connection, identifier, person.id, initiative, now)
    return see(f"{url_for('group_authors.organise', identifier=identifier)}#initiatives")


@blueprint.post("/groupes/<uuid:identifier>/etat")
def change_state(identifier: UUID) -> Response:
    """Archives, opens again, withdraws what was never public, or says that the group is alive."""
    person = session.require_person()
    forms.check_own()
    act, now = request.form.get("action", ""), datetime.now(UTC)
    with services().engine.begin() as connection:
        if act == "archive":
            service.archive(connection, identifier, person.id, now)
        elif act == "reopen":
            service.reopen(connection, identifier, person.id, now)
        elif act == "alive":
            membership.still_here(connection, identifier, person.id, now)
        elif act == "withdraw":
            service.withdraw(connection, identifier, person.id)
            return see("/compte#mes-groupes")
        else:
            raise InvalidInput("action", "is not one of those offered")
    return see(url_for("group_authors.organise", identifier=identifier))


def conflict_words(error: StateConflict) -> str:
    """Why nothing was changed."""
    if isinstance(error, LastOrganiser):
        return _(
            "Un groupe garde toujours quelqu’un pour l’organiser : proposez d’abord à un membre "
            "d’organiser, ou archivez le groupe."
        )
    return _("Cela ne se peut plus : le groupe a changé entre-temps. Rien n’a été enregistré.")


def own(
    connection: Connection, identifier: UUID, person: Person, *standings: MemberStanding
) -> tuple[LocalGroup, MemberStanding]:
    """A group in which the person has one of these standings.

    Raises NotFound for any other, whether it exists or not.
    """
    found = queries.find(connection, identifier)
    mine = queries.of_person(connection, identifier, person.id)
    if found is None or mine is None or mine.standing not in standings:
        raise NotFound("There is no such group of yours.")
    return found, mine.standing


def _desk_again(
    identifier: UUID,
    person: Person,
    error: str = "",
    status: HTTPStatus = HTTPStatus.OK,
    done: str = "",
) -> Response:
    with services().engine.connect() as connection:
        page = _desk_html(connection, identifier, person, error, done=done)
    return edge.secret_answer(make_response(page, status))


def _desk_html(
    connection: Connection,
    identifier: UUID,
    person: Person,
    error: str = "",
    field_name: str = "",
    done: str = "",
) -> str:
    found, standing = own(connection, identifier, person, *EDITING)
    now = datetime.now(UTC)
    organises = standing is MemberStanding.ORGANISER
    ids = queries.initiatives_of(connection, identifier)
    linked = initiatives.of_any_status(connection, ids)
    return render_template(
        "groups/organise.html",
        group=found,
        organises=organises,
        members=queries.members(connection, identifier) if organises else [],
        own_id=person.id,
        linked=[linked[one] for one in ids if one in linked],
        own_initiatives=[
            one
            for one in proposals.mine(connection, person.id)
            if one.status in PUBLIC_INITIATIVE and one.id not in ids
        ],
        error=error,
        field=field_name,
        done=done,
        typed=request.form if request.method == "POST" else {},
        max_pasted=MAX_PASTED,
        invited_at_once=INVITED_AT_ONCE,
        **words(now),
    )


def look_at(connection: Connection, page: GroupFormPage) -> tuple[GroupFormPage, GroupForm]:
    """Reads what was typed and understands its place; `notice` says why it can't be sent yet."""
    form = read_form(page.typed)
    mistakes = {name: mistake_words(name, mistake) for name, mistake in form.mistakes.items()}
    try:
        clean_display_name(page.typed.get("name", ""))
    except InvalidInput:
        mistakes["name"] = _("Un nom tient sur une ligne : %(most)s signes au plus.", most=MAX_NAME)
    if mistakes:
        return replace(page, mistakes=mistakes), form
    locator = services().of(GeocoderCache).current(connection)
    found = service.understand(connection, locator, form.content)
    if found.lacks:
        wrong = _("Ce lieu ne dit pas quel territoire de cette taille : donnez une commune.")
        return replace(page, mistakes={"area": wrong}, place=found), form
    notice = ""
    if page.typed.get("action") == "send":
        if found.asks:
            notice = _("Choisissez d’abord le lieu parmi ceux qui sont proposés.")
        elif page.typed.get("understood") != understood(found):
            notice = _("Vérifiez le lieu tel que nous l’avons compris, puis envoyez.")
    return replace(page, place=found, notice=notice, checked=True), form


def understood(found: GroupPlaceReading) -> str:
    """The place as shown, carried by the form: sent only if it is still understood so."""
    return f"{found.precision}:{found.ref.code if found.ref else ''}"


def understood_words(connection: Connection, found: GroupPlaceReading) -> str:
    """Where it will be shown, in words that say no more than is known."""
    whole = found.reading is None or found.precision is not found.reading.placement.precision
    if whole:
        place = territories.find(connection, found.ref) if found.ref else None
        return wording.area_words(Scale(str(found.precision)), place.name if place else "")
    assert found.reading is not None, "all of France is whole"
    return proposed_place_words(connection, found.reading.placement)


def mistake_words(name: str, mistake: FieldMistake | OrganisationMistake) -> str:
    if isinstance(mistake, OrganisationMistake):
        return wording.organisation_mistake_words(mistake)
    if mistake is FieldMistake.LONG:
        return _("C’est trop long : %(most)s signes au plus.", most=LIMITS.get(name, 200))
    if mistake is FieldMistake.POINT:
        return _("L’épingle n’est pas sur la carte.")
    return {
        "title": _("Donnez un nom au groupe."),
        "theme": _("Choisissez un thème."),
        "place": _("Dites où est le groupe : une commune ou une adresse."),
        "openness": _("Dites comment on devient membre."),
    }.get(name, _("Choisissez une des réponses proposées."))


def form_response(
    connection: Connection, page: GroupFormPage, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    response = make_response(form_html(connection, page), status)
    response.headers["Cache-Control"] = "no-store"
    return response


def form_html(connection: Connection, page: GroupFormPage) -> str:
    found = page.place
    return render_template(
        "groups/form.html",
        page=page,
        typed=page.typed,
        themes=list(Theme),
        opennesses=list(GroupOpenness),
        areas=area_choices(),
        limits=LIMITS,
        understood=understood(found) if found else "",
        place_words=understood_words(connection, found) if found and page.checked else "",
        description_html=Markup(to_html(page.typed.get("description", ""))),
        person=session.current_person(),
        **words(datetime.now(UTC)),
    )


def area_choices() -> list[tuple[str, str]]:
    """What a group may be for, around its place."""
    return [
        ("commune", _("ce lieu ou cette commune")),
        ("epci", _("toute l’intercommunalité")),
        ("departement", _("tout le département")),
        ("region", _("toute la région")),
        ("national", _("toute la France")),
    ]


def see(address: str, status: HTTPStatus = HTTPStatus.SEE_OTHER) -> Response:
    response = redirect(address, status)
    assert isinstance(response, Response)
    return response


def _submit(connection: Connection, person: Person, submission: GroupSubmission) -> str:
    """Makes the group; returns the address of its organiser's page."""
    locator = services().of(GeocoderCache).current(connection)
    at_once, now = services().settings.moderation == "post", datetime.now(UTC)
    made = service.submit(connection, locator, person, submission, at_once=at_once, now=now)
    return url_for("group_authors.organise", identifier=made)


def _submission(token: MagicLink) -> GroupSubmission:
    assert token.subject is not None, "set where the link was made"
    return GroupSubmission.from_json(token.subject, token.payload)


def _ask(_connection: Connection, token: MagicLink) -> ConfirmationQuestion:
    after = (
        _("Il sera public aussitôt.")
        if services().settings.moderation == "post"
        else _("Il sera relu, puis publié ; vous en serez averti par courriel.")
    )
    return ConfirmationQuestion(
        _("Créer votre groupe"),
        _("« %(title)s » : %(after)s", title=_submission(token).content.name, after=after),
        _("Créer mon groupe"),
    )


def _mine(connection: Connection, person: Person) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {"groups": queries.mine(connection, person.id), **words(now)}


def _erase(connection: Connection, person: UUID) -> None:
    # A restore erases again, outside of any request.
    site: Letterhead = mail.letterhead(
        services().settings if has_app_context() else Settings.from_env()
    )
    membership.erase(connection, site, person)


MAGIC_LINK = MagicLinkAction(
    service.PURPOSE,
    ask=_ask,
    confirm=lambda connection, person, token: _submit(connection, person, _submission(token)),
)
PERSONAL_DATA = PersonalDataProvider(
    "groups",
    queries.export,
    _erase,
    AccountSection("groups/_mine.html", _mine),
)
