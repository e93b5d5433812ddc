-- What organisers write to those who belong to their group. A trigger notes in group_message_due, in the transaction
-- that sends a message, who is to be told; whoever writes the mail takes that out.
CREATE TABLE group_message (
    id          uuid        PRIMARY KEY DEFAULT uuid_v7(),
    form        uuid        NOT NULL UNIQUE,
    local_group uuid        NOT NULL REFERENCES local_group ON DELETE CASCADE,
    person      uuid        NOT NULL REFERENCES person ON DELETE CASCADE,
    audience    text        NOT NULL CHECK (audience IN ('team', 'members', 'everyone')),
    at_once     boolean     NOT NULL,
    subject     text        NOT NULL CHECK (length(subject) BETWEEN 1 AND 120),
    text        text        NOT NULL CHECK (length(text) BETWEEN 1 AND 4000),
    state       text        NOT NULL CHECK (state IN ('held', 'sent', 'refused')),
    reason      text        NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),
    recipients  integer     NOT NULL DEFAULT 0 CHECK (recipients >= 0),
    base_url    text        NOT NULL,
    report_key  bytea       NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
    written_at  timestamptz NOT NULL DEFAULT now(),
    sent_at     timestamptz,
    queued_at   timestamptz,
    CHECK (state <> 'sent' OR sent_at IS NOT NULL),
    CHECK (state <> 'held' OR (queued_at IS NOT NULL AND sent_at IS NULL)),
    CHECK ((state = 'refused') = (reason <> '') AND (state <> 'refused' OR queued_at IS NULL))
);
CREATE INDEX group_message_local_group ON group_message (local_group, written_at);
CREATE INDEX group_message_person ON group_message (person);
CREATE INDEX group_message_written ON group_message (written_at);

CREATE TABLE group_message_due (
    person  uuid    NOT NULL REFERENCES person ON DELETE CASCADE,
    message uuid    NOT NULL REFERENCES group_message ON DELETE CASCADE,
    at_once boolean NOT NULL,
    PRIMARY KEY (person, message)
);
CREATE INDEX group_message_due_message ON group_message_due (message);
CREATE INDEX group_message_due_at_once ON group_message_due (message, person) WHERE at_once;

CREATE TABLE group_message_report (
    message     uuid        NOT NULL REFERENCES group_message ON DELETE CASCADE,
    person      uuid        NOT NULL REFERENCES person ON DELETE CASCADE,
    words       text        NOT NULL DEFAULT '' CHECK (length(words) <= 1000),
    reported_at timestamptz NOT NULL DEFAULT now(),
    closed_at   timestamptz,
    PRIMARY KEY (message, person)
);
CREATE INDEX group_message_report_person ON group_message_report (person);

ALTER TABLE local_group ADD COLUMN messages_held_until timestamptz;

ALTER TABLE group_member
    ADD COLUMN hears text NOT NULL DEFAULT 'all' CHECK (hears IN ('all', 'digest', 'none'));

-- Who follows was not told of messages.
UPDATE group_member SET hears = 'none' WHERE standing = 'follower';

-- Who comes to an event says whether its organiser may keep a list with their name and address.
ALTER TABLE event_registration ADD COLUMN shares_address boolean NOT NULL DEFAULT false;

ALTER TABLE waiting
    DROP CONSTRAINT waiting_kind_check,
    ADD CONSTRAINT waiting_kind_check CHECK (kind IN ('proposal', 'edit', 'appeal', 'report', 'place', 'burst', 'post',
                                                      'event', 'group', 'message')),
    DROP CONSTRAINT waiting_subject_check,
    ADD CONSTRAINT waiting_subject_check CHECK ((kind = 'event') = (event_series IS NOT NULL)
                                            AND (kind IN ('group', 'message')) = (local_group IS NOT NULL)
                                            AND (kind IN ('event', 'group', 'message')) = (initiative IS NULL));

ALTER TABLE decision
    DROP CONSTRAINT decision_verdict_check,
    ADD CONSTRAINT decision_verdict_check CHECK (verdict IN ('publish', 'keep', 'reject', 'ask', 'merge', 'unmerge',
                                                             'place', 'unplace', 'close', 'photo', 'post', 'unpost',
                                                             'archive', 'attendance'));
