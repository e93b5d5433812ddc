"""`mapservice imports`: what was imported, and taking it back."""

import click

from mapservice.cli import context
from mapservice.imports import run_queries, run_service
from mapservice.imports.run_queries import RecordedRun


@click.group("imports")
def import_group() -> None:
    """Runs of imports: list, show, undo; sources: trust, remove."""


@import_group.command("list")
@click.option("--platform", default="", help="Those of one source alone.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
def list_command(platform: str, limit: int) -> None:
    """Runs, the newest first: number, state, when, source, file, what became of its rows."""
    engine = context.open_engine()
    run_service.close_dead_runs(engine)
    with engine.connect() as connection:
        for run in run_queries.find_runs(connection, limit, platform):
            click.echo("\t".join(_cells(run)))


@import_group.command("show")
@click.argument("run", type=int)
def show_command(run: int) -> None:
    """How a run read its file, and what became of its rows."""
    with context.open_engine().connect() as connection:
        found = run_service.find_run(connection, run)
    click.echo("\t".join(_cells(found)))
    click.echo(f"by: {found.started_by or 'somebody erased since'}")
    for name, told in (
        ("what was new or changed waited for a moderator", found.is_moderated),
        ("what the file lacked was archived", found.is_snapshot),
    ):
        if told:
            click.echo(name)
    reading = found.reading
    if reading.get("encoding"):
        click.echo(f"read as: {reading['encoding']}")
    for one in reading.get("columns", ()):
        kept = f"kept as an attribute ({one['kind']})" if one["kind"] else "holds nothing"
        use = one["field"] if one["field"] not in ("", "attribute") else kept
        personal = "; personal data, not shown" if one["personal"] else ""
        doubt = f"; in doubt: {one['doubt']}" if one["doubt"] else ""
        click.echo(f"{one['column']}: {use}, {one['reason']}{personal}{doubt}")
    for problem in reading.get("problems", ()):
        click.echo(problem)
    for outcome, number in found.counts.items():
        click.echo(f"{number} {outcome}")
    if found.report:
        click.echo(f"report: {found.report}")


@import_group.command("undo")
@click.argument("run", type=int)
def undo_command(run: int) -> None:
    """Take back all that a run did."""
    undone = run_service.undo_run(context.open_engine(), run)
    click.echo(f"run {run} is undone: {undone.deleted} deleted, {undone.restored} as before")
    if undone.archived:
        click.echo(f"{undone.archived} have supporters by now: archived instead")
    if undone.left:
        click.echo(f"{undone.left} left: a moderator decided about them since")


@import_group.command("remove")
@click.argument("platform")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove_command(platform: str, yes: bool) -> None:
    """Delete all initiatives of a source; this cannot be undone."""
    if not yes:
        click.confirm(f"Delete all initiatives of {platform!r} for good?", abort=True)
    removed = run_service.remove_source(context.open_engine(), platform)
    click.echo(f"{removed} initiatives of {platform!r} deleted")


@import_group.command("trust")
@click.argument("platform")
@click.option("--no", "distrusted", is_flag=True, help="No longer.")
def trust_command(platform: str, distrusted: bool) -> None:
    """Let what coordinators import from a source be public at once."""
    with context.open_engine().begin() as connection:
        run_queries.trust(connection, platform, is_trusted=not distrusted)
    click.echo(f"{platform!r} is {'no longer trusted' if distrusted else 'trusted'}")


def _cells(run: RecordedRun) -> list[str]:
    moment = run.started_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    counts = run_service.counts_line(run.counts)
    return [str(run.id), run.state, moment, run.platform, run.file_name, counts]
