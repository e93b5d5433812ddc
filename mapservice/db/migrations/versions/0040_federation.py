"""ActivityPub: the key that we sign with, who follows, and what is on its way there."""

from mapservice.db.migrate import run_sql

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    run_sql("migrations/0040_federation.sql")
