"""Sources that are swept: where they are, how often, how the last sweep ended; runs that wait."""

from alembic import op

revision = "0035"
down_revision = "0034"

STATEMENTS = (
    """
ALTER TABLE import_source
    ADD COLUMN connector   text  NOT NULL DEFAULT '' CHECK (length(connector) <= 40),
    ADD COLUMN address     text  NOT NULL DEFAULT '' CHECK (length(address) <= 2000),
    ADD COLUMN attribution text  NOT NULL DEFAULT '' CHECK (length(attribution) <= 300),
    ADD COLUMN contact     text  NOT NULL DEFAULT '' CHECK (length(contact) <= 300),
    ADD COLUMN rhythm      text  NOT NULL DEFAULT 'never'
                           CHECK (rhythm IN ('never', 'daily', 'weekly', 'monthly')),
    ADD COLUMN validators  jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(validators) = 'object'),
    ADD COLUMN digest      text  NOT NULL DEFAULT '',
    ADD COLUMN sweep_state text  NOT NULL DEFAULT 'never'
                           CHECK (sweep_state IN ('never', 'done', 'unchanged', 'waits', 'failed')),
    ADD COLUMN sweep_reason text NOT NULL DEFAULT '',
    ADD COLUMN tried_at    timestamptz,
    ADD COLUMN swept_at    timestamptz,
    ADD CONSTRAINT import_source_living_check CHECK ((connector = '') = (address = ''))""",
    "ALTER TABLE import_run DROP CONSTRAINT import_run_state_check",
    """
ALTER TABLE import_run ADD CONSTRAINT import_run_state_check CHECK (
    state IN ('running', 'done', 'failed', 'undone', 'waits', 'accepted', 'dropped'))""",
    "CREATE INDEX import_run_waiting ON import_run (platform) WHERE state IN ('waits', 'accepted')",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
