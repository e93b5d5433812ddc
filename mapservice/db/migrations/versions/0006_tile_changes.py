"""Which tiles a write changes, told to those who keep tiles; the grid as an order of pages."""

from mapservice.db.migrate import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql("tile_changes.sql")
