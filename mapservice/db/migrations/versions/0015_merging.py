"""Duplicates that are one, appeals, and all that waits in one queue."""

from mapservice.db.migrate import run_sql

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    run_sql("merging.sql")
