"""What people follow."""

from mapservice.db.migrate import run_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_sql("following.sql")
