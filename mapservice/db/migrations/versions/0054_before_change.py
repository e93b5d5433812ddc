"""What stood before a change of what is public, for the moderators who look at it."""

from mapservice.db.migrate import run_sql

revision = "0054"
down_revision = "0053"


def upgrade() -> None:
    run_sql("migrations/0054_before_change.sql")
