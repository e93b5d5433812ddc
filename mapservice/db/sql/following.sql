-- What people back, report and follow.

-- `supporters` is what the source of an initiative brought along, plus who backs it here. The second
-- part is kept apart, so that an import can change the first, and a recount can check the second.
ALTER TABLE initiative
    ADD COLUMN supported_here integer NOT NULL DEFAULT 0,
    ADD COLUMN state_since timestamptz NOT NULL DEFAULT now(),
    ADD CONSTRAINT initiative_supported_here_check CHECK (supported_here BETWEEN 0 AND supporters);
-- Of rows to come, by the clock: `harvest_horizon()` tells up to which moment none is missing.
ALTER TABLE initiative ALTER COLUMN state_since SET DEFAULT clock_timestamp();
COMMENT ON COLUMN initiative.supported_here IS 'How many rows of `support` count; a part of `supporters`.';
COMMENT ON COLUMN initiative.state_since IS 'Since when it is here with its present status: what a digest takes for new.';
CREATE INDEX initiative_state_since ON initiative (state_since, id);

CREATE FUNCTION initiative_state() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    NEW.state_since := clock_timestamp();
    RETURN NEW;
END
$$;
CREATE TRIGGER initiative_state BEFORE UPDATE OF status ON initiative
    FOR EACH ROW WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION initiative_state();

-- A confirmed support. What is not confirmed yet is in the token of its mailed link alone.
CREATE TABLE support (
    id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    initiative   uuid        NOT NULL REFERENCES initiative ON DELETE CASCADE,
    person       uuid        REFERENCES person ON DELETE CASCADE,
    mailbox      bytea       CHECK (length(mailbox) = 32),
    commune      text        CHECK (commune ~ '^[0-9][0-9AB][0-9]{3}$'),
    network      bytea       CHECK (length(network) = 16),
    confirmed_at timestamptz NOT NULL DEFAULT now(),
    withdrawn_at timestamptz,
    held_at      timestamptz,
    UNIQUE (initiative, person),
    UNIQUE (initiative, mailbox),
    CHECK ((person IS NULL) = (mailbox IS NOT NULL))
);
CREATE INDEX support_person ON support (person) WHERE person IS NOT NULL;
CREATE INDEX support_counted ON support (initiative, commune) WHERE withdrawn_at IS NULL AND held_at IS NULL;
CREATE INDEX support_network ON support (confirmed_at) WHERE network IS NOT NULL;
COMMENT ON COLUMN support.person IS 'Null once erased; the support goes on counting.';
COMMENT ON COLUMN support.mailbox IS
    'Of an erased person: keyed digest of mailbox and initiative, so that nobody counts twice.';
COMMENT ON COLUMN support.commune IS 'INSEE code that the supporter gave, for the local share alone.';
COMMENT ON COLUMN support.network IS 'Keyed digest of where it was confirmed from; emptied after some weeks.';
COMMENT ON COLUMN support.held_at IS 'Held back while somebody looks at a burst; not counted.';

-- Adds to the counts what a statement changed. Rows are locked in one order, so that statements about
-- several initiatives never wait for one another in a ring; the lock makes the sum one of the latest.
CREATE FUNCTION support_count() RETURNS trigger
    LANGUAGE plpgsql
AS $$
DECLARE
    ids    uuid[];
    deltas integer[];
BEGIN
    EXECUTE format($statement$
        SELECT array_agg(initiative), array_agg(delta)
          FROM (SELECT initiative, sum(sign)::integer AS delta
                  FROM (%s) AS changed
                 WHERE withdrawn_at IS NULL AND held_at IS NULL
                 GROUP BY initiative
                HAVING sum(sign) <> 0) AS summed
    $statement$, CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT 1 AS sign, * FROM added'
        WHEN 'DELETE' THEN 'SELECT -1 AS sign, * FROM removed'
        ELSE 'SELECT -1 AS sign, * FROM removed UNION ALL SELECT 1, * FROM added' END)
       INTO ids, deltas;
    IF ids IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM FROM initiative WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE initiative
       SET supporters = supporters + delta, supported_here = supported_here + delta
      FROM unnest(ids, deltas) AS changed (identifier, delta)
     WHERE id = identifier;
    RETURN NULL;
END
$$;
CREATE TRIGGER support_insert AFTER INSERT ON support
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION support_count();
CREATE TRIGGER support_update AFTER UPDATE ON support
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION support_count();
CREATE TRIGGER support_delete AFTER DELETE ON support
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION support_count();

CREATE FUNCTION support_after_truncate() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE initiative SET supporters = supporters - supported_here, supported_here = 0 WHERE supported_here > 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER support_truncate AFTER TRUNCATE ON support
    FOR EACH STATEMENT EXECUTE FUNCTION support_after_truncate();

-- Initiatives whose count is not that of their supports: none, unless somebody wrote past the triggers.
CREATE VIEW support_difference AS
SELECT id AS initiative, coalesce(supported_here, 0) AS supported_here, coalesce(counted, 0) AS counted
  FROM (SELECT id, supported_here FROM initiative WHERE supported_here > 0) AS kept
  FULL JOIN (SELECT initiative AS id, count(*) AS counted FROM support
              WHERE withdrawn_at IS NULL AND held_at IS NULL GROUP BY initiative) AS recounted USING (id)
 WHERE coalesce(supported_here, 0) <> coalesce(counted, 0);

-- What somebody finds wrong with an initiative, for moderators.
CREATE TABLE report (
    id         uuid        PRIMARY KEY DEFAULT uuid_v7(),
    initiative uuid        NOT NULL REFERENCES initiative ON DELETE CASCADE,
    person     uuid        REFERENCES person ON DELETE SET NULL,
    confirmed  boolean     NOT NULL,
    reason     text        NOT NULL CHECK (reason IN ('false', 'hateful', 'private', 'duplicate', 'place', 'other')),
    text       text        NOT NULL DEFAULT '' CHECK (length(text) <= 2000),
    created_at timestamptz NOT NULL DEFAULT now(),
    state      text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
    closed_by  text,
    closed_at  timestamptz,
    note       text        NOT NULL DEFAULT '' CHECK (length(note) <= 2000),
    CHECK ((state = 'closed') = (closed_by IS NOT NULL AND closed_at IS NOT NULL))
);
CREATE UNIQUE INDEX report_once ON report (initiative, person) WHERE state = 'open' AND person IS NOT NULL;
CREATE INDEX report_open ON report (created_at, id) WHERE state = 'open';
CREATE INDEX report_initiative ON report (initiative);
CREATE INDEX report_person ON report (person) WHERE person IS NOT NULL;
COMMENT ON COLUMN report.confirmed IS 'Whether it came from a proved address; null person then means erased.';

-- Who gets digests: at most one a day, whatever the number of their subscriptions.
CREATE TABLE follower (
    person    uuid  PRIMARY KEY REFERENCES person ON DELETE CASCADE,
    id        uuid  NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    leave_key bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
    base_url  text  NOT NULL,
    told_on   date  NOT NULL
);
CREATE INDEX follower_told ON follower (told_on, person);
COMMENT ON COLUMN follower.leave_key IS
    'Signs the links that end digests: they must work for years, and outlive the key of the service.';
COMMENT ON COLUMN follower.base_url IS 'Where links start when no public address is set.';
COMMENT ON COLUMN follower.told_on IS 'Last day, in Paris, that was dealt with; that of the first subscription at first.';

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
COMMENT ON COLUMN subscription.filter IS 'Canonical query string of the filter grammar; empty: everything.';
COMMENT ON COLUMN subscription.told_until IS 'Its person knows all whose `state_since` is earlier: a harvest_horizon().';

-- One row for each subscription and day that was dealt with, written with the mail: never twice.
CREATE TABLE digest (
    subscription uuid    NOT NULL REFERENCES subscription ON DELETE CASCADE,
    day          date    NOT NULL,
    news         integer NOT NULL CHECK (news >= 0),
    PRIMARY KEY (subscription, day)
);
CREATE INDEX digest_day ON digest (day);
COMMENT ON COLUMN digest.news IS 'How many initiatives were new; 0: there was nothing to mail.';
