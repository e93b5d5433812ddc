"""Keys for tools, digests for coordinators, reports each month."""

from mapservice.db.migrate import run_sql

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    run_sql("tools.sql")
