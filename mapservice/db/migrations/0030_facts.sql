-- Practical facts. Null is what nobody told, which costs a row nothing. `open_minutes` is `opening_hours` as ranges
-- of an index: the keys of `initiatives/opening_hours.py`.
ALTER TABLE initiative
    ADD COLUMN address       text           CHECK (length(address) BETWEEN 1 AND 200),
    ADD COLUMN opening_hours text           CHECK (length(opening_hours) BETWEEN 1 AND 255),
    ADD COLUMN open_minutes  int4multirange,
    ADD COLUMN start_day     date           CHECK (start_day BETWEEN '1900-01-01' AND '2200-12-31'),
    ADD COLUMN end_day       date           CHECK (end_day BETWEEN '1900-01-01' AND '2200-12-31'),
    ADD COLUMN start_time    time,
    ADD COLUMN end_time      time,
    ADD COLUMN is_free       boolean,
    ADD COLUMN price         text           CHECK (length(price) BETWEEN 1 AND 100),
    ADD COLUMN wheelchair    text           CHECK (wheelchair IN ('yes', 'limited', 'no')),
    ADD COLUMN website       text           CHECK (website ~ '^https?://' AND length(website) <= 510),
    ADD COLUMN tags          text[]         CHECK (cardinality(tags) BETWEEN 1 AND 10),
    ADD COLUMN audience      text[]         CHECK (audience <@ ARRAY['tous', 'enfants', 'jeunes', 'familles', 'adultes', 'aines']
                                                   AND cardinality(audience) >= 1),
    ADD CONSTRAINT initiative_hours_check CHECK ((opening_hours IS NULL) = (open_minutes IS NULL)),
    ADD CONSTRAINT initiative_days_check CHECK ((start_day IS NULL) = (end_day IS NULL) AND start_day <= end_day),
    ADD CONSTRAINT initiative_times_check CHECK (start_day IS NOT NULL OR num_nonnulls(start_time, end_time) = 0),
    ADD CONSTRAINT initiative_free_check CHECK (NOT (is_free AND price IS NOT NULL));

-- Few rows tell any: each index holds these alone. What goes by the clock is looked for in the order of the page: of
-- those that tell days or hours, many take place soon or are open now; counts need what is included. (A GiST index of `open_minutes` was tried: it
-- knows the bounds of a row's ranges alone, which are those of a week, so that it found every row.)
CREATE INDEX initiative_timed ON initiative (coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC)
    INCLUDE (theme, status, open_minutes, start_day, end_day, departement, region)
    WHERE start_day IS NOT NULL OR open_minutes IS NOT NULL;
CREATE INDEX initiative_wheelchair ON initiative (coalesce(created_at, '-infinity'::timestamptz) DESC, id DESC)
    WHERE wheelchair = 'yes';
CREATE INDEX initiative_tags ON initiative USING gin (tags) WHERE tags IS NOT NULL;
CREATE INDEX initiative_audience ON initiative USING gin (audience) WHERE audience IS NOT NULL;

-- What a version told beside its text: an object that leaves out what nobody told.
ALTER TABLE initiative_revision
    ADD COLUMN facts jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(facts) = 'object'),
    ADD COLUMN needs jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(needs) = 'array');

-- What an initiative asks people to come and do.
CREATE TABLE need (
    id         uuid        PRIMARY KEY DEFAULT uuid_v7(),
    initiative uuid        NOT NULL REFERENCES initiative ON DELETE CASCADE,
    words      text        NOT NULL CHECK (length(words) BETWEEN 1 AND 200),
    day        date        CHECK (day BETWEEN '1900-01-01' AND '2200-12-31'),
    places     smallint    NOT NULL CHECK (places BETWEEN 1 AND 1000),
    made_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX need_initiative ON need (initiative, day, id);
CREATE INDEX need_day ON need (day) WHERE day IS NOT NULL;

-- Who comes. Places are decided under a lock of the row that offers them; events are to offer theirs in the same way.
CREATE TABLE registration (
    id            uuid        PRIMARY KEY DEFAULT uuid_v7(),
    need          uuid        NOT NULL REFERENCES need ON DELETE CASCADE,
    person        uuid        NOT NULL REFERENCES person ON DELETE CASCADE,
    shows_contact boolean     NOT NULL DEFAULT false,
    leave_key     bytea       NOT NULL CHECK (length(leave_key) = 32),
    confirmed_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (need, person)
);
CREATE INDEX registration_person ON registration (person);
CREATE INDEX registration_confirmed ON registration (confirmed_at);
