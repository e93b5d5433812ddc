"""Groups, who belongs to them, what belongs to them; cases and decisions about them."""

from mapservice.db.migrate import run_sql

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    run_sql("migrations/0036_groups.sql")
