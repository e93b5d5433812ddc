"""`mapservice users token`: keys for tools, made, listed and taken back from a terminal."""

from collections.abc import Callable
from uuid import uuid4

import click
from sqlalchemy import Engine

from mapservice.accounts.api_keys import queries, service
from mapservice.accounts.api_keys.model import LIVES, ApiKeyScope
from mapservice.accounts.api_keys.service import ApiKeyRequest
from mapservice.cli.letterhead import letterhead_of_command
from mapservice.mail.service import EmailAddress

SCOPE = click.Choice([str(one) for one in ApiKeyScope])


@click.group("token")
def token_group() -> None:
    """Keys with which somebody's tools come to the doors for machines."""


@token_group.command("create")
@click.argument("email")
@click.option("--name", required=True, help="What the key is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=SCOPE,
)
@click.option("--days", type=click.Choice([str(days) for days in LIVES]), default=str(LIVES[1]))
@click.pass_obj
def create_command(
    engine: Callable[[], Engine], email: str, name: str, scopes: tuple[str, ...], days: str
) -> None:
    """Make a key and show it, once; its owner, who has signed in before, is mailed."""
    address, wish = EmailAddress.parse(email), ApiKeyRequest.parse(name, scopes, days)
    site = letterhead_of_command()
    with engine().begin() as connection:
        person = service.owner(connection, address)
        secret = service.create(connection, person, wish, uuid4(), site)
    click.echo(secret)


@token_group.command("list")
@click.argument("email")
@click.pass_obj
def list_command(engine: Callable[[], Engine], email: str) -> None:
    """List somebody's keys: first signs, name, scopes, end, last use."""
    with engine().connect() as connection:
        person = service.owner(connection, EmailAddress.parse(email))
        for one in queries.of_person(connection, person.id):
            used = str(one.last_used_on or "never used")
            end = f"{one.expires_at:%Y-%m-%d}{' (ended)' if one.expired else ''}"
            click.echo("\t".join((one.prefix, one.name, " ".join(one.scopes), end, used)))


@token_group.command("revoke")
@click.argument("email")
@click.argument("prefix")
@click.pass_obj
def revoke_command(engine: Callable[[], Engine], email: str, prefix: str) -> None:
    """End the key that begins with these signs, at once."""
    with engine().begin() as connection:
        person = service.owner(connection, EmailAddress.parse(email))
        service.revoke_by_prefix(connection, person.id, prefix)
    click.echo(f"revoked: {prefix}")
