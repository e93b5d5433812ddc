"""`mapservice review`: the queue of places in doubt, from a terminal."""

from uuid import UUID

import click

from mapservice.cli import context
from mapservice.errors import InvalidInput
from mapservice.initiatives.filters import parse_territory
from mapservice.moderation.places import queries, service
from mapservice.moderation.places.model import (
    ChoiceKind,
    PlaceChoice,
    PlaceReview,
    PlaceScope,
    clean,
)

LEVELS = (ChoiceKind.COMMUNE, ChoiceKind.EPCI, ChoiceKind.DEPARTEMENT, ChoiceKind.REGION)
NOWHERE = "none"


@click.group("review")
def review_group() -> None:
    """Places that the geocoder left open."""


@review_group.command("list")
@click.option("--territory", default="", help="Such as region:53 or departement:35; or none.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True)
def list_command(territory: str, limit: int) -> None:
    """List what waits, the oldest first: id, words, reason, candidates."""
    if territory == NOWHERE:
        scope = PlaceScope(nowhere=True)
    else:
        scope = PlaceScope(parse_territory(territory, "--territory") if territory else None)
    with context.open_engine().connect() as connection:
        page = queries.find_page(connection, PlaceReview.WAITING, scope, limit)
        total = queries.count(connection, PlaceReview.WAITING, scope)
    for case in page.cases:
        found = ", ".join(f"{one.commune.code} {one.commune.name}" for one in case.candidates)
        click.echo("\t".join((str(case.id), clean(case.words), str(case.why), found)))
    click.echo(f"{total} waiting", err=True)


@review_group.command("decide")
@click.argument("identifier", metavar="ID", type=click.UUID)
@click.option("--commune", help="INSEE code.")
@click.option("--epci", help="SIREN code.")
@click.option("--departement", help="Such as 35 or 2A.")
@click.option("--region", help="INSEE code.")
@click.option("--point", is_flag=True, help="The point that came with the words is right.")
@click.option("--unknown", is_flag=True, help="Nobody can tell where it is.")
@click.option("--by", required=True, help="Who decides; it is kept.")
@click.option("--note", default="")
def decide_command(identifier: UUID, by: str, note: str, **answers: str | bool | None) -> None:
    """Decide where one place is."""
    given = [(name, answer) for name, answer in answers.items() if answer]
    if len(given) != 1:
        names = ", ".join(f"--{name}" for name in answers)
        raise InvalidInput("ID", f"needs exactly one of {names}")
    ((name, answer),) = given
    choice = PlaceChoice.parse(f"{name}:{answer}" if ChoiceKind(name) in LEVELS else name, note)
    service.decide(context.open_engine(), identifier, choice, by)
    click.echo(f"decided: {choice.kind} {choice.code}".rstrip())


@review_group.command("reopen")
@click.argument("identifier", metavar="ID", type=click.UUID)
@click.option("--by", required=True, help="Who withdraws the decision; it is kept.")
def reopen_command(identifier: UUID, by: str) -> None:
    """Put a decided place back into the queue, shown as before."""
    service.put_back(context.open_engine(), identifier, by)
    click.echo("waiting again")


@review_group.command("rerun")
def rerun_command() -> None:
    """Match what waits again, and settle what is certain today; decisions stay."""
    engine = context.open_engine()
    done = service.rerun(engine, context.build_locator(engine))
    click.echo(f"{done.resolved} resolved, {done.left} still wait")
