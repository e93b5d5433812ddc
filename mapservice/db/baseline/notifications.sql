-- What people follow, and the letters of the week.

-- Who gets digests: at most one a day, whatever the number of their subscriptions.
CREATE TABLE follower (
    person    uuid  PRIMARY KEY REFERENCES person ON DELETE CASCADE,
    id        uuid  NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    leave_key bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
    base_url  text  NOT NULL,
    told_on   date  NOT NULL
);
CREATE INDEX follower_told ON follower (told_on, person);

CREATE TABLE subscription (
    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    person     uuid        NOT NULL REFERENCES follower ON DELETE CASCADE,
    filter     text        NOT NULL,
    area       geometry(Polygon, 4326) CHECK (ST_NPoints(area) <= 101 AND ST_IsValid(area)),
    created_at timestamptz NOT NULL DEFAULT now(),
    told_until timestamptz NOT NULL
);
CREATE UNIQUE INDEX subscription_once
    ON subscription (person, md5(filter || ' ' || coalesce(encode(ST_AsBinary(area), 'hex'), '')));

-- One row for each subscription and day that was dealt with, written with the mail: never twice.
CREATE TABLE digest (
    subscription uuid    NOT NULL REFERENCES subscription ON DELETE CASCADE,
    day          date    NOT NULL,
    news         integer NOT NULL CHECK (news >= 0),
    PRIMARY KEY (subscription, day)
);
CREATE INDEX digest_day ON digest (day);

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
