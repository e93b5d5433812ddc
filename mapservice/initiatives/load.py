"""Made-up initiatives for trials and benchmarks, and the sample that a new service shows."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from psycopg import Connection as Driver
from sqlalchemy import Connection, Engine, text

from mapservice.activity.service import compact
from mapservice.errors import Unavailable
from mapservice.initiatives.generate import CommuneWeight, GeneratedInitiative, generate
from mapservice.initiatives.queries import SAMPLE_PLATFORM
from mapservice.settings import asset_folder

GENERATED_PLATFORM = "generated"
BATCH_ROWS = 20_000
SAMPLE_FILE = Path("sample", "initiatives.csv")
SAMPLE_LICENCE = "CC0-1.0"


def sample_path() -> Path:
    return asset_folder("geodata") / SAMPLE_FILE


def has_initiatives(connection: Connection) -> bool:
    return bool(connection.execute(text("SELECT EXISTS (SELECT FROM initiative)")).scalar_one())


def count_initiatives(connection: Connection) -> int:
    """Of any status."""
    return int(connection.execute(text("SELECT count(*) FROM initiative")).scalar_one())


def generate_initiatives(
    engine: Engine, count: int, seed: int, advance: Callable[[int], None]
) -> None:
    """Writes `count` made-up initiatives, the same ones for the same seed and territories."""
    with engine.connect() as connection:
        communes = _weights(connection)
    if not communes:
        raise Unavailable("No territories are loaded yet: run `mapservice territories load`.")
    rows = generate(count, seed, communes)
    while batch := list(islice(rows, BATCH_ROWS)):
        with engine.begin() as connection:
            _copy(connection, batch)
        compact(engine)
        advance(len(batch))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("initiative", "rollup", "rollup_series", "rollup_cell", "rollup_delta"):
            connection.execute(text(f"VACUUM ANALYZE {table}"))


def _weights(connection: Connection) -> Sequence[CommuneWeight]:
    """Label points with the distance to the border, in a stable order."""
    rows = connection.execute(
        text(
            """
            SELECT code, coalesce(population, 0), ST_X(point), ST_Y(point),
                   ST_Distance(point::geography, ST_Boundary(outline)::geography)
              FROM territory WHERE level = 'commune' ORDER BY code"""
        )
    )
    return [CommuneWeight(*row) for row in rows]


def _copy(connection: Connection, batch: Sequence[GeneratedInitiative]) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, Driver), "the engine is made on psycopg"
    with (
        driver.cursor() as cursor,
        cursor.copy(
            "COPY initiative (title, summary, description, theme, scale, status, created_at,"
            " updated_at, source_supporters, source_platform, precision, commune, point) FROM STDIN"
        ) as copy,
    ):
        for values in _rows(batch):
            copy.write_row(values)


def _rows(batch: Sequence[GeneratedInitiative]) -> Iterator[tuple[object, ...]]:
    for one in batch:
        pin = one.lon is not None
        yield (
            one.title,
            one.summary,
            one.description,
            str(one.theme),
            str(one.scale),
            str(one.status),
            one.created_at,
            one.created_at,
            one.source_supporters,
            GENERATED_PLATFORM,
            "point" if pin else "commune",
            one.commune,
            f"SRID=4326;POINT({one.lon} {one.lat})" if pin else None,
        )


def sample_options() -> tuple[str, str]:
    """Platform and licence under which the sample is imported."""
    return SAMPLE_PLATFORM, SAMPLE_LICENCE
