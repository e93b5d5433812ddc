"""Columns kept beside the fields of an initiative can be looked for."""

from mapservice.db.migrate import run_sql

revision = "0042"
down_revision = "0040"


def upgrade() -> None:
    run_sql("migrations/0042_attribute_filters.sql")
