"""Right answers and honest statuses on the trial cases, with all communes and former ones."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from mapservice.geocoding.matching.engine import Geocoder
from mapservice.geocoding.model import GeocodeMatch, GeocodeQuery, MatchStatus

pytestmark = pytest.mark.long

Case = tuple[dict[str, str], GeocodeMatch]


@pytest.fixture(scope="module")
def answered(france: Geocoder, trial_data: Path) -> list[Case]:
    with (trial_data / "geocoding" / "cases.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return list(zip(rows, france.bulk(GeocodeQuery(row["query"]) for row in rows), strict=True))


def _is_right(case: Case) -> bool:
    row, match = case
    return match.commune in row["expected_insee"].split("|")


def _share(cases: list[Case]) -> float:
    return sum(map(_is_right, cases)) / len(cases)


@pytest.mark.parametrize(
    ("source", "floor"),
    [
        ("homonyms", 1.0),
        ("former_communes", 0.998),
        ("france_services", 0.997),
        ("conseillers_numeriques", 0.997),
        ("geocoder-tester", 0.988),
        ("mednum-cli", 14 / 15),
    ],
)
def test_first_answers_are_right(answered: list[Case], source: str, floor: float) -> None:
    assert _share([case for case in answered if case[0]["source"] == source]) >= floor


def test_first_answers_are_right_overall(answered: list[Case]) -> None:
    assert _share(answered) >= 0.99


@pytest.mark.parametrize(("status", "floor"), [("certain", 0.997), ("likely", 0.95)])
def test_a_status_keeps_its_promise(answered: list[Case], status: str, floor: float) -> None:
    given = [c for c in answered if c[1].status == status and c[0]["source"] != "mednum"]
    assert _share(given) >= floor


def test_most_cases_that_name_one_commune_are_certain(answered: list[Case]) -> None:
    one = [c for c in answered if "|" not in c[0]["expected_insee"] and c[0]["source"] != "mednum"]
    statuses = Counter(match.status for _, match in one)
    assert statuses[MatchStatus.CERTAIN] >= 0.85 * len(one)


def test_no_bare_homonym_is_certain(france: Geocoder) -> None:
    communes = [place for place in france.gazetteer.places if place.kind == "commune"]
    bearers = Counter(place.name for place in communes)
    shared = [name for name, count in bearers.items() if count > 1]
    certain = [
        m.query.text for m in france.bulk(map(GeocodeQuery, shared)) if m.status == "certain"
    ]
    assert certain == []
