"""Indexes and columns that figures of coordination need."""

from mapservice.db.migrate import run_sql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    run_sql("figures.sql")
