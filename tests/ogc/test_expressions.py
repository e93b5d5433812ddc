"""Reading CQL2 before it meets a database: what is refused, and at what cost."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapservice.errors import InvalidInput
from mapservice.ogc.expressions import FilterExpression, FilterLanguage
from mapservice.ogc.model import CRS84


def tree(text: str, language: FilterLanguage = FilterLanguage.TEXT) -> object:
    return FilterExpression.parse(text, language, CRS84).tree


def test_groups_bind_as_they_are_written() -> None:
    assert tree("(a=1 OR b=2) AND NOT (c='(')") == {
        "op": "and",
        "args": [
            {
                "op": "or",
                "args": [
                    {"op": "=", "args": [{"property": "a"}, 1.0]},
                    {"op": "=", "args": [{"property": "b"}, 2.0]},
                ],
            },
            {"op": "not", "args": [{"op": "=", "args": [{"property": "c"}, "("]}]},
        ],
    }


@pytest.mark.parametrize(
    "text",
    [
        "S_INTERSECTS(geometry, MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((2 2,3 2,3 3,2 2))))",
        "S_INTERSECTS(geometry, GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1)))",
        "CASEI(title) LIKE CASEI('é(%')",
        "a IN (1,2) AND (b IN ('x','y'))",
        "T_DURING(a, INTERVAL('2024-01-01',\"b\"))",
        "NOT (((a = 1) AND (b = 2)) OR (c BETWEEN (1) AND (2)))",
        "title = 'it''s (so)' AND (a = 1)",
    ],
)
def test_sound_texts_pass_the_check_of_groups(text: str) -> None:
    assert tree(text)


@pytest.mark.parametrize(
    "text",
    [
        "a IN (" * 40 + "a=" + ")" * 40,
        "POLYGON((" * 30 + "a" + "))" * 30,
        "(" * 1000,
        "(" * 30 + "a=" + ")" * 30,
        "NOT (" * 500,
        ")",
        "a)",
    ],
)
def test_texts_that_would_take_the_parser_for_ever_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="filter"):
        tree(text)


def test_what_is_nested_too_deeply_is_refused() -> None:
    assert tree("NOT (" * 20 + "a=1" + ")" * 20)
    with pytest.raises(InvalidInput, match="deep"):
        tree("NOT (" * 200 + "a=1" + ")" * 200)


def test_the_language_of_gdal_knows_ilike() -> None:
    expected = tree("CASEI(title) LIKE CASEI('a%') AND note = 'x ILIKE ''y'''")
    draft = "title ILIKE 'a%' AND note = 'x ILIKE ''y'''"
    assert tree(draft, FilterLanguage.DRAFT_TEXT) == expected
    with pytest.raises(InvalidInput):
        tree(draft)


@given(st.text(alphabet="()'\"ab=<>, ANDORNOT1.%\\POINT", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    for language in FilterLanguage:
        with contextlib.suppress(InvalidInput):
            assert FilterExpression.parse(text, language, CRS84).crs is CRS84
