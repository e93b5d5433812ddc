"""Text search in French, whatever is common or rare: words without accents, stems, orders."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine

from mapservice.initiatives import queries
from mapservice.initiatives.filters import InitiativeFilters, ListingCursor, ListingSort
from mapservice.initiatives.queries import SEARCH_PROBE
from mapservice.territories.coordinates import LonLat
from mapservice.territories.model import Level, TerritoryRef
from tests.web.population import Made, fill

COMMON = 200
RARE = 7


@pytest.fixture(scope="module")
def texts(shared_engine: Engine) -> Iterator[Connection]:
    """More than a probe reads; the rare word is in the oldest and least supported ones."""
    day = "2026-01-15T12:00:00+00:00"
    old = "2020-01-15T12:00:00+00:00"
    rennes = Made(
        created_at=day, supporters=5, precision="point", commune="35238", lon=-1.68, lat=48.11
    )
    made = [
        replace(rennes, id=str(uuid4()), title=f"Atelier {n}") for n in range(SEARCH_PROBE + COMMON)
    ]
    made += [
        Made(title=f"Mobilités à vélo {n}", created_at=old, commune="35051") for n in range(RARE)
    ]
    fill(shared_engine, made)
    with shared_engine.connect() as connection:
        yield connection


@pytest.mark.parametrize("q", ["mobilite velo", "MOBILITÉS vélos", '"mobilités à vélo"'])
@pytest.mark.parametrize("sort", [ListingSort.RECENT, ListingSort.SUPPORTED])
def test_rare_words_are_found_behind_many_others(
    texts: Connection, q: str, sort: ListingSort
) -> None:
    page = queries.find_page(texts, InitiativeFilters(q=q, sort=sort), 20)
    assert len(page.items) == RARE
    assert page.next is None
    assert {one.title.rsplit(" ", 1)[0] for one in page.items} == {"Mobilités à vélo"}


@pytest.mark.parametrize("q", ["ateliers", "velo", "atelier or velo", "rien de tel"])
@pytest.mark.parametrize("sort", list(ListingSort))
@pytest.mark.parametrize("radius", [20_000.0, 100_000.0])
def test_pages_hold_each_match_once_in_order(
    texts: Connection, q: str, sort: ListingSort, radius: float
) -> None:
    near = LonLat(-1.70, 48.12) if sort is ListingSort.NEAR else None
    filters = InitiativeFilters(q=q, sort=sort, near=near, radius=radius if near else None)
    found: list[str] = []
    cursor: ListingCursor | None = None
    while True:
        page = queries.find_page(texts, filters, 700, cursor)
        found += [str(one.id) for one in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert len(found) == len(set(found)) == queries.count(texts, filters)
    assert len(found) == {"ateliers": SEARCH_PROBE + COMMON, "velo": RARE}.get(q, len(found))


def test_words_and_places_narrow_together(texts: Connection) -> None:
    def matches(code: str) -> int:
        place = (TerritoryRef(Level.COMMUNE, code),)
        return len(queries.find_page(texts, InitiativeFilters(q="vélo", territory=place), 20).items)

    assert matches("35051") == RARE
    assert matches("35238") == 0
