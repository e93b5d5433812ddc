"""JSON that SQL puts together as text is what PostgreSQL itself makes of the same row."""

import json

import pytest
from sqlalchemy import Boolean, Column, Connection, Integer, Numeric, Text, column, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from mapservice.db.engine import JsonSafeText, object_text, value_text

ROW = """
    SELECT CAST('0197f000-0000-7000-8000-000000000001' AS uuid) AS id,
           CAST(%(title)s AS text) AS title, CAST(NULL AS text) AS nothing,
           '2A004' AS code, CAST(NULL AS text) AS no_code,
           42 AS supporters, CAST(NULL AS integer) AS unknown, 0.25 AS rate,
           true AS approximate, ARRAY['20000', '20090'] AS postcodes"""
COLUMNS = [
    Column("id", UUID, nullable=False),
    Column("title", Text, nullable=False),
    column("nothing", Text),
    Column("code", JsonSafeText, nullable=False),
    column("no_code", JsonSafeText),
    Column("supporters", Integer, nullable=False),
    column("unknown", Integer),
    column("rate", Numeric),
    column("approximate", Boolean),
    column("postcodes", ARRAY(Text)),
]


@pytest.mark.parametrize(
    "title", ["Café", '« L’Été » "œuf"', "a\\b\n\tc\x01", "🥕", "{%(x)s} $1 {id}", "', '"]
)
def test_an_object_is_the_one_that_row_to_json_makes(connection: Connection, title: str) -> None:
    ours = object_text((one.name, one) for one in COLUMNS)
    statement = f"SELECT {ours}, row_to_json(one)::text FROM ({ROW}) AS one"
    made, theirs = connection.exec_driver_sql(statement, {"title": title}).one()
    assert json.loads(made) == json.loads(theirs)
    assert list(json.loads(made)) == [one.name for one in COLUMNS]


def test_no_columns_are_an_empty_object(connection: Connection) -> None:
    assert connection.execute(text(f"SELECT {object_text([])}")).scalar_one() == "{}"


def test_a_value_by_itself(connection: Connection) -> None:
    known = value_text("code", Column("code", JsonSafeText, nullable=False))
    missing = value_text("no_code", column("no_code", JsonSafeText))
    statement = f"SELECT {known}, {missing} FROM (SELECT '01001' AS code, NULL AS no_code) AS one"
    assert connection.exec_driver_sql(statement).one() == ('"01001"', "null")
