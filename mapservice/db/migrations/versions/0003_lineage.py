"""What happened to communes since 1943."""

from mapservice.db.migrate import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql("lineage.sql")
