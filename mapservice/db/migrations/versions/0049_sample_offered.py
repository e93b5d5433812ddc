"""That the made-up sample was offered: it comes to a new service once."""

from mapservice.db.migrate import run_sql

revision = "0049"
down_revision = "0048"


def upgrade() -> None:
    run_sql("migrations/0049_sample_offered.sql")
