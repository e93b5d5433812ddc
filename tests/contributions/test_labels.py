"""Every value of a vocabulary has its label, keyed by the value itself."""

from collections.abc import Callable, Iterable
from dataclasses import fields

import pytest
from flask import Flask

from mapservice import i18n
from mapservice.accounts.api_keys.model import ApiKeyScope
from mapservice.contributions.proposals.model import ProposalContent
from mapservice.contributions.supports.model import ReportReason
from mapservice.initiatives.model import Scale, Status, Theme


@pytest.mark.parametrize(
    ("label", "values"),
    [
        (i18n.theme_label, Theme),
        (i18n.status_label, Status),
        (i18n.reason_words, ReportReason),
        (i18n.scale_label, Scale),
        (i18n.api_scope_label, ApiKeyScope),
        (i18n.proposal_field_label, [one.name for one in fields(ProposalContent)]),
    ],
)
def test_each_value_has_a_label_of_its_own(
    app: Flask, label: Callable[[str], str], values: Iterable[str]
) -> None:
    with app.test_request_context():
        found = [label(str(value)) for value in values]
    assert all(found)
    assert len(set(found)) == len(found)
