"""Communes as pixels, drawn at each load of territories."""

from mapservice.db.migrate import run_sql

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    run_sql("mosaic.sql")
