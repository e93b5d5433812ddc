"""Groups that come in with a data package: their page and licence where they are organised."""

from mapservice.db.migrate import run_sql

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    run_sql("migrations/0047_groups_from_elsewhere.sql")
