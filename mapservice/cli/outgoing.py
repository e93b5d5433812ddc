"""`mapservice outgoing`: which hosts the service may ask, and the rules of a proxy that lets it."""

from pathlib import Path

import click

from mapservice.cli import context
from mapservice.operations.outgoing_rules import outgoing_hosts, squid_rules
from mapservice.outgoing.way_out import PROXY_PORT
from mapservice.settings import Settings


@click.group("outgoing")
def outgoing_group() -> None:
    """What leaves the service, and the proxy that it passes."""


@outgoing_group.command("hosts")
def hosts_command() -> None:
    """List the hosts that the settings let the service ask, and what for."""
    for one in outgoing_hosts(Settings.from_env()):
        click.echo(f"{one}\t{one.purpose}")


@outgoing_group.command("squid")
@click.option("--port", type=click.IntRange(1, 65535), default=PROXY_PORT, show_default=True)
@click.option("--out", "target", type=context.WRITABLE, help="Default: standard output.")
def squid_command(port: int, target: Path | None) -> None:
    """Write a squid.conf that lets through what `hosts` lists, and nothing else."""
    rules = squid_rules(Settings.from_env(), port)
    if target is None:
        click.echo(rules, nl=False)
        return
    draft = target.with_name(f"{target.name}.new")
    draft.write_text(rules, encoding="utf-8")
    draft.replace(target)
