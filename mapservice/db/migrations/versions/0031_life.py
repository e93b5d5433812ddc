"""The life of an initiative: news, thanks, closing words, comments, who follows it, who writes."""

from mapservice.db.migrate import run_sql

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    run_sql("migrations/0031_life.sql")
