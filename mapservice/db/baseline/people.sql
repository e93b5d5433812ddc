-- People, what lets them in, and the roles they have.

-- What a person gives us, and nothing else. The row outlives its content: after erasure only the id and dates
-- stay, so that what refers to it stays whole.
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
-- A form that was sent twice is mailed once: its unused link is found by what it is about.
CREATE INDEX token_subject ON token (subject) WHERE subject IS NOT NULL;

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

-- Who may look after which territories now. A territory is named by its code alone, without a foreign key: it may
-- change with a later year of the COG, and a grant must not vanish with it.
CREATE TABLE role_grant (
    person     uuid        NOT NULL REFERENCES person ON DELETE CASCADE,
    role       text        NOT NULL CHECK (role IN ('coordinator', 'moderator', 'admin')),
    level      text        NOT NULL CHECK (level IN ('commune', 'epci', 'departement', 'region', 'country')),
    code       text        NOT NULL CHECK (code ~ '^[0-9A-Z]{0,9}$'),
    granted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person, role, level, code),
    CHECK ((role = 'admin') = (level = 'country')),
    CHECK ((level = 'country') = (code = ''))
);

-- Every grant and every end of one. It names people by their id alone, so that erasing somebody leaves it whole.
CREATE TABLE role_log (
    id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT now(),
    act       text        NOT NULL CHECK (act IN ('grant', 'revoke', 'erase', 'lapse')),
    person    uuid        NOT NULL,
    role      text        NOT NULL,
    level     text        NOT NULL,
    code      text        NOT NULL,
    by_person uuid,
    by_name   text        NOT NULL DEFAULT '',
    CHECK (act = 'lapse' OR (by_person IS NULL) = (by_name <> ''))
);
CREATE INDEX role_log_person ON role_log (person, id);

-- How often something was tried within a window of time, for limits that hold across workers. Unlogged: a crash
-- of the database forgets them, which only lets somebody try again.
CREATE UNLOGGED TABLE tally (
    key     bytea       NOT NULL,
    ends_at timestamptz NOT NULL,
    count   integer     NOT NULL,
    PRIMARY KEY (key, ends_at)
);
CREATE INDEX tally_ends ON tally (ends_at);
