-- What people propose: who, when, every version of the text, and what moderators decided about it.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

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
    claimed_by         text,
    claimed_until      timestamptz,
    CHECK ((published_at IS NULL) = (published_revision IS NULL)),
    CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))
);
CREATE INDEX proposal_queue ON proposal (queued_at, initiative) WHERE queued_at IS NOT NULL;
CREATE INDEX proposal_person ON proposal (person) WHERE person IS NOT NULL;
COMMENT ON COLUMN proposal.form IS 'Made with the form that was filled in: however often it is sent, it makes one initiative.';
COMMENT ON COLUMN proposal.person IS 'The author; null once erased.';
COMMENT ON COLUMN proposal.published_revision IS 'The first version that was public; those before it never were.';
COMMENT ON COLUMN proposal.reason IS 'What the moderators last told the author: why rejected, or what to change.';
COMMENT ON COLUMN proposal.queued_at IS 'Since when a moderator is awaited: for a proposal, or for an edit that is public already.';
COMMENT ON COLUMN proposal.claimed_by IS 'The moderator who looks at it, until `claimed_until`.';

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
COMMENT ON COLUMN initiative_revision.place IS 'As the author gave it: words, pin (lon, lat, EPSG:4326), and the reading chosen.';

-- What moderators decided. It outlives what it is about, and nobody can change it afterwards.
CREATE TABLE decision (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    initiative uuid        NOT NULL,
    revision   integer     NOT NULL,
    verdict    text        NOT NULL CHECK (verdict IN ('publish', 'keep', 'reject', 'ask')),
    reason     text        NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),
    decided_by text        NOT NULL CHECK (decided_by <> ''),
    decided_at timestamptz NOT NULL DEFAULT now(),
    CHECK (verdict NOT IN ('reject', 'ask') OR reason <> '')
);
CREATE INDEX decision_initiative ON decision (initiative, id);
COMMENT ON COLUMN decision.initiative IS 'No foreign key: the initiative may be withdrawn later.';

CREATE FUNCTION decision_stays() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'decisions are kept as they were taken';
END
$$;
CREATE TRIGGER decision_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON decision
    FOR EACH STATEMENT EXECUTE FUNCTION decision_stays();

-- A form that was sent twice is mailed once: its unused link is found by what it is about.
CREATE INDEX token_subject ON token (subject) WHERE subject IS NOT NULL;

-- For "does this idea exist already near here": the words of a title, each with the finest territory
-- known, so that looking for a word of a commune reads its initiatives alone, among any number.
CREATE FUNCTION idea_area(precision_ text, commune text, epci text, departement text, region text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(commune, CASE precision_ WHEN 'epci' THEN epci WHEN 'departement' THEN 'D' || departement
                                  WHEN 'region' THEN 'R' || region ELSE 'F' END)
$$;

CREATE FUNCTION idea_keys(area text, words text[]) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF cardinality(words) = 0 THEN
        RETURN '{}';
    END IF;
    RETURN string_to_array(area || ' ' || array_to_string(words, chr(31) || area || ' '), chr(31));
END
$$;
CREATE INDEX initiative_idea ON initiative USING gin (
    idea_keys(idea_area(precision, commune, epci, departement, region),
              tsvector_to_array(to_tsvector('french_unaccent', title)))
) WHERE status IN ('published', 'done');
