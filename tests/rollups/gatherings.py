"""Groups and events that tests write by SQL alone, a row or some at a time."""

from random import Random

from sqlalchemy import Connection, text

NO_PARENTS = "epci = NULL, departement = NULL, region = NULL"
THEMES = ("culture", "mobilite", "habitat")
GROUPS = """
INSERT INTO local_group (status, name, theme, openness, precision, commune, region, published_at,
                         archived_at, source)
SELECT :status, 'Les voisines', :theme, 'open',
       CASE WHEN :commune = '' THEN 'region' ELSE 'commune' END, nullif(:commune, ''),
       CASE WHEN :commune = '' THEN '53' END, CAST(:day AS timestamptz),
       CASE WHEN :status = 'archived' THEN now() END, :source
  FROM generate_series(1, :count)"""
SERIES = """
INSERT INTO event_series (starts_local, duration, zone, source)
VALUES ('2026-01-01', '2 hours', 'Europe/Paris', :source) RETURNING id"""
EVENTS = """
INSERT INTO event (series, recurrence_id, status, title, theme, starts_at, ends_at, zone,
                   starts_local, ends_local, mode, precision, commune)
SELECT :series, day, :status, 'Une réunion', :theme, day AT TIME ZONE 'UTC',
       day AT TIME ZONE 'UTC' + interval '2 hours', 'Europe/Paris', day, day + interval '2 hours',
       'place', 'commune', :commune
  FROM (SELECT CAST(:day AS timestamptz) AT TIME ZONE 'UTC' + number * interval '7 days' AS day
          FROM generate_series(0, :count - 1) AS number) AS dated"""


def add_groups(
    connection: Connection,
    commune: str = "35238",
    *,
    count: int = 1,
    theme: str = "culture",
    status: str = "published",
    day: str | None = "2026-01-10T10:00Z",
    source: str = "",
) -> None:
    """Groups of a commune; of Bretagne, known to no more than that, if `commune` is empty."""
    bound = {"commune": commune, "count": count, "theme": theme, "status": status, "day": day}
    connection.execute(text(GROUPS), bound | {"source": source})


def add_events(
    connection: Connection,
    commune: str = "35238",
    *,
    day: str,
    count: int = 1,
    theme: str = "culture",
    status: str = "published",
    source: str = "",
) -> None:
    """A series of events of two hours, a week apart, the first of them at a moment (ISO 8601)."""
    series = connection.execute(text(SERIES), {"source": source}).scalar_one()
    bound = {"commune": commune, "count": count, "theme": theme, "status": status, "day": day}
    connection.execute(text(EVENTS), bound | {"series": series})


# --- What writers do at random, each to rows of its own: they never deadlock ----------------------


def found_groups(connection: Connection, dice: Random, writer: str, communes: list[str]) -> None:
    status = dice.choice(("published", "published", "pending", "archived"))
    add_groups(
        connection,
        dice.choice([*communes, ""]),
        count=dice.randrange(1, 4),
        theme=dice.choice(THEMES),
        status=status,
        day=None if status == "pending" else "2025-12-24T08:00Z",
        source=writer,
    )


def plan_events(connection: Connection, dice: Random, writer: str, communes: list[str]) -> None:
    add_events(
        connection,
        dice.choice(communes),
        day=f"2026-0{dice.randrange(1, 6)}-27T20:00Z",
        count=dice.randrange(1, 5),
        theme=dice.choice(THEMES),
        source=writer,
    )


def change_groups(connection: Connection, dice: Random, writer: str, communes: list[str]) -> None:
    change = dice.choice(
        (
            "status = 'archived', archived_at = now(), published_at = '2026-02-01'",
            "status = 'published', archived_at = NULL, published_at = '2026-03-01'",
            f"precision = 'commune', commune = '{dice.choice(communes)}', {NO_PARENTS}",
            f"precision = 'none', commune = NULL, {NO_PARENTS}",
            f"theme = '{dice.choice(THEMES)}'",
            "last_sign_at = now()",
        )
    )
    some = "SELECT id FROM local_group WHERE source = :w ORDER BY random() LIMIT 3"
    statement = f"UPDATE local_group SET {change} WHERE id IN ({some})"
    connection.execute(text(statement), {"w": writer})


def change_events(connection: Connection, dice: Random, writer: str, communes: list[str]) -> None:
    later = f"interval '{dice.choice((1, 9, 40))} days'"
    change = dice.choice(
        (
            "status = 'cancelled', cancelled_at = now()",
            "status = 'done', cancelled_at = NULL",
            f"starts_at = starts_at + {later}, ends_at = ends_at + {later}",
            f"precision = 'commune', commune = '{dice.choice(communes)}', {NO_PARENTS}",
            f"precision = 'none', commune = NULL, {NO_PARENTS}",
            f"theme = '{dice.choice(THEMES)}'",
            "sequence = sequence + 1",
        )
    )
    statement = f"UPDATE event SET {change} WHERE series IN ({own_series()})"
    connection.execute(text(statement), {"w": writer})


def drop_gatherings(
    connection: Connection, dice: Random, writer: str, _communes: list[str]
) -> None:
    """Events go with their series."""
    statement = f"DELETE FROM event_series WHERE id IN ({own_series()})"
    if dice.random() < 0.5:
        some = "SELECT id FROM local_group WHERE source = :w ORDER BY random() LIMIT 2"
        statement = f"DELETE FROM local_group WHERE id IN ({some})"
    connection.execute(text(statement), {"w": writer})


def own_series() -> str:
    return "SELECT id FROM event_series WHERE source = :w ORDER BY random() LIMIT 2"


WRITES = (
    found_groups,
    found_groups,
    plan_events,
    plan_events,
    change_groups,
    change_events,
    change_events,
    drop_gatherings,
)
