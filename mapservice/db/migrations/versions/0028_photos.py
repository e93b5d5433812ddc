"""Photos: their files' names, what is said about them, what became of them."""

from mapservice.db.migrate import run_sql

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    run_sql("migrations/0028_photos.sql")
