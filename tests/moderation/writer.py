"""One writer of the kill test, as a process: mixed writes at full speed, each noted once committed.

`python -m tests.moderation.writer URL NUMBER WRITES LOG SEED`. A line of the log says either what
is about to be done, or, after the commit, what was done and what its person then backs.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from mapservice.contributions.supports import service as supports
from mapservice.db.engine import make_engine
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.geocoding.model import (
    GeocodeMatch,
    GeocodeQuery,
    MatchStatus,
    Precision,
    QueryParts,
)
from mapservice.geocoding.service import Placement
from mapservice.initiatives.model import Scale, Status, Theme
from mapservice.initiatives.service import InitiativeDraft, save
from mapservice.mail.model import Letterhead
from mapservice.moderation import merge_service
from mapservice.moderation.merge_service import MergeAction
from mapservice.moderation.places import service as places
from mapservice.moderation.places.model import ChoiceKind, PlaceChoice

COMMUNES = ("35238", "14118", "69123", "13055")
SITE = Letterhead("Carte", "http://map.test", "Carte <carte@map.test>")
# What may happen to a write where others write too; anything else ends the trial.
EXPECTED = (StateConflict, InvalidInput, NotFound)


@dataclass(frozen=True, slots=True)
class Writer:
    """`name` is recorded with its decisions; its `people` are nobody else's."""

    engine: Engine
    name: str
    people: list[UUID]
    dice: Random
    log: Path

    def act(self) -> bool:
        """One write; False where it came to nothing."""
        (verb,) = self.dice.choices(list(VERBS), weights=[weight for _, weight in VERBS.values()])
        what = {"verb": verb, "person": str(self.dice.choice(self.people))}
        what |= dict(zip(("id", "other"), map(str, self.some(2)), strict=False))
        self.note({"before": what})
        try:
            done = VERBS[verb][0](self, what)
        except EXPECTED:
            return False
        self.note({"done": what | done})
        return True

    def some(self, count: int) -> list[UUID]:
        statement = "SELECT id FROM initiative ORDER BY random() LIMIT :count"
        with self.engine.connect() as connection:
            return list(connection.execute(text(statement), {"count": count}).scalars())

    def note(self, line: dict[str, Any]) -> None:
        with self.log.open("a") as file:
            file.write(json.dumps(line) + "\n")


def create(writer: Writer, _what: dict[str, str]) -> dict[str, Any]:
    with writer.engine.begin() as connection:
        (made,) = save(connection, [_draft(writer.dice.choice(COMMUNES))])
    return {"id": str(made)}


def support(writer: Writer, what: dict[str, str]) -> dict[str, Any]:
    person = UUID(what["person"])
    with writer.engine.begin() as connection:
        commune = writer.dice.choice((None, *COMMUNES))
        supports.support(
            connection, person, UUID(what["id"]), commune=commune, network=b"0123456789abcdef"
        )
        return _backed(connection, person)


def withdraw(writer: Writer, what: dict[str, str]) -> dict[str, Any]:
    person = UUID(what["person"])
    with writer.engine.begin() as connection:
        supports.withdraw(connection, person, UUID(what["id"]))
        return _backed(connection, person)


def move(writer: Writer, what: dict[str, str]) -> dict[str, Any]:
    identifier = UUID(what["id"])
    with writer.engine.connect() as connection:
        shown = places.shown(connection, identifier)
    choice = PlaceChoice(ChoiceKind.COMMUNE, writer.dice.choice(COMMUNES))
    places.decide(writer.engine, identifier, choice, writer.name, instead_of=shown)
    return {}


def merge(writer: Writer, what: dict[str, str]) -> dict[str, Any]:
    with writer.engine.begin() as connection:
        act = MergeAction(by=writer.name)
        merge_service.merge(connection, SITE, UUID(what["id"]), UUID(what["other"]), act)
    return {}


def unmerge(writer: Writer, what: dict[str, str]) -> dict[str, Any]:
    with writer.engine.connect() as connection:
        statement = "SELECT initiative FROM merge ORDER BY random() LIMIT 1"
        found = connection.execute(text(statement)).scalar() or UUID(what["id"])
    with writer.engine.begin() as connection:
        target = merge_service.unmerge(connection, SITE, found, MergeAction(by=writer.name))
    return {"id": str(found), "other": str(target)}


def delete(writer: Writer, what: dict[str, str]) -> dict[str, Any]:
    with writer.engine.begin() as connection:
        gone = {"id": what["id"]}
        connection.execute(text("DELETE FROM initiative WHERE id = :id"), gone)
    return {}


Verb = Callable[[Writer, dict[str, str]], dict[str, Any]]
VERBS: dict[str, tuple[Verb, int]] = {
    "create": (create, 12),
    "support": (support, 40),
    "withdraw": (withdraw, 14),
    "move": (move, 10),
    "merge": (merge, 10),
    "unmerge": (unmerge, 8),
    "delete": (delete, 6),
}


def _backed(connection: Connection, person: UUID) -> dict[str, Any]:
    """What a person backs as the transaction leaves it."""
    statement = """
        SELECT CAST(initiative AS text) FROM support
         WHERE person = :person AND withdrawn_at IS NULL ORDER BY initiative"""
    found = connection.execute(text(statement), {"person": person}).scalars()
    return {"backed": list(found)}


def _draft(commune: str) -> InitiativeDraft:
    match = GeocodeMatch(
        GeocodeQuery(), QueryParts(), MatchStatus.CERTAIN, Precision.COMMUNE, 1.0, "code", 2026
    )
    now = datetime.now(UTC)
    return InitiativeDraft(
        id=None,
        title="Un four à pain",
        summary="",
        description="",
        theme=Theme.ALIMENTATION,
        scale=Scale.COMMUNE,
        status=Status.PUBLISHED,
        created_at=now,
        created_period=None,
        updated_at=now,
        source_platform="",
        source_id=None,
        source_url="",
        source_licence="",
        source_digest=None,
        place_text="",
        placement=Placement(Precision.COMMUNE, commune, None, None, match, to_review=False),
    )


def main(url: str, number: str, writes: str, log: str, seed: str) -> None:
    engine = make_engine(url, pool_size=1)
    with engine.connect() as connection:
        statement = "SELECT id FROM person WHERE name = :name ORDER BY id"
        people = list(connection.execute(text(statement), {"name": number}).scalars())
    writer = Writer(engine, f"Writer {number}", people, Random(seed), Path(log))
    left = int(writes)
    try:
        while left:
            left -= writer.act()
    except Exception as error:
        writer.note({"error": repr(error)[:2000]})
        raise


if __name__ == "__main__":
    main(*sys.argv[1:])
