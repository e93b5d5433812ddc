"""Imports: attributes and shapes of initiatives, sources, runs and what each changed, uploads."""

from mapservice.db.migrate import run_sql

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    run_sql("migrations/0032_imports.sql")
