"""PostgreSQL's COPY as streams of bytes, with memory that does not grow with the result."""

from collections.abc import Iterator
from typing import Any

from psycopg import Connection as Driver
from sqlalchemy import Connection

BLOCK_BYTES = 64 * 1024


def copy_rows(connection: Connection, statement: str, values: dict[str, Any]) -> Iterator[bytes]:
    """What `COPY (…) TO STDOUT` sends, joined to blocks that end at the end of a row."""
    block: list[bytes] = []
    size = 0
    for row in _rows(connection, statement, values):
        block.append(row)
        size += len(row)
        if size >= BLOCK_BYTES:
            yield b"".join(block)
            block, size = [], 0
    if block:
        yield b"".join(block)


def feature_collection(rows: Iterator[bytes]) -> Iterator[bytes]:
    """Wraps a COPY of one GeoJSON feature a row into one FeatureCollection.

    COPY's text format doubles backslashes; JSON text holds no other character that it escapes.
    """
    yield b'{"type":"FeatureCollection","features":['
    separator = b""
    for block in rows:
        lines = block.replace(b"\\\\", b"\\").rstrip(b"\n").replace(b"\n", b",\n")
        yield separator + lines
        separator = b",\n"
    yield b"]}"


def _rows(connection: Connection, statement: str, values: dict[str, Any]) -> Iterator[bytes]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, Driver), "the engine is made on psycopg"
    with driver.cursor() as cursor, cursor.copy(statement.encode(), values) as copy:
        for row in copy:
            yield bytes(row)
