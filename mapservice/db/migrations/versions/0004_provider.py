"""What an outside address API answered, and the credit for its points."""

from mapservice.db.migrate import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql("provider.sql")
