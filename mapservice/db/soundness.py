"""Whether a database is whole: what a restore that failed half-way, or a hand, may have left.

Each finding is one line of plain words. Nothing here writes.
"""

from sqlalchemy import Connection, Select, column, exists, func, select, table, text

from mapservice.db.catalogue import ForeignKey, differences, expected, foreign_keys

# Each question returns one line of text for each thing that is wrong.
QUESTIONS = (
    """
    SELECT format('initiatives that are %s: %s counted, the sums kept say %s',
                  status, coalesce(counted.n, 0), coalesce(kept.n, 0))
      FROM (SELECT status, count(*) AS n FROM initiative
             GROUP BY status) AS counted
      FULL JOIN (SELECT status, sum(initiatives) AS n
                   FROM (SELECT status, initiatives FROM rollup
                          WHERE level = 'country' AND code = 'FR' AND theme = ''
                            AND month = '-infinity'
                          UNION ALL
                         SELECT status, initiatives FROM rollup_delta) AS parts
                  GROUP BY status) AS kept USING (status)
     WHERE coalesce(counted.n, 0) <> coalesce(kept.n, 0)""",
    """
    SELECT format('%s that are %s: %s counted, the sums kept say %s',
                  kind, status, coalesce(counted.n, 0), coalesce(kept.n, 0))
      FROM (SELECT 'groups' AS kind, status, count(*) AS n FROM local_group GROUP BY status
             UNION ALL
            SELECT 'events', status, count(*) FROM event GROUP BY status) AS counted
      FULL JOIN (SELECT kind, status, sum(n) AS n
                   FROM (SELECT status, groups, events FROM rollup
                          WHERE level = 'country' AND code = 'FR' AND theme = ''
                            AND month = '-infinity'
                          UNION ALL
                         SELECT status, groups, events FROM rollup_delta) AS parts
                  CROSS JOIN LATERAL (VALUES ('groups', groups), ('events', events))
                             AS one (kind, n)
                  GROUP BY kind, status) AS kept USING (kind, status)
     WHERE coalesce(counted.n, 0) <> coalesce(kept.n, 0)""",
    """
    SELECT format('initiatives on the map: %s counted, the sums kept say %s', counted.n, kept.n)
      FROM (SELECT count(*) AS n FROM initiative WHERE cell IS NOT NULL) AS counted
     CROSS JOIN (SELECT coalesce(sum(initiatives), 0) AS n
                   FROM (SELECT initiatives FROM rollup_cell WHERE zoom = 3
                          UNION ALL
                         SELECT initiatives FROM rollup_delta WHERE cell IS NOT NULL) AS parts
                ) AS kept
     WHERE counted.n <> kept.n""",
    """
    SELECT format('supports: %s initiatives count others than theirs', count(*))
      FROM support_difference HAVING count(*) > 0""",
    """
    SELECT format('removals: %s tell of initiatives that are here and public', count(*))
      FROM removal JOIN initiative ON initiative.id = removal.initiative
     WHERE is_public(initiative.status) HAVING count(*) > 0""",
    """
    SELECT format('what waits for moderators: %s are missing from their queue', count(*))
      FROM (SELECT kind, id FROM waiting_now EXCEPT SELECT kind, id FROM waiting) AS missing
    HAVING count(*) > 0""",
    """
    SELECT format('groups: %s count other members or organisers than theirs', count(*))
      FROM local_group
     WHERE (members, organisers) <> (
           SELECT count(*) FILTER (WHERE standing IN ('member', 'editor', 'organiser')),
                  count(*) FILTER (WHERE standing = 'organiser')
             FROM group_member WHERE group_member.local_group = local_group.id)
    HAVING count(*) > 0""",
    # Both are written by one load: what lacks in one of them was lost since.
    """
    SELECT format('communes of département %s: %s lie in an EPCI, %s did when they were loaded',
                  coalesce(kept.departement, loaded.departement), coalesce(kept.n, 0),
                  coalesce(loaded.n, 0))
      FROM (SELECT departement, count(*) AS n FROM territory
             WHERE level = 'commune' AND epci IS NOT NULL GROUP BY departement) AS kept
      FULL JOIN (SELECT departement, sum(communes) AS n FROM epci_part
                  GROUP BY departement) AS loaded USING (departement)
     WHERE coalesce(kept.n, 0) <> coalesce(loaded.n, 0)""",
    """
    SELECT format('territories were loaded, but %s is empty', emptied.name)
      FROM (VALUES ('territory', (SELECT count(*) FROM (SELECT FROM territory LIMIT 1) AS one)),
                   ('territory_outline',
                    (SELECT count(*) FROM (SELECT FROM territory_outline LIMIT 1) AS one)),
                   ('territory_mosaic',
                    (SELECT count(*) FROM (SELECT FROM territory_mosaic LIMIT 1) AS one))
           ) AS emptied (name, n)
     WHERE emptied.n = 0 AND EXISTS (SELECT FROM territory_load)""",
)

# Columns that take their value from a sequence, with the sequence.
SEQUENCES = """
SELECT owner.relname AS of, attname, sequence.oid::regclass::text AS name,
       pg_sequence_last_value(sequence.oid) AS last
  FROM pg_class AS sequence
  JOIN pg_depend ON pg_depend.objid = sequence.oid AND deptype IN ('a', 'i')
                AND classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
  JOIN pg_class AS owner ON owner.oid = refobjid
  JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
 WHERE sequence.relkind = 'S' AND sequence.relnamespace = current_schema()::regnamespace
 ORDER BY 1, 2"""


def problems(connection: Connection) -> list[str]:
    """The findings for a database at this version's schema; none when it is whole.

    Rows are examined only where every object they need is there.
    """
    found = differences(connection)
    lacks_tables = any(" table " in line or " column " in line for line in found)
    if not lacks_tables:
        # Rows that name what is not there; constraints that a restore skipped are asked too.
        for key in foreign_keys(expected()):
            count = connection.execute(_orphans(key)).scalar_one()
            if count:
                found.append(f"{key.table}: {count} rows name no {key.target} that is there")
    if not any(line.startswith("missing") for line in found if "index" not in line):
        found += [row[0] for question in QUESTIONS for row in connection.execute(text(question))]
    # Sequences that would give a number once more.
    for one in () if lacks_tables else connection.execute(text(SEQUENCES)).all():
        numbers = table(one.of, column(one.attname))
        highest = connection.execute(select(func.max(numbers.c[one.attname]))).scalar_one()
        if highest is not None and (one.last is None or one.last < highest):
            at = one.last or "its start"
            found.append(f"{one.name} is at {at}, {one.of} at {highest} already")
    return found


def _orphans(key: ForeignKey) -> Select[int]:
    """How many rows name none of their target; a row with a null names none on purpose."""
    near = table(key.table, *map(column, key.columns)).alias("near")
    far = table(key.target, *map(column, key.target_columns)).alias("far")
    same = zip(key.target_columns, key.columns, strict=True)
    there = exists().where(*(far.c[other] == near.c[one] for other, one in same))
    named = [near.c[one].is_not(None) for one in key.columns]
    return select(func.count()).select_from(near).where(*named, ~there)
