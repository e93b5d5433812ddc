-- From schema 0022: a date that nobody told is unknown. Kept dates stay as they are: whether an import invented
-- one is seen when its file is imported again, which sets it right.

-- Nobody folds anything in meanwhile.
SELECT pg_advisory_xact_lock(hashtext('rollup_compact'));

ALTER TABLE initiative
    ALTER COLUMN created_at DROP NOT NULL,
    ALTER COLUMN created_at DROP DEFAULT,
    ALTER COLUMN updated_at DROP NOT NULL,
    ALTER COLUMN updated_at DROP DEFAULT,
    ADD COLUMN created_period text
        CONSTRAINT initiative_created_period_check CHECK (created_period ~ '^[0-9]{4}(-(0[1-9]|1[0-2]))?$'),
    ADD CONSTRAINT initiative_created_once_check CHECK (created_at IS NULL OR created_period IS NULL);

DROP INDEX initiative_recent, initiative_theme, initiative_status, initiative_commune, initiative_epci,
           initiative_departement, initiative_region;
CREATE INDEX initiative_recent ON initiative (coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
CREATE INDEX initiative_theme ON initiative (theme, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
CREATE INDEX initiative_status ON initiative (status, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC)
    WHERE status NOT IN ('published', 'done');
CREATE INDEX initiative_commune ON initiative (commune, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
CREATE INDEX initiative_epci ON initiative (epci, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
CREATE INDEX initiative_departement ON initiative (departement, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
CREATE INDEX initiative_region ON initiative (region, coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC);
CREATE INDEX initiative_created ON initiative (created_at, id);

ANALYZE initiative;
