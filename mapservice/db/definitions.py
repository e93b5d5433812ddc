"""The functions, views, triggers and comments of today: `functions/*.sql` and `comments/*.sql`.

Each is written down once, in its present form. Every `db migrate` puts a database right that has
one otherwise, whether a file changed or a hand changed the database: the table `definition` keeps
two digests of each part, of its files and of the objects that they made. While both are as they
were, nothing is run, and nobody waits.
"""

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, text

from mapservice.db.scripts import read_script, run_script

# Our schema first, then that of PostGIS, which may be another. Functions keep this path
# (`SET search_path FROM CURRENT`), for a dump is restored under an empty one.
SEARCH_PATH = """
SELECT set_config('search_path', string_agg(quote_ident(nspname), ', ' ORDER BY place)
                                 || ', pg_temp', true)
  FROM (SELECT nspname, min(place) AS place
          FROM (SELECT current_schema() AS nspname, 1 AS place
                 UNION ALL
                SELECT nspname, 2
                  FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
                 WHERE extname = 'postgis') AS known
         GROUP BY nspname) AS wanted"""

# As PostgreSQL words them, which may differ between its versions: they are then run once more.
FUNCTIONS = """
SELECT pg_get_functiondef(oid) || coalesce(obj_description(oid, 'pg_proc'), '') AS told
  FROM pg_proc
 WHERE pronamespace = current_schema()::regnamespace AND prokind = 'f'
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass
                      AND objid = pg_proc.oid AND deptype = 'e')
 UNION ALL
SELECT concat(relname, pg_get_viewdef(oid), obj_description(oid, 'pg_class'))
  FROM pg_class
 WHERE relnamespace = current_schema()::regnamespace AND relkind = 'v'
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass
                      AND objid = pg_class.oid AND deptype = 'e')"""
TRIGGERS = """
SELECT concat(pg_get_triggerdef(pg_trigger.oid), tgenabled) AS told
  FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
 WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal"""
COMMENTS = """
SELECT concat_ws(' ', relname, attname, description) AS told
  FROM pg_description
  JOIN pg_class ON pg_class.oid = objoid AND classoid = 'pg_class'::regclass
  LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND objsubid > 0
 WHERE relnamespace = current_schema()::regnamespace"""
DIGEST = """
SELECT coalesce(md5(string_agg(told, chr(10) ORDER BY told COLLATE "C")), '')
  FROM ({objects}) AS one"""

KNOWN = "SELECT part, files, objects FROM definition"
KEEP = """
INSERT INTO definition (part, files, objects) VALUES (:part, :files, :objects)
    ON CONFLICT (part) DO UPDATE
   SET files = excluded.files, objects = excluded.objects, applied_at = now()"""


@dataclass(frozen=True, slots=True)
class DefinitionPart:
    """Files that are run together, in this order, and a query for the objects that they make."""

    name: str
    files: tuple[str, ...]
    objects: str


def _files(folder: str, names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}.sql" for name in names.split())


# Triggers are apart: to make one anew locks out whoever writes to its table, and most changes are
# to functions. What is dropped comes last, as a trigger may have called it until then.
PARTS = (
    DefinitionPart(
        "functions",
        _files(
            "functions",
            "columns territories initiatives changes rollups tiles merges supports moderation"
            " people mail job_queue",
        ),
        FUNCTIONS,
    ),
    DefinitionPart("triggers", _files("functions", "triggers"), TRIGGERS),
    DefinitionPart(
        "comments",
        _files("functions", "dropped")
        + _files(
            "comments",
            "territories initiatives rollups people mail contributions moderation publishing"
            " notifications definitions",
        ),
        COMMENTS,
    ),
)


def use_search_path(connection: Connection) -> None:
    """Until the transaction ends."""
    connection.execute(text(SEARCH_PATH))


def apply_definitions(connection: Connection) -> list[str]:
    """Runs the parts whose files or objects changed since; returns their names."""
    use_search_path(connection)
    rows = connection.execute(text(KNOWN)).mappings()
    known = {row["part"]: (row["files"], row["objects"]) for row in rows}
    due = [part for part in PARTS if known.get(part.name) != _digests(connection, part)]
    for part in due:
        for name in part.files:
            run_script(connection, read_script(name))
    # Of all parts, as one may have dropped what belongs to another.
    for part in PARTS if due else ():
        files, objects = _digests(connection, part)
        connection.execute(text(KEEP), {"part": part.name, "files": files, "objects": objects})
    return [part.name for part in due]


def _digests(connection: Connection, part: DefinitionPart) -> tuple[str, str]:
    """SHA-256 of the part's files, MD5 of its objects as they are; both in hexadecimal."""
    files = "\n".join(read_script(name) for name in part.files)
    statement = text(DIGEST.replace("{objects}", part.objects))
    return (
        hashlib.sha256(files.encode()).hexdigest(),
        connection.execute(statement).scalar_one(),
    )
