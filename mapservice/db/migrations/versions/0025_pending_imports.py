"""What an import leaves pending waits for moderators."""

from mapservice.db.migrate import run_sql

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    run_sql("pending_imports.sql")
