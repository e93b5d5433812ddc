"""The sample that greets a newcomer, and the load that stands in for a million people."""

import csv
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import islice
from math import cos, hypot, radians
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapservice.errors import InvalidInput
from mapservice.imports.fixtures.generate import CommuneWeight, GeneratedInitiative, generate
from mapservice.initiatives.model import PUBLIC, Scale, Status, Theme

SAMPLE = Path(__file__).parents[2] / "geodata" / "sample"

# INSEE: départements of each région, COG 2026.
DEPARTEMENTS = {
    "01": "971",
    "02": "972",
    "03": "973",
    "04": "974",
    "06": "976",
    "11": "75 77 78 91 92 93 94 95",
    "24": "18 28 36 37 41 45",
    "27": "21 25 39 58 70 71 89 90",
    "28": "14 27 50 61 76",
    "32": "02 59 60 62 80",
    "44": "08 10 51 52 54 55 57 67 68 88",
    "52": "44 49 53 72 85",
    "53": "22 29 35 56",
    "75": "16 17 19 23 24 33 40 47 64 79 86 87",
    "76": "09 11 12 30 31 32 34 46 48 65 66 81 82",
    "84": "01 03 07 15 26 38 42 43 63 69 73 74",
    "93": "04 05 06 13 83 84",
    "94": "2A 2B",
}
REGION_OF = {dep: region for region, deps in DEPARTEMENTS.items() for dep in deps.split()}


def read(name: str) -> list[dict[str, str]]:
    with (SAMPLE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def sample() -> list[dict[str, str]]:
    return read("initiatives.csv")


@pytest.fixture(scope="module")
def expected() -> dict[str, str]:
    return {row["id"]: row["expected_insee"] for row in read("expected.csv")}


def blocks(row: dict[str, str]) -> list[str]:
    return row["description"].split("\n\n")


def test_the_sample_has_its_columns_and_about_300_rows(sample: list[dict[str, str]]) -> None:
    assert ",".join(sample[0]) == (
        "id,title,summary,description,theme,scale,status,place,lat,lon,created_at,updated_at"
    )
    assert 295 <= len(sample) <= 325
    assert [row["id"] for row in sample] == [f"sample-{n:03d}" for n in range(1, len(sample) + 1)]


def test_the_readme_tells_the_count(sample: list[dict[str, str]]) -> None:
    assert f"\n{len(sample)} made-up local initiatives" in (SAMPLE / "README.md").read_text("utf-8")


def test_every_theme_scale_and_public_status_is_there(sample: list[dict[str, str]]) -> None:
    themes = Counter(row["theme"] for row in sample)
    assert set(themes) == set(Theme)
    assert min(themes.values()) >= 15
    scales = Counter(row["scale"] for row in sample)
    assert set(scales) == set(Scale)
    assert scales["commune"] > len(sample) * 0.75
    assert 3 <= scales["national"] <= 4
    statuses = Counter(row["status"] for row in sample)
    assert set(statuses) == set(PUBLIC)
    assert statuses["published"] > statuses["done"] > statuses["archived"] >= 5


def test_every_region_has_at_least_six(expected: dict[str, str]) -> None:
    codes = [code for code in expected.values() if code]
    regions = Counter(REGION_OF[code[:3] if code.startswith("97") else code[:2]] for code in codes)
    assert set(regions) == set(DEPARTEMENTS)
    assert min(regions.values()) >= 6
    assert regions["11"] == max(regions.values())


@pytest.mark.parametrize("column", ["title", "summary", "description"])
def test_no_text_is_used_twice(sample: list[dict[str, str]], column: str) -> None:
    texts = Counter(row[column].casefold() for row in sample)
    assert [text for text, times in texts.items() if times > 1] == []


def test_no_paragraph_is_boilerplate(sample: list[dict[str, str]]) -> None:
    long_blocks = Counter(block for row in sample for block in blocks(row) if len(block) > 40)
    assert [block for block, times in long_blocks.items() if times > 1] == []


def test_texts_have_the_lengths_that_pages_expect(sample: list[dict[str, str]]) -> None:
    for row in sample:
        assert 5 <= len(row["title"]) <= 80, row["id"]
        assert 40 <= len(row["summary"]) <= 200, row["id"]
        assert row["summary"].endswith("."), row["id"]
        assert 2 <= len(blocks(row)) <= 5, row["id"]
        assert row["description"] == row["description"].strip(), row["id"]


def test_texts_use_french_typography(sample: list[dict[str, str]]) -> None:
    """Curly apostrophes, and no break before a double punctuation mark."""
    for row in sample:
        text = row["title"] + row["summary"] + row["description"]
        assert "'" not in text, row["id"]
        assert not re.search(r"[ \w][;!?»]", text), row["id"]


def test_dates_are_in_order_and_the_curve_rises(sample: list[dict[str, str]]) -> None:
    created = [date.fromisoformat(row["created_at"]) for row in sample]
    updated = [date.fromisoformat(row["updated_at"]) for row in sample]
    assert min(created) >= date(2024, 1, 1)
    assert max(updated) <= date(2026, 11, 30)
    assert all(first <= last for first, last in zip(created, updated, strict=True))
    years = Counter(day.year for day in created)
    assert years[2024] < years[2025] < years[2026]
    assert len({(day.year, day.month) for day in created}) == 35


def test_a_quarter_of_the_rows_have_a_point_and_every_row_has_a_place(
    sample: list[dict[str, str]],
) -> None:
    points = [row for row in sample if row["lat"]]
    assert 0.2 <= len(points) / len(sample) <= 0.3
    assert all(bool(row["lat"]) == bool(row["lon"]) for row in sample)
    assert all(row["place"] or row["lat"] for row in sample)
    assert all(-22 < float(row["lat"]) < 51.2 for row in points)
    assert all(-62 < float(row["lon"]) < 56 for row in points)


def test_a_point_always_comes_with_one_expected_commune(
    sample: list[dict[str, str]], expected: dict[str, str]
) -> None:
    assert list(expected) == [row["id"] for row in sample]
    assert all(expected[row["id"]] for row in sample if row["lat"])
    assert all(re.fullmatch(r"(\d{2}|2A|2B)\d{3}|", code) for code in expected.values())


@pytest.mark.parametrize(
    ("place", "insee"),
    [
        ("Sainte-Florence (85)", "85212"),
        ("L'Oie", "85165"),
        ("Pierrefitte sur Seine", "93066"),
        ("SAINT DENIS (93)", "93066"),
        ("Lyon 7e", "69123"),
        ("Marseille 13006", "13055"),
        ("12 rue de la Mairie 56190 Muzillac", "56143"),
        ("Fort-de-France 97200", "97209"),
        ("Octeville, Cherbourg en Cotentin", "50129"),
        ("dans toute la Bretagne", ""),
        ("Saint-Denis", ""),
        ("Sainte-Marie", ""),
        ("Beaulieu", ""),
    ],
)
def test_places_as_people_type_them(
    sample: list[dict[str, str]], expected: dict[str, str], place: str, insee: str
) -> None:
    assert [expected[row["id"]] for row in sample if row["place"] == place] == [insee]


RENNES = CommuneWeight("35238", 230_000, -1.6794, 48.1147, 4_000.0)
MUZILLAC = CommuneWeight("56143", 5_000, -2.4797, 47.5544, 2_500.0)
# One of the villages destroyed in 1916: a commune where nobody lives.
BEZONVAUX = CommuneWeight("55050", 0, 5.4667, 49.2333, 1_000.0)
SAINT_JOSEPH = CommuneWeight("97412", 38_000, 55.6192, -21.3786, 3_000.0)
COMMUNES = (BEZONVAUX, RENNES, MUZILLAC, SAINT_JOSEPH)


@pytest.fixture(scope="module")
def load() -> list[GeneratedInitiative]:
    return list(generate(20_000, 7, COMMUNES))


def test_the_same_seed_gives_the_same_rows() -> None:
    assert list(generate(200, 1, COMMUNES)) == list(generate(200, 1, COMMUNES))
    assert list(generate(200, 1, COMMUNES)) != list(generate(200, 2, COMMUNES))


@given(st.integers(0, 60), st.integers(0, 60), st.integers())
def test_a_short_run_is_a_prefix_of_a_long_one(short: int, more: int, seed: int) -> None:
    long_run = generate(short + more, seed, COMMUNES)
    assert list(generate(short, seed, COMMUNES)) == list(islice(long_run, short))


def test_communes_are_drawn_by_population(load: list[GeneratedInitiative]) -> None:
    drawn = Counter(row.commune for row in load)
    assert drawn["55050"] == 0
    assert drawn["35238"] / len(load) == pytest.approx(230 / 273, abs=0.02)
    assert drawn["56143"] / len(load) == pytest.approx(5 / 273, abs=0.01)


def test_statuses_and_points_keep_their_shares(load: list[GeneratedInitiative]) -> None:
    statuses = Counter(row.status for row in load)
    assert statuses[Status.PUBLISHED] / len(load) == pytest.approx(0.80, abs=0.02)
    assert statuses[Status.DONE] / len(load) == pytest.approx(0.12, abs=0.02)
    assert statuses[Status.ARCHIVED] / len(load) == pytest.approx(0.05, abs=0.01)
    assert statuses[Status.PENDING] / len(load) == pytest.approx(0.03, abs=0.01)
    assert sum(row.lon is not None for row in load) / len(load) == pytest.approx(0.6, abs=0.02)


def test_every_theme_and_scale_is_generated(load: list[GeneratedInitiative]) -> None:
    assert {row.theme for row in load} == set(Theme)
    assert {row.scale for row in load} == set(Scale)


def test_points_stay_in_the_circle_of_their_commune(load: list[GeneratedInitiative]) -> None:
    centres = {commune.code: commune for commune in COMMUNES}
    for row in load:
        if row.lon is None or row.lat is None:
            assert row.lon is row.lat
            continue
        centre = centres[row.commune]
        east = (row.lon - centre.lon) * cos(radians(centre.lat)) * 111_320
        assert hypot(east, (row.lat - centre.lat) * 111_320) <= centre.radius + 0.2


def test_three_years_with_quiet_augusts(load: list[GeneratedInitiative]) -> None:
    moments = [row.created_at for row in load]
    assert min(moments) >= datetime(2023, 11, 1, tzinfo=UTC)
    assert max(moments) < datetime(2026, 11, 1, tzinfo=UTC)
    months = Counter(moment.month for moment in moments)
    assert months[8] * 2 < months[9]
    assert months[8] == min(months.values())


def test_supporters_have_a_long_tail(load: list[GeneratedInitiative]) -> None:
    supporters = [row.source_supporters for row in load]
    assert median(supporters) <= 1
    assert max(supporters) > 500
    assert all(row.source_supporters == 0 for row in load if row.status is Status.PENDING)


def test_generated_texts_are_varied_and_fit_their_fields(load: list[GeneratedInitiative]) -> None:
    assert len({row.title for row in load}) > 8_000
    assert len({row.description for row in load}) > 2_000
    assert max(len(row.title) for row in load) <= 80
    assert max(len(row.summary) for row in load) <= 200
    assert all(len(row.description.split("\n\n")) in (2, 3, 4) for row in load)


def test_nobody_to_spread_over_is_an_error_at_once() -> None:
    with pytest.raises(InvalidInput, match="communes"):
        generate(1, 1, ())
    with pytest.raises(InvalidInput, match="communes"):
        generate(1, 1, (replace(RENNES, population=0),))
    with pytest.raises(InvalidInput, match="count"):
        generate(-1, 1, COMMUNES)
