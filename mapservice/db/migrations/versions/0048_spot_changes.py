"""What tells whether far tiles of events and groups are still those that were read."""

from mapservice.db.migrate import run_sql

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    run_sql("migrations/0048_spot_changes.sql")
