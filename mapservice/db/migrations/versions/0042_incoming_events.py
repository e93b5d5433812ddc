"""Events that come in from calendars elsewhere: their key there, and what undoes a run."""

from mapservice.db.migrate import run_sql

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    run_sql("migrations/0042_incoming_events.sql")
