"""`mapservice sources`: what is fetched again and again, and under which terms."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from mapservice.cli import context
from mapservice.errors import InvalidInput, NotFound, SourceError, StateConflict
from mapservice.events.incoming.intake import INTAKES
from mapservice.imports import run_queries, run_service
from mapservice.imports.connectors.catalogue import CONNECTORS
from mapservice.imports.sources import decisions, queries, service
from mapservice.imports.sources.harvest import fetcher_of
from mapservice.imports.sources.model import (
    FILE,
    LivingSource,
    Rhythm,
    SweepResult,
    SweepState,
)
from mapservice.outgoing.public_hosts import stand_ins

KINDS = (FILE, *CONNECTORS)
RHYTHMS = tuple(str(rhythm) for rhythm in Rhythm)
TRUST = ("publish", "queue")


@click.group("sources")
def source_group() -> None:
    """Sources that are swept: add, change, list, sweep; what waits: drop."""


def _terms(command: Any) -> Any:
    """What may be said of a source, by `add` and by `change`."""
    for option in reversed(
        (
            click.option("--licence", help="Under which what it gives may be passed on."),
            click.option("--attribution", help="Whom they are to name; default: the source."),
            click.option("--contact", help="Whom to write to about it."),
            click.option(
                "--rhythm",
                type=click.Choice(RHYTHMS),
                help="How often it is swept; never: by hand.",
            ),
            click.option(
                "--trust",
                type=click.Choice(TRUST),
                help="publish: at once; queue: what is new or changed waits for a moderator.",
            ),
            click.option(
                "--mapping",
                "pairs",
                multiple=True,
                metavar="FIELD=COLUMN",
                help="Of a file; repeatable.",
            ),
        )
    ):
        command = option(command)
    return command


@source_group.command("add")
@click.argument("name")
@click.argument("address", default="")
@click.option("--connector", default=FILE, show_default=True, help=f"One of {', '.join(KINDS)}.")
@_terms
def add_command(name: str, address: str, connector: str, **terms: Any) -> None:
    """Register a source: its NAME here, and the ADDRESS that it is fetched from.

    A licence is asked for, unless the connector knows it. By default a source is swept each week,
    and what is new or changed waits for a moderator.
    """
    settings = context.settings_of_command()
    given = {"licence": "", **_given(**terms)}
    source = LivingSource(platform=name, connector=connector, address=address, **given)
    service.add(context.open_engine(settings), source, stand_ins(settings.source_hosts))
    click.echo(
        f"{name} is registered: `mapservice sources sweep {_quoted(name)} --dry-run` tries it"
    )


@source_group.command("change")
@click.argument("name")
@click.option("--address", help="Where it is fetched from.")
@click.option("--connector", help=f"One of {', '.join(KINDS)}.")
@_terms
def change_command(name: str, address: str | None, connector: str | None, **terms: Any) -> None:
    """Say other things of a source; what is not named stays."""
    settings = context.settings_of_command()
    given = _given(**terms)
    given |= {} if address is None else {"address": address}
    given |= {} if connector is None else {"connector": connector}
    if not given:
        raise InvalidInput("sources change", "says nothing to change")
    service.change(context.open_engine(settings), name, given, stand_ins(settings.source_hosts))
    click.echo(f"{name} is changed")


@source_group.command("list")
def list_command() -> None:
    """One line each, by name, cells between tabs: name, how its last sweep ended, when one last
    ended well, connector, rhythm, publish or queue, licence, address, why it failed or waits."""
    with context.open_engine().connect() as connection:
        for source in queries.find_all(connection):
            well = source.swept_at.strftime("%Y-%m-%dT%H:%M:%SZ") if source.swept_at else "-"
            cells = (
                source.platform,
                str(source.sweep_state),
                well,
                source.connector,
                str(source.rhythm),
                "publish" if source.trusted else "queue",
                source.licence,
                source.address,
                _one_line(source.sweep_reason),
            )
            click.echo("\t".join(cells))


@source_group.command("sweep")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--due", "only_due", is_flag=True, help="Those whose time has come, as each night.")
@click.option("--dry-run", is_flag=True, help="Fetch and compare; write nothing.")
@click.option(
    "--accept-shrink",
    is_flag=True,
    help="Apply what waits, or a sweep that lacks more than a fifth of what is public.",
)
def sweep_command(names: Sequence[str], only_due: bool, dry_run: bool, accept_shrink: bool) -> None:
    """Fetch sources, and import what they give: those named, else all.

    One line each, cells between tabs: name, how it ended (done, unchanged, waits, failed), number
    of its run or -, what became of its rows, why it failed or waits. Exit code 1 if one failed.
    """
    settings = context.settings_of_command()
    engine = context.open_engine(settings)
    if accept_shrink and not names:
        raise InvalidInput("--accept-shrink", "is for sources that are named")
    with engine.connect() as connection:
        known = [source.platform for source in queries.find_all(connection)]
        chosen = list(names) or known
        if only_due:
            due = set(queries.due(connection, datetime.now(UTC)))
            chosen = [name for name in chosen if name in due]
    if unknown := [name for name in chosen if name not in known]:
        raise NotFound(
            f"There is no source {unknown[0]!r}: `mapservice sources add` registers one."
        )
    if not chosen:
        return
    locator = context.build_locator(engine)
    fetcher = fetcher_of(settings)
    failed = False
    for name in chosen:
        try:
            result = service.sweep(
                engine,
                settings.home,
                lambda _: locator,
                fetcher,
                name,
                dry_run=dry_run,
                accept_shrink=accept_shrink,
                intakes=INTAKES,
            )
        except StateConflict as error:
            result = SweepResult(name, SweepState.FAILED, reason=str(error))
        failed = failed or result.state is SweepState.FAILED
        _tell(result, dry_run=dry_run)
    if failed:
        raise SourceError("a sweep failed; it changed nothing of what its source had given before")


@source_group.command("drop")
@click.argument("name")
def drop_command(name: str) -> None:
    """Give up a sweep that waits; what is here stays as it is."""
    settings = context.settings_of_command()
    engine = context.open_engine(settings)
    with engine.connect() as connection:
        service.find(connection, name)
        run = run_queries.waiting_run(connection, name)
    if run is None or not decisions.drop(engine, settings.home, run.id):
        raise NotFound(f"No sweep of {name!r} waits.")
    click.echo(f"run {run.id} is dropped")


def _tell(result: SweepResult, *, dry_run: bool) -> None:
    cells = [result.platform, str(result.state), str(result.run or "-")]
    cells += [run_service.counts_line(result.counts), _one_line(result.reason)]
    click.echo("\t".join(cells))
    if result.state is SweepState.WAITS and not dry_run:
        click.echo(
            f"  look at it with `mapservice imports show {result.run}`, then apply it with"
            f" `mapservice sources sweep {_quoted(result.platform)} --accept-shrink`,"
            f" or give it up with `mapservice sources drop {_quoted(result.platform)}`"
        )
    if dry_run:
        for row in result.rows:
            click.echo(f"  {row.outcome}\t{row.source_id}\t{row.title}")
        for line in result.summary:
            click.echo(f"  {line}")
        click.echo("  (dry run: nothing saved)")


def _given(pairs: Sequence[str], trust: str | None, rhythm: str | None, **texts: Any) -> Any:
    """The options that somebody gave, by the names of `LivingSource`."""
    given: dict[str, Any] = {name: text for name, text in texts.items() if text is not None}
    if rhythm is not None:
        given["rhythm"] = Rhythm(rhythm)
    if trust is not None:
        given["trusted"] = trust == "publish"
    for pair in pairs:
        if "=" not in pair:
            raise InvalidInput("mapping", f"{pair!r} is not FIELD=COLUMN")
    if pairs:
        given["mapping"] = dict(pair.split("=", 1) for pair in pairs)
    return given


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _quoted(name: str) -> str:
    return f"'{name}'" if " " in name else name
