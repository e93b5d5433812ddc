"""Numbers of pages: as Babel writes them, whichever way is quicker."""

import pytest
from babel.numbers import format_decimal
from flask import Flask
from flask_babel import force_locale
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapservice.i18n import number


def rounded(value: float) -> float:
    return round(value, 2) + 0.0  # nobody says that nothing is less than nothing


@pytest.mark.parametrize("language", ["fr", "en"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.integers(-(10**12), 10**12) | st.floats(-1e6, 1e6).map(rounded))
def test_as_the_language_writes_it(app: Flask, language: str, value: float) -> None:
    with app.test_request_context(), force_locale(language):
        assert number(value) == format_decimal(value, locale=language)
