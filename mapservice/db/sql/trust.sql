-- Bursts of supports that somebody is to look at, and which supports belong to them.

-- One row for each finding. While it is open it may grow; once decided it stays as it is.
CREATE TABLE burst (
    id                uuid        PRIMARY KEY DEFAULT uuid_v7(),
    initiative        uuid        NOT NULL REFERENCES initiative ON DELETE CASCADE,
    verdict           text        NOT NULL CHECK (verdict IN ('look', 'hold')),
    sweeping          boolean     NOT NULL DEFAULT false,
    first_at          timestamptz NOT NULL,
    last_at           timestamptz NOT NULL,
    size              integer     NOT NULL CHECK (size >= 0),
    reasons           jsonb       NOT NULL CHECK (jsonb_typeof(reasons) = 'array'),
    found_at          timestamptz NOT NULL DEFAULT now(),
    state             text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'released', 'dismissed')),
    decided_at        timestamptz,
    decided_by        text,
    decided_by_person uuid,
    note              text        NOT NULL DEFAULT '' CHECK (length(note) <= 2000),
    CHECK (first_at <= last_at),
    CHECK (CASE state WHEN 'open' THEN decided_at IS NULL AND decided_by IS NULL
                      ELSE decided_at IS NOT NULL AND decided_by IS NOT NULL END)
);
CREATE UNIQUE INDEX burst_open ON burst (initiative) WHERE state = 'open';
CREATE INDEX burst_waiting ON burst (found_at, id) WHERE state = 'open';
CREATE INDEX burst_initiative ON burst (initiative, found_at);
COMMENT ON COLUMN burst.verdict IS 'hold: its supports are not counted meanwhile; look: they are.';
COMMENT ON COLUMN burst.sweeping IS
    'Not told by networks alone: while it lasts, all that arrives from elsewhere belongs to it.';
COMMENT ON COLUMN burst.size IS 'How many supports belonged to it when it was last looked at, or decided.';
COMMENT ON COLUMN burst.reasons IS 'Codes with their figures, as they were when it was last looked at.';
COMMENT ON COLUMN burst.decided_by_person IS 'Null for who used the shared password. No foreign key.';

-- The initiative alone may change, where two that are the same become one.
CREATE FUNCTION burst_stays() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF to_jsonb(OLD) - 'initiative' <> to_jsonb(NEW) - 'initiative' THEN
        RAISE insufficient_privilege USING MESSAGE = 'what was decided about a burst is kept as it was written';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER burst_stays BEFORE UPDATE ON burst
    FOR EACH ROW WHEN (OLD.state <> 'open') EXECUTE FUNCTION burst_stays();

ALTER TABLE support ADD COLUMN burst uuid REFERENCES burst ON DELETE SET NULL;
COMMENT ON COLUMN support.burst IS 'The latest burst that it was found in, whatever was decided about that.';

-- What is counted, the newest first: the last thousand tell how supports spread over networks.
CREATE INDEX support_arrival ON support (initiative, confirmed_at)
    WHERE network IS NOT NULL AND withdrawn_at IS NULL AND held_at IS NULL;
CREATE INDEX support_same_network ON support (initiative, network)
    WHERE network IS NOT NULL AND withdrawn_at IS NULL AND held_at IS NULL;
CREATE INDEX support_burst ON support (burst) WHERE burst IS NOT NULL;
CREATE INDEX support_found ON support (initiative, network, confirmed_at)
    WHERE burst IS NOT NULL AND network IS NOT NULL;
CREATE INDEX support_held ON support (initiative) WHERE held_at IS NOT NULL;
CREATE INDEX support_confirmed ON support (confirmed_at);

-- It waits in the one queue of moderators (merging.sql). At commit, when the row of the initiative is
-- held already: before that, who withdraws a support would be waited for in a ring.
CREATE FUNCTION burst_waits() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.state = 'open' THEN
        INSERT INTO waiting (kind, id, initiative, since) VALUES ('burst', NEW.id, NEW.initiative, NEW.found_at)
            ON CONFLICT DO NOTHING;
        PERFORM waiting_refresh(ARRAY[NEW.initiative]);
    ELSE
        DELETE FROM waiting WHERE kind = 'burst' AND id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER burst_found AFTER INSERT ON burst
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION burst_waits();
CREATE CONSTRAINT TRIGGER burst_decided AFTER UPDATE OF state ON burst
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state <> OLD.state) EXECUTE FUNCTION burst_waits();
