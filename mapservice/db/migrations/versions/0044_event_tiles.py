"""Indexes that hold what tiles of events and of groups show, and what takes place near and when."""

from mapservice.db.migrate import run_sql

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    run_sql("migrations/0044_event_tiles.sql")
