"""What was taken from public view, for those who harvest."""

from mapservice.db.migrate import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql("removals.sql")
