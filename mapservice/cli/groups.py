"""`mapservice groups`: the sample, load for trials, and what the nightly job does."""

from datetime import UTC, datetime

import click

from mapservice.cli import context
from mapservice.groups import fixtures, service


@click.group("groups")
def group_group() -> None:
    """The sample of groups, made-up groups, and groups without an organiser."""


@group_group.command("sample")
@click.option(
    "--if-empty",
    is_flag=True,
    help="Only beside the sample of initiatives, when there is no group.",
)
@click.option("--remove", is_flag=True, help="Remove the sample and nothing else.")
def sample_command(if_empty: bool, remove: bool) -> None:
    """Load twenty groups over all régions, in place of those of an earlier load."""
    engine = context.open_engine()
    if remove:
        with engine.begin() as connection:
            click.echo(f"{fixtures.remove(connection)} sample groups removed")
        return
    with engine.connect() as connection:
        if if_empty and fixtures.is_in_use(connection):
            click.echo("there are groups, or initiatives that are no sample, already")
            return
    locator = context.build_locator(engine)
    with engine.begin() as connection:
        count = fixtures.load_sample(connection, locator, datetime.now(UTC))
    click.echo(f"{count} sample groups loaded")


@group_group.command("generate")
@click.option("--count", type=click.IntRange(min=0), required=True)
@click.option("--seed", type=int, default=1, show_default=True)
def generate_command(count: int, seed: int) -> None:
    """Make up groups without members, for trials and benchmarks."""
    with context.progress_bar("generate", count) as advance:
        fixtures.generate(context.open_engine(), count, seed, advance, datetime.now(UTC))


@group_group.command("hand-over")
def hand_over_command() -> None:
    """Hand groups that nobody took over to their moderators, as the nightly job does."""
    count = service.hand_over(context.open_engine(), datetime.now(UTC))
    click.echo(f"{count} groups handed over")
