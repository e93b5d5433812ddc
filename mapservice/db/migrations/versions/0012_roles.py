"""Roles: who may moderate and coordinate where, and who granted it."""

from mapservice.db.migrate import run_sql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_sql("roles.sql")
