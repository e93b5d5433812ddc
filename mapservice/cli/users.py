"""`mapservice users`: who has which role, from a terminal."""

from collections.abc import Callable

import click
from sqlalchemy import Engine

from mapservice.accounts.roles import queries, service
from mapservice.accounts.roles.model import GrantAuthor, Role, RoleGrant
from mapservice.cli.api_keys import token_group
from mapservice.cli.letterhead import letterhead_of_command
from mapservice.mail.service import EmailAddress

BY = GrantAuthor(name="command line")


def register(cli: click.Group, engine: Callable[[], Engine]) -> None:
    """Adds the group `users` to a command line."""

    @cli.group("users")
    @click.pass_context
    def users(context: click.Context) -> None:
        """Moderators, coordinators and admins."""
        context.obj = engine

    for command in (grant_command, revoke_command, list_command, token_group):
        users.add_command(command)


ROLE = click.option("--role", type=click.Choice([str(one) for one in Role]), required=True)
TERRITORY = click.option(
    "--territory", default="", help="Such as region:53 or departement:35; none for an admin."
)


@click.command("grant")
@click.argument("email")
@ROLE
@TERRITORY
@click.pass_obj
def grant_command(engine: Callable[[], Engine], email: str, role: str, territory: str) -> None:
    """Give somebody a role; an address that is not known yet has a week to sign in."""
    address, given = EmailAddress.parse(email), RoleGrant.parse(role, territory)
    site = letterhead_of_command()
    with engine().begin() as connection:
        service.grant(connection, address, given, BY, site)
    click.echo(f"granted: {address.address} {given}")


@click.command("revoke")
@click.argument("email")
@ROLE
@TERRITORY
@click.pass_obj
def revoke_command(engine: Callable[[], Engine], email: str, role: str, territory: str) -> None:
    """Take a role back, at once."""
    address, taken = EmailAddress.parse(email), RoleGrant.parse(role, territory)
    with engine().begin() as connection:
        service.revoke_of(connection, address, taken, BY)
    click.echo(f"revoked: {address.address} {taken}")


@click.command("list")
@click.pass_obj
def list_command(engine: Callable[[], Engine]) -> None:
    """List who has which role: address, role, territory, its name, since when."""
    with engine().connect() as connection:
        for held in queries.everyone(connection):
            place = held.place if held.is_known else f"{held.place} (no longer exists)"
            since = f"{held.granted_at:%Y-%m-%d}"
            state = since if held.confirmed else f"{since}, has not signed in yet"
            territory = str(held.grant.territory or "")
            click.echo("\t".join((held.email, held.grant.role, territory, place, state)))
