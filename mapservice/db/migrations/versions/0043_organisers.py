"""Messages to who registered, cancellations undone, calls for hands of groups and events."""

from mapservice.db.migrate import run_sql

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    run_sql("migrations/0043_organisers.sql")
