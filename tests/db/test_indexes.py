"""Every filter of the grammar finds its rows through an index, as the planner sees it."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, Select, func, select, text

from mapservice.db.engine import compiled, fill
from mapservice.db.tables import initiative
from mapservice.imports.fixtures.service import generate_initiatives
from mapservice.initiatives import queries
from mapservice.initiatives.conditions import where
from mapservice.initiatives.filters import InitiativeFilters, ListingCursor, ListingSort, parse
from mapservice.initiatives.grid import CELL_ZOOM, Tile
from mapservice.rollups.territory_queries import EPCIS
from mapservice.territories import epci_parts
from tests.emptied import empty

# 20,000 rows spread by population; the fresh statistics are those that VACUUM ANALYZE leaves.
ROWS = 20_000
SOME_ID = "01970000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def crowded(shared_engine: Engine) -> Iterator[Connection]:
    empty(shared_engine, "initiative")
    generate_initiatives(shared_engine, ROWS, 7, lambda rows: None)
    with shared_engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE initiative SET title = 'Un phare à guano' WHERE id IN"
                " (SELECT id FROM initiative ORDER BY id LIMIT 5)"
            )
        )
        connection.execute(text("ANALYZE initiative"))
    with shared_engine.connect() as connection:
        yield connection
    empty(shared_engine, "initiative")


# What a page of a listing reads; every one of them stops early by its order or by its filter.
PAGES = [
    "",
    "theme=culture",
    "status=archived",
    "status=published",
    "territory=commune:79191",
    "territory=commune:79191,commune:35238",
    "territory=epci:200041317",
    "territory=departement:79",
    "territory=region:75",
    "territory=region:75&theme=culture",
    "bbox=-0.5,46.2,-0.4,46.4",
    "bbox=179,-22,-179,-20",
    "near=-0.46,46.32&radius=5000",
    "near=-0.46,46.32&radius=5000&sort=recent",
    "q=guano",
    "q=guano&theme=culture",
    "since=2100-01-01",
    "until=1990-01-01",
    "precision=commune",
    "sort=supported",
    "sort=supported&territory=departement:79",
]


@pytest.mark.parametrize("query", PAGES)
def test_a_page_reads_no_whole_table(crowded: Connection, query: str) -> None:
    filters, _ = _parsed(query)
    page = queries.listing(filters).where(*where(filters)).limit(21)
    assert "initiative" not in _scanned(crowded, page)


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("", "2024-06-01T00:00:00+00:00"),
        ("territory=region:53", "2024-06-01T00:00:00+00:00"),
        ("theme=habitat", "2024-06-01T00:00:00+00:00"),
        ("sort=supported", 3),
        ("near=-0.46,46.32&radius=5000", 800.0),
    ],
)
def test_a_later_page_reads_no_whole_table(
    crowded: Connection, query: str, value: float | str
) -> None:
    filters, sort = _parsed(query)
    after = queries.after(filters, ListingCursor(sort, value, SOME_ID))
    page = queries.listing(filters).where(*where(filters), *after).limit(21)
    assert "initiative" not in _scanned(crowded, page)


@pytest.mark.parametrize(
    "query",
    [
        "territory=commune:79191",
        "territory=epci:200041317",
        "territory=departement:79",
        "bbox=-0.5,46.2,-0.4,46.4",
        "near=-0.46,46.32&radius=5000",
        "q=guano",
        "since=2100-01-01",
    ],
)
def test_a_count_or_an_export_of_few_reads_no_whole_table(crowded: Connection, query: str) -> None:
    filters, _ = _parsed(query)
    whole = select(func.count()).select_from(initiative).where(*where(filters))
    assert "initiative" not in _scanned(crowded, whole)


def test_what_a_column_of_a_source_says_is_found_by_index(crowded: Connection) -> None:
    crowded.execute(
        text(
            "INSERT INTO initiative_detail (initiative, attributes)"
            " SELECT id, jsonb_build_object('Type de lieu', 'ferme ' || nth % 5000, 'Places', nth)"
            " FROM (SELECT id, row_number() OVER () AS nth FROM initiative) AS numbered"
        )
    )
    crowded.execute(text("ANALYZE initiative_detail"))
    for query in ("attr.Type de lieu=ferme 12", "attr.Places=12", "attr.Places=12&theme=culture"):
        filters, _ = _parsed(query)
        for found in (
            select(func.count()).select_from(initiative).where(*where(filters)),
            queries.listing(filters).where(*where(filters)).limit(21),
        ):
            assert not _scanned(crowded, found) & {"initiative", "initiative_detail"}
            assert "initiative_detail_attributes" in _indexes(crowded, found)
    crowded.rollback()


def test_a_near_tile_reads_the_range_of_its_cells(crowded: Connection) -> None:
    first, end = Tile(14, 8171, 5792).cells(CELL_ZOOM)  # Niort
    tile = select(initiative.c.id).where(
        *where(InitiativeFilters()), initiative.c.cell >= first, initiative.c.cell < end
    )
    assert _indexes(crowded, tile) == {"initiative_cell"}


def test_neighbours_of_an_initiative_come_by_distance_from_an_index(crowded: Connection) -> None:
    here = func.ST_SetSRID(func.ST_MakePoint(-51_000, 5_840_000), 3857)
    nearest = (
        select(initiative.c.id)
        .where(*where(InitiativeFilters()))
        .order_by(initiative.c.anchor_3857.op("<->")(here))
        .limit(4)
    )
    assert _indexes(crowded, nearest) == {"initiative_anchor"}


def test_the_former_self_of_an_imported_row_is_found_by_its_id(crowded: Connection) -> None:
    known = select(initiative.c.id).where(
        initiative.c.source_platform == "transiscope", initiative.c.source_id == "1"
    )
    assert _indexes(crowded, known) == {"initiative_source_platform_source_id_key"}


def test_one_initiative_is_found_by_its_id(crowded: Connection) -> None:
    one = select(initiative.c.title).where(initiative.c.id == UUID(SOME_ID))
    assert _indexes(crowded, one) == {"initiative_pkey"}


def _parsed(query: str) -> tuple[InitiativeFilters, ListingSort]:
    pairs = [part.split("=", 1) for part in query.split("&") if part]
    filters, _ = parse((name, value) for name, value in pairs)
    return filters, filters.sort


def _plan(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    """Every node of the plan."""
    statement, values = compiled(query)
    rows = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values)
    plan = rows.scalar_one()
    root = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return list(_nodes(root))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _scanned(connection: Connection, query: Select[Any]) -> set[str]:
    """The tables that the plan reads from end to end."""
    nodes = _plan(connection, query)
    return {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}


def _indexes(connection: Connection, query: Select[Any]) -> set[str]:
    nodes = _plan(connection, query)
    return {node["Index Name"] for node in nodes if "Index Name" in node}


def test_the_communes_of_an_epci_are_found_by_an_index(crowded: Connection) -> None:
    """Those of what straddles are added up: the page of a région read all 35,000 for that."""
    inside = "part.region = :within"
    statement = fill(EPCIS, {"places": epci_parts.places(inside), "inside": inside})
    asked = {"within": "53", "status": ["published", "done"]}
    plan = crowded.execute(text(f"EXPLAIN {statement}"), asked).scalars().all()
    assert any("territory_epci" in line for line in plan)
    assert not any("Seq Scan on territory" in line for line in plan)
