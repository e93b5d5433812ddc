"""`mapservice backup` and `mapservice restore`: all that cannot be made again, in one folder."""

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import click

from mapservice.cli import context
from mapservice.errors import ConfigurationError, MapserviceError, SourceError
from mapservice.mail import public_address
from mapservice.operations.backup import queries, service
from mapservice.operations.backup.model import (
    EXPORTS,
    MANIFEST,
    MEDIA,
    SECRET_KEY,
    BackupManifest,
)
from mapservice.settings import Settings

FOLDER = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.group("backup")
def backup_group() -> None:
    """Make, try and tidy backups."""


@backup_group.command("create")
@FOLDER
def create_command(folder: Path) -> None:
    """Make a backup in a new folder; it is there whole, or not at all."""
    settings = context.settings_of_present_database()
    check_key(settings)
    made = service.create(context.open_engine(settings), settings, folder, _tell)
    click.echo(f"made: {folder.absolute()}: {_summary(made)}")


def check_key(settings: Settings) -> None:
    """Raises ConfigurationError where the service that runs here signs with another key."""
    own = settings.secret_key
    if not own:
        with contextlib.suppress(FileNotFoundError):
            own = (settings.home / SECRET_KEY).read_text()
    for _pid, facts in public_address.served(settings.home, settings.database_url):
        told = facts.get("key")
        if told and told != public_address.key_mark(own):
            raise ConfigurationError(
                "the service that runs here signs with another key than these settings: run this"
                " command with its own (docs/operations.md), or the backup would hold the wrong one"
            )


@backup_group.command("verify")
@FOLDER
@click.option("--newest", is_flag=True, help="The newest backup in FOLDER, by its own date.")
def verify_command(folder: Path, newest: bool) -> None:
    """Restore a backup beside the live database and compare; exit code 1 if anything differs."""
    settings = context.settings_of_present_database()
    if newest:
        folder = service.newest_in(folder)
    found = service.verify(context.open_engine(settings), settings.database_url, folder, _tell)
    for fault in found.faults:
        click.echo(f"NO  {fault}")
    if found.faults:
        raise MapserviceError(f"the backup is not good: {len(found.faults)} faults")
    click.echo(f"good: {folder.absolute()}: {_summary(found.manifest)}")


@backup_group.command("prune")
@FOLDER
@click.option("--days", type=click.IntRange(min=1), required=True, help="Older ones are deleted.")
def prune_command(folder: Path, days: int) -> None:
    """Delete the backups in a folder that are older; the newest one stays."""
    engine = context.open_engine(context.settings_of_present_database())
    for gone in service.prune(engine, folder, days, datetime.now(UTC)):
        click.echo(f"deleted: {gone}")


@backup_group.command("list")
def list_command() -> None:
    """The backups that the service knows, the newest first: when each was made and last tried, and
    whether erasures reach it."""
    engine = context.open_engine(context.settings_of_present_database())
    with engine.connect() as connection:
        for one in queries.known(connection):
            reached = "reached" if (one.folder / MANIFEST).is_file() else "AWAY"
            made, tried = _utc(one.made_at), _utc(one.verified_at)
            click.echo(f"made {made}\ttried {tried}\t{reached}\t{one.folder}")


def _utc(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else "never"


@backup_group.command("forget")
@FOLDER
def forget_command(folder: Path) -> None:
    """Tell no more erasures to a backup: it was deleted for good."""
    engine = context.open_engine(context.settings_of_present_database())
    with engine.begin() as connection:
        if not queries.forget(connection, folder.absolute()):
            raise SourceError(f"no backup is known of {folder.absolute()}")
    click.echo(f"forgotten: {folder.absolute()}")


@click.command("restore")
@FOLDER
@click.option("--replace", is_flag=True, help="Lose what the database holds now.")
@click.option(
    "--erasures",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file of erasures of a later backup: who was erased since is erased too.",
)
def restore_command(folder: Path, replace: bool, erasures: Path | None) -> None:
    """Restore a backup into an empty database, and erase again who was erased since."""
    from mapservice.app import PERSONAL_DATA

    settings = context.settings_of_command()
    done = service.restore(
        context.open_engine(settings),
        settings,
        folder,
        PERSONAL_DATA,
        _tell,
        instead=replace,
        later_erasures=erasures,
    )
    for remark in done.remarks:
        click.echo(f"!   {remark}", err=True)
    click.echo(f"restored: {_summary(done.manifest)}; erased again: {done.erased}")


def _tell(words: str) -> None:
    click.echo(words, err=True)


def _summary(manifest: BackupManifest) -> str:
    parts = [
        f"{manifest.made_at:%Y-%m-%dT%H:%M:%SZ}",
        f"schema {manifest.schema}",
        f"{sum(manifest.counts.values())} rows",
        f"{manifest.counts.get('initiative', 0)} initiatives",
        f"{len(manifest.names(MEDIA))} files of photos",
        f"{len(manifest.names(EXPORTS))} exports",
        f"{manifest.bytes} bytes",
    ]
    return ", ".join(parts)
