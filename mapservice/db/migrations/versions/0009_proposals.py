"""What people do with initiatives: revisions, supports, reports, decisions."""

from mapservice.db.migrate import run_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_sql("proposals.sql")
