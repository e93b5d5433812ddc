"""Initiatives that tests make: a few at the places they name, or some hundreds of every kind."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine, text

from mapservice.initiatives.facts import (
    FACT_COLUMNS,
    NO_FACTS,
    Audience,
    InitiativeFacts,
    Wheelchair,
)
from mapservice.initiatives.model import Status, Theme
from mapservice.initiatives.service import tell_facts
from mapservice.rollups.service import compact
from tests.emptied import empty

FIRST_DAY = datetime(2025, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One initiative to insert. `lon`, `lat` are EPSG:4326, for the precision `point` alone.

    Only the code of its finest territory is given; the database fills in the parents.
    """

    title: str = "Un jardin partagé"
    summary: str = ""
    description: str = ""
    theme: str = "culture"
    status: str = "published"
    created_at: str | None = "2026-01-15T12:00:00+00:00"
    created_period: str | None = None
    supporters: int = 0
    source_supporters: int | None = None
    precision: str = "commune"
    commune: str | None = None
    epci: str | None = None
    departement: str | None = None
    region: str | None = None
    lon: float | None = None
    lat: float | None = None
    place_text: str = ""
    source_platform: str = ""
    source_url: str = ""
    source_licence: str = ""
    facts: InitiativeFacts = NO_FACTS
    attributes: dict[str, Any] = field(default_factory=dict)
    withheld: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid4()))


@dataclass(frozen=True, slots=True)
class Kept:
    """What the database made of one; the anchor is EPSG:4326, None where maps show nothing."""

    id: str
    title: str
    theme: str
    status: str
    created_at: datetime | None
    supporters: int
    precision: str
    commune: str | None
    epci: str | None
    departement: str | None
    region: str | None
    lon: float | None
    lat: float | None
    facts: InitiativeFacts = field(default=NO_FACTS, repr=False)
    attributes: dict[str, Any] = field(default_factory=dict, repr=False, hash=False)


INSERT = """
    INSERT INTO initiative (id, title, summary, description, theme, scale, status, created_at,
                            created_period, updated_at, source_supporters, precision, commune,
                            epci, departement, region, point, place_text, source_platform,
                            source_url, source_licence)
    SELECT id, title, summary, description, theme, 'commune', status, created_at,
           created_period, created_at, source_supporters, precision, commune, epci, departement,
           region,
           ST_SetSRID(ST_MakePoint(lon, lat), 4326), place_text, source_platform, source_url,
           source_licence
      FROM jsonb_populate_recordset(
               NULL::made_initiative, CAST(:rows AS jsonb))"""
ROW = """
    CREATE TEMPORARY TABLE IF NOT EXISTS made_initiative (
        id uuid, title text, summary text, description text, theme text, status text,
        created_at timestamptz, created_period text, supporters integer,
        source_supporters integer, precision text, commune text, epci text,
        departement text, region text, lon float8, lat float8, place_text text,
        source_platform text, source_url text, source_licence text)"""

DETAIL = """
    INSERT INTO initiative_detail (initiative, attributes, withheld)
    SELECT id, attributes, withheld
      FROM jsonb_to_recordset(CAST(:rows AS jsonb))
               AS told (id uuid, attributes jsonb, withheld jsonb)
     WHERE attributes <> '{}' OR withheld <> '{}'"""

# A crowd that backs whatever tests ask for: the first of them what has one supporter, and so on.
SUPPORTERS = """
    INSERT INTO person (email, email_key, confirmed_at)
    SELECT address, address, now()
      FROM (SELECT max(supporters) AS most
              FROM jsonb_populate_recordset(NULL::made_initiative, CAST(:rows AS jsonb))) AS made
     CROSS JOIN generate_series(1, most) AS number
     CROSS JOIN format('supporter-%s@example.org', number) AS address
        ON CONFLICT DO NOTHING"""
SUPPORT = """
    INSERT INTO support (initiative, person)
    SELECT made.id, person.id
      FROM jsonb_populate_recordset(NULL::made_initiative, CAST(:rows AS jsonb)) AS made
     CROSS JOIN generate_series(1, supporters) AS number
      JOIN person ON email_key = format('supporter-%s@example.org', number)"""


def insert(connection: Connection, made: Sequence[Made]) -> None:
    """In one statement, as an import does; then those who support them, if any."""
    connection.execute(text(ROW))
    rows = json.dumps([asdict(one) | {"facts": None} for one in made])
    connection.execute(text(INSERT), {"rows": rows})
    connection.execute(text(DETAIL), {"rows": rows})
    for one in made:
        if one.facts:
            tell_facts(connection, UUID(one.id), one.facts)
    if any(one.supporters for one in made):
        connection.execute(text(SUPPORTERS), {"rows": rows})
        connection.execute(text(SUPPORT), {"rows": rows})


def kept(connection: Connection) -> list[Kept]:
    told = ", ".join(FACT_COLUMNS)
    rows = connection.execute(
        text(
            f"""
            SELECT id::text, title, theme, status, created_at, supporters, precision, commune,
                   epci, departement, region, ST_X(anchor) AS lon, ST_Y(anchor) AS lat,
                   {told}, coalesce(attributes, '{{}}') AS attributes
              FROM initiative
              LEFT JOIN initiative_detail ON initiative_detail.initiative = initiative.id"""
        )
    )
    found = []
    for row in rows.mappings():
        plain = {name: value for name, value in row.items() if name not in FACT_COLUMNS}
        found.append(Kept(**plain, facts=InitiativeFacts.of_columns(dict(row))))
    return found


# Places near enough to each other to share tiles, and far enough to fill many.
POINTS = (
    ("35238", -1.675, 48.111),  # Rennes
    ("35051", -1.604, 48.121),  # Cesson-Sévigné, in the same EPCI
    ("79191", -0.464, 46.324),  # Niort
    ("75056", 2.352, 48.857),  # Paris
    ("97411", 55.449, -20.879),  # Saint-Denis, La Réunion
)
TERRITORIES = (
    ("commune", "35238"),
    ("commune", "29155"),  # Ouessant, in no EPCI
    ("commune", "2A004"),  # Ajaccio
    ("epci", "243500139"),  # Rennes Métropole
    ("epci", "200054781"),  # Grand Paris, over several départements
    ("departement", "79"),
    ("departement", "974"),
    ("region", "53"),
    ("region", "11"),
)
TITLES = ("Jardin partagé", "Atelier vélo", "Chorale du quartier", "Épicerie l’Été")


def population(count: int, seed: int = 7) -> list[Made]:
    """Initiatives of every precision, status and theme, with many equal dates and supporters.

    Of every other one no day is known; of some of these a year or a month.
    """
    dice = Random(seed)
    made = [_made(dice) for _ in range(count)]
    teller = Random(seed + 1)
    made = [replace(one, facts=told(teller)) for one in made]
    source = Random(seed + 2)
    pairs = [(one, *said(source)) for one in made]
    made = [replace(one, attributes=kept, withheld=apart) for one, kept, apart in pairs]
    return [_undated(one, number) if number % 2 else one for number, one in enumerate(made)]


def _undated(one: Made, number: int) -> Made:
    periods = (None, None, "2025", "2026-01")
    return replace(one, created_at=None, created_period=periods[number // 2 % len(periods)])


def _made(dice: Random) -> Made:
    created = FIRST_DAY + timedelta(days=dice.randrange(120), hours=12 * dice.randrange(2))
    return Made(
        id=str(UUID(int=dice.getrandbits(128), version=4)),
        title=f"{dice.choice(TITLES)} {dice.randrange(100)}",
        theme=dice.choice(list(Theme)),
        status=dice.choice([*Status, Status.PUBLISHED, Status.PUBLISHED, Status.DONE]),
        created_at=created.isoformat(),
        supporters=dice.choice((0, 0, 1, 2, 40)),
        **_place(dice),
    )


# A Wednesday, at noon in Paris: what goes by the clock is asked for then.
MINUTE = datetime(2026, 5, 6, 10, 0, tzinfo=UTC)
HOURS = (
    *("", "Mo-Fr 09:00-18:00", "Sa-Su 10:00-12:00; PH off", "24/7", "We 11:30-13:00"),
    *("We 13:30-16:00", "Tu 22:00-13:00", "Nov-Mar Mo-Su 00:00-24:00", "We[1] 10:00-14:00"),
)


def told(dice: Random) -> InitiativeFacts:
    """Facts around `MINUTE`, of every kind, or none."""
    if dice.random() < 0.4:
        return NO_FACTS
    start = end = None
    if dice.random() < 0.5:
        start = MINUTE.date() + timedelta(days=dice.randrange(-3, 9))
        end = start + timedelta(days=dice.choice((0, 0, 1, 4)))
    return InitiativeFacts(
        opening_hours=dice.choice(HOURS),
        start_day=start,
        end_day=end,
        address=dice.choice(("", "Salle « B », =1+1")),
        is_free=dice.choice((None, True, False)),
        wheelchair=dice.choice((None, *Wheelchair)),
        website=dice.choice(("", "https://exemple.fr/?a=b&c")),
        tags=dice.choice(((), ("vélo",), ("jardin", "récup et compost"))),
        audience=dice.choice(((), (Audience.ALL,), (Audience.CHILDREN, Audience.FAMILIES))),
    )


# A name with a blank, an accent and signs that addresses part parameters by.
KIND, SEATS, SINCE = "Type d’activité & lieu", "Places = assises", "Depuis"


def said(dice: Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a source keeps beside the fields, of every type, or nothing; and what none may see."""
    if dice.random() < 0.3:
        return {}, {}
    seats = dice.choice((5, 12, 12.5, 40, "12", "selon la salle"))
    since = dice.choice(("2025-03-01", "2026-01-31", "printemps", True))
    kind = dice.choice(("Ferme, verger", "ferme", "Lieu 100 % %s"))
    return {KIND: kind, SEATS: seats, SINCE: since}, {"Contact": "Ferme, verger"}


def _place(dice: Random) -> dict[str, Any]:
    kind = dice.random()
    if kind < 0.5:
        commune, lon, lat = dice.choice(POINTS)
        near = {"lon": lon + dice.uniform(-0.01, 0.01), "lat": lat + dice.uniform(-0.01, 0.01)}
        return {"precision": "point", "commune": commune, **near}
    if kind < 0.85:
        level, code = dice.choice(TERRITORIES)
        return {"precision": level, level: code}
    return {"precision": "national" if kind < 0.93 else "none"}


def fill(engine: Engine, made: Sequence[Made]) -> None:
    """The first half in the compacted base, the second still in the deltas."""
    half = len(made) // 2
    empty(engine, "initiative")
    with engine.begin() as connection:
        insert(connection, made[:half])
    compact(engine)
    with engine.begin() as connection:
        insert(connection, made[half:])


def tiles_of(places: Sequence[Kept], zoom: int) -> Iterator[tuple[int, int, int]]:
    """The distinct tiles that hold their anchors."""
    yield from sorted(
        {
            (zoom, *column_row(zoom, one.lon, one.lat))
            for one in places
            if one.lon is not None and one.lat is not None
        }
    )


def column_row(zoom: int, lon: float, lat: float) -> tuple[int, int]:
    """The XYZ tile of a position, EPSG:4326, by the formula of the web-mercator square."""
    northing = math.asinh(math.tan(math.radians(lat))) / math.pi
    return int((lon + 180) / 360 * 2**zoom), int((1 - northing) / 2 * 2**zoom)
