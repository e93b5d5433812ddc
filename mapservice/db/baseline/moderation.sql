-- What moderators decided, what they took for one and the same, and what waits for them.

-- Every decision is in one log, those about what was imported too (they have no version: 0). It outlives what it is
-- about, and nobody can change it afterwards.
CREATE TABLE decision (
    id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    initiative        uuid        NOT NULL,
    revision          integer     NOT NULL,
    verdict           text        NOT NULL CHECK (verdict IN ('publish', 'keep', 'reject', 'ask', 'merge', 'unmerge', 'place', 'unplace', 'close')),
    reason            text        NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),
    decided_by        text        NOT NULL CHECK (decided_by <> ''),
    decided_at        timestamptz NOT NULL DEFAULT now(),
    decided_by_person uuid,
    target            uuid,
    report            uuid,
    CHECK (verdict NOT IN ('reject', 'ask') OR reason <> ''),
    CONSTRAINT decision_target_check CHECK ((verdict IN ('merge', 'unmerge')) = (target IS NOT NULL))
);
CREATE INDEX decision_initiative ON decision (initiative, id);
CREATE INDEX decision_by_person ON decision (decided_by_person) WHERE decided_by_person IS NOT NULL;
CREATE INDEX decision_target ON decision (target, id) WHERE target IS NOT NULL;

-- What an author answers to a rejection, once for each.
CREATE TABLE appeal (
    decision   bigint      PRIMARY KEY,
    initiative uuid        NOT NULL REFERENCES initiative ON DELETE CASCADE,
    words      text        NOT NULL CHECK (length(words) BETWEEN 1 AND 2000),
    made_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX appeal_initiative ON appeal (initiative);

-- A row is an initiative that a moderator took for the same as another one. All follows from it by trigger: its
-- status, its place in the queue, and who counts for what. Without the row, all is as if it had never been there.
CREATE TABLE merge (
    initiative uuid        PRIMARY KEY REFERENCES initiative ON DELETE CASCADE,
    target     uuid        NOT NULL REFERENCES initiative ON DELETE CASCADE,
    former     text        NOT NULL CHECK (former <> 'merged'),
    queued_at  timestamptz,
    merged_at  timestamptz NOT NULL DEFAULT now(),
    CHECK (initiative <> target)
);
CREATE INDEX merge_target ON merge (target);

-- Whose supports count for whom.
CREATE TABLE merge_line (
    ancestor uuid NOT NULL REFERENCES initiative ON DELETE CASCADE,
    member   uuid NOT NULL REFERENCES initiative ON DELETE CASCADE,
    PRIMARY KEY (ancestor, member)
);
CREATE INDEX merge_line_member ON merge_line (member);

-- All that waits for moderators, whatever it is, kept by triggers from `waiting_now`.
CREATE TABLE waiting (
    kind          text        NOT NULL CHECK (kind IN ('proposal', 'edit', 'appeal', 'report', 'place', 'burst')),
    id            uuid        NOT NULL,
    initiative    uuid        NOT NULL REFERENCES initiative ON DELETE CASCADE,
    since         timestamptz NOT NULL,
    claimed_by    text,
    claimed_until timestamptz,
    PRIMARY KEY (kind, id),
    CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))
);
CREATE INDEX waiting_initiative ON waiting (initiative);
CREATE INDEX waiting_id ON waiting (id);

-- The same, once for each territory that it concerns: so a page of anybody's queue is the beginning of a range,
-- however many wait.
CREATE TABLE waiting_area (
    area  text        NOT NULL,
    since timestamptz NOT NULL,
    kind  text        NOT NULL,
    id    uuid        NOT NULL,
    PRIMARY KEY (area, since, kind, id),
    FOREIGN KEY (kind, id) REFERENCES waiting ON DELETE CASCADE
);
CREATE INDEX waiting_area_kind ON waiting_area (area, kind, since, id);
CREATE INDEX waiting_area_item ON waiting_area (kind, id);
