"""Groups and events per territory: each figure equals a recount of what the tables hold."""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.rollups.service import compact
from tests.rollups.gatherings import THEMES, add_events, add_groups
from tests.web.population import Made, fill

LEVELS = ("commune", "epci", "departement", "region")
FIGURES = ("groups", "events_coming", "events_past")
# Redon's EPCI lies in two régions.
COMMUNES = ("35236", "44067", "56221", "35238", "75056", "97411", "2A004")
Figures = dict[str, tuple[int, int, int]]

ROWS = """
SELECT 'group' AS kind, status, theme, commune, epci, departement, region, published_at AS day,
       NULL AS ends_at
  FROM local_group
 UNION ALL
SELECT 'event', status, theme, commune, epci, departement, region, starts_at, ends_at FROM event"""


@dataclass(frozen=True, slots=True)
class Gathering:
    """A group or an event, as its table has it."""

    kind: str
    status: str
    theme: str
    commune: str | None
    epci: str | None
    departement: str | None
    region: str | None
    day: datetime | None
    ends_at: datetime | None


@pytest.fixture
def gatherings(engine: Engine) -> list[Gathering]:
    """Some of each, half of them folded in: past, under way, of this month and of later ones."""
    dice, now = Random(18), datetime.now(UTC)
    fill(engine, [Made(commune=code) for code in COMMUNES])
    for half in range(2):
        with engine.begin() as connection:
            for _ in range(15):
                add_groups(
                    connection,
                    dice.choice((*COMMUNES, "")),
                    count=dice.randrange(1, 3),
                    theme=dice.choice(THEMES),
                    status=dice.choice(("published", "published", "archived", "pending")),
                    day=f"2026-0{dice.randrange(1, 4)}-15T10:00Z",
                )
            hours = [-1, 1, *(dice.randrange(-24 * 300, 24 * 300) for _ in range(25))]
            for one in hours:
                add_events(
                    connection,
                    dice.choice(COMMUNES),
                    day=(now + timedelta(hours=one)).isoformat(timespec="seconds"),
                    count=dice.randrange(1, 9),
                    theme=dice.choice(THEMES),
                    status=dice.choice(("published", "moved", "done", "postponed", "rejected")),
                )
            connection.execute(text(CANCEL))
        if not half:
            compact(engine)
    with engine.connect() as connection:
        return [Gathering(*row) for row in connection.execute(text(ROWS))]


CANCEL = """
UPDATE event SET status = 'cancelled', cancelled_at = now()
 WHERE id IN (SELECT id FROM event ORDER BY starts_at LIMIT 4)"""


def recounted(found: list[Gathering], level: str, at: datetime) -> Figures:
    sums: dict[str, list[int]] = {}
    for one in found:
        code = getattr(one, level)
        if code is None:
            continue
        three = sums.setdefault(code, [0, 0, 0])
        if one.kind == "group":
            three[0] += one.status == "published"
        elif one.status in ("published", "moved", "done"):
            assert one.ends_at is not None
            three[1 if one.ends_at > at else 2] += 1
    return {code: (a, b, c) for code, (a, b, c) in sums.items() if a or b or c}


def read(client: FlaskClient, level: str, query: str = "") -> Figures:
    """Those of the JSON that are not all nought."""
    answer = client.get(f"/activity/{level}.json?{query}")
    assert answer.status_code == 200, answer.text
    return lively(answer.get_json()["territories"])


def lively(territories: list[Any]) -> Figures:
    three = {one["code"]: tuple(int(one[name]) for name in FIGURES) for one in territories}
    return {code: (a, b, c) for code, (a, b, c) in three.items() if a or b or c}


def test_groups_and_events_of_every_level(gatherings: list[Gathering], client: FlaskClient) -> None:
    now = datetime.now(UTC)
    assert any(one.ends_at and one.day and one.day < now < one.ends_at for one in gatherings)
    for level in LEVELS:
        assert read(client, level) == recounted(gatherings, level, now), level
    theme = [one for one in gatherings if one.theme == "mobilite"]
    assert read(client, "epci", "theme=mobilite") == recounted(theme, "epci", now)


def test_a_period_is_that_of_publication_and_of_dates(
    gatherings: list[Gathering], client: FlaskClient
) -> None:
    now = datetime.now(UTC)
    later = (now + timedelta(days=70)).replace(day=1)
    for query, since, until in (
        ("since=2026-02-01&until=2026-02-28", "2026-02", "2026-02"),
        (f"since={later:%Y-%m}-01", f"{later:%Y-%m}", "9999"),
        (f"since={now:%Y-%m}-01", f"{now:%Y-%m}", "9999"),
        ("until=2026-01-31", "0000", "2026-01"),
    ):
        held = [one for one in gatherings if one.day and since <= f"{one.day:%Y-%m}" <= until]
        assert read(client, "region", query) == recounted(held, "region", now), query


def test_of_an_epci_that_straddles_the_part_inside_counts(
    gatherings: list[Gathering], client: FlaskClient
) -> None:
    now = datetime.now(UTC)
    inside = [one for one in gatherings if one.region == "53" and one.commune]
    found = read(client, "epci", "territory=region:53")
    assert found == recounted(inside, "epci", now)
    redon = next(one.epci for one in gatherings if one.commune == "35236")
    assert found[redon or ""] != read(client, "epci")[redon or ""]


def test_every_format_says_the_same_and_initiatives_count_alone(
    gatherings: list[Gathering], client: FlaskClient
) -> None:
    told = client.get("/activity/departement.json").get_json()["territories"]
    table = client.get("/activity/departement.csv", buffered=True)
    rows = list(csv.DictReader(io.StringIO(table.text)))
    outlined = client.get("/activity/departement.geojson", buffered=True)
    features = outlined.get_json()["features"]
    assert lively(told) == lively(rows) == lively([one["properties"] for one in features])
    assert sum(one["initiatives"] for one in told) == len(COMMUNES)
    assert sum(one["groups"] for one in told) > 0
