"""Parts of EPCI that straddle, and of which year populations are."""

from mapservice.db.migrate import run_sql

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    run_sql("territory_parts.sql")
