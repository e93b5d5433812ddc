"""`mapservice review`: the queue of places in doubt, from a terminal."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import click
from sqlalchemy import Engine

from mapservice.errors import InvalidInput
from mapservice.geocoding.service import Locator
from mapservice.initiatives.filters import parse_territory
from mapservice.moderation.places import queries, service
from mapservice.moderation.places.model import (
    ChoiceKind,
    PlaceCase,
    PlaceChoice,
    PlaceReview,
    PlaceScope,
    clean,
)

LEVELS = (ChoiceKind.COMMUNE, ChoiceKind.EPCI, ChoiceKind.DEPARTEMENT, ChoiceKind.REGION)
NOWHERE = "none"


@dataclass(frozen=True, slots=True)
class ReviewTools:
    """What the commands are handed by the command line that they belong to."""

    engine: Callable[[], Engine]
    locator: Callable[[Engine], Locator]


def register(
    cli: click.Group, engine: Callable[[], Engine], locator: Callable[[Engine], Locator]
) -> None:
    """Adds the group `review` to a command line."""

    @cli.group("review")
    @click.pass_context
    def review(context: click.Context) -> None:
        """Places that the geocoder left open."""
        context.obj = ReviewTools(engine, locator)

    for command in (list_command, decide_command, reopen_command, rerun_command):
        review.add_command(command)


@click.command("list")
@click.option("--territory", default="", help="Such as region:53 or departement:35; or none.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True)
@click.pass_obj
def list_command(tools: ReviewTools, territory: str, limit: int) -> None:
    """List what waits, the oldest first: id, words, reason, candidates."""
    scope = _scope(territory)
    with tools.engine().connect() as connection:
        page = queries.find_page(connection, PlaceReview.WAITING, scope, limit)
        total = queries.count(connection, PlaceReview.WAITING, scope)
    for case in page.cases:
        words = clean(case.words)
        click.echo("\t".join((str(case.id), words, str(case.why), _candidates(case))))
    click.echo(f"{total} waiting", err=True)


@click.command("decide")
@click.argument("identifier", metavar="ID", type=click.UUID)
@click.option("--commune", help="INSEE code.")
@click.option("--epci", help="SIREN code.")
@click.option("--departement", help="Such as 35 or 2A.")
@click.option("--region", help="INSEE code.")
@click.option("--point", is_flag=True, help="The point that came with the words is right.")
@click.option("--unknown", is_flag=True, help="Nobody can tell where it is.")
@click.option("--by", required=True, help="Who decides; it is kept.")
@click.option("--note", default="")
@click.pass_obj
def decide_command(
    tools: ReviewTools, /, identifier: UUID, by: str, note: str, **answers: str | bool | None
) -> None:
    """Decide where one place is."""
    choice = _choice(answers, note)
    service.decide(tools.engine(), identifier, choice, by)
    click.echo(f"decided: {choice.kind} {choice.code}".rstrip())


@click.command("reopen")
@click.argument("identifier", metavar="ID", type=click.UUID)
@click.option("--by", required=True, help="Who withdraws the decision; it is kept.")
@click.pass_obj
def reopen_command(tools: ReviewTools, identifier: UUID, by: str) -> None:
    """Put a decided place back into the queue, shown as before."""
    service.put_back(tools.engine(), identifier, by)
    click.echo("waiting again")


@click.command("rerun")
@click.pass_obj
def rerun_command(tools: ReviewTools) -> None:
    """Match what waits again, and settle what is certain today; decisions stay."""
    engine = tools.engine()
    done = service.rerun(engine, tools.locator(engine))
    click.echo(f"{done.resolved} resolved, {done.left} still wait")


def _scope(text: str) -> PlaceScope:
    if text == NOWHERE:
        return PlaceScope(nowhere=True)
    return PlaceScope(parse_territory(text, "--territory")) if text else PlaceScope()


def _choice(answers: dict[str, str | bool | None], note: str) -> PlaceChoice:
    given = [(name, answer) for name, answer in answers.items() if answer]
    if len(given) != 1:
        names = ", ".join(f"--{name}" for name in answers)
        raise InvalidInput("ID", f"needs exactly one of {names}")
    ((name, answer),) = given
    return PlaceChoice.parse(f"{name}:{answer}" if ChoiceKind(name) in LEVELS else name, note)


def _candidates(case: PlaceCase) -> str:
    return ", ".join(f"{one.commune.code} {one.commune.name}" for one in case.candidates)
