-- Counts by territory and by grid cell, as base plus deltas: see `functions/rollups.sql`.

CREATE TABLE rollup (
    level       text    NOT NULL CHECK (level IN ('country', 'region', 'departement', 'epci', 'commune')),
    status      text    NOT NULL,
    theme       text    NOT NULL,
    month       date    NOT NULL,
    code        text    NOT NULL,
    initiatives integer NOT NULL,
    supporters  bigint  NOT NULL,
    told        integer NOT NULL DEFAULT 0,
    local       integer NOT NULL DEFAULT 0,
    -- Of many territories sums are read from this index alone. The condition of `rollup_empty` reads the sums
    -- anyway, so that an update changes every index with or without them here.
    PRIMARY KEY (level, theme, month, status, code) INCLUDE (initiatives, supporters, told, local)
)
-- An index alone can only tell of pages that were vacuumed since they changed.
WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
CREATE INDEX rollup_empty ON rollup (level) WHERE initiatives = 0 AND supporters = 0;
-- Of a few: theirs, and the last month of each in one step.
CREATE INDEX rollup_code ON rollup (level, theme, status, code, month);

-- The months of each territory in one row, as arrays that are read whole: all communes of France over any period
-- are some 50,000 rows and not 400,000. The view `rollup_series_month` takes them to pieces.
CREATE TABLE rollup_series (
    level       text  NOT NULL,
    theme       text  NOT NULL,
    status      text  NOT NULL,
    code        text  NOT NULL,
    months      bytea NOT NULL,
    initiatives bytea NOT NULL,
    supporters  bytea NOT NULL,
    told        bytea NOT NULL,
    local       bytea NOT NULL,
    PRIMARY KEY (level, theme, status, code)
);

-- The grid of the vector tiles.
CREATE TABLE rollup_cell (
    zoom        smallint NOT NULL,
    cell        bigint   NOT NULL,
    status      text     NOT NULL,
    theme       text     NOT NULL,
    initiatives integer  NOT NULL,
    sum_x       bigint   NOT NULL,
    sum_y       bigint   NOT NULL,
    PRIMARY KEY (zoom, cell, status, theme) INCLUDE (initiatives, sum_x, sum_y)
);
CREATE INDEX rollup_cell_empty ON rollup_cell (zoom) WHERE initiatives = 0;

CREATE TABLE rollup_delta (
    id          bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    commune     text,
    epci        text,
    departement text,
    region      text,
    cell        bigint,
    status      text    NOT NULL,
    theme       text    NOT NULL,
    month       date    NOT NULL,
    initiatives integer NOT NULL,
    supporters  bigint  NOT NULL,
    sum_x       bigint  NOT NULL,
    sum_y       bigint  NOT NULL,
    told        integer NOT NULL DEFAULT 0,
    local       integer NOT NULL DEFAULT 0
);
CREATE INDEX rollup_delta_cell ON rollup_delta (cell);
CREATE INDEX rollup_delta_commune ON rollup_delta (commune);
