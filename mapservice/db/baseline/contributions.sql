-- What people propose, back and report.

-- Beside an initiative that a person proposed here; imported ones have none.
CREATE TABLE proposal (
    initiative         uuid        PRIMARY KEY REFERENCES initiative ON DELETE CASCADE,
    form               uuid        NOT NULL UNIQUE,
    person             uuid        REFERENCES person ON DELETE SET NULL,
    submitted_at       timestamptz NOT NULL DEFAULT now(),
    published_at       timestamptz,
    published_revision integer,
    rejected_at        timestamptz,
    done_at            timestamptz,
    archived_at        timestamptz,
    reason             text        NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),
    queued_at          timestamptz,
    CHECK ((published_at IS NULL) = (published_revision IS NULL))
);
CREATE INDEX proposal_person ON proposal (person) WHERE person IS NOT NULL;

-- Every version of what a proposal says; the newest is what `initiative` holds.
CREATE TABLE initiative_revision (
    initiative  uuid        NOT NULL REFERENCES proposal ON DELETE CASCADE,
    number      integer     NOT NULL CHECK (number >= 1),
    made_at     timestamptz NOT NULL DEFAULT now(),
    person      uuid        REFERENCES person ON DELETE SET NULL,
    title       text        NOT NULL,
    summary     text        NOT NULL,
    description text        NOT NULL,
    theme       text        NOT NULL,
    scale       text        NOT NULL,
    place       jsonb       NOT NULL CHECK (jsonb_typeof(place) = 'object'),
    PRIMARY KEY (initiative, number)
);
CREATE INDEX initiative_revision_person ON initiative_revision (person) WHERE person IS NOT NULL;

-- Supports that arrived together and that somebody is to look at: one row for each finding. While it is open it may
-- grow; once decided it stays as it is.
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

-- A confirmed support. What is not confirmed yet is in the token of its mailed link alone.
CREATE TABLE support (
    id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    initiative   uuid        NOT NULL REFERENCES initiative ON DELETE CASCADE,
    person       uuid        NOT NULL REFERENCES person ON DELETE CASCADE,
    commune      text        CHECK (commune ~ '^[0-9][0-9AB][0-9]{3}$'),
    network      bytea       CHECK (length(network) = 16),
    confirmed_at timestamptz NOT NULL DEFAULT now(),
    withdrawn_at timestamptz,
    held_at      timestamptz,
    burst        uuid        REFERENCES burst ON DELETE SET NULL,
    UNIQUE (initiative, person)
);
CREATE INDEX support_person ON support (person) WHERE person IS NOT NULL;
CREATE INDEX support_counted ON support (initiative, commune) WHERE withdrawn_at IS NULL AND held_at IS NULL;
CREATE INDEX support_network ON support (confirmed_at) WHERE network IS NOT NULL;
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
