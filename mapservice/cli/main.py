"""`mapservice`: the command line; each group of commands has a file of its own."""

import sys

import click
from psycopg.errors import UndefinedTable
from rich.markup import escape
from sqlalchemy.exc import OperationalError, ProgrammingError

from mapservice import __version__
from mapservice.cli.accounts import account_group
from mapservice.cli.backup import backup_group, restore_command
from mapservice.cli.basemap import basemap_group
from mapservice.cli.context import console
from mapservice.cli.database import database_group
from mapservice.cli.events import event_group
from mapservice.cli.federation import federation_group
from mapservice.cli.geocoding import geocode_command, locate_command
from mapservice.cli.groups import group_group
from mapservice.cli.imports import import_group
from mapservice.cli.initiatives import initiative_group
from mapservice.cli.operations import (
    doctor_command,
    reload_command,
    serve_command,
    worker_command,
)
from mapservice.cli.outgoing import outgoing_group
from mapservice.cli.publishing import export_command, report_command
from mapservice.cli.push import push_group
from mapservice.cli.review import review_group
from mapservice.cli.rollups import rollup_group
from mapservice.cli.sources import source_group
from mapservice.cli.territories import territory_group
from mapservice.cli.users import user_group
from mapservice.errors import MapserviceError
from mapservice.web.logging import configure as configure_logging


@click.group()
@click.version_option(__version__)
def cli() -> None:
    """Maps of local initiatives: territories, geocoding, imports, rollups, and the service."""


for command in (
    database_group,
    territory_group,
    geocode_command,
    locate_command,
    initiative_group,
    event_group,
    group_group,
    import_group,
    source_group,
    rollup_group,
    export_command,
    report_command,
    worker_command,
    serve_command,
    reload_command,
    doctor_command,
    backup_group,
    restore_command,
    review_group,
    push_group,
    federation_group,
    user_group,
    account_group,
    basemap_group,
    outgoing_group,
):
    cli.add_command(command)


def main() -> None:
    """Entry point: an error becomes one line and exit code 1, never a trace."""
    configure_logging()
    try:
        cli(standalone_mode=False)
        return
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except MapserviceError as error:
        words = str(error)
    except OSError as error:
        words = f"{error.filename or error}: {error.strerror}" if error.strerror else str(error)
    except (OperationalError, ProgrammingError) as error:
        words = f"the database refuses: {str(error.orig).splitlines()[0]}"
        if isinstance(error.orig, UndefinedTable):
            words = "the database has no schema yet, or an old one: run `mapservice db migrate`"
    console.print(f"[red]error:[/red] {escape(words)}", highlight=False)
    sys.exit(1)
