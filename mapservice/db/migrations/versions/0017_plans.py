"""Indexes and constraints that plans and texts rely on."""

from mapservice.db.migrate import run_sql

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    run_sql("plans.sql")
