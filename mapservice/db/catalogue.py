"""What the schema is made of, a line for each object: as migrations leave it, and as it is.

The lines of `catalogue.txt` are those of a database that was just migrated; a test compares them.
They name what PostgreSQL of any supported version tells alike: no definition that it words itself.
`scripts/catalogue` writes them anew after a change of this package.
"""

from dataclasses import dataclass
from importlib import resources

from sqlalchemy import Connection, text

# Objects of extensions belong to these. The queue's library brings its own functions and columns,
# of its own version: we only say which there are.
LINES = """
WITH home AS (SELECT current_schema()::regnamespace AS schema),
own_class AS (
    SELECT pg_class.oid, relname, relkind, relname LIKE 'procrastinate%' AS is_queue
      FROM pg_class JOIN home ON relnamespace = home.schema
     WHERE NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass
                          AND objid = pg_class.oid AND deptype = 'e')
)
SELECT 'extension ' || extname FROM pg_extension WHERE extname <> 'plpgsql'
 UNION ALL
SELECT concat(CASE relkind WHEN 'r' THEN 'table ' WHEN 'v' THEN 'view ' ELSE 'sequence ' END,
              relname)
  FROM own_class WHERE relkind IN ('r', 'v', 'S')
 UNION ALL
SELECT concat('column ', relname, '.', attname, ' ',
              regexp_replace(format_type(atttypid, atttypmod), '\\m\\w+\\.', ''),
              CASE WHEN attnotnull THEN ' not null' END,
              CASE attgenerated WHEN 's' THEN ' generated' END,
              CASE attidentity WHEN '' THEN '' ELSE ' identity' END,
              CASE WHEN atthasdef AND attgenerated = '' THEN ' default' END)
  FROM own_class JOIN pg_attribute ON attrelid = own_class.oid
 WHERE relkind IN ('r', 'v') AND attnum > 0 AND NOT attisdropped AND NOT is_queue
 UNION ALL
SELECT concat('function ', proname, '(', pronargs, ')',
              CASE WHEN proname NOT LIKE 'procrastinate%'
                   THEN ' ' || left(md5(regexp_replace(prosrc, '\\s+', ' ', 'g')), 8) END,
              CASE WHEN prosqlbody IS NOT NULL THEN ' parsed'
                   WHEN EXISTS (SELECT FROM unnest(proconfig) AS kept
                                 WHERE kept LIKE 'search_path=%') THEN ' pinned' END)
  FROM pg_proc JOIN home ON pronamespace = home.schema
 WHERE NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass
                      AND objid = pg_proc.oid AND deptype = 'e')
 UNION ALL
SELECT concat('trigger ', relname, '.', tgname,
              CASE tgenabled WHEN 'O' THEN '' ELSE ' disabled' END)
  FROM own_class JOIN pg_trigger ON tgrelid = own_class.oid
 WHERE NOT tgisinternal
 UNION ALL
SELECT concat('index ', held.relname, '.', made.relname,
              CASE WHEN indisunique THEN ' unique' END,
              CASE WHEN NOT (indisvalid AND indisready AND indislive) THEN ' invalid' END)
  FROM own_class AS held
  JOIN pg_index ON indrelid = held.oid
  JOIN pg_class AS made ON made.oid = indexrelid
 UNION ALL
SELECT concat('constraint ', relname, '.', conname,
              CASE contype WHEN 'c' THEN ' check' WHEN 'p' THEN ' primary' WHEN 'u' THEN ' unique'
                           WHEN 'x' THEN ' exclude' WHEN 'f' THEN (
                   SELECT concat(' foreign (', string_agg(near.attname, ', ' ORDER BY place),
                                 ') to ', beyond.relname, ' (',
                                 string_agg(far.attname, ', ' ORDER BY place), ')')
                     FROM unnest(conkey, confkey) WITH ORDINALITY AS pair (near, far, place)
                     JOIN pg_attribute AS near
                       ON near.attrelid = conrelid AND near.attnum = pair.near
                     JOIN pg_attribute AS far
                       ON far.attrelid = confrelid AND far.attnum = pair.far
                     JOIN pg_class AS beyond ON beyond.oid = confrelid
                    GROUP BY beyond.relname) END,
              CASE WHEN NOT convalidated THEN ' not valid' END)
  FROM own_class JOIN pg_constraint ON conrelid = own_class.oid
 WHERE contype IN ('c', 'p', 'u', 'x', 'f')
 UNION ALL
SELECT 'words ' || cfgname FROM pg_ts_config JOIN home ON cfgnamespace = home.schema
"""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Rows of `table` name those of `target` by `columns`; a row with a null names none."""

    table: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]


def present(connection: Connection) -> set[str]:
    """Of the schema that is first in the search path."""
    return set(connection.execute(text(LINES)).scalars())


def expected() -> set[str]:
    """Of a database that this version has migrated."""
    file = resources.files("mapservice.db") / "catalogue.txt"
    return set(file.read_text(encoding="utf-8").splitlines())


def foreign_keys(lines: set[str]) -> list[ForeignKey]:
    found = []
    for line in sorted(lines):
        kind, _, rest = line.partition(" ")
        name, is_foreign, pairs = rest.partition(" foreign (")
        if kind == "constraint" and is_foreign:
            columns, _, beyond = pairs.partition(") to ")
            target, _, others = beyond.partition(" (")
            table = name.partition(".")[0]
            named = tuple(columns.split(", ")), tuple(others.partition(")")[0].split(", "))
            found.append(ForeignKey(table, named[0], target, named[1]))
    return found


def differences(connection: Connection) -> list[str]:
    """What is missing or not as it was made, in plain words; what was added is nobody's fault."""
    there = present(connection)
    found = []
    for line in sorted(expected() - there):
        # `index initiative.x` that is there as `index initiative.x invalid` is told as the latter.
        key = " ".join(line.split(" ")[:2])
        other = sorted(one for one in there if one == key or one.startswith(f"{key} "))
        found.append(
            f"not as it was made: {', '.join(other)}; wanted: {line}"
            if other
            else f"missing: {line}"
        )
    return found
