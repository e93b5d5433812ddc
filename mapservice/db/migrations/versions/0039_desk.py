"""Messages to those who belong to a group, complaints about them; consent to a list of presence."""

from mapservice.db.migrate import run_sql

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    run_sql("migrations/0039_desk.sql")
