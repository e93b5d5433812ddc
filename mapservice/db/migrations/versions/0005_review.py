"""What a person decided about a place."""

from mapservice.db.migrate import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql("review.sql")
