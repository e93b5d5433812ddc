"""`mapservice push`: the key that notifications are signed with."""

import click

from mapservice.settings import Settings


@click.group("push")
def push_group() -> None:
    """Notifications of the browser (web push)."""


@push_group.command("keys")
def keys_command() -> None:
    """Make the key of this service, once; prints its public part."""
    from mapservice.notifications.push.encryption import KEY_FILE, keep_key

    settings = Settings.from_env()
    key = keep_key(settings.home)
    click.echo(key.public)
    click.echo(f"kept in {settings.home / KEY_FILE}; restart the service", err=True)
    if settings.vapid_key:
        click.echo("MAPSERVICE_VAPID_KEY is set, and goes first", err=True)
