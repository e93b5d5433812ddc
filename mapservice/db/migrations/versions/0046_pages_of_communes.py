"""The functions that tell of a commune's pages stand in `functions/tiles.sql`, as all of today's.

The number holds back a service that would keep such pages on a database that tells nothing of them.
"""

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    """Nothing but its number: see above."""
