"""`mapservice worker`, `serve`, `reload` and `doctor`: running the service, and examining it."""

import sys

import click

from mapservice.cli import context
from mapservice.media.storage import store_of
from mapservice.operations.doctor import examine
from mapservice.publishing.activitypub.keys import box_of
from mapservice.settings import Settings, retired_settings
from mapservice.web.logging import configure_libraries


@click.command("worker")
def worker_command() -> None:
    """Work off the job queue until stopped."""
    from mapservice.jobs import run_worker

    configure_libraries()
    run_worker(context.settings_of_command())


@click.command("serve")
def serve_command() -> None:
    """Prepare the database, then run gunicorn and a worker until stopped."""
    from mapservice.cli.serve import serve

    sys.exit(serve(Settings.from_env()))


@click.command("reload")
def reload_command() -> None:
    """Go on with the code that lies here now, without a gap: after an upgrade.

    Prepares the database as a start does, then `mapservice serve` starts new processes, which take
    over once they can answer. If anything fails, the former ones go on, and the exit code is 1.
    """
    from mapservice.cli.reload import reload

    settings = context.settings_of_command()
    reload(settings, context.open_engine(settings), click.echo)


@click.command("doctor")
def doctor_command() -> None:
    """Say what is ready and what is missing; exit code 1 when something is.

    What the operator has yet to say on the legal pages is a warning: it stops nothing.
    """
    from mapservice.site.operator_pages.service import shortcomings

    settings = context.settings_of_present_database()
    with context.open_engine(settings).connect() as connection:
        findings = list(examine(connection, store_of(settings), box_of(settings)))
    for finding in findings:
        click.echo(f"{'ok ' if finding.sound else 'NO '} {finding.words}")
    for words in (*retired_settings(), *shortcomings(settings)):
        click.echo(f"!   {words}", err=True)
    sys.exit(0 if all(finding.sound for finding in findings) else 1)
