"""Practical facts of initiatives, what they need, and who comes."""

from mapservice.db.migrate import run_sql

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    run_sql("migrations/0030_facts.sql")
