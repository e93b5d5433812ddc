"""`mapservice accounts`: sessions and second factors of people, for the operator."""

import getpass

import click
import structlog
from sqlalchemy import Connection

from mapservice.accounts.people import queries, service
from mapservice.accounts.people.model import Person
from mapservice.accounts.second_factor import service as second_factor
from mapservice.cli import context
from mapservice.errors import NotFound
from mapservice.mail.service import EmailAddress

log = structlog.get_logger()


@click.group("accounts")
def account_group() -> None:
    """Sessions and second factors of people."""


@account_group.command("sessions")
@click.argument("email")
def sessions_command(email: str) -> None:
    """List where somebody is signed in: since when, last used, until when."""
    with context.open_engine().connect() as connection:
        person = _person(connection, email)
        for one in queries.open_sessions(connection, person.id, b"", service.SESSION_MOST_DAYS):
            moments = (one.created_at, one.last_used_at, one.expires_at)
            click.echo("\t".join(f"{moment:%Y-%m-%dT%H:%MZ}" for moment in moments))


@account_group.command("sign-out")
@click.argument("email", required=False)
@click.option("--everybody", is_flag=True, help="All people, at once: after a leak.")
def sign_out_command(email: str | None, everybody: bool) -> None:
    """End all sessions of somebody, or of everybody; at their next request they are signed out."""
    if everybody == bool(email):
        raise click.UsageError("name an address, or say --everybody")
    with context.open_engine().begin() as connection:
        if email:
            ended = service.end_all_sessions(connection, _person(connection, email).id)
        else:
            ended = service.end_sessions_of_all(connection)
    click.echo(f"ended: {ended} sessions")


@account_group.command("forget-second-factor")
@click.argument("email")
def forget_command(email: str) -> None:
    """Take away the second factor of somebody who lost it, and end their sessions.

    A line of the log says so, by the id of the person and the user of this machine.
    """
    with context.open_engine().begin() as connection:
        person = _person(connection, email)
        had_one = second_factor.remove(connection, person.id)
        ended = service.end_all_sessions(connection, person.id)
    log.warning(
        "second_factor_forgotten",
        person=str(person.id),
        had_one=had_one,
        sessions_ended=ended,
        by=getpass.getuser(),
    )
    click.echo(f"{'taken away' if had_one else 'there was none'}: {person.email}")


def _person(connection: Connection, email: str) -> Person:
    """Raises NotFound for an address that has never signed in."""
    address = EmailAddress.parse(email)
    found = queries.by_email(connection, address.key)
    if found is None:
        raise NotFound(f"{address.address} has never signed in.")
    return found
