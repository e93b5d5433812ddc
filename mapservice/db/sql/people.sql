-- People, their sessions and tokens, and the mail that leaves.

-- What a person gives us, and nothing else. The row outlives its content: after erasure only the id
-- and dates stay, so that what refers to it (a count, a history) stays whole.
CREATE TABLE person (
    id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    email        text,
    email_key    text        UNIQUE,
    name         text        NOT NULL DEFAULT '' CHECK (length(name) <= 100),
    locale       text        NOT NULL DEFAULT 'fr' CHECK (locale ~ '^[a-z]{2}$'),
    commune      text        CHECK (commune ~ '^[0-9][0-9AB][0-9]{3}$'),
    created_at   timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz,
    last_seen_at timestamptz,
    erased_at    timestamptz,
    CHECK ((email IS NULL) = (email_key IS NULL)),
    CHECK ((email IS NULL) = (erased_at IS NOT NULL)),
    CHECK (erased_at IS NULL OR (name = '' AND commune IS NULL))
);
CREATE INDEX person_unconfirmed ON person (created_at) WHERE confirmed_at IS NULL;
COMMENT ON COLUMN person.email_key IS
    'One per mailbox: lower case, without +tag (accounts/people/model.py); mail goes to `email`.';
COMMENT ON COLUMN person.name IS 'Shown publicly; may be empty.';
COMMENT ON COLUMN person.commune IS 'INSEE code that the person gave for the local share of counts.';
COMMENT ON COLUMN person.confirmed_at IS 'When a mailed link was first used; null: nothing counts yet.';

-- What a mailed link stands for. Only the SHA-256 of its 256 random bits is kept, and it is used once.
CREATE TABLE token (
    digest     bytea       PRIMARY KEY CHECK (length(digest) = 32),
    purpose    text        NOT NULL CHECK (purpose <> ''),
    person     uuid        NOT NULL REFERENCES person ON DELETE CASCADE,
    email      text        NOT NULL,
    subject    uuid,
    payload    jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(payload) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX token_person ON token (person);
CREATE INDEX token_expires ON token (expires_at);
COMMENT ON COLUMN token.email IS 'Where the link was mailed: using it proves that address, and no other.';
COMMENT ON COLUMN token.subject IS 'What it is about, such as an initiative; no foreign key, as it may be anything.';

-- Kept here and not in the cookie alone, so that signing out and erasure end a session everywhere.
CREATE TABLE session (
    digest       bytea       PRIMARY KEY CHECK (length(digest) = 32),
    person       uuid        NOT NULL REFERENCES person ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL
);
CREATE INDEX session_person ON session (person);
CREATE INDEX session_expires ON session (expires_at);

-- Outgoing mail, written whole in the transaction of what it tells of. A worker that sends one holds
-- its row locked: a row in `sending` that nobody locks was left by a worker that died.
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
COMMENT ON COLUMN delivery.message_id IS 'Message-ID with its angle brackets, the same on every attempt.';
COMMENT ON COLUMN delivery.give_up_at IS 'A temporary refusal is tried again until then.';
COMMENT ON COLUMN delivery.text IS 'Emptied, like html, some days after the mail has left.';

-- The worker wakes when the writer commits; the sweep of each minute finds what no wake-up reached.
CREATE FUNCTION wake_mail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM procrastinate_defer_jobs_v1(ARRAY[
        ROW('default', 'send_mail', 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1]);
    RETURN NULL;
END;
$$;
CREATE TRIGGER delivery_wakes AFTER INSERT ON delivery FOR EACH STATEMENT EXECUTE FUNCTION wake_mail();

-- How often something was tried within a window of time, for limits that hold across workers.
-- Unlogged: a crash of the database forgets them, which only lets somebody try again.
CREATE UNLOGGED TABLE tally (
    key     bytea       NOT NULL,
    ends_at timestamptz NOT NULL,
    count   integer     NOT NULL,
    PRIMARY KEY (key, ends_at)
);
CREATE INDEX tally_ends ON tally (ends_at);
COMMENT ON COLUMN tally.key IS 'Keyed digest of what is counted, so that no network address is kept.';
