"""PostgreSQL's COPY as streams of bytes, with memory that does not grow with the result."""

from collections.abc import Generator
from contextlib import closing
from typing import Any

from psycopg import Connection as Driver
from sqlalchemy import Connection

BLOCK_BYTES = 64 * 1024


# Closing one that is half read cancels its statement. Until then its connection is of no use:
# even giving it back would wait without end for rows that nobody reads.
Blocks = Generator[bytes, None, None]


def copy_rows(connection: Connection, statement: str, values: dict[str, Any]) -> Blocks:
    """What `COPY (…) TO STDOUT` sends, joined to blocks that end at the end of a row."""
    block: list[bytes] = []
    size = 0
    with closing(_rows(connection, statement, values)) as rows:
        for row in rows:
            block.append(row)
            size += len(row)
            if size >= BLOCK_BYTES:
                yield b"".join(block)
                block, size = [], 0
    if block:
        yield b"".join(block)


def feature_collection(rows: Blocks) -> Blocks:
    """Wraps a COPY of one GeoJSON feature a row into one FeatureCollection."""
    yield b'{"type":"FeatureCollection","features":['
    separator = b""
    with closing(rows):
        for block in rows:
            yield separator + _json(block).rstrip(b"\n").replace(b"\n", b",\n")
            separator = b",\n"
    yield b"]}"


def lines(rows: Blocks, start: bytes = b"") -> Blocks:
    """A COPY of one JSON text a row, each as a line that begins with `start`."""
    with closing(rows):
        for block in rows:
            texts = _json(block)
            yield start + texts.replace(b"\n", b"\n" + start, texts.count(b"\n") - 1)


def _json(block: bytes) -> bytes:
    """COPY's text format doubles backslashes; JSON text holds no other character it escapes."""
    return block.replace(b"\\\\", b"\\")


def _rows(connection: Connection, statement: str, values: dict[str, Any]) -> Blocks:
    driver = connection.connection.driver_connection
    assert isinstance(driver, Driver), "the engine is made on psycopg"
    with driver.cursor() as cursor, cursor.copy(statement.encode(), values) as copy:
        for row in copy:
            yield bytes(row)
