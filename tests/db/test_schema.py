"""The migrated database, against what the code believes of it."""

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum

import psycopg.errors
import pytest
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, Engine, inspect, make_url, text

from mapservice.db.migrate import migrate
from mapservice.db.people_tables import person
from mapservice.db.revisions import current_revision, newest_revision
from mapservice.geocoding.model import MatchStatus, Precision
from mapservice.groups.model import GroupOpenness, GroupStatus, MemberStanding
from mapservice.initiatives.model import Scale, Status, Theme
from mapservice.mail.model import DeliveryState
from mapservice.territories.model import OUTLINE_ZOOMS, AliasKind, Level

# Of all tables, those about people too.
metadata = person.metadata
DIALECT = make_url("postgresql+psycopg://").get_dialect()()

# Tables of libraries: the queue, the migrations, PostGIS.
FOREIGN = re.compile(r"procrastinate_|alembic_version|spatial_ref_sys")

# pg_class as one text: any object made, dropped or made anew changes it.
CATALOGUE = """
SELECT string_agg(concat_ws(' ', oid, relname, relkind, relnatts, relchecks), ',' ORDER BY oid)
  FROM pg_class WHERE relnamespace = 'public'::regnamespace"""

COLUMNS = """
SELECT attname, lower(format_type(atttypid, atttypmod)), NOT attnotnull
  FROM pg_attribute
 WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped
 ORDER BY attnum"""


def test_the_code_knows_exactly_the_tables_of_the_database(connection: Connection) -> None:
    present = {name for name in inspect(connection).get_table_names() if not FOREIGN.match(name)}
    assert present == set(metadata.tables)


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_columns_types_and_nullability_are_those_of_the_database(
    connection: Connection, table: str
) -> None:
    known = [
        (column.name, str(column.type.compile(DIALECT)).lower(), column.nullable)
        for column in metadata.tables[table].columns
    ]
    kept = [tuple(row) for row in connection.execute(text(COLUMNS), {"table": table})]
    assert known == kept


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_primary_keys_are_those_of_the_database(connection: Connection, table: str) -> None:
    kept = inspect(connection).get_pk_constraint(table)["constrained_columns"]
    assert {column.name for column in metadata.tables[table].primary_key} == set(kept)


@pytest.mark.parametrize(
    ("table", "column", "vocabulary"),
    [
        ("territory", "level", Level),
        ("territory_alias", "kind", AliasKind),
        ("initiative", "theme", Theme),
        ("initiative", "scale", Scale),
        ("initiative", "status", Status),
        ("initiative", "precision", Precision),
        ("location_match", "status", MatchStatus),
        ("delivery", "state", DeliveryState),
        ("local_group", "status", GroupStatus),
        ("local_group", "openness", GroupOpenness),
        ("local_group", "area", Scale),
        ("group_member", "standing", MemberStanding),
        ("rollup", "level", [*Level, "country"]),
    ],
)
def test_vocabularies_are_those_of_the_constraints(
    connection: Connection, table: str, column: str, vocabulary: Iterable[StrEnum | str]
) -> None:
    definitions = connection.execute(
        text(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = CAST(:table AS regclass) AND contype = 'c'"
        ),
        {"table": table},
    ).scalars()
    form = re.compile(rf"CHECK \(\(\"?{column}\"? = ANY \(ARRAY\[('[^\]]+)\]\)\)\)")
    closed = [
        set(re.findall(r"'(\w+)'", found[1]))
        for one in definitions
        if (found := form.fullmatch(one))
    ]
    assert closed == [{str(word) for word in vocabulary}]


def test_each_zoom_of_commune_outlines_has_its_index(connection: Connection) -> None:
    names = {index["name"] for index in inspect(connection).get_indexes("territory_outline")}
    assert {f"territory_outline_commune_{zoom}" for zoom in OUTLINE_ZOOMS} <= names


def test_a_second_migration_changes_nothing(empty_engine: Engine) -> None:
    migrate(empty_engine)
    with empty_engine.connect() as connection:
        before = connection.execute(text(CATALOGUE)).scalar_one()
    migrate(empty_engine)
    with empty_engine.connect() as connection:
        assert connection.execute(text(CATALOGUE)).scalar_one() == before
        assert current_revision(connection) == newest_revision()


def test_two_processes_that_migrate_at_once_take_turns(empty_engine: Engine) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(migrate, [empty_engine, empty_engine]))
    with empty_engine.connect() as connection:
        assert current_revision(connection) == newest_revision()
        assert inspect(connection).has_table("initiative")


def test_a_migration_that_fails_leaves_nothing_behind(
    empty_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> str:
        return "SELECT 1 / 0"

    monkeypatch.setattr(SchemaManager, "get_schema", refuse)
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty_engine)
    with empty_engine.connect() as connection:
        assert current_revision(connection) is None
        assert not inspect(connection).has_table("initiative")
