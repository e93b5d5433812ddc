"""Near tiles come from an index alone."""

from mapservice.db.migrate import run_sql

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    run_sql("near_tiles.sql")
