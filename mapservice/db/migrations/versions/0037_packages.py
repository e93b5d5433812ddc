"""Formats of files that a job makes: data packages, and lists as workbooks."""

from alembic import op

revision = "0037"
down_revision = "0036"

STATEMENTS = (
    "ALTER TABLE export DROP CONSTRAINT export_format_check",
    """
ALTER TABLE export ADD CONSTRAINT export_format_check
    CHECK (format IN ('gpkg', 'fgb', 'parquet', 'xlsx', 'ods', 'zip', 'report.zip'))""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
