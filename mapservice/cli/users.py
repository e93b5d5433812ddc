"""`mapservice users`: roles and API keys of people."""

from uuid import uuid4

import click

from mapservice.accounts.api_keys import queries as api_key_queries
from mapservice.accounts.api_keys import service as api_keys
from mapservice.accounts.api_keys.model import LIVES, ApiKeyScope
from mapservice.accounts.api_keys.service import ApiKeyRequest
from mapservice.accounts.roles import queries, service
from mapservice.accounts.roles.model import GrantAuthor, Role, RoleGrant
from mapservice.cli import context
from mapservice.mail.service import EmailAddress

BY = GrantAuthor(name="command line")
SCOPES = [str(one) for one in ApiKeyScope]


@click.group("users")
def user_group() -> None:
    """Moderators, coordinators and admins."""


ROLE = click.option("--role", type=click.Choice([str(one) for one in Role]), required=True)
TERRITORY = click.option(
    "--territory", default="", help="Such as region:53 or departement:35; none for an admin."
)


@user_group.command("grant")
@click.argument("email")
@ROLE
@TERRITORY
def grant_command(email: str, role: str, territory: str) -> None:
    """Give somebody a role; an address that is not known yet has a week to sign in."""
    address, given = EmailAddress.parse(email), RoleGrant.parse(role, territory)
    site = context.letterhead_of_command()
    with context.open_engine().begin() as connection:
        service.grant(connection, address, given, BY, site)
    click.echo(f"granted: {address.address} {given}")


@user_group.command("revoke")
@click.argument("email")
@ROLE
@TERRITORY
def revoke_command(email: str, role: str, territory: str) -> None:
    """Take a role back, at once."""
    address, taken = EmailAddress.parse(email), RoleGrant.parse(role, territory)
    with context.open_engine().begin() as connection:
        service.revoke_of(connection, address, taken, BY)
    click.echo(f"revoked: {address.address} {taken}")


@user_group.command("list")
def list_command() -> None:
    """List who has which role: address, role, territory, its name, since when."""
    with context.open_engine().connect() as connection:
        for held in queries.everyone(connection):
            place = held.place if held.is_known else f"{held.place} (no longer exists)"
            since = f"{held.granted_at:%Y-%m-%d}"
            state = since if held.confirmed else f"{since}, has not signed in yet"
            territory = str(held.grant.territory or "")
            click.echo("\t".join((held.email, held.grant.role, territory, place, state)))


@user_group.group("token")
def token_group() -> None:
    """Keys with which somebody's tools come to the doors for machines."""


@token_group.command("create")
@click.argument("email")
@click.option("--name", required=True, help="What the key is for.")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES))
@click.option("--days", type=click.Choice([str(days) for days in LIVES]), default=str(LIVES[1]))
def create_token_command(email: str, name: str, scopes: tuple[str, ...], days: str) -> None:
    """Make a key and show it, once; its owner, who has signed in before, is mailed."""
    address, wish = EmailAddress.parse(email), ApiKeyRequest.parse(name, scopes, days)
    site = context.letterhead_of_command()
    with context.open_engine().begin() as connection:
        person = api_keys.owner(connection, address)
        secret = api_keys.create(connection, person, wish, uuid4(), site)
    click.echo(secret)


@token_group.command("list")
@click.argument("email")
def list_token_command(email: str) -> None:
    """List somebody's keys: first signs, name, scopes, end, last use."""
    with context.open_engine().connect() as connection:
        person = api_keys.owner(connection, EmailAddress.parse(email))
        for one in api_key_queries.of_person(connection, person.id):
            used = str(one.last_used_on or "never used")
            end = f"{one.expires_at:%Y-%m-%d}{' (ended)' if one.expired else ''}"
            click.echo("\t".join((one.prefix, one.name, " ".join(one.scopes), end, used)))


@token_group.command("revoke")
@click.argument("email")
@click.argument("prefix")
def revoke_token_command(email: str, prefix: str) -> None:
    """End the key that begins with these signs, at once."""
    with context.open_engine().begin() as connection:
        person = api_keys.owner(connection, EmailAddress.parse(email))
        api_keys.revoke_by_prefix(connection, person.id, prefix)
    click.echo(f"revoked: {prefix}")
