-- Territories of one year of the code officiel géographique, and what became of their predecessors.

CREATE TABLE territory (
    level           text     NOT NULL CHECK (level IN ('commune', 'epci', 'departement', 'region')),
    code            text     NOT NULL CHECK (code <> ''),
    name            text     NOT NULL CHECK (name <> ''),
    article         text     NOT NULL DEFAULT '',
    population      integer  CHECK (population >= 0),
    postcodes       text[]   NOT NULL DEFAULT '{}',
    epci            text,
    departement     text,
    region          text,
    point           geometry(Point, 4326)        NOT NULL,
    outline         geometry(MultiPolygon, 4326) NOT NULL CHECK (NOT ST_IsEmpty(outline)),
    outline_3857    geometry(MultiPolygon, 3857) NOT NULL,
    approximate     boolean  NOT NULL DEFAULT false,
    cog_year        smallint NOT NULL,
    population_year smallint,
    PRIMARY KEY (level, code),
    -- Codes stand in JSON as they are (`db/engine.py`).
    CONSTRAINT territory_code_plain CHECK (code ~ '^[0-9A-Z]+$')
);
CREATE INDEX territory_commune_outline ON territory USING gist (outline) WHERE level = 'commune';
CREATE INDEX territory_commune_outline_3857 ON territory USING gist (outline_3857) WHERE level = 'commune';
CREATE INDEX territory_wide_outline_3857 ON territory USING gist (outline_3857) WHERE level <> 'commune';
CREATE INDEX territory_point ON territory USING gist (point);
-- Where a territory lies, and how many live there, without its outline.
CREATE INDEX territory_figures ON territory (level, code) INCLUDE (population, epci, departement, region);

-- Outlines simplified as coverages: neighbours share borders.
CREATE TABLE territory_outline (
    level text     NOT NULL,
    code  text     NOT NULL,
    zoom  smallint NOT NULL,
    geom  geometry(MultiPolygon, 3857) NOT NULL,
    PRIMARY KEY (level, zoom, code),
    FOREIGN KEY (level, code) REFERENCES territory ON DELETE CASCADE
);
CREATE INDEX territory_outline_commune_4 ON territory_outline USING gist (geom) WHERE level = 'commune' AND zoom = 4;
CREATE INDEX territory_outline_commune_6 ON territory_outline USING gist (geom) WHERE level = 'commune' AND zoom = 6;
CREATE INDEX territory_outline_commune_8 ON territory_outline USING gist (geom) WHERE level = 'commune' AND zoom = 8;
CREATE INDEX territory_outline_commune_10 ON territory_outline USING gist (geom) WHERE level = 'commune' AND zoom = 10;
CREATE INDEX territory_outline_wide ON territory_outline USING gist (geom) WHERE level <> 'commune';

-- An EPCI lies in each département in which it has a commune: its parts are kept beside it.
CREATE TABLE epci_part (
    epci            text     NOT NULL,
    departement     text     NOT NULL,
    region          text     NOT NULL,
    communes        integer  NOT NULL CHECK (communes > 0),
    population      integer  CHECK (population >= 0),
    population_year smallint,
    PRIMARY KEY (epci, departement)
);

CREATE TABLE epci_part_outline (
    epci        text     NOT NULL,
    departement text     NOT NULL,
    zoom        smallint NOT NULL,
    geom        geometry(MultiPolygon, 3857) NOT NULL,
    PRIMARY KEY (zoom, epci, departement),
    FOREIGN KEY (epci, departement) REFERENCES epci_part ON DELETE CASCADE
);

-- Other codes and names under which a commune of today is known.
CREATE TABLE territory_alias (
    kind      text   NOT NULL CHECK (kind IN ('associee', 'deleguee', 'arrondissement', 'former')),
    code      text   NOT NULL,
    name      text   NOT NULL CHECK (name <> ''),
    commune   text   NOT NULL,
    postcodes text[] NOT NULL DEFAULT '{}',
    level     text   NOT NULL DEFAULT 'commune' CHECK (level = 'commune'),
    PRIMARY KEY (kind, code, name, commune),
    FOREIGN KEY (level, commune) REFERENCES territory (level, code) ON DELETE CASCADE
);
CREATE INDEX territory_alias_code ON territory_alias (code);
CREATE INDEX territory_alias_commune ON territory_alias (commune);

-- What happened to communes since 1943: one row for each movement of INSEE's file, in order of days.
CREATE TABLE commune_event (
    id          integer PRIMARY KEY,
    day         date    NOT NULL,
    kind        text    NOT NULL CHECK (kind ~ '^[0-9]{2}$'),
    type_before text    CHECK (type_before IN ('COM', 'COMA', 'COMD', 'ARM')),
    code_before text,
    name_before text,
    type_after  text    CHECK (type_after IN ('COM', 'COMA', 'COMD', 'ARM')),
    code_after  text,
    name_after  text,
    CHECK (num_nulls(type_before, code_before, name_before) IN (0, 3)),
    CHECK (num_nulls(type_after, code_after, name_after) IN (0, 3)),
    CHECK (code_before IS NOT NULL OR code_after IS NOT NULL)
);
CREATE INDEX commune_event_before ON commune_event (code_before);
CREATE INDEX commune_event_after ON commune_event (code_after);

-- A picture of all territories of a level, as maps shade them from afar: `territories/raster.py`.
CREATE TABLE territory_mosaic (
    level   text  PRIMARY KEY CHECK (level = 'commune'),
    content bytea NOT NULL
);

-- Which sets of territories were loaded, the latest in force.
CREATE TABLE territory_load (
    id        integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source    text        NOT NULL,
    licence   text        NOT NULL,
    cog_year  smallint    NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now()
);
