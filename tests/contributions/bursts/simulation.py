"""Crowds that back an initiative: who comes from which network and commune, when, by what mailbox.

A crowd is inserted as it would have come through the door that weighs nothing, or sent through the
real one; `Arrival.minute` is how long before now it was confirmed.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import md5
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from mapservice.contributions.supports import service
from mapservice.contributions.supports.queries import differences
from mapservice.rollups.queries import differences as rollup_differences
from tests.web.population import Made, insert

RENNES, CESSON, LYON, MARSEILLE = "35238", "35051", "69123", "13055"
AROUND = (RENNES, RENNES, RENNES, CESSON)
FRANCE = (LYON, MARSEILLE, "75056", "59350", "33063", "67482")

PEOPLE = """
INSERT INTO person (email, email_key, confirmed_at)
SELECT mailbox, mailbox, now()
  FROM jsonb_to_recordset(CAST(:crowd AS jsonb)) AS given (mailbox text)
RETURNING id, email"""
SUPPORTS = """
INSERT INTO support (initiative, person, commune, network, confirmed_at)
SELECT :initiative, person.id, given.commune, decode(md5(network), 'hex'),
       now() - minute * interval '1 minute'
  FROM jsonb_to_recordset(CAST(:crowd AS jsonb))
       AS given (mailbox text, network text, commune text, minute float)
  JOIN person ON person.email = mailbox"""


FIGURES = """
SELECT supporters AS counted,
       (SELECT count(*) FROM support WHERE initiative = :initiative AND held_at IS NOT NULL
           AND withdrawn_at IS NULL) AS held
  FROM initiative WHERE id = :initiative"""
BURSTS = "SELECT verdict, state FROM burst WHERE initiative = :initiative ORDER BY found_at, id"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One support."""

    mailbox: str
    network: str
    commune: str | None
    minute: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What an initiative shows, and how its bursts stand."""

    counted: int
    held: int
    bursts: tuple[tuple[str, str], ...]


def initiative(engine: Engine, **different: Any) -> UUID:
    made = Made(**({"commune": RENNES, "title": "Une passerelle sur la Vilaine"} | different))
    with engine.begin() as connection:
        insert(connection, [made])
    return UUID(made.id)


def bought(
    dice: Random,
    size: int = 5000,
    networks: int = 3,
    *,
    minutes: float = 60,
    communes: Sequence[str | None] = (None,),
    disposable: float = 0,
    name: str = "bought",
) -> list[Arrival]:
    """Many mailboxes behind few networks, unevenly."""
    shares = [dice.uniform(0.5, 2) for _ in range(networks)]
    behind = dice.choices(range(networks), shares, k=size)
    return [
        Arrival(
            f"{name}{number}@{'mailinator.com' if dice.random() < disposable else 'mail.test'}",
            f"{name} {behind[number]}",
            dice.choice(communes),
            dice.uniform(0, minutes),
        )
        for number in range(size)
    ]


def wave(
    dice: Random,
    size: int = 500,
    *,
    minutes: float = 240,
    shared: float = 0.13,
    schools: int = 1,
    told: float = 0.4,
    name: str = "wave",
) -> list[Arrival]:
    """Neighbours after an article: homes, a mobile operator's shared address, a school."""
    places: list[str] = []
    places += [f"{name} operator"] * round(shared * size)
    for school in range(schools):
        places += [f"{name} school {school}"] * dice.randint(20, 30)
    home = 0
    while len(places) < size:
        places += [f"{name} home {home}"] * dice.choice((1, 1, 1, 2, 2, 3, 4))
        home += 1
    places = places[:size]
    dice.shuffle(places)
    return [
        Arrival(
            f"{name}{number}@example.org",
            place,
            _commune(dice, told),
            min(dice.expovariate(4 / minutes), minutes),
        )
        for number, place in enumerate(places)
    ]


def ordered(
    dice: Random, size: int, *, minutes: float = 300, told: float = 0.5, name: str = "ordered"
) -> list[Arrival]:
    """Members told by their headquarters to sign: each at home, all over France."""
    return [
        Arrival(
            f"{name}{number}@example.org",
            f"{name} home {dice.randrange(size)}",
            dice.choice(FRANCE) if dice.random() < told else None,
            dice.uniform(0, minutes),
        )
        for number in range(size)
    ]


def _commune(dice: Random, told: float) -> str | None:
    if dice.random() > told:
        return None
    return dice.choice(AROUND) if dice.random() < 0.75 else dice.choice(FRANCE)


def people(connection: Connection, crowd: Sequence[Arrival]) -> dict[str, UUID]:
    """Proved people without anything else, by mailbox."""
    rows = connection.execute(text(PEOPLE), {"crowd": _json(crowd)})
    return {row.email: row.id for row in rows}


def arrive(engine: Engine, identifier: UUID, crowd: Sequence[Arrival]) -> None:
    """In one statement, past the door, when each says."""
    with engine.begin() as connection:
        people(connection, crowd)
        bound = {"initiative": identifier, "crowd": _json(crowd)}
        connection.execute(text(SUPPORTS), bound)


def knock(engine: Engine, identifier: UUID, crowd: Sequence[Arrival]) -> None:
    """Through the door, one after the other, now."""
    with engine.begin() as connection:
        known = people(connection, crowd)
    for one in sorted(crowd, key=lambda arrival: -arrival.minute):
        with engine.begin() as connection:
            give(connection, known[one.mailbox], identifier, one)


def give(connection: Connection, person: UUID, identifier: UUID, one: Arrival) -> None:
    network = md5(one.network.encode(), usedforsecurity=False).digest()
    service.support(connection, person, identifier, commune=one.commune, network=network)


def figures(engine: Engine, identifier: UUID) -> Figures:
    """Raises AssertionError where a count is not that of its supports."""
    with engine.connect() as connection:
        assert differences(connection) == []
        assert rollup_differences(connection) == []
        row = connection.execute(text(FIGURES), {"initiative": identifier}).one()
        bursts = connection.execute(text(BURSTS), {"initiative": identifier}).all()
    return Figures(row.counted, row.held, tuple((one.verdict, one.state) for one in bursts))


def reasons(engine: Engine, identifier: UUID) -> dict[str, dict[str, float]]:
    """Of its newest burst: figures by code."""
    statement = text("SELECT reasons FROM burst WHERE initiative = :id ORDER BY id DESC LIMIT 1")
    with engine.connect() as connection:
        kept = connection.execute(statement, {"id": identifier}).scalar_one()
    return {one.pop("code"): one for one in kept}


def _json(crowd: Sequence[Arrival]) -> str:
    return json.dumps([asdict(one) for one in crowd])
