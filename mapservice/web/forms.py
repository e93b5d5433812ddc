"""The door of every public form: whose it is, that no robot fills it, how often it may be sent.

A page puts `{{ guard() }}` of `templates/_door.html` inside its form; the route calls `check`
before anything else. What is refused is a `FormRefused`, whose words are for the person: show the
form again with them and with what was typed, or let it pass, and the error page shows them.
"""

from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from flask import Flask, Response, make_response, render_template, request

from mapservice.errors import InvalidInput, MapserviceError
from mapservice.i18n.text import gettext as _
from mapservice.mail.email_address import AddressMistake, EmailAddress
from mapservice.web import edge, proof_of_work, rate_limit
from mapservice.web.rate_limit import RateLimit

# A field that people do not see; what fills it in is a robot.
HONEYPOT = "site_web"

PER_NETWORK = RateLimit(60)
WITHOUT_PROOF = RateLimit(12)
PER_EMAIL = RateLimit(8)
PER_PERSON = RateLimit(60)


class FormRefused(MapserviceError):
    """A form that was not taken: `status` 400, 403 or 429, `words` for who sent it.

    `field` names the input at fault, if it is one; `wait` is in seconds, for 429.
    """

    title = "Form refused"

    def __init__(self, status: HTTPStatus, words: str, *, field: str = "", wait: int = 0) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.field = field
        self.wait = wait


@dataclass(frozen=True, slots=True)
class FormGate:
    """How often one kind of form may be sent; forms of the same `name` share a count.

    Without a proof of work (no JavaScript, or a robot) a network has fewer tries, and what it sends
    still has to be confirmed by mail.
    """

    name: str
    per_network: RateLimit = PER_NETWORK
    without_proof: RateLimit = WITHOUT_PROOF
    per_email: RateLimit = PER_EMAIL
    per_person: RateLimit = PER_PERSON


def register(app: Flask) -> None:
    app.register_error_handler(FormRefused, _refusal_page)
    app.jinja_env.globals.update(
        form_token=form_token, honeypot=HONEYPOT, proof_field=proof_of_work.FIELD
    )


def form_token() -> str:
    """What a public form carries; templates call it through `guard()`."""
    return edge.make_token(edge.session_holder())


def check(gate: FormGate, *, email: EmailAddress | None = None, person: UUID | None = None) -> None:
    """Raises FormRefused unless the present POST may pass; counts it as a try.

    Once per request. `email` or `person` also count for themselves, whoever asks in their name.
    """
    _check_own()
    if request.form.get(HONEYPOT):
        raise FormRefused(HTTPStatus.BAD_REQUEST, _("Laissez vide le champ qui demande un site."))
    network = rate_limit.visitor_network()
    _count(gate.name, gate.per_network, network)
    if person is None and not proof_of_work.spend(request.form.get(proof_of_work.FIELD, "")):
        _count(f"{gate.name} without proof", gate.without_proof, network)
    if email is not None:
        _count(f"{gate.name} mailbox", gate.per_email, email.key)
    if person is not None:
        _count(f"{gate.name} person", gate.per_person, str(person))


def check_own() -> None:
    """For forms of who is signed in, which need no more. Raises FormRefused (403)."""
    _check_own()


def read_email(name: str = "email") -> EmailAddress:
    """The address in a field of the present form. Raises FormRefused (400) naming the field."""
    try:
        return EmailAddress.parse(request.form.get(name, "")[:320])
    except InvalidInput as error:
        words = {
            AddressMistake.SYNTAX: _("Indiquez une adresse électronique, comme nom@exemple.fr."),
            AddressMistake.DISPOSABLE: _(
                "Cette adresse est jetable : indiquez-en une que vous gardez."
            ),
        }
        status = HTTPStatus.BAD_REQUEST
        raise FormRefused(status, words[AddressMistake(error.reason)], field=name) from None


def _check_own() -> None:
    if not edge.is_own_form(edge.session_holder()):
        words = _("Ce formulaire a expiré, ou ne vient pas de cette page. Envoyez-le à nouveau.")
        raise FormRefused(HTTPStatus.FORBIDDEN, words)


def _count(name: str, limit: RateLimit, whose: str) -> None:
    wait = rate_limit.seconds_to_wait(name, limit, whose)
    if wait:
        words = _("Trop de demandes en peu de temps. Réessayez dans une heure.")
        raise FormRefused(HTTPStatus.TOO_MANY_REQUESTS, words, wait=wait)


def _refusal_page(error: FormRefused) -> Response:
    return answer(
        error,
        render_template(
            "error.html", status=int(error.status), title=_("Pas encore envoyé"), detail=error.words
        ),
    )


def answer(error: FormRefused, page: str) -> Response:
    """A page, usually the form again, with the status and headers of the refusal."""
    response = make_response(page, error.status)
    response.headers["Cache-Control"] = "no-store"
    if error.wait:
        response.headers["Retry-After"] = str(error.wait)
    return response
