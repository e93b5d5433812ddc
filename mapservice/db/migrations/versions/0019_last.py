"""The last month of each territory, kept beside its sums."""

from mapservice.db.migrate import run_sql

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    run_sql("last.sql")
