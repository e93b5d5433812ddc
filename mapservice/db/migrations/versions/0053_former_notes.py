"""What organisers had said of a date before it was called off."""

from mapservice.db.migrate import run_sql

revision = "0053"
down_revision = "0052"


def upgrade() -> None:
    run_sql("migrations/0053_former_notes.sql")
