"""Events: series, occurrences, registrations, calendars; cases and decisions about them."""

from mapservice.db.migrate import run_sql

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    run_sql("migrations/0033_events.sql")
