"""When organisers were told of a request to come."""

from mapservice.db.migrate import run_sql

revision = "0052"
down_revision = "0051"


def upgrade() -> None:
    run_sql("migrations/0052_requests_told.sql")
