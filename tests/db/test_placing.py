"""The trigger on `initiative`: parents and anchor follow from the finest territory named."""

from typing import Any

import pytest
from sqlalchemy import Connection, Row, text

from tests.db.conftest import insert

NIORT = ("79191", "200041317", "79", "75")
NIORT_POINT = "SRID=4326;POINT(-0.4604 46.3239)"


@pytest.mark.parametrize(
    ("place", "codes"),
    [
        ({"precision": "commune", "commune": "79191"}, NIORT),
        ({"precision": "point", "commune": "79191", "point": NIORT_POINT}, NIORT),
        ({"commune": "29083"}, ("29083", None, "29", "53")),  # Île-de-Sein is in no EPCI
        ({"commune": "97611"}, ("97611", "200060457", "976", "06")),  # Mamoudzou
        ({"precision": "epci", "epci": "200041317"}, (None, "200041317", "79", "75")),
        # Redon Agglomération lies in Bretagne and Pays de la Loire.
        ({"precision": "epci", "epci": "243500741"}, (None, "243500741", None, None)),
        ({"precision": "departement", "departement": "2A"}, (None, None, "2A", "94")),
        ({"precision": "region", "region": "53"}, (None, None, None, "53")),
        ({"precision": "national"}, (None, None, None, None)),
        ({"precision": "none"}, (None, None, None, None)),
    ],
)
def test_parents_follow_from_the_finest_territory(
    connection: Connection, place: dict[str, Any], codes: tuple[str | None, ...]
) -> None:
    assert _codes(insert(connection, **({"commune": None} | place))) == codes


def test_a_writer_cannot_contradict_the_parents(connection: Connection) -> None:
    row = insert(connection, commune="79191", epci="243500139", departement="35", region="53")
    assert _codes(row) == NIORT


def test_codes_finer_than_the_precision_are_dropped(connection: Connection) -> None:
    row = insert(connection, precision="region", region="75", departement="79", commune="79191")
    assert _codes(row) == (None, None, None, "75")


@pytest.mark.parametrize(
    ("level", "code"),
    [("commune", "79191"), ("epci", "200041317"), ("departement", "79"), ("region", "75")],
)
def test_the_anchor_is_the_label_point_of_the_finest_territory(
    connection: Connection, level: str, code: str
) -> None:
    row = insert(connection, **({"commune": None, "precision": level, level: code}))
    label = connection.execute(
        text("SELECT ST_AsText(point) FROM territory WHERE level = :level AND code = :code"),
        {"level": level, "code": code},
    ).scalar_one()
    assert _anchor(connection, row) == label
    assert row.point is None


def test_the_anchor_of_a_point_is_the_point(connection: Connection) -> None:
    row = insert(connection, precision="point", point=NIORT_POINT)
    assert _anchor(connection, row) == "POINT(-0.4604 46.3239)"


@pytest.mark.parametrize("precision", ["national", "none"])
def test_what_has_no_place_has_no_anchor(connection: Connection, precision: str) -> None:
    row = insert(connection, precision=precision, commune=None)
    assert (row.anchor, row.anchor_3857, row.cell) == (None, None, None)


def test_a_move_takes_parents_anchor_and_cell_along(connection: Connection) -> None:
    before = insert(connection, commune="79191")
    after = _update(connection, "commune = '35238'")  # Rennes
    assert _codes(after) == ("35238", "243500139", "35", "53")
    assert after.anchor != before.anchor
    assert after.cell != before.cell


def test_a_point_found_later_needs_both_columns(connection: Connection) -> None:
    insert(connection, commune="79191")
    after = _update(connection, f"precision = 'point', point = '{NIORT_POINT}'")
    assert _anchor(connection, after) == "POINT(-0.4604 46.3239)"
    assert _codes(after) == NIORT


def test_a_place_taken_back_leaves_nothing_behind(connection: Connection) -> None:
    insert(connection, precision="point", point=NIORT_POINT)
    after = _update(connection, "precision = 'none', point = NULL")
    assert _codes(after) == (None, None, None, None)
    assert (after.anchor, after.cell) == (None, None)


def test_other_edits_leave_the_place_alone(connection: Connection) -> None:
    before = insert(connection, precision="point", point=NIORT_POINT)
    after = _update(connection, "title = 'Un autre verger', supporters = 3")
    assert (after.anchor, after.cell, _codes(after)) == (before.anchor, before.cell, NIORT)


def test_the_map_position_is_the_anchor_in_web_mercator(connection: Connection) -> None:
    insert(connection, precision="point", point="SRID=4326;POINT(2.3608 48.9655)", commune="93066")
    x, y = connection.execute(
        text("SELECT ST_X(anchor_3857), ST_Y(anchor_3857) FROM initiative")
    ).one()
    assert (round(x), round(y)) == (262803, 6269009)


def _codes(row: Row[Any]) -> tuple[str | None, ...]:
    return row.commune, row.epci, row.departement, row.region


def _anchor(connection: Connection, row: Row[Any]) -> str:
    question = text("SELECT ST_AsText(anchor) FROM initiative WHERE id = :id")
    return str(connection.execute(question, {"id": row.id}).scalar_one())


def _update(connection: Connection, changes: str) -> Row[Any]:
    return connection.execute(text(f"UPDATE initiative SET {changes} RETURNING *")).one()
