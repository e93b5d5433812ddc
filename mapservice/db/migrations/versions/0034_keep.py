"""Backups that were made, second factors of people, and who ordered an export that still waits."""

from alembic import op

revision = "0034"
down_revision = "0033"

STATEMENTS = (
    """
CREATE TABLE backup (
    id          uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    folder      text        NOT NULL UNIQUE,
    made_at     timestamptz NOT NULL,
    bytes       bigint      NOT NULL CHECK (bytes >= 0),
    verified_at timestamptz,
    erasure_key bytea       NOT NULL CHECK (length(erasure_key) = 32)
)""",
    """
CREATE TABLE second_factor (
    person       uuid        PRIMARY KEY REFERENCES person ON DELETE CASCADE,
    secret       bytea       NOT NULL,
    made_at      timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz,
    last_step    bigint      NOT NULL DEFAULT 0,
    spare        bytea[]     NOT NULL DEFAULT '{}'
)""",
    "ALTER TABLE session ADD COLUMN second_factor_at timestamptz",
    "ALTER TABLE export ADD COLUMN asker bytea CHECK (length(asker) = 16)",
    "CREATE INDEX export_asker ON export (asker) WHERE state IN ('queued', 'running')",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
