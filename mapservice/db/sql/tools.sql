-- Letters of the week for who has a role, keys for tools, reports each month.

-- Whoever has a role is a reader: the job of the letters makes the row when it first sees them.
CREATE TABLE briefing_reader (
    person      uuid     PRIMARY KEY REFERENCES person ON DELETE CASCADE,
    id          uuid     NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    leave_key   bytea    NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
    told_on     date     NOT NULL CHECK (extract(isodow FROM told_on) = 1),
    quiet_weeks smallint NOT NULL DEFAULT 0 CHECK (quiet_weeks >= 0),
    left_at     timestamptz
);
CREATE INDEX briefing_reader_told ON briefing_reader (person, told_on) WHERE left_at IS NULL;
COMMENT ON COLUMN briefing_reader.leave_key IS
    'Signs the link that ends the letters: it must outlive the key of the service.';
COMMENT ON COLUMN briefing_reader.told_on IS
    'The Monday, in Paris, up to which all is told; moved in the transaction that writes the mail.';
COMMENT ON COLUMN briefing_reader.quiet_weeks IS 'How many weeks without anything to tell lie behind.';
COMMENT ON COLUMN briefing_reader.left_at IS 'Since when they want no letters; a role is not needed for that.';

-- Keys for tools. Only the SHA-256 of 256 random bits is kept, and the first signs, to tell keys apart.
CREATE TABLE api_token (
    id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    person       uuid        NOT NULL REFERENCES person ON DELETE CASCADE,
    form         uuid        NOT NULL UNIQUE,
    name         text        NOT NULL CHECK (name <> '' AND length(name) <= 60),
    prefix       text        NOT NULL CHECK (length(prefix) <= 20),
    digest       bytea       NOT NULL UNIQUE CHECK (length(digest) = 32),
    scopes       text[]      NOT NULL CHECK (cardinality(scopes) > 0),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL CHECK (expires_at > created_at),
    last_used_on date
);
CREATE INDEX api_token_person ON api_token (person);
CREATE INDEX api_token_expires ON api_token (expires_at);
COMMENT ON COLUMN api_token.form IS 'Made with the form: sent twice, it makes one key.';
COMMENT ON COLUMN api_token.last_used_on IS 'By the day alone: nobody needs to know the hours of a person.';

-- Reports that come each month.
CREATE TABLE report_schedule (
    id          uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    person      uuid        NOT NULL REFERENCES person ON DELETE CASCADE,
    view        text        NOT NULL CHECK (length(view) <= 2000),
    base_url    text        NOT NULL,
    leave_key   bytea       NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
    created_at  timestamptz NOT NULL DEFAULT now(),
    ordered_for date        NOT NULL CHECK (extract(day FROM ordered_for) = 1),
    told_for    date        NOT NULL CHECK (extract(day FROM told_for) = 1),
    export      uuid,
    UNIQUE (person, view),
    CHECK (told_for <= ordered_for)
);
CREATE INDEX report_schedule_due ON report_schedule (ordered_for, id);
CREATE INDEX report_schedule_untold ON report_schedule (id) WHERE told_for < ordered_for;
COMMENT ON COLUMN report_schedule.export IS
    'What was ordered last; without a foreign key, as files come and go.';
COMMENT ON COLUMN report_schedule.view IS 'Canonical query string of a report, without its period.';
COMMENT ON COLUMN report_schedule.ordered_for IS 'First day of the last month whose report was ordered.';
COMMENT ON COLUMN report_schedule.told_for IS 'The same of the last month that a mail told of.';

-- How long a file is kept once it is made: a day, or until whoever was mailed its link has looked.
ALTER TABLE export ADD COLUMN kept interval NOT NULL DEFAULT interval '24 hours';
