"""What commands share: settings, database, geocoder, progress bars, and the letterhead of mails."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import Engine

from mapservice.db import cluster
from mapservice.db.engine import make_engine
from mapservice.errors import ConfigurationError
from mapservice.geocoding.provider.client import AddressProvider
from mapservice.geocoding.service import GeocoderCache, Locator
from mapservice.mail.model import Letterhead
from mapservice.mail.service import letterhead, served_at
from mapservice.settings import Settings

EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
WRITABLE = click.Path(dir_okay=False, writable=True, path_type=Path)
console = Console(stderr=True, soft_wrap=True)


def settings_of_command() -> Settings:
    """Those of the environment; without DATABASE_URL, on the private cluster, which is started."""
    settings = Settings.from_env()
    if settings.database_url:
        return settings
    return replace(settings, database_url=cluster.ensure(settings.home))


def settings_of_present_database() -> Settings:
    """The same for commands that look at a database, or save it: they make none.

    Raises ConfigurationError where the private cluster is not there.
    """
    settings = Settings.from_env()
    if not settings.database_url and not (settings.home / "postgres").exists():
        raise ConfigurationError(
            f"there is no database here: MAPSERVICE_DATABASE_URL is not set, and"
            f" {settings.home.absolute()} holds none.\nRun this with the settings of the service"
            " (docs/operations.md), or begin one: scripts/start"
        )
    return settings_of_command()


def open_engine(settings: Settings | None = None) -> Engine:
    """An engine that is closed when the command ends."""
    url = (settings or settings_of_command()).database_url
    engine = make_engine(url, pool_wait_ms=30_000)
    click.get_current_context().call_on_close(engine.dispose)
    return engine


def build_locator(engine: Engine) -> Locator:
    """The geocoder of the territories in force."""
    provider = AddressProvider.of_settings(Settings.from_env())
    with engine.connect() as connection:
        locator = GeocoderCache(provider).current(connection)
    engine.dispose()  # a connection must not be shared with processes forked from here
    return locator


@contextlib.contextmanager
def counting_bar(title: str) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """A progress bar on standard error: functions to set its number of steps, and to advance."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task(title, total=None)
        yield (
            lambda total: progress.update(task, total=total),
            lambda steps: progress.update(task, advance=steps),
        )


@contextlib.contextmanager
def progress_bar(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error: the function that advances it."""
    with counting_bar(title) as (start, advance):
        if total is not None:
            start(total)
        yield advance


def letterhead_of_command() -> Letterhead:
    """That of the settings; warns on standard error where the links' address is a guess."""
    settings = Settings.from_env()
    site = letterhead(settings)
    if not settings.public_url and not served_at(settings):
        click.echo(
            f"no service runs here and MAPSERVICE_PUBLIC_URL is not set: links of mails lead to "
            f"{site.base_url}",
            err=True,
        )
    return site
