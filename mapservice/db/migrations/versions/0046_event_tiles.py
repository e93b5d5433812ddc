"""Indexes that hold what tiles of events and of groups show, and what takes place near and when."""

from mapservice.db.migrate import run_sql

revision = "0046"
down_revision = "0042"


def upgrade() -> None:
    run_sql("migrations/0046_event_tiles.sql")
