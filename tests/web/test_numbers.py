"""Numbers of pages: as Babel writes them, whichever way is quicker."""

from contextvars import copy_context

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from mapservice.i18n import LANGUAGE, number


def rounded(value: float) -> float:
    return round(value, 2) + 0.0  # nobody says that nothing is less than nothing


def written(value: float, language: str) -> str:
    LANGUAGE.set(language)
    return number(value)


@pytest.mark.parametrize("language", ["fr", "en"])
@given(value=st.integers(-(10**12), 10**12) | st.floats(-1e6, 1e6).map(rounded))
def test_as_the_language_writes_it(language: str, value: float) -> None:
    found = copy_context().run(written, value, language)
    assert found == format_decimal(value, locale=language)
