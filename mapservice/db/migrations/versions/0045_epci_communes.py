"""An index of the communes of an EPCI."""

from mapservice.db.migrate import run_sql

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    run_sql("migrations/0045_epci_communes.sql")
