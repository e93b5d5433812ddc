"""`mapservice federation`: who follows from other servers, and with whom nothing is exchanged."""

import click
from sqlalchemy import text

from mapservice.cli import context
from mapservice.publishing.activitypub import service
from mapservice.publishing.activitypub.model import read_host

STATUS = """
SELECT (SELECT count(*) FROM federation_follower) AS followers,
       (SELECT count(DISTINCT host) FROM federation_follower) AS hosts,
       (SELECT count(*) FROM federation_delivery) AS waiting,
       (SELECT count(*) FROM federation_delivery WHERE last_error <> '') AS refused"""


@click.group("federation")
def federation_group() -> None:
    """Other servers of the fediverse: who follows, and whom to block."""


@federation_group.command("status")
def status_command() -> None:
    """How many follow, from how many hosts, and what waits to be sent."""
    with context.open_engine().connect() as connection:
        found = connection.execute(text(STATUS)).one()
    click.echo(f"{found.followers} followers on {found.hosts} hosts")
    click.echo(f"{found.waiting} deliveries wait, {found.refused} of them were refused before")


@federation_group.command("block")
@click.argument("host")
def block_command(host: str) -> None:
    """End all that is exchanged with a host and its subdomains."""
    name = read_host(host)
    with context.open_engine().begin() as connection:
        count = service.block(connection, name)
    click.echo(f"{name} is blocked; {count} followers forgotten")


@federation_group.command("unblock")
@click.argument("host")
def unblock_command(host: str) -> None:
    """Let a host follow again; who followed has to do so anew."""
    name = read_host(host)
    with context.open_engine().begin() as connection:
        was = service.unblock(connection, name)
    click.echo(f"{name} is no longer blocked" if was else f"{name} was not blocked")


@federation_group.command("blocked")
def blocked_command() -> None:
    """List the hosts that are blocked, and since when."""
    with context.open_engine().connect() as connection:
        for host, since in service.blocked(connection):
            click.echo(f"{host}  {since:%Y-%m-%d}")
