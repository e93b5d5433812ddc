"""The baseline: all tables as they are when history begins anew.

A database of an earlier schema comes here by `mapservice/db/upgrades` instead.
"""

from alembic import op
from procrastinate.schema import SchemaManager

from mapservice.db.definitions import use_search_path
from mapservice.db.migrate import run_sql
from mapservice.db.scripts import run_script

revision = "0027"
down_revision = None

# Each file may refer to tables of those before it.
TABLES = (
    "territories",
    "initiatives",
    "rollups",
    "people",
    "mail",
    "contributions",
    "moderation",
    "publishing",
    "notifications",
    "definitions",
)


def upgrade() -> None:
    run_sql("baseline/extensions.sql")
    use_search_path(op.get_bind())  # PostGIS may have a schema of its own
    run_sql("functions/columns.sql")
    run_script(op.get_bind(), SchemaManager.get_schema())
    run_sql(*(f"baseline/{name}.sql" for name in TABLES))
