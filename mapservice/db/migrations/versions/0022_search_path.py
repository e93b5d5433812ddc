"""Functions that work under any search_path, so that a dump can be restored."""

from mapservice.db.migrate import run_sql

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    run_sql("search_path.sql")
