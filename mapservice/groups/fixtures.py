"""Made-up groups: the sample that a new service shows, over all régions, and load for trials."""

import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from mapservice.contributions.proposals.model import ProposedPlace
from mapservice.geocoding.service import Locator
from mapservice.groups import service
from mapservice.groups.model import (
    GENERATED,
    SAMPLE,
    GroupContent,
    GroupOpenness,
    GroupStatus,
)
from mapservice.imports.fixtures.generate import GeneratedInitiative, LoadDice
from mapservice.imports.fixtures.generate import generate as generate_initiatives
from mapservice.imports.fixtures.service import commune_weights, copy_in, generated_place, settle
from mapservice.initiatives.model import Scale, Theme
from mapservice.initiatives.queries import SAMPLE_PLATFORM
from mapservice.rollups.service import compact
from mapservice.settings import asset_folder

BATCH_ROWS = 20_000
SAMPLE_FILE = Path("sample", "groups.csv")

IN_USE = """
SELECT EXISTS (SELECT FROM local_group)
    OR EXISTS (SELECT FROM initiative WHERE source_platform <> :sample)
    OR NOT EXISTS (SELECT FROM initiative)"""


COPY = """
COPY local_group (status, name, summary, theme, openness, precision, commune, point, published_at,
                  last_sign_at, archived_at, source)
FROM STDIN"""


def is_in_use(connection: Connection) -> bool:
    """Whether there are groups, or not the sample of initiatives alone, which made-up ones join."""
    bound = {"sample": SAMPLE_PLATFORM}
    return bool(connection.execute(text(IN_USE), bound).scalar_one())


def remove(connection: Connection) -> int:
    """Deletes the groups of the sample; returns how many."""
    statement = text("DELETE FROM local_group WHERE source = :source")
    return connection.execute(statement, {"source": SAMPLE}).rowcount


def load_sample(connection: Connection, locator: Locator, now: datetime) -> int:
    """Replaces the sample; returns how many groups. They have no members: nobody is made up.

    In one transaction: who reads meanwhile sees the former one.
    """
    remove(connection)
    with (asset_folder("geodata") / SAMPLE_FILE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        content = GroupContent(
            name=row["name"],
            summary=row["summary"],
            description="",
            theme=Theme(row["theme"]),
            openness=GroupOpenness(row["openness"]),
            area=Scale(row["area"]),
            place=ProposedPlace(
                row["place"], choice=f"commune:{row['insee']}" if row["insee"] else ""
            ),
        )
        place = service.understand(connection, locator, content)
        sign = now - timedelta(days=int(row["silent_days"]))
        # In the order of the file.
        published = sign - timedelta(minutes=number)
        made = service.make(
            connection, content, place, GroupStatus.PUBLISHED, published, source=SAMPLE
        )
        connection.execute(text(SIGN), {"id": made, "sign": sign})
    return len(rows)


def generate(
    engine: Engine, count: int, seed: int, advance: Callable[[int], None], now: datetime
) -> None:
    """Writes `count` made-up groups without members, spread by population.

    Some are dormant, one in twenty is archived; the same ones for the same seed, territories and
    moment.
    """
    made = generate_initiatives(count, seed, commune_weights(engine))
    dice = LoadDice(seed)
    while batch := list(islice(made, BATCH_ROWS)):
        copy_in(engine, [(COPY, [_row(dice, one, now) for one in batch])])
        compact(engine)
        advance(len(batch))
    settle(engine, "local_group")


def _row(dice: LoadDice, one: GeneratedInitiative, now: datetime) -> tuple[Any, ...]:
    published = min(one.created_at, now)
    # Most gave a sign lately.
    sign = published + (now - published) * dice.random() ** 0.3
    archived = dice.randrange(20) == 0
    status = GroupStatus.ARCHIVED if archived else GroupStatus.PUBLISHED
    openness = dice.choice(tuple(GroupOpenness))
    return (
        str(status), one.title, one.summary, str(one.theme), str(openness), *generated_place(one),
        published, sign, sign if archived else None, GENERATED,
    )  # fmt: skip


SIGN = "UPDATE local_group SET last_sign_at = :sign WHERE id = :id"
