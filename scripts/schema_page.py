"""Writes `docs/schema.md`, and the catalogue of `mapservice/db`, from a migrated database.

The page says nothing of its own: names, types and keys are those of the database, sentences are
the comments that it keeps. PostgreSQL of any supported version tells them alike.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, text

from mapservice.db import catalogue
from mapservice.db.definitions import definition_files
from mapservice.db.engine import make_engine
from mapservice.db.migrate import migrate
from mapservice.db.scripts import read_script

RELATIONS = """
SELECT relname AS name, relkind = 'v' AS is_view, obj_description(oid, 'pg_class') AS comment
  FROM pg_class
 WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v')"""

COLUMNS = """
SELECT relname AS relation, attname AS name,
       regexp_replace(format_type(atttypid, atttypmod), '\\m\\w+\\.', '') AS type,
       concat_ws(', ', CASE WHEN NOT attnotnull AND relkind = 'r' THEN 'null' END,
                 CASE WHEN attgenerated = 's' THEN 'generated' END,
                 CASE WHEN attidentity <> '' THEN 'identity' END,
                 CASE WHEN atthasdef AND attgenerated = '' THEN 'default' END) AS traits,
       col_description(attrelid, attnum) AS comment
  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
 WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v')
   AND attnum > 0 AND NOT attisdropped
 ORDER BY relname, attnum"""

KEYS = """
SELECT held.relname AS relation, contype AS kind,
       (SELECT string_agg(attname, ', ' ORDER BY place)
          FROM unnest(conkey) WITH ORDINALITY AS one (number, place)
          JOIN pg_attribute ON attrelid = conrelid AND attnum = number) AS columns,
       beyond.relname AS target,
       CASE confdeltype WHEN 'c' THEN 'deleted with it' WHEN 'n' THEN 'set to null with it'
                        ELSE 'keeps it' END AS on_delete
  FROM pg_constraint
  JOIN pg_class AS held ON held.oid = conrelid
  LEFT JOIN pg_class AS beyond ON beyond.oid = confrelid
 WHERE held.relnamespace = current_schema()::regnamespace AND contype IN ('p', 'u', 'f')
 ORDER BY position(contype IN 'puf'), 3, 4"""

FUNCTIONS = """
SELECT proname AS name, prorettype = 'trigger'::regtype AS is_trigger,
       regexp_replace(pg_get_function_identity_arguments(oid), '\\m\\w+\\.', '') AS arguments,
       regexp_replace(pg_get_function_result(oid), '\\m\\w+\\.', '') AS result,
       obj_description(oid, 'pg_proc') AS comment
  FROM pg_proc
 WHERE pronamespace = current_schema()::regnamespace AND prokind = 'f'"""

TRIGGERS = """
SELECT proname AS function, relname AS relation, tgname AS name,
       concat_ws(' ', CASE WHEN tgtype & 2 > 0 THEN 'before' ELSE 'after' END,
                 concat_ws(' or ', CASE WHEN tgtype & 4 > 0 THEN 'insert' END,
                           CASE WHEN tgtype & 16 > 0 THEN 'update' END,
                           CASE WHEN tgtype & 8 > 0 THEN 'delete' END,
                           CASE WHEN tgtype & 32 > 0 THEN 'truncate' END),
                 CASE WHEN tgtype & 1 > 0 THEN 'of each row' END) AS moment
  FROM pg_trigger
  JOIN pg_class ON pg_class.oid = tgrelid
  JOIN pg_proc ON pg_proc.oid = tgfoid
 WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal
 ORDER BY relname, tgname"""

HEAD = """\
# Schema

Written by `scripts/catalogue` from a migrated database; its sentences are the database's own
comments (`mapservice/db/comments`, `mapservice/db/functions`), which psql (`\\d+`) and QGIS show
too. Tables of the job queue are those of procrastinate, and not told here.

A column may be null only where its traits say so. Times are `timestamp with time zone`. Codes of
territories are texts: leading zeros count.
"""


def schema_page(connection: Connection) -> str:
    """The page, of the schema that is first in the search path."""
    relations = {row.name: row for row in connection.execute(text(RELATIONS))}
    columns, keys, triggers = (
        _grouped(connection, statement, by)
        for statement, by in ((COLUMNS, "relation"), (KEYS, "relation"), (TRIGGERS, "function"))
    )
    functions = {row.name: row for row in connection.execute(text(FUNCTIONS))}
    lines = [HEAD, "## Tables and views"]
    for file in _files("comments"):
        lines += _prose(file, "Tables")
        for name in re.findall(r"^COMMENT ON (?:TABLE|COLUMN) (\w+)", read_script(file), re.M):
            if one := relations.pop(name, None):
                lines += _relation(one, columns[name], keys.get(name, []))
    lines.append("\n## Functions")
    for file in _files("functions"):
        names = re.findall(r"^COMMENT ON FUNCTION (\w+)", read_script(file), re.M)
        if names:
            lines += _prose(file, "Functions")
        for name in names:
            lines += _function(functions[name], triggers.get(name, []))
    return "\n".join(lines) + "\n"


def _files(folder: str) -> Iterator[str]:
    return (file for file in definition_files() if file.startswith(f"{folder}/"))


def _grouped(connection: Connection, statement: str, by: str) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(text(statement)):
        found.setdefault(getattr(row, by), []).append(row)
    return found


def _prose(file: str, kind: str) -> list[str]:
    """A heading, and the first paragraph of the comment that the file begins with."""
    comment = re.match(r"(?:--.*\n)+", read_script(file))
    assert comment, f"{file} begins with what it is about"
    paragraph = re.sub(r"^-- ?", "", comment[0], flags=re.M).split("\n\n")[0]
    title = Path(file).stem.replace("_", " ")
    return [f"\n### {kind}: {title}\n", paragraph.strip()]


def _relation(one: Row[Any], columns: list[Row[Any]], keys: list[Row[Any]]) -> list[str]:
    lines = [f"\n#### `{one.name}`{' (view)' if one.is_view else ''}\n", one.comment or "", ""]
    lines += ["| column | type | traits | |", "|---|---|---|---|"]
    lines += [f"| `{c.name}` | {c.type} | {c.traits} | {_cell(c.comment)} |" for c in columns]
    words = {"p": "Primary key: {0}.", "u": "Unique: {0}.", "f": "{0} → `{1}`, {2}."}
    told = [words[k.kind].format(f"`{k.columns}`", k.target, k.on_delete) for k in keys]
    return [*lines, "", " ".join(told)] if told else lines


def _function(one: Row[Any], triggers: list[Row[Any]]) -> list[str]:
    result = "" if one.is_trigger else f" → {one.result}"
    lines = [f"\n#### `{one.name}({one.arguments}){result}`\n", one.comment or ""]
    if triggers:
        told = (f"`{t.relation}` {t.moment} (`{t.name}`)" for t in triggers)
        lines += ["", "Trigger of: " + "; ".join(told) + "."]
    return lines


def _cell(comment: str | None) -> str:
    return (comment or "").replace("|", "\\|")


def write() -> None:
    """Of the database that MAPSERVICE_TEST_DATABASE_URL names, which is migrated first."""
    engine = make_engine(os.environ["MAPSERVICE_TEST_DATABASE_URL"])
    migrate(engine)
    with engine.connect() as connection:
        lines = sorted(catalogue.present(connection))
        page = schema_page(connection)
    Path("mapservice/db/catalogue.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    Path("docs/schema.md").write_text(page, encoding="utf-8")
    print(f"{len(lines)} objects")


if __name__ == "__main__":
    write()
