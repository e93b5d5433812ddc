"""`/mentions-legales`, `/confidentialite`, `/accessibilite`, `/aide`, `/contact`.

What a generated page says about data comes from where it is decided: the constants below are those
that the purges and cookies use.
"""

from datetime import date

from flask import Blueprint, render_template
from markupsafe import Markup

from mapservice.accounts.api_keys.service import ENDED_DAYS
from mapservice.accounts.people import service as people
from mapservice.contributions.conversations.model import GRACE_DAYS, LINK_LIFE
from mapservice.contributions.needs import model as needs
from mapservice.contributions.supports.model import NETWORK_DAYS
from mapservice.events.model import ANSWER_DAYS
from mapservice.groups.model import MESSAGE_DAYS
from mapservice.i18n import LANGUAGE
from mapservice.initiatives.markdown import to_html
from mapservice.mail import service as mail
from mapservice.notifications.push.encryption import vapid_key
from mapservice.notifications.subscriptions.service import DIGEST_DAYS
from mapservice.site.operator_pages.model import OperatorPage
from mapservice.site.operator_pages.service import own_text
from mapservice.tiles.basemap.service import origins_of
from mapservice.web.edge import (
    LANGUAGE_COOKIE,
    SENT_COOKIE,
    SESSION_COOKIE,
    YEAR_SECONDS,
    only_parameters,
    sent_cookie_seconds,
    services,
)

blueprint = Blueprint("operator_pages", __name__)

KEPT_DAYS = {
    "session": people.SESSION_DAYS,
    "session_most": people.SESSION_MOST_DAYS,
    "links": people.TOKEN_DAYS,
    "unconfirmed": people.UNCONFIRMED_DAYS,
    "mail_text": mail.BODY_DAYS,
    "mail": mail.ROW_DAYS,
    "network": NETWORK_DAYS,
    "needs": needs.KEPT_DAYS,
    "undated_needs": needs.KEPT_DAYS_UNDATED,
    "keys": ENDED_DAYS,
    "digests": DIGEST_DAYS,
    "answers": ANSWER_DAYS,
    "messages": MESSAGE_DAYS,
    "replies": LINK_LIFE.days + GRACE_DAYS,
    "language": YEAR_SECONDS // 86_400,
}
COOKIES = {"session": SESSION_COOKIE, "language": LANGUAGE_COOKIE}


@blueprint.get("/mentions-legales")
def legal() -> str:
    return _page(OperatorPage.LEGAL)


@blueprint.get("/confidentialite")
def privacy() -> str:
    return _page(OperatorPage.PRIVACY)


@blueprint.get("/accessibilite")
def accessibility() -> str:
    return _page(OperatorPage.ACCESSIBILITY)


@blueprint.get("/aide")
def help_page() -> str:
    return _page(OperatorPage.HELP)


@blueprint.get("/contact")
def contact() -> str:
    return _page(OperatorPage.CONTACT)


def _page(page: OperatorPage) -> str:
    """The operator's own text where there is one; else what is generated."""
    only_parameters()
    settings = services().settings
    language = LANGUAGE.get()
    text = own_text(settings, page, language)
    if text is not None:
        return render_template(
            "pages/own.html",
            here=page,
            text=text,
            body=Markup(to_html(text.body, highest=2, rel="noopener", tables=True)),
            is_foreign=text.language != language,
        )
    return render_template(
        f"pages/{page}.html",
        here=page,
        kept=KEPT_DAYS,
        cookies=COOKIES | {"sent": SENT_COOKIE, "sent_seconds": sent_cookie_seconds(settings)},
        outside=origins_of(settings),
        push=vapid_key(settings) is not None,
        legal_day=date.fromisoformat(settings.legal_date) if settings.legal_date else None,
    )
