"""Columns kept beside the fields of an initiative can be looked for."""

from mapservice.db.migrate import run_sql

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    run_sql("migrations/0041_attribute_filters.sql")
