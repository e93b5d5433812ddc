"""What the database refuses, whoever writes."""

from datetime import UTC, datetime
from typing import Any

import psycopg.errors
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from tests.db.conftest import insert

HERE = "SRID=4326;POINT(-0.4604 46.3239)"  # Niort

CHECK = psycopg.errors.CheckViolation
UNKNOWN = psycopg.errors.ForeignKeyViolation
MISSING = psycopg.errors.NotNullViolation


@pytest.mark.parametrize(
    "column",
    ["title", "theme", "scale", "status", "precision", "supporters", "summary", "place_text"],
)
def test_null_is_refused(connection: Connection, column: str) -> None:
    assert isinstance(_refusal(connection, **{column: None}), MISSING)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"title": ""},
        {"title": "é" * 201},
        {"summary": "é" * 501},
        {"description": "é" * 20_001},
        {"place_text": "é" * 1_001},
        {"theme": "sport"},
        {"scale": "quartier"},
        {"status": "deleted"},
        {"precision": "street"},
        {"supporters": -1},
        {"source_url": "javascript:alert(1)"},
        {"source_url": "data:text/html,hello"},
        {"source_url": " https://example.org"},
        {
            "created_at": datetime(2025, 2, 1, tzinfo=UTC),
            "updated_at": datetime(2025, 1, 1, tzinfo=UTC),
        },
        {"created_at": "infinity", "updated_at": "infinity"},
        {"created_at": "-infinity"},
        {"created_at": "0044-03-15 BC"},
    ],
)
def test_nonsense_is_refused(connection: Connection, nonsense: dict[str, Any]) -> None:
    assert isinstance(_refusal(connection, **nonsense), CHECK)


@pytest.mark.parametrize(
    "place",
    [
        {"precision": "point", "point": None},
        {"precision": "commune", "point": HERE},
        {"precision": "commune", "commune": None},
        {"precision": "point", "point": HERE, "commune": None},
        {"precision": "epci", "commune": None, "epci": None},
        {"precision": "departement", "commune": None, "departement": None},
        {"precision": "region", "commune": None, "region": None},
        {"precision": "departement", "departement": "79", "point": HERE},
        {"precision": "none", "point": HERE},
        {"precision": "national", "commune": None, "point": HERE},
        {"precision": "point", "point": "SRID=4326;POINT EMPTY"},
        {"precision": "point", "point": "SRID=4326;POINT(NaN NaN)"},
        {"precision": "point", "point": "SRID=4326;POINT(481.2 46.3)"},
        {"precision": "point", "point": "SRID=4326;POINT(-0.46 89.9)"},
    ],
)
def test_a_place_that_contradicts_its_precision_is_refused(
    connection: Connection, place: dict[str, Any]
) -> None:
    assert isinstance(_refusal(connection, **place), CHECK)


@pytest.mark.parametrize(
    "place",
    [
        {"commune": "99999"},
        {"commune": ""},
        {"commune": "93059"},  # Pierrefitte-sur-Seine, in Saint-Denis since 2025
        {"commune": "75116"},  # an arrondissement is no commune
        {"precision": "point", "point": HERE, "commune": "79000"},  # a postcode
        {"precision": "epci", "epci": "79191"},
        {"precision": "departement", "departement": "20"},
        {"precision": "region", "region": "54"},  # Poitou-Charentes, until 2015
    ],
)
def test_a_territory_that_does_not_exist_is_refused(
    connection: Connection, place: dict[str, Any]
) -> None:
    assert isinstance(_refusal(connection, **place), UNKNOWN)


def test_a_point_in_another_projection_is_refused(connection: Connection) -> None:
    lambert = "SRID=2154;POINT(434000 6587000)"
    refusal = _refusal(connection, precision="point", point=lambert)
    assert isinstance(refusal, psycopg.errors.InvalidParameterValue)


def test_a_latitude_beyond_the_pole_is_refused(connection: Connection) -> None:
    assert _refusal(connection, precision="point", point="SRID=4326;POINT(0 -90.5)") is not None


def test_one_row_of_a_source_is_kept_once(connection: Connection) -> None:
    row = {"source_platform": "transiscope", "source_id": "14"}
    with connection.begin():
        insert(connection, **row)
        refusal = _refusal(connection, **row)
    assert isinstance(refusal, psycopg.errors.UniqueViolation)


def test_rows_without_an_id_at_their_source_do_not_clash(connection: Connection) -> None:
    insert(connection, source_platform="proposals")
    insert(connection, source_platform="proposals")
    count = connection.execute(text("SELECT count(*) FROM initiative")).scalar_one()
    assert count == 2


@pytest.mark.parametrize(
    ("column", "value"),
    [("status", "sure"), ("score", 1.5), ("score", -0.1), ("review", "later"), ("query", None)],
)
def test_a_match_record_is_checked_too(connection: Connection, column: str, value: Any) -> None:
    assert isinstance(_match_refusal(connection, **{column: value}), CHECK | MISSING)


def test_a_decision_has_its_person_and_moment(connection: Connection) -> None:
    assert isinstance(_match_refusal(connection, review="decided"), CHECK)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert isinstance(_match_refusal(connection, decided_by="x", decided_at=moment), CHECK)
    whole = {"review": "decided", "decided_by": "x", "decided_at": moment}
    assert _match_refusal(connection, **whole) is None


def test_a_match_record_goes_with_its_initiative(connection: Connection) -> None:
    assert _match_refusal(connection) is None
    connection.execute(text("DELETE FROM initiative"))
    left = connection.execute(text("SELECT count(*) FROM location_match")).scalar_one()
    assert left == 0


def _refusal(connection: Connection, **different: Any) -> BaseException | None:
    """What the driver says to the sound row with this difference; None if it takes it."""
    with connection.begin_nested() as attempt:
        try:
            insert(connection, **different)
        except DBAPIError as error:
            attempt.rollback()
            return error.orig
    return None


def _match_refusal(connection: Connection, **different: Any) -> BaseException | None:
    row = insert(connection)
    values = {
        "initiative": row.id,
        "query": "{}",
        "parts": "{}",
        "status": "certain",
        "precision": "commune",
        "score": 1.0,
        "method": "code",
        "cog_year": 2026,
    } | different
    columns, bound = ", ".join(values), ", ".join(f":{name}" for name in values)
    statement = text(f"INSERT INTO location_match ({columns}) VALUES ({bound})")
    with connection.begin_nested() as attempt:
        try:
            connection.execute(statement, values)
        except DBAPIError as error:
            attempt.rollback()
            return error.orig
    return None
