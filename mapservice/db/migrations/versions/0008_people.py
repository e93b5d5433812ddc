"""People, their sessions and tokens, and the mail that leaves."""

from mapservice.db.migrate import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_sql("people.sql")
