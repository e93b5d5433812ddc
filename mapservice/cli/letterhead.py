"""Mails that a command writes: in whose name, and where their links lead."""

import click

from mapservice.mail.model import Letterhead
from mapservice.mail.service import letterhead, served_at
from mapservice.settings import Settings


def letterhead_of_command() -> Letterhead:
    """That of the settings; says so on standard error where the links are a guess."""
    settings = Settings.from_env()
    site = letterhead(settings)
    if not settings.public_url and not served_at(settings):
        click.echo(
            f"no service runs here and MAPSERVICE_PUBLIC_URL is not set: links of mails lead to "
            f"{site.base_url}",
            err=True,
        )
    return site
