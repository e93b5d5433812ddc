"""The functions, views, triggers and comments of today: `functions/*.sql` and `comments/*.sql`.

Each is written down once, in its present form. Every `db migrate` puts a database right that has
one otherwise, whether a file changed or a hand changed the database: the table `definition` keeps
two digests, of what is written and of what that made. While both are as they were, nothing is run.

A service may be at work meanwhile. Functions and comments change under its eyes. A view or trigger
that is made anew keeps others out of itself or its table, so each is compared by itself, and only
those that differ are made.
"""

import hashlib
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from psycopg.errors import LockNotAvailable
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

# In the order in which one needs the other.
FUNCTIONS = (
    "columns",
    "territories",
    "initiatives",
    "changes",
    "rollups",
    "tiles",
    "merges",
    "supports",
    "posts",
    "moderation",
    "people",
    "mail",
    "media",
    "events",
    "groups",
    "federation",
    "job_queue",
)
COMMENTS = (
    "territories",
    "initiatives",
    "rollups",
    "people",
    "mail",
    "contributions",
    "moderation",
    "publishing",
    "notifications",
    "media",
    "groups",
    "events",
    "imports",
    "federation",
    "operations",
    "definitions",
)

# Digests of what is there, by the names of `definition`. PostgreSQL's own wording may differ
# between its versions: all is then made once more.
MADE = """
WITH own_class AS (
    SELECT oid, relname, relkind FROM pg_class
     WHERE relnamespace = current_schema()::regnamespace
       AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass
                          AND objid = pg_class.oid AND deptype = 'e')
), told AS (
    SELECT 'functions' AS name,
           pg_get_functiondef(oid) || coalesce(obj_description(oid, 'pg_proc'), '') AS said
      FROM pg_proc
     WHERE pronamespace = current_schema()::regnamespace AND prokind = 'f'
       AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass
                          AND objid = pg_proc.oid AND deptype = 'e')
     UNION ALL
    SELECT 'view ' || relname, concat(pg_get_viewdef(oid), obj_description(oid, 'pg_class'))
      FROM own_class WHERE relkind = 'v'
     UNION ALL
    SELECT concat('trigger ', relname, '.', tgname),
           concat(pg_get_triggerdef(pg_trigger.oid), tgenabled)
      FROM own_class JOIN pg_trigger ON tgrelid = own_class.oid WHERE NOT tgisinternal
     UNION ALL
    SELECT 'comments', concat_ws(' ', relname, attname, description)
      FROM own_class
      JOIN pg_description ON objoid = own_class.oid AND classoid = 'pg_class'::regclass
      LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND objsubid > 0
     WHERE relkind = 'r' OR objsubid > 0
)
SELECT name, md5(string_agg(said, chr(10) ORDER BY said COLLATE "C")) AS digest
  FROM told GROUP BY name"""

KNOWN = "SELECT name, written, made FROM definition"
FORGET = "DELETE FROM definition WHERE name <> ALL (:names)"
KEEP = """
INSERT INTO definition AS kept (name, written, made) VALUES (:name, :written, :made)
    ON CONFLICT (name) DO UPDATE
   SET written = excluded.written, made = excluded.made,
       made_at = CASE WHEN :now THEN excluded.made_at ELSE kept.made_at END"""

# Shorter than `deadlock_timeout`: when a writer waits for us and we for it, we give way, and it is
# not undone.
PATIENCE = "SELECT set_config('lock_timeout', :time, true)"
PATIENCE_MS, ATTEMPTS, LONGEST_PAUSE_S = 500, 60, 2.0


@dataclass(frozen=True, slots=True)
class SchemaDefinition:
    """Statements that are run together, and what `definition` calls that which they make.

    `waits`: whether it keeps others out while it is made; `table`: which table it does so with.
    """

    name: str
    script: str
    waits: bool = False
    table: str | None = None

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.script.encode()).hexdigest()


def use_search_path(connection: Connection) -> None:
    """Until the transaction ends."""
    connection.execute(text(SEARCH_PATH))


def definition_files() -> list[str]:
    """In the order in which they are run."""
    functions = [f"functions/{name}.sql" for name in (*FUNCTIONS, "views", "triggers", "dropped")]
    return functions + [f"comments/{name}.sql" for name in COMMENTS]


def apply_definitions(connection: Connection) -> list[str]:
    """Makes what is not as it is written; returns the names of that, as `definition` has them."""
    use_search_path(connection)
    told = connection.execute(text(KNOWN)).mappings()
    known = {row["name"]: (row["written"], row["made"]) for row in told}
    made = _made(connection)
    wanted = list(_definitions())
    due = [one for one in wanted if known.get(one.name) != (one.digest, made.get(one.name, ""))]
    if due:
        _run(connection, (one for one in due if one.name == "functions"))
        _run_when_free(connection, [one for one in due if one.waits])
        _run(connection, (one for one in due if one.name in ("dropped", "comments")))
        # Also of what was not due, as the dropping of another may have changed it.
        made = _made(connection)
        rows = [
            {
                "name": one.name,
                "written": one.digest,
                "made": made.get(one.name, ""),
                "now": one in due,
            }
            for one in wanted
        ]
        connection.execute(text(FORGET), {"names": [one.name for one in wanted]})
        connection.execute(text(KEEP), rows)
    return [one.name for one in due]


def _definitions() -> Iterator[SchemaDefinition]:
    yield SchemaDefinition("functions", _joined("functions", FUNCTIONS))
    for block in _blocks("functions/views.sql"):
        if found := re.search(r"^CREATE OR REPLACE VIEW (\w+)", block, re.M):
            yield SchemaDefinition(f"view {found[1]}", block, waits=True)
    for block in _blocks("functions/triggers.sql"):
        if found := re.search(r"TRIGGER (\w+) (?:BEFORE|AFTER)\b[^;]*?\sON (\w+)", block):
            name = f"trigger {found[2]}.{found[1]}"
            yield SchemaDefinition(name, block, waits=True, table=found[2])
    # A trigger may have called until then what is dropped.
    yield SchemaDefinition("dropped", read_script("functions/dropped.sql"))
    yield SchemaDefinition("comments", _joined("comments", COMMENTS))


def _joined(folder: str, names: Iterable[str]) -> str:
    return "\n".join(read_script(f"{folder}/{name}.sql") for name in names)


def _blocks(name: str) -> list[str]:
    """An empty line parts what makes one object from what makes the next."""
    return [block.strip() for block in read_script(name).split("\n\n")]


def _made(connection: Connection) -> dict[str, str]:
    return {row.name: row.digest for row in connection.execute(text(MADE))}


def _run(connection: Connection, definitions: Iterable[SchemaDefinition]) -> None:
    for one in definitions:
        run_script(connection, one.script)


def _run_when_free(connection: Connection, definitions: Sequence[SchemaDefinition]) -> None:
    """Runs them once no writer is in the way; raises LockNotAvailable when one stays for long."""
    former = connection.execute(text("SHOW lock_timeout")).scalar_one()
    tables = sorted({one.table for one in definitions if one.table})
    for attempt in range(1, ATTEMPTS + 1):
        wanted = ""
        try:
            with connection.begin_nested():
                connection.execute(text(PATIENCE), {"time": f"{PATIENCE_MS}ms"})
                for wanted in tables:
                    run_script(connection, f"LOCK TABLE {wanted} IN SHARE ROW EXCLUSIVE MODE")
                _run(connection, definitions)
            break
        except LockNotAvailable:
            if attempt == ATTEMPTS:
                raise
            # Whoever holds it waited for one that we had already: now it is ours before that.
            tables.sort(key=wanted.__ne__)
            time.sleep(min(0.05 * attempt, LONGEST_PAUSE_S))
    connection.execute(text(PATIENCE), {"time": former})
