"""The job queue: procrastinate's own schema, as that library ships it."""

from alembic import op
from procrastinate.schema import SchemaManager

from mapservice.db.migrate import run_script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_script(op.get_bind(), SchemaManager.get_schema())
