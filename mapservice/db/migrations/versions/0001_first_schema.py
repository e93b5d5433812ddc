"""Territories, initiatives, their match records, and the rollups."""

from mapservice.db.migrate import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql("schema.sql", "rollups.sql")
