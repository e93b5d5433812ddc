"""When an offered seat was not taken in time, which is another thing than leaving."""

from mapservice.db.migrate import run_sql

revision = "0050"
down_revision = "0049"


def upgrade() -> None:
    run_sql("migrations/0050_lapsed_offers.sql")
