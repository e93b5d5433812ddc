"""Reports of territories."""

from mapservice.db.migrate import run_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_sql("report_files.sql")
