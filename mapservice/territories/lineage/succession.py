"""Initiatives follow their commune through a load of newer territories.

By their point, where they have one; else by the commune's one heir; else they are shown no finer
than what all heirs have in common (EPCI, département, région) and wait for a person.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from psycopg import Cursor

from mapservice.territories.lineage.model import CommuneLineage

# What a load asks the database for, in psycopg's own terms: rows as it finds them.
Rows = Cursor[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A territory that is no more or was split, with initiatives that could not be placed anew."""

    level: str
    code: str
    name: str
    initiatives: int
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SuccessionResult:
    """How many initiatives were placed anew, and what could not be decided."""

    moved: int
    open_cases: tuple[OpenCase, ...]

    @property
    def to_review(self) -> int:
        return sum(case.initiatives for case in self.open_cases)


def take_stock(cursor: Rows) -> dict[str, int]:
    """Before the swap: what is going, what is new, which points lose their commune's outline.

    Needs the new set in `staged`. Returns the COG year of each commune in force. Writers of
    initiatives wait from here till the end of the load, so that none lands in what is going.
    """
    cursor.execute("LOCK TABLE initiative IN SHARE ROW EXCLUSIVE MODE")
    cursor.execute(GONE)
    cursor.execute(ARRIVED)
    cursor.execute(DISPLACED)
    cursor.execute("SELECT code, cog_year FROM territory WHERE level = 'commune'")
    return {str(code): int(str(year)) for code, year in cursor}


def follow(cursor: Rows, lineage: CommuneLineage, former: Mapping[str, int]) -> SuccessionResult:
    """After the swap, and before what is gone is removed. `former` is what `take_stock` said."""
    cursor.execute("CREATE TEMPORARY TABLE heir (code text, commune text) ON COMMIT DROP")
    with cursor.copy("COPY heir FROM STDIN") as copy:
        for row in heirs(lineage, former):
            copy.write_row(row)
    cursor.execute(HEIRS_BY_ALIAS)  # aliases stand in for what the events don't know
    cursor.execute("ANALYZE heir")
    moved = 0
    for statement in (BY_POINT, BY_HEIR):
        cursor.execute(statement)
        moved += cursor.rowcount
    for statement in (UNDECIDED, WIDEN, AWAIT_REVIEW):
        cursor.execute(statement)
    cursor.execute(OPEN_CASES)
    cases = []
    for level, code, name, initiatives, candidates in cursor.fetchall():
        names = json.loads(str(candidates))
        cases.append(
            OpenCase(str(level), str(code), str(name), int(str(initiatives)), tuple(names))
        )
    return SuccessionResult(moved, tuple(cases))


def heirs(lineage: CommuneLineage, former: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """(code of the former set, commune of the new one) for those that ended or were split."""
    for code, year in former.items():
        found = [commune.code for commune in lineage.successors(code, date(year, 1, 1))]
        if found != [code]:
            yield from ((code, commune) for commune in found)


# What no longer exists, with the parents that it had.
GONE = """
CREATE TEMPORARY TABLE gone ON COMMIT DROP AS
SELECT level, code, name, departement, region
  FROM territory
 WHERE NOT EXISTS (SELECT FROM staged
                    WHERE staged.level = territory.level AND staged.code = territory.code)"""

ARRIVED = """
CREATE TEMPORARY TABLE arrived ON COMMIT DROP AS
SELECT code
  FROM staged
 WHERE level = 'commune'
   AND NOT EXISTS (SELECT FROM territory
                    WHERE territory.level = 'commune' AND territory.code = staged.code)"""

# Points that their commune's outline held and no longer holds: a commune was split, or the new
# outlines are finer. A point that never lay in it was placed so on purpose.
DISPLACED = """
CREATE TEMPORARY TABLE displaced ON COMMIT DROP AS
SELECT initiative.id
  FROM initiative
  JOIN territory AS was ON was.level = 'commune' AND was.code = initiative.commune
  JOIN staged AS now ON now.level = 'commune' AND now.code = was.code
 WHERE initiative.point IS NOT NULL
   AND ST_AsBinary(was.outline) <> ST_AsBinary(now.outline)
   AND ST_Intersects(was.outline, initiative.point)
   AND NOT ST_Intersects(now.outline, initiative.point)"""

HEIRS_BY_ALIAS = """
INSERT INTO heir
SELECT DISTINCT gone.code, alias.commune
  FROM gone
  JOIN territory_alias AS alias ON alias.code = gone.code
 WHERE gone.level = 'commune' AND NOT EXISTS (SELECT FROM heir WHERE heir.code = gone.code)"""

# A person's choice of commune stands, unless that commune is gone or has lost the place to one
# that did not exist when the choice was made.
BY_POINT = """
UPDATE initiative
   SET commune = today.code
  FROM territory AS today
 WHERE today.level = 'commune' AND ST_Intersects(today.outline, initiative.point)
   AND today.code <> initiative.commune
   AND NOT EXISTS (SELECT FROM gone WHERE gone.level = 'commune' AND gone.code = today.code)
   AND (initiative.commune IN (SELECT code FROM gone WHERE level = 'commune')
     OR (initiative.id IN (SELECT id FROM displaced)
         AND (today.code IN (SELECT code FROM arrived)
           OR NOT EXISTS (SELECT FROM location_match
                           WHERE location_match.initiative = initiative.id
                             AND location_match.review = 'decided'))))"""

# Only where there is exactly one. A point in no outline (on a jetty, say) stays.
BY_HEIR = """
UPDATE initiative
   SET commune = sole.commune
  FROM (SELECT heir.code, min(heir.commune) AS commune
          FROM heir
          JOIN gone ON gone.level = 'commune' AND gone.code = heir.code
         GROUP BY heir.code HAVING count(DISTINCT heir.commune) = 1) AS sole
 WHERE initiative.commune = sole.code"""

# In a commune that is gone without one heir, or known to no more than a commune that was split;
# or in an EPCI, département or région that is gone.
UNDECIDED = """
CREATE TEMPORARY TABLE undecided ON COMMIT DROP AS
SELECT initiative.id, 'commune' AS level, initiative.commune AS code, initiative.point,
       location_match.decided_by
  FROM initiative
  LEFT JOIN location_match ON location_match.initiative = initiative.id
 WHERE initiative.commune IN (SELECT code FROM gone WHERE level = 'commune')
    OR (initiative.precision = 'commune' AND initiative.commune IN (SELECT code FROM heir)
        AND location_match.review IS DISTINCT FROM 'decided')
 UNION ALL
SELECT initiative.id, gone.level, gone.code, NULL, location_match.decided_by
  FROM gone
  JOIN initiative ON initiative.precision = gone.level
   AND gone.code = CASE gone.level WHEN 'epci' THEN initiative.epci
                        WHEN 'departement' THEN initiative.departement
                        ELSE initiative.region END
  LEFT JOIN location_match ON location_match.initiative = initiative.id
 WHERE gone.level <> 'commune'"""

# What all heirs have in common; of what left no heir, the parents that it had, if they still are.
WIDEN = """
WITH shared AS (
    SELECT heir.code,
           CASE WHEN count(DISTINCT place.epci) = 1 AND count(place.epci) = count(*)
                THEN min(place.epci) END AS epci,
           CASE WHEN count(DISTINCT place.departement) = 1 THEN min(place.departement) END
                AS departement,
           CASE WHEN count(DISTINCT place.region) = 1 THEN min(place.region) END AS region
      FROM heir
      JOIN territory AS place ON place.level = 'commune' AND place.code = heir.commune
     GROUP BY heir.code
), wider AS (
    SELECT 'commune' AS level, code, epci, departement, region FROM shared
     UNION ALL
    SELECT gone.level, gone.code, NULL, departement.code, region.code
      FROM gone
      LEFT JOIN staged AS departement
        ON departement.level = 'departement' AND departement.code = gone.departement
      LEFT JOIN staged AS region ON region.level = 'region' AND region.code = gone.region
     WHERE gone.level <> 'commune' OR gone.code NOT IN (SELECT code FROM shared)
)
UPDATE initiative
   SET precision = CASE WHEN wider.epci IS NOT NULL THEN 'epci'
                        WHEN wider.departement IS NOT NULL THEN 'departement'
                        WHEN wider.region IS NOT NULL THEN 'region' ELSE 'none' END,
       commune = NULL, epci = wider.epci, departement = wider.departement,
       region = wider.region, point = NULL
  FROM undecided
  JOIN wider USING (level, code)
 WHERE initiative.id = undecided.id"""

AWAIT_REVIEW = """
INSERT INTO location_match AS kept
       (initiative, query, parts, candidates, status, precision, score, method, reason, cog_year,
        review)
SELECT undecided.id,
       jsonb_strip_nulls(jsonb_build_object('text', initiative.place_text,
                                            'lon', ST_X(undecided.point),
                                            'lat', ST_Y(undecided.point))),
       '{}', candidates.list,
       CASE WHEN candidates.list = '[]' THEN 'none' ELSE 'ambiguous' END, initiative.precision, 0,
       'lineage',
       concat(format('%s %s %s since', undecided.level, undecided.code,
                     CASE WHEN candidates.list = '[]' THEN 'is no more, and no heir is known'
                          ELSE 'was split or shared out' END),
              '; its point was ' || ST_AsText(undecided.point, 6),
              '; it had been placed by ' || undecided.decided_by),
       (SELECT max(cog_year) FROM staged), 'waiting'
  FROM undecided
  JOIN initiative USING (id)
 CROSS JOIN LATERAL (
       SELECT coalesce(jsonb_agg(jsonb_build_object(
                  'commune', place.code, 'name', place.name, 'through', former.name,
                  'kind', 'former', 'departement', place.departement, 'score', 0,
                  'method', 'lineage') ORDER BY place.code), '[]') AS list
         FROM heir
         JOIN territory AS place ON place.level = 'commune' AND place.code = heir.commune
         LEFT JOIN territory AS former ON former.level = 'commune' AND former.code = heir.code
        WHERE undecided.level = 'commune' AND heir.code = undecided.code) AS candidates
    ON CONFLICT (initiative) DO UPDATE
   SET query = kept.query || (excluded.query - 'text'), candidates = excluded.candidates,
       status = excluded.status, precision = excluded.precision, method = excluded.method,
       reason = excluded.reason, cog_year = excluded.cog_year, review = 'waiting',
       decided_by = NULL, decided_at = NULL"""

OPEN_CASES = """
SELECT undecided.level, undecided.code, place.name, count(*),
       coalesce((SELECT jsonb_agg(DISTINCT heir.commune)
                   FROM heir
                  WHERE undecided.level = 'commune' AND heir.code = undecided.code), '[]')::text
  FROM undecided
  JOIN territory AS place ON place.level = undecided.level AND place.code = undecided.code
 GROUP BY undecided.level, undecided.code, place.name
 ORDER BY undecided.level, undecided.code"""
