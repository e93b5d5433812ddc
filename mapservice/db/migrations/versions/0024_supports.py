"""Supports told by a source stand apart from confirmed ones; erased people's supports leave."""

from mapservice.db.migrate import run_sql

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    run_sql("supports.sql")
