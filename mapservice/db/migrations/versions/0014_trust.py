"""Bursts of supports that are held back until somebody has looked."""

from mapservice.db.migrate import run_sql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run_sql("trust.sql")
