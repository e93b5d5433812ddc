"""What a group's form understands, and what a filter of groups says."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapservice.errors import InvalidInput
from mapservice.groups.filters import GroupCursor, GroupFilters, parse
from mapservice.groups.model import (
    GroupOpenness,
    GroupState,
    OrganisationMistake,
    passes_luhn,
    read_organisation,
)
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.model import Theme
from mapservice.territories.coordinates import LonLat
from mapservice.territories.model import Level, TerritoryRef


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        ("W751234567", "W751234567"),
        ("w751 234 567", "W751234567"),
        ("W2A1001234", "W2A1001234"),  # Corsica
        ("W9R1001234", "W9R1001234"),  # La Réunion
        ("552 100 554", "552100554"),  # that of Peugeot
        ("732.829.320", "732829320"),
        ("552\u00a0100\u202f554", "552100554"),
    ],
)
def test_an_organisation_has_an_rna_number_or_a_siren(typed: str, kept: str) -> None:
    assert read_organisation(typed) == kept


@pytest.mark.parametrize(
    ("typed", "mistake"),
    [
        ("552100555", OrganisationMistake.CHECK_DIGIT),
        ("552100545", OrganisationMistake.CHECK_DIGIT),  # two digits changed places
        ("000000000", OrganisationMistake.FORM),
        ("W75123456", OrganisationMistake.FORM),
        ("W7512345678", OrganisationMistake.FORM),
        ("55210055400013", OrganisationMistake.FORM),  # a SIRET
        ("٥٥٢١٠٠٥٥٤", OrganisationMistake.FORM),
        ("Les Amis", OrganisationMistake.FORM),
    ],
)
def test_what_is_none_is_refused(typed: str, mistake: OrganisationMistake) -> None:
    assert read_organisation(typed) is mistake


@given(st.integers(1, 99_999_999), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(number: int, place: int, more: int) -> None:
    first = f"{number:08d}"
    digits = next(f"{first}{last}" for last in range(10) if passes_luhn(f"{first}{last}"))
    wrong = (int(digits[place]) + more) % 10
    assert not passes_luhn(f"{digits[:place]}{wrong}{digits[place + 1 :]}")


@given(
    st.builds(
        GroupFilters,
        about=st.builds(
            InitiativeFilters,
            q=st.sampled_from(("", "vélo")),
            theme=st.sampled_from(((), (Theme.HABITAT,), (Theme.MOBILITE, Theme.CULTURE))),
            territory=st.sampled_from(((), (TerritoryRef(Level.REGION, "53"),))),
        ),
        state=st.sampled_from(
            ((), (GroupState.DORMANT,), (GroupState.ACTIVE, GroupState.ARCHIVED))
        ),
        openness=st.sampled_from(((), (GroupOpenness.OPEN,))),
    )
)
def test_a_filter_is_read_back_as_it_was_written(filters: GroupFilters) -> None:
    assert parse(filters.to_pairs())[0] == filters


def test_near_is_read_as_that_of_initiatives() -> None:
    filters, _paging = parse([("near", "-1.68,48.11"), ("radius", "5000")])
    assert (filters.about.near, filters.about.radius) == (LonLat(-1.68, 48.11), 5000)
    assert filters.to_pairs() == [("near", "-1.68,48.11"), ("radius", "5000")]


@pytest.mark.parametrize(
    ("pair", "field"),
    [
        (("sort", "members"), "sort"),
        (("state", "asleep"), "state"),
        (("openness", "closed"), "openness"),
        (("radius", "10"), "radius"),
        (("cursor", "x"), "cursor"),
        (("when", "today"), "when"),
    ],
)
def test_what_is_unknown_is_refused_by_its_name(pair: tuple[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parse([pair])
    assert error.value.field == field


def test_a_cursor_is_read_back() -> None:
    from datetime import UTC, datetime

    cursor = GroupCursor(datetime(2026, 11, 30, 12, 0, 1, 5, UTC), UUID(int=7))
    assert GroupCursor.decode(cursor.encode()) == cursor
