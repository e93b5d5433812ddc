-- Outgoing mail, written whole in the transaction of what it tells of. A worker that sends one holds its row
-- locked: a row in `sending` that nobody locks was left by a worker that died.
CREATE TABLE delivery (
    id          uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    message_id  text        NOT NULL UNIQUE,
    kind        text        NOT NULL CHECK (kind ~ '^[a-z_]+$'),
    person      uuid        REFERENCES person ON DELETE CASCADE,
    sender      text        NOT NULL,
    recipient   text        NOT NULL,
    subject     text        NOT NULL,
    text        text        NOT NULL,
    html        text        NOT NULL,
    headers     jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(headers) = 'object'),
    created_at  timestamptz NOT NULL DEFAULT now(),
    state       text        NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sending', 'sent', 'failed')),
    attempts    integer     NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT now(),
    give_up_at  timestamptz NOT NULL,
    last_error  text        NOT NULL DEFAULT '',
    sent_at     timestamptz,
    CHECK ((state = 'sent') = (sent_at IS NOT NULL))
);
CREATE INDEX delivery_due ON delivery (give_up_at) WHERE state IN ('queued', 'sending');
CREATE INDEX delivery_person ON delivery (person) WHERE person IS NOT NULL;
CREATE INDEX delivery_over ON delivery (created_at) WHERE state IN ('sent', 'failed');
