"""That the rule of a series has changed, and when last, for calendars."""

from mapservice.db.migrate import run_sql

revision = "0051"
down_revision = "0050"


def upgrade() -> None:
    run_sql("migrations/0051_retimed_series.sql")
