"""Reading territories: by reference, by point, and as entries of the gazetteer."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, Transaction, func, select, text, tuple_

from mapservice.db.engine import fill
from mapservice.db.tables import territory, territory_load, territory_mosaic
from mapservice.territories.model import Level, ParentTerritory, TerritoryRef


@dataclass(frozen=True, slots=True)
class TerritorySummary:
    """One territory as pages name it; `bounds` is west, south, east, north, EPSG:4326."""

    level: Level
    code: str
    name: str
    article: str
    population: int | None
    population_year: int | None
    bounds: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class TerritorySource:
    """Where the territories in force come from."""

    id: int
    source: str
    licence: str
    cog_year: int


@dataclass(frozen=True, slots=True)
class LocatedCommune:
    """The commune that holds a point."""

    insee: str
    name: str


@dataclass(frozen=True, slots=True)
class BorderCommunes:
    """The commune that holds a point, and the one beyond the border if that is near.

    `border_m` is the distance to the border in metres; `second` is the INSEE code beyond it, None
    when the border is further than outlines are accurate (OUTLINE_ACCURACY_M) or is the coast.
    """

    insee: str
    name: str
    border_m: float
    second: str | None


def find(connection: Connection, ref: TerritoryRef) -> TerritorySummary | None:
    row = connection.execute(
        select(
            territory.c.level,
            territory.c.code,
            territory.c.name,
            territory.c.article,
            territory.c.population,
            territory.c.population_year,
            func.ST_XMin(territory.c.outline),
            func.ST_YMin(territory.c.outline),
            func.ST_XMax(territory.c.outline),
            func.ST_YMax(territory.c.outline),
        ).where(territory.c.level == ref.level, territory.c.code == ref.code)
    ).one_or_none()
    if row is None:
        return None
    return TerritorySummary(Level(row[0]), *row[1:6], bounds=(row[6], row[7], row[8], row[9]))


def unknown(connection: Connection, refs: Sequence[TerritoryRef]) -> list[TerritoryRef]:
    """Which of these do not exist."""
    if not refs:
        return []
    wanted = [(str(ref.level), ref.code) for ref in refs]
    rows = connection.execute(
        select(territory.c.level, territory.c.code).where(
            tuple_(territory.c.level, territory.c.code).in_(wanted)
        )
    )
    found = {(level, code) for level, code in rows}
    return [ref for ref in refs if (str(ref.level), ref.code) not in found]


# A page of one moment asks a dozen times; what it sees cannot change.
_OF_SNAPSHOTS: WeakKeyDictionary[Transaction, TerritorySource | None] = WeakKeyDictionary()


def source_in_force(connection: Connection) -> TerritorySource | None:
    """The latest load, or None before the first."""
    is_snapshot = connection.get_execution_options().get("isolation_level") == "REPEATABLE READ"
    moment = connection.get_transaction() if is_snapshot else None
    if moment is not None and moment in _OF_SNAPSHOTS:
        return _OF_SNAPSHOTS[moment]
    found = _latest_load(connection)
    moment = connection.get_transaction()
    if is_snapshot and moment is not None:
        _OF_SNAPSHOTS[moment] = found
    return found


def _latest_load(connection: Connection) -> TerritorySource | None:
    row = connection.execute(
        select(
            territory_load.c.id,
            territory_load.c.source,
            territory_load.c.licence,
            territory_load.c.cog_year,
        )
        .order_by(territory_load.c.id.desc())
        .limit(1)
    ).one_or_none()
    return TerritorySource(*row) if row else None


def source_name(connection: Connection) -> str | None:
    """What the territories in force come from, or None before the first load."""
    found = source_in_force(connection)
    return found.source if found else None


def mosaic_of(connection: Connection, level: str) -> bytes | None:
    """The picture of all territories of a level, see `territories.mosaic`; communes have one."""
    query = select(territory_mosaic.c.content).where(territory_mosaic.c.level == level)
    return connection.execute(query).scalar_one_or_none()


def commune_at(connection: Connection, lon: float, lat: float) -> BorderCommunes | None:
    """The commune that holds a point, EPSG:4326, and how near its border is.

    None at sea or abroad.
    """
    row = connection.execute(text(COMMUNE_AT), {"lon": lon, "lat": lat}).one_or_none()
    return BorderCommunes(*row) if row else None


def communes_at(
    connection: Connection, points: Iterable[tuple[float, float]]
) -> Iterator[LocatedCommune | None]:
    """The same for many points at once, in their order: one join instead of many questions."""
    lons, lats = [], []
    for lon, lat in points:
        lons.append(lon)
        lats.append(lat)
    rows = connection.execute(text(COMMUNES_AT), {"lons": lons, "lats": lats})
    for code, name in rows:
        yield LocatedCommune(code, name) if code else None


def counts(connection: Connection) -> dict[Level, int]:
    rows = connection.execute(select(territory.c.level, func.count()).group_by(territory.c.level))
    found = {str(level): int(number) for level, number in rows}
    return {level: found.get(level, 0) for level in Level}


# Generalised outlines may be that far from the true border.
OUTLINE_ACCURACY_M = 200
# Some five metres: a point nearer to a border than its own accuracy lies on either side, and then
# the side with more inhabitants per km² is the likelier one.
ON_BORDER_DEGREES = 0.00005

HOLDER = fill(
    """
       SELECT code, name, outline, departement, epci
         FROM territory
        WHERE level = 'commune' AND ST_DWithin(outline, asked.point, {near})
        ORDER BY population / ST_Area(outline) DESC NULLS LAST, code
        LIMIT 1""",
    {"near": f"{ON_BORDER_DEGREES:.6f}"},
)

COMMUNES_AT = fill(
    """
SELECT holder.code, holder.name
  FROM (SELECT ST_SetSRID(ST_MakePoint(lon, lat), 4326) AS point, place
          FROM unnest(CAST(:lons AS float8[]), CAST(:lats AS float8[]))
               WITH ORDINALITY AS given (lon, lat, place)) AS asked
  LEFT JOIN LATERAL ({holder}) AS holder ON true
 ORDER BY asked.place""",
    {"holder": HOLDER},
)

COMMUNE_AT = fill(
    """
SELECT holder.code, holder.name,
       ST_Distance(ST_Boundary(holder.outline)::geography, asked.point::geography),
       (SELECT code
          FROM territory
         WHERE level = 'commune' AND code <> holder.code
           AND ST_DWithin(outline::geography, asked.point::geography, {accuracy})
           AND outline && ST_Expand(asked.point, 0.01)
         ORDER BY outline::geography <-> asked.point::geography, code
         LIMIT 1)
  FROM (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS point) AS asked
 CROSS JOIN LATERAL ({holder}) AS holder""",
    {"holder": HOLDER, "accuracy": str(OUTLINE_ACCURACY_M)},
)


def region_of(connection: Connection, ref: TerritoryRef) -> str | None:
    statement = text("SELECT region FROM territory WHERE level = :level AND code = :code")
    bound = {"level": str(ref.level), "code": ref.code}
    found: str | None = connection.execute(statement, bound).scalar()
    return found


def parents(connection: Connection) -> list[ParentTerritory]:
    """Every département and région, in the order of their names."""
    rows = connection.execute(text(PARENTS))
    return [ParentTerritory(Level(level), code, name) for level, code, name in rows]


PARENTS = """
SELECT level, code, name
  FROM territory
 WHERE level IN ('departement', 'region')
 ORDER BY level, name COLLATE "und-x-icu\""""


# --- What is made of territories alone stays the same until others are loaded --------------------

Made = TypeVar("Made")


class KeptByLoad:
    """Keeps it for one engine, by a key of whoever makes it; for few things, not large ones."""

    def __init__(self) -> None:
        self._kept: tuple[int | None, dict[Hashable, Any]] = (None, {})

    def get(
        self, connection: Connection, key: Hashable, make: Callable[[Connection], Made]
    ) -> Made:
        """Looks which load is in force first: what is made while another comes is made again."""
        source = source_in_force(connection)
        load = source.id if source else None
        if self._kept[0] != load:
            self._kept = (load, {})
        made = self._kept[1]
        if key not in made:
            made[key] = make(connection)
        found: Made = made[key]
        return found


_OF_ENGINES: WeakKeyDictionary[Engine, KeptByLoad] = WeakKeyDictionary()


def kept_of(connection: Connection) -> KeptByLoad:
    """That of the engine which made a connection: its database is one and the same."""
    return _OF_ENGINES.setdefault(connection.engine, KeptByLoad())
