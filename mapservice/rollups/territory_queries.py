"""Reading what the page of a territory shows; counts come from the rollups, never from a scan."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Row, text

from mapservice.db.engine import fill
from mapservice.initiatives.model import LISTED, Theme
from mapservice.rollups.territory_model import (
    OtherName,
    SilenceSummary,
    StraddlingShare,
    TerritoryDescription,
    TerritoryFigures,
    TerritoryMember,
    TerritoryPlace,
)
from mapservice.territories import epci_parts
from mapservice.territories.model import AliasKind, Level, TerritoryRef

COUNTRY = ("country", "FR")
NEAREST = 6

_STATUSES = [str(status) for status in LISTED]


def describe(connection: Connection, ref: TerritoryRef) -> TerritoryDescription | None:
    named = {"level": str(ref.level), "code": ref.code}
    row = connection.execute(text(DESCRIBED), named).one_or_none()
    if row is None:
        return None
    parents = connection.execute(text(PARENTS), named).all()
    # Régions, then départements, in which an EPCI lies where these are several.
    is_epci = ref.level is Level.EPCI
    shares = connection.execute(text(LIES_IN), {"code": ref.code}).all() if is_epci else ()
    return TerritoryDescription(
        place=_place(row),
        parents=tuple(_place(parent) for parent in parents),
        population=row.population,
        population_year=row.population_year,
        postcodes=tuple(row.postcodes),
        approximate=row.approximate,
        cog_year=row.cog_year,
        bounds=(row.west, row.south, row.east, row.north),
        lies_in=tuple(
            StraddlingShare(_place(share), share.communes, share.population, share.whole)
            for share in shares
        ),
    )


def figures(connection: Connection, places: Sequence[TerritoryPlace]) -> list[TerritoryFigures]:
    """Of each of these territories, then of France, in this order."""
    asked = [*((str(place.level), place.code) for place in places), COUNTRY]
    levels, codes = zip(*asked, strict=True)
    rows = connection.execute(
        text(fill(COUNTED, {"country_years": COUNTRY_YEARS})),
        {"levels": list(levels), "codes": list(codes), "themes": list(Theme), "status": _STATUSES},
    ).all()
    found = []
    for place in range(1, len(asked) + 1):
        by_theme = {row.theme: row for row in rows if row.place == place}
        any_row = next(iter(by_theme.values()))
        found.append(
            TerritoryFigures(
                population=any_row.population,
                population_years=tuple(sorted(set(any_row.years or ()))),
                initiatives=sum(row.initiatives for row in by_theme.values()),
                supporters=sum(row.supporters for row in by_theme.values()),
                themes={theme: by_theme[theme].initiatives for theme in Theme},
            )
        )
    return found


def years(connection: Connection, ref: TerritoryRef | None = None) -> tuple[int, ...]:
    """Of which years the populations of a territory's communes are; of France's without one."""
    if ref is None:
        return tuple(connection.execute(text(COUNTRY_YEARS)).scalars())
    which = "code = :code" if ref.level is Level.COMMUNE else f"{ref.level} = :code"
    statement = fill(YEARS, {"which": which})
    return tuple(connection.execute(text(statement), {"code": ref.code}).scalars())


def vintages(connection: Connection) -> tuple[list[tuple[int | None, int]], int]:
    """How many communes have a population of each year, the most first; and how many have none."""
    rows = connection.execute(text(VINTAGES)).all()
    known = [(row.population_year, row.communes) for row in rows if row.known]
    return known, sum(row.communes for row in rows if not row.known)


def members(connection: Connection, of: TerritoryRef, level: Level) -> list[TerritoryMember]:
    """Every territory of that level within one, zeros included.

    EPCI that straddle come with the figures of their part.
    """
    if level is Level.EPCI:
        inside = f"part.{of.level} = :within"
        bound = {"within": of.code, "status": _STATUSES}
        found = {"places": epci_parts.places(inside), "inside": inside}
        return [_member(row) for row in connection.execute(text(fill(EPCIS, found)), bound)]
    return _members(connection, level, _within(of, level), within=of.code)


def by_code(connection: Connection, level: Level, codes: Iterable[str]) -> list[TerritoryMember]:
    return _members(connection, level, "code = ANY(:codes)", codes=sorted(codes))


def everywhere(connection: Connection, level: Level) -> list[TerritoryMember]:
    """All of France's, by code."""
    return _members(connection, level, "true")


def epci_alone(connection: Connection, codes: Sequence[str]) -> int:
    """Initiatives of these EPCI that are known to no part of one: its own less its communes'."""
    if not codes:
        return 0
    bound = {"codes": list(codes), "status": _STATUSES}
    return int(connection.execute(text(EPCI_ALONE), bound).scalar_one())


def silence(connection: Connection, of: TerritoryRef, shown: int) -> SilenceSummary:
    """Of the communes of a territory that has too many of them to read."""
    statement = fill(SILENT, {"members": _member_query(Level.COMMUNE, _within(of, Level.COMMUNE))})
    values = {"level": Level.COMMUNE, "within": of.code, "status": _STATUSES, "shown": shown}
    rows = connection.execute(text(statement), values).all()
    silent = [row for row in rows if not row.initiatives]
    communes, quiet = (rows[0].communes, rows[0].silent) if rows else (0, 0)
    return SilenceSummary(communes, quiet, tuple(_place(row) for row in silent))


def neighbours(connection: Connection, commune: str) -> tuple[list[TerritoryMember], bool]:
    """Communes around one, and whether they touch it: an island gets the nearest instead."""
    values = {"code": commune, "nearest": NEAREST}
    touching = connection.execute(text(TOUCHING), values).scalars().all()
    codes = touching or connection.execute(text(CLOSEST), values).scalars().all()
    return by_code(connection, Level.COMMUNE, codes), bool(touching)


def other_names(connection: Connection, commune: str) -> list[OtherName]:
    """Parts of a commune and what it or its ground was called before, each name once."""
    rows = connection.execute(text(OTHER_NAMES), {"code": commune})
    return [OtherName(AliasKind(row.kind), row.name, tuple(row.codes)) for row in rows]


def events_known(connection: Connection) -> bool:
    """Whether INSEE's movements were loaded: without them no event is not the same as none."""
    return bool(connection.execute(text("SELECT EXISTS (SELECT FROM commune_event)")).scalar_one())


def _members(
    connection: Connection, level: Level, which: str, **values: str | list[str]
) -> list[TerritoryMember]:
    bound = {"level": str(level), "status": _STATUSES, **values}
    rows = connection.execute(text(_member_query(level, which)), bound)
    return [_member(row) for row in rows]


def _member(row: Row[tuple[object, ...]]) -> TerritoryMember:
    return TerritoryMember(
        place=_place(row),
        population=row.population,
        initiatives=row.initiatives,
        supporters=row.supporters,
        parent=row.parent,
        partial=row.partial,
        population_year=row.population_year,
    )


def _within(of: TerritoryRef, level: Level) -> str:
    """The condition on `territory` that it lies in another; `:within` is the code of that one.

    Communes are looked for where they can be, by the index of their outlines.
    """
    column = {Level.EPCI: "epci", Level.DEPARTEMENT: "departement", Level.REGION: "region"}[
        of.level
    ]
    condition = f"{column} = :within"
    return (
        fill(NEARBY, {"level": of.level, "condition": condition})
        if level is Level.COMMUNE
        else condition
    )


def _member_query(level: Level, which: str) -> str:
    """`which` is a condition of ours on `territory`."""
    return fill(MEMBERS, {"which": which, "picked": PICKED if level is Level.COMMUNE else ""})


def _place(row: Row[tuple[object, ...]]) -> TerritoryPlace:
    return TerritoryPlace(Level(row.level), row.code, row.name, row.article)


# A box of two dimensions is read from the head of an outline, however long it is.
DESCRIBED = """
SELECT level, code, name, article, population, population_year, postcodes, approximate, cog_year,
       ST_XMin(box) AS west, ST_YMin(box) AS south, ST_XMax(box) AS east, ST_YMax(box) AS north
  FROM (SELECT *, CAST(CAST(outline AS box2d) AS box3d) AS box
          FROM territory WHERE level = :level AND code = :code) AS own"""

PARENTS = """
SELECT parent.level, parent.code, parent.name, parent.article
  FROM territory AS own
 CROSS JOIN LATERAL (VALUES (1, 'region', own.region), (2, 'departement', own.departement),
                            (3, 'epci', own.epci)) AS named (place, level, code)
  JOIN territory AS parent ON parent.level = named.level AND parent.code = named.code
 WHERE own.level = :level AND own.code = :code
 ORDER BY named.place"""

# A département of communes of several years has none of its own; hardly one has: a hundred rows are
# read in place of 35,000.
COUNTRY_YEARS = """
SELECT population_year
  FROM territory
 WHERE level = 'departement' AND population_year IS NOT NULL
 UNION
SELECT part.population_year
  FROM territory AS mixed
  JOIN territory AS part ON part.level = 'commune' AND part.departement = mixed.code
 WHERE mixed.level = 'departement' AND mixed.population_year IS NULL
   AND part.population_year IS NOT NULL
 ORDER BY 1"""

# One row for each territory asked for and each theme. The base is probed by its whole key; the
# deltas, few until a job folds them in, are read once.
COUNTED = """
WITH asked AS (
    SELECT given.*, theme
      FROM unnest(CAST(:levels AS text[]), CAST(:codes AS text[]))
           WITH ORDINALITY AS given (level, code, place)
     CROSS JOIN unnest(CAST(:themes AS text[])) AS listed (theme)
), fresh AS (
    SELECT level, code, theme, sum(initiatives) AS initiatives, sum(supporters) AS supporters
      FROM rollup_delta_level
     WHERE (level, code) IN (SELECT level, code FROM asked) AND status = ANY(:status)
     GROUP BY level, code, theme
)
SELECT place, theme,
       CASE level
           WHEN 'country' THEN (SELECT sum(population) FROM territory WHERE level = 'region')
           ELSE (SELECT population FROM territory
                  WHERE territory.level = asked.level AND territory.code = asked.code)
       END AS population,
       CASE level
           WHEN 'country' THEN (SELECT array_agg(population_year) FROM ({country_years}) AS known)
           ELSE (SELECT ARRAY[population_year] FROM territory
                  WHERE territory.level = asked.level AND territory.code = asked.code
                    AND population_year IS NOT NULL)
       END AS years,
       CAST(coalesce(base.initiatives, 0) + coalesce(fresh.initiatives, 0) AS bigint)
           AS initiatives,
       CAST(coalesce(base.supporters, 0) + coalesce(fresh.supporters, 0) AS bigint) AS supporters
  FROM asked
 CROSS JOIN LATERAL (
       SELECT sum(initiatives) AS initiatives, sum(supporters) AS supporters
         FROM rollup
        WHERE rollup.level = asked.level AND rollup.theme = asked.theme AND month = '-infinity'
          AND status = ANY(:status) AND rollup.code = asked.code) AS base
  LEFT JOIN fresh USING (level, code, theme)"""

NEARBY = """level = 'commune' AND {condition}
       AND outline && (SELECT outline FROM territory WHERE level = '{level}' AND code = :within)"""

# Of wider levels the base holds few rows, one range of its key; communes are picked from it.
MEMBERS = """
WITH member AS MATERIALIZED (
    SELECT level, code, name, article, population, population_year,
           CASE level WHEN 'commune' THEN epci ELSE region END AS parent, false AS partial
      FROM territory WHERE level = :level AND {which}
), counted AS (
    SELECT code, sum(initiatives) AS initiatives, sum(supporters) AS supporters
      FROM (SELECT code, initiatives, supporters
              FROM rollup
             WHERE level = :level AND theme = '' AND month = '-infinity' AND status = ANY(:status)
               {picked}
             UNION ALL
            SELECT code, initiatives, supporters
              FROM rollup_delta_level
             WHERE level = :level AND status = ANY(:status)) AS kept
     GROUP BY code
)
SELECT member.*,
       CAST(coalesce(initiatives, 0) AS bigint) AS initiatives,
       CAST(coalesce(supporters, 0) AS bigint) AS supporters
  FROM member LEFT JOIN counted USING (code)"""
# Of an EPCI that straddles, the communes inside are added up.
EPCIS = """
WITH member AS MATERIALIZED ({places}), piece AS MATERIALIZED (
    SELECT part.code, part.epci
      FROM territory AS part
     WHERE part.level = 'commune' AND {inside}
       AND part.epci = ANY(ARRAY(SELECT code FROM member WHERE partial))
), counted AS (
    SELECT code, sum(initiatives) AS initiatives, sum(supporters) AS supporters
      FROM (SELECT code, initiatives, supporters
              FROM rollup
             WHERE level = 'epci' AND theme = '' AND month = '-infinity' AND status = ANY(:status)
               AND code = ANY(ARRAY(SELECT code FROM member WHERE NOT partial))
             UNION ALL
            SELECT code, initiatives, supporters
              FROM rollup_delta_level
             WHERE level = 'epci' AND status = ANY(:status)
               AND code = ANY(ARRAY(SELECT code FROM member WHERE NOT partial))
             UNION ALL
            SELECT epci, initiatives, supporters
              FROM rollup JOIN piece USING (code)
             WHERE level = 'commune' AND theme = '' AND month = '-infinity'
               AND status = ANY(:status) AND code = ANY(ARRAY(SELECT code FROM piece))
             UNION ALL
            SELECT epci, initiatives, supporters
              FROM rollup_delta_level JOIN piece USING (code)
             WHERE level = 'commune' AND status = ANY(:status)) AS kept
     GROUP BY code
)
SELECT member.level, member.code, member.name, member.article, member.population, member.partial,
       member.population_year, NULL AS parent,
       CAST(coalesce(initiatives, 0) AS bigint) AS initiatives,
       CAST(coalesce(supporters, 0) AS bigint) AS supporters
  FROM member LEFT JOIN counted USING (code)"""

VINTAGES = """
SELECT population IS NOT NULL AS known, population_year, count(*) AS communes
  FROM territory
 WHERE level = 'commune'
 GROUP BY 1, 2
 ORDER BY communes DESC"""

YEARS = """
SELECT DISTINCT population_year
  FROM territory
 WHERE level = 'commune' AND {which} AND population_year IS NOT NULL
 ORDER BY 1"""

EPCI_ALONE = """
SELECT coalesce(sum(CASE level WHEN 'epci' THEN initiatives ELSE -initiatives END), 0)
  FROM (SELECT level, code, initiatives
          FROM rollup
         WHERE level IN ('epci', 'commune') AND theme = '' AND month = '-infinity'
           AND status = ANY(:status)
         UNION ALL
        SELECT level, code, initiatives
          FROM rollup_delta_level
         WHERE level IN ('epci', 'commune') AND status = ANY(:status)) AS kept
 WHERE (level = 'epci' AND code = ANY(:codes))
    OR (level = 'commune' AND code = ANY(ARRAY(
           SELECT code FROM territory WHERE level = 'commune' AND epci = ANY(:codes))))"""

LIES_IN = """
WITH own AS (
    SELECT *, sum(population) OVER () AS whole FROM epci_part WHERE epci = :code
)
SELECT wider.level, wider.code, wider.name, wider.article,
       CAST(sum(own.communes) AS bigint) AS communes,
       CAST(sum(own.population) AS bigint) AS population,
       CAST(min(own.whole) AS bigint) AS whole
  FROM own
  JOIN territory AS wider ON (wider.level, wider.code) IN (('region', own.region),
                                                           ('departement', own.departement))
 WHERE (SELECT count(DISTINCT CASE wider.level WHEN 'region' THEN every.region
                                   ELSE every.departement END)
          FROM own AS every) > 1
 GROUP BY wider.level, wider.code, wider.name, wider.article
 ORDER BY wider.level DESC, sum(own.communes) DESC, wider.code"""

PICKED = "AND code = ANY(ARRAY(SELECT code FROM member))"

# Communes where nobody lives cannot be silent.
SILENT = """
SELECT *, count(*) OVER () AS communes, count(*) FILTER (WHERE initiatives = 0) OVER () AS silent
  FROM ({members}) AS commune
 WHERE population > 0
 ORDER BY initiatives > 0, population DESC, code
 LIMIT :shown"""

# Outlines simplified as a coverage: neighbours share their border to the last vertex.
TOUCHING = """
SELECT other.code
  FROM territory_outline AS own
  JOIN territory_outline AS other
    ON other.level = 'commune' AND other.zoom = 10 AND other.code <> own.code
   AND ST_Intersects(other.geom, own.geom)
 WHERE own.level = 'commune' AND own.zoom = 10 AND own.code = :code"""

CLOSEST = """
SELECT other.code
  FROM territory AS own
 CROSS JOIN LATERAL (SELECT code FROM territory
                      WHERE level = 'commune' AND code <> own.code
                      ORDER BY outline <-> own.point LIMIT :nearest) AS other
 WHERE own.level = 'commune' AND own.code = :code"""

# A name that a part still bears is not repeated as a former one, which sorts last.
OTHER_NAMES = """
SELECT min(kind) AS kind, name, array_agg(DISTINCT code ORDER BY code) AS codes
  FROM territory_alias
 WHERE level = 'commune' AND commune = :code
 GROUP BY name
 ORDER BY min(kind), CASE min(kind) WHEN 'arrondissement' THEN min(code) END, name"""
