"""`mapservice events`: the sample, load for trials, and what the nightly job does."""

from datetime import UTC, datetime

import click

from mapservice.cli import context
from mapservice.events import fixtures, service


@click.group("events")
def event_group() -> None:
    """The sample, made-up events, and their dates."""


@event_group.command("sample")
@click.option(
    "--if-empty",
    is_flag=True,
    help="Only beside the sample of initiatives, when there is no event.",
)
@click.option("--remove", is_flag=True, help="Remove the sample and nothing else.")
def sample_command(if_empty: bool, remove: bool) -> None:
    """Load some sixty events of the coming weeks, in place of those of an earlier load."""
    engine = context.open_engine()
    if remove:
        with engine.begin() as connection:
            click.echo(f"{fixtures.remove(connection)} sample events removed")
        return
    with engine.connect() as connection:
        if if_empty and fixtures.is_in_use(connection):
            click.echo("there are events, or initiatives that are no sample, already")
            return
    locator = context.build_locator(engine)
    with engine.begin() as connection:
        count = fixtures.load_sample(connection, locator, datetime.now(UTC))
    click.echo(f"{count} sample events loaded")


@event_group.command("generate")
@click.option("--count", type=click.IntRange(min=0), required=True, help="Occurrences.")
@click.option("--seed", type=int, default=1, show_default=True)
def generate_command(count: int, seed: int) -> None:
    """Make up occurrences of the year to come, for trials and benchmarks."""
    with context.progress_bar("generate", count) as advance:
        fixtures.generate(context.open_engine(), count, seed, advance, datetime.now(UTC))


@event_group.command("extend")
def extend_command() -> None:
    """Make the occurrences that have come within twelve months, as the nightly job does."""
    made = service.extend(context.open_engine(), datetime.now(UTC))
    click.echo(f"{made} occurrences made")
