"""Notifications of the browser: devices of followers, and what is on its way to them."""

from alembic import op

revision = "0029"
down_revision = "0028"

STATEMENTS = (
    "ALTER TABLE follower ADD COLUMN by_mail boolean NOT NULL DEFAULT true",
    """
CREATE TABLE push_endpoint (
    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    person     uuid        NOT NULL REFERENCES follower ON DELETE CASCADE,
    endpoint   text        NOT NULL UNIQUE CHECK (length(endpoint) <= 1000),
    p256dh     bytea       NOT NULL CHECK (length(p256dh) = 65),
    auth       bytea       NOT NULL CHECK (length(auth) = 16),
    created_at timestamptz NOT NULL DEFAULT now()
)""",
    "CREATE INDEX push_endpoint_person ON push_endpoint (person)",
    """
CREATE TABLE push_message (
    id          uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    endpoint    uuid        NOT NULL REFERENCES push_endpoint ON DELETE CASCADE,
    digest      uuid        NOT NULL,
    payload     text        NOT NULL,
    instead     jsonb       CHECK (jsonb_typeof(instead) = 'object'),
    created_at  timestamptz NOT NULL DEFAULT now(),
    attempts    integer     NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT now(),
    give_up_at  timestamptz NOT NULL,
    last_error  text        NOT NULL DEFAULT ''
)""",
    "CREATE INDEX push_message_due ON push_message (next_try_at)",
    "CREATE INDEX push_message_endpoint ON push_message (endpoint)",
    "CREATE INDEX push_message_digest ON push_message (digest)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
