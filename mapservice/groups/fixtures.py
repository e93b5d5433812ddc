"""Made-up groups: the sample that a new service shows, over all régions."""

import csv
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, text

from mapservice.contributions.proposals.model import ProposedPlace
from mapservice.geocoding.service import Locator
from mapservice.groups import service
from mapservice.groups.model import GroupContent, GroupOpenness, GroupStatus
from mapservice.initiatives.model import Scale, Theme
from mapservice.initiatives.queries import SAMPLE_PLATFORM
from mapservice.settings import asset_folder

SAMPLE = "sample"
SAMPLE_FILE = Path("sample", "groups.csv")

IN_USE = """
SELECT EXISTS (SELECT FROM local_group)
    OR EXISTS (SELECT FROM initiative WHERE source_platform <> :sample)"""


def is_in_use(connection: Connection) -> bool:
    """Whether there are groups, or initiatives that are no sample: made-up ones do not belong."""
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
        content = _content(row)
        place = service.understand(connection, locator, content)
        sign = now - timedelta(days=int(row["silent_days"]))
        # In the order of the file.
        published = sign - timedelta(minutes=number)
        made = service.make(
            connection, content, place, GroupStatus.PUBLISHED, published, source=SAMPLE
        )
        connection.execute(text(SIGN), {"id": made, "sign": sign})
    return len(rows)


def _content(row: dict[str, str]) -> GroupContent:
    choice = f"commune:{row['insee']}" if row["insee"] else ""
    return GroupContent(
        name=row["name"],
        summary=row["summary"],
        description="",
        theme=Theme(row["theme"]),
        openness=GroupOpenness(row["openness"]),
        area=Scale(row["area"]),
        place=ProposedPlace(row["place"], choice=choice),
    )


SIGN = "UPDATE local_group SET last_sign_at = :sign WHERE id = :id"
