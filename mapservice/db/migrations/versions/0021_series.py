"""The months of each territory in one row."""

from mapservice.db.migrate import run_sql

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    run_sql("series.sql")
