"""Labels of moderation, none missing; and labels in the language of their reader."""

from collections.abc import Callable
from enum import StrEnum

import pytest
from flask import Flask

from mapservice import i18n
from mapservice.audit.model import DecisionVerdict
from mapservice.i18n import translator
from mapservice.initiatives.model import Theme
from mapservice.moderation.model import CaseKind

ENGLISH = {"Accept-Language": "en"}


@pytest.mark.parametrize(
    ("label", "values"),
    [
        (i18n.case_kind_label, CaseKind),
        (i18n.verdict_label, DecisionVerdict),
    ],
)
def test_every_value_has_a_label_of_its_own(
    label: Callable[[str], str], values: type[StrEnum]
) -> None:
    assert len({label(value) for value in values}) == len(values)


def test_a_label_is_in_the_language_of_the_request(app: Flask) -> None:
    with app.test_request_context(headers=ENGLISH):
        app.preprocess_request()
        assert i18n.theme_label(Theme.HABITAT) == "Housing"
        assert i18n.verdict_label(DecisionVerdict.REJECT) == "rejected"
    with app.test_request_context(headers={"Accept-Language": "fr"}):
        app.preprocess_request()
        assert i18n.theme_label(Theme.HABITAT) == "Habitat"


def test_a_mail_written_outside_of_requests_names_its_language(app: Flask) -> None:
    assert i18n.theme_label(Theme.HABITAT) == "Habitat"
    assert i18n.theme_label(Theme.HABITAT, translator("en")) == "Housing"
    with app.test_request_context(headers=ENGLISH):
        app.preprocess_request()
        assert i18n.theme_label(Theme.HABITAT, translator("fr")) == "Habitat"
