"""Templates of mails, rendered without a request: `templates/mail/{kind}.txt` and `.html`.

The first line of the text is the subject. Templates may call `_()` and `ngettext()`, and see the
letterhead as `site`, and what the caller gives. Only the HTML is escaped; the text is text.
"""

from collections.abc import Mapping
from datetime import timedelta
from email.utils import formataddr, parseaddr
from functools import cache
from typing import Any
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from mapservice.i18n.phrases import catalogue
from mapservice.mail.model import GIVE_UP_AFTER, Letterhead, Mail
from mapservice.mail.public_address import address_of
from mapservice.settings import Settings, asset_folder

LOCAL_URL = "http://127.0.0.1:8000"


def letterhead(settings: Settings, base_url: str = "") -> Letterhead:
    """That of this service; `base_url` stands in where no public address is set.

    Where neither is, mail cannot leave this machine: links lead to where it is served now, else to
    where `scripts/start` would serve it.
    """
    name, mailbox = parseaddr(settings.mail_from)
    sender = formataddr((name or settings.site_name, mailbox))
    address = settings.public_url or base_url or served_at(settings) or LOCAL_URL
    return Letterhead(settings.site_name, address.rstrip("/"), sender)


def served_at(settings: Settings) -> str | None:
    """The address of the service that runs on this machine, of this home and database."""
    return address_of(settings.home, settings.database_url)


def write(
    site: Letterhead,
    kind: str,
    recipient: str,
    values: Mapping[str, Any],
    *,
    locale: str = "fr",
    person: UUID | None = None,
    headers: Mapping[str, str] | None = None,
    give_up_after: timedelta = GIVE_UP_AFTER,
) -> Mail:
    """The mail that the templates of this kind make of these values; enqueue it to send it."""
    templates = _templates(locale)
    seen = {"site": site, "locale": locale, **values}
    subject, _, text = templates.get_template(f"{kind}.txt").render(seen).strip().partition("\n")
    subject = " ".join(subject.split())
    return Mail(
        kind=kind,
        sender=site.sender,
        recipient=recipient,
        subject=subject,
        text=text.strip() + "\n",
        html=templates.get_template(f"{kind}.html").render(seen | {"subject": subject}),
        person=person,
        headers=headers or {},
        give_up_after=give_up_after,
    )


@cache
def _templates(locale: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(asset_folder("templates").resolve() / "mail"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = catalogue(locale)

    def translated(message: str, **values: object) -> str:
        return words.gettext(message) % values if values else words.gettext(message)

    def counted(one: str, many: str, number: int, **values: object) -> str:
        return words.ngettext(one, many, number) % {"num": number, **values}

    environment.globals.update(_=translated, ngettext=counted)
    return environment
