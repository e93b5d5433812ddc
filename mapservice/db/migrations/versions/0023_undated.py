"""A date that nobody told is unknown."""

from mapservice.db.migrate import run_sql

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    run_sql("undated.sql")
