-- The schema of the first release. Later migrations change it; this file stays as it is.

CREATE EXTENSION IF NOT EXISTS postgis;
CREATE EXTENSION IF NOT EXISTS unaccent;

-- French stemming that also forgives missing accents: "mobilite velo" finds "mobilités à vélo".
CREATE TEXT SEARCH CONFIGURATION french_unaccent (COPY = french);
ALTER TEXT SEARCH CONFIGURATION french_unaccent
    ALTER MAPPING FOR hword, hword_part, word WITH unaccent, french_stem;

-- RFC 9562 version 7: 48 bits of Unix milliseconds, then 74 random bits that cannot be guessed.
CREATE FUNCTION uuid_v7() RETURNS uuid
    LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$
    SELECT encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6),
            52, 1), 53, 1),
        'hex')::uuid
$$;

-- The Z-order (Morton) code, at zoom 24, of the web-mercator grid cell that holds a point in
-- EPSG:3857. All points of one XYZ tile have codes in one contiguous range, whatever its zoom, and
-- each point belongs to exactly one tile: that makes a tile an index range and a cluster a prefix.
-- In PL/pgSQL, whose cached plan is many times faster here than an SQL function's.
CREATE FUNCTION grid_cell(point_3857 geometry) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
    half   CONSTANT float8 := 20037508.342789244;
    column_ bigint := least(greatest(floor((ST_X(point_3857) + half) / (2 * half) * 16777216), 0), 16777215);
    row_    bigint := least(greatest(floor((half - ST_Y(point_3857)) / (2 * half) * 16777216), 0), 16777215);
BEGIN
    -- Five halvings put a zero bit after every bit of each number.
    column_ := (column_ | (column_ << 16)) & x'0000ffff0000ffff'::bigint;
    row_    := (row_    | (row_    << 16)) & x'0000ffff0000ffff'::bigint;
    column_ := (column_ | (column_ <<  8)) & x'00ff00ff00ff00ff'::bigint;
    row_    := (row_    | (row_    <<  8)) & x'00ff00ff00ff00ff'::bigint;
    column_ := (column_ | (column_ <<  4)) & x'0f0f0f0f0f0f0f0f'::bigint;
    row_    := (row_    | (row_    <<  4)) & x'0f0f0f0f0f0f0f0f'::bigint;
    column_ := (column_ | (column_ <<  2)) & x'3333333333333333'::bigint;
    row_    := (row_    | (row_    <<  2)) & x'3333333333333333'::bigint;
    column_ := (column_ | (column_ <<  1)) & x'5555555555555555'::bigint;
    row_    := (row_    | (row_    <<  1)) & x'5555555555555555'::bigint;
    RETURN column_ | (row_ << 1);
END
$$;

CREATE TABLE territory (
    level        text     NOT NULL CHECK (level IN ('commune', 'epci', 'departement', 'region')),
    code         text     NOT NULL CHECK (code <> ''),
    name         text     NOT NULL CHECK (name <> ''),
    article      text     NOT NULL DEFAULT '',
    population   integer  NOT NULL CHECK (population >= 0),
    postcodes    text[]   NOT NULL DEFAULT '{}',
    epci         text,
    departement  text,
    region       text,
    point        geometry(Point, 4326)        NOT NULL,
    outline      geometry(MultiPolygon, 4326) NOT NULL CHECK (NOT ST_IsEmpty(outline)),
    outline_3857 geometry(MultiPolygon, 3857) NOT NULL,
    approximate  boolean  NOT NULL DEFAULT false,
    cog_year     smallint NOT NULL,
    PRIMARY KEY (level, code)
);
COMMENT ON TABLE territory IS 'Official territories of one year of the code officiel géographique.';
COMMENT ON COLUMN territory.point IS 'Town hall if it lies inside the outline, else an inner point.';
COMMENT ON COLUMN territory.approximate IS 'The source lacks this outline; ours was rebuilt from its neighbours.';
CREATE INDEX territory_commune_outline ON territory USING gist (outline) WHERE level = 'commune';
CREATE INDEX territory_commune_outline_3857 ON territory USING gist (outline_3857) WHERE level = 'commune';
CREATE INDEX territory_wide_outline_3857 ON territory USING gist (outline_3857) WHERE level <> 'commune';
CREATE INDEX territory_point ON territory USING gist (point);

-- Outlines simplified as coverages for the zooms below `zoom` band + 2: neighbours share borders.
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

CREATE TABLE initiative (
    id              uuid        PRIMARY KEY DEFAULT uuid_v7(),
    title           text        NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    summary         text        NOT NULL DEFAULT '' CHECK (length(summary) <= 500),
    description     text        NOT NULL DEFAULT '' CHECK (length(description) <= 20000),
    theme           text        NOT NULL CHECK (theme IN ('environnement', 'alimentation', 'mobilite', 'habitat', 'solidarite', 'education', 'culture', 'economie', 'autre')),
    scale           text        NOT NULL CHECK (scale IN ('commune', 'epci', 'departement', 'region', 'national')),
    status          text        NOT NULL CHECK (status IN ('draft', 'pending', 'published', 'rejected', 'done', 'archived')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    source_platform text        NOT NULL DEFAULT '',
    source_id       text,
    source_url      text        NOT NULL DEFAULT '' CHECK (source_url = '' OR source_url ~ '^https?://'),
    source_licence  text        NOT NULL DEFAULT '',
    source_digest   text,
    place_text      text        NOT NULL DEFAULT '' CHECK (length(place_text) <= 1000),
    precision       text        NOT NULL CHECK (precision IN ('point', 'commune', 'epci', 'departement', 'region', 'national', 'none')),
    point           geometry(Point, 4326),
    commune         text,
    epci            text,
    departement     text,
    region          text,
    anchor          geometry(Point, 4326),
    anchor_3857     geometry(Point, 3857),
    cell            bigint      GENERATED ALWAYS AS (grid_cell(anchor_3857)) STORED,
    supporters      integer     NOT NULL DEFAULT 0 CHECK (supporters >= 0),
    search          tsvector    GENERATED ALWAYS AS (
                        setweight(to_tsvector('french_unaccent', title), 'A')
                        || setweight(to_tsvector('french_unaccent', summary), 'B')
                        || setweight(to_tsvector('french_unaccent', left(description, 4000)), 'C')) STORED,
    UNIQUE (source_platform, source_id),
    CHECK (created_at <= updated_at),
    CHECK ((point IS NOT NULL) = (precision = 'point')),
    -- Neither empty nor NaN, nor beyond the edge of the map.
    CHECK (point IS NULL OR coalesce(ST_X(point) BETWEEN -180 AND 180 AND ST_Y(point) BETWEEN -85 AND 85, false)),
    CHECK (precision NOT IN ('point', 'commune') OR commune IS NOT NULL),
    CHECK (precision IN ('point', 'commune') OR commune IS NULL),
    CHECK (precision <> 'epci' OR epci IS NOT NULL),
    CHECK (precision <> 'departement' OR (departement IS NOT NULL AND epci IS NULL)),
    CHECK (precision <> 'region' OR (region IS NOT NULL AND departement IS NULL AND epci IS NULL)),
    CHECK (precision NOT IN ('national', 'none') OR (region IS NULL AND departement IS NULL AND epci IS NULL)),
    CHECK ((anchor IS NULL) = (precision IN ('national', 'none')))
);
COMMENT ON COLUMN initiative.point IS 'A place known to the metre; never derived from a commune.';
COMMENT ON COLUMN initiative.anchor IS 'Where maps show it: the point, else the label point of the finest territory known.';
COMMENT ON COLUMN initiative.cell IS 'Z-order code of the anchor at zoom 24, see grid_cell().';
COMMENT ON COLUMN initiative.source_digest IS 'Digest of the imported row: an equal one means unchanged.';

-- One index per order that the filter grammar offers, within each territory it can name.
CREATE INDEX initiative_recent ON initiative (created_at DESC, id DESC);
CREATE INDEX initiative_updated ON initiative (updated_at, id);
CREATE INDEX initiative_supported ON initiative (supporters DESC, id DESC);
CREATE INDEX initiative_theme ON initiative (theme, created_at DESC, id DESC);
CREATE INDEX initiative_status ON initiative (status, created_at DESC, id DESC);
CREATE INDEX initiative_commune ON initiative (commune, created_at DESC, id DESC);
CREATE INDEX initiative_epci ON initiative (epci, created_at DESC, id DESC);
CREATE INDEX initiative_departement ON initiative (departement, created_at DESC, id DESC);
CREATE INDEX initiative_region ON initiative (region, created_at DESC, id DESC);
-- All that a near tile counts is in this index; tiles are ranges of its first column.
CREATE INDEX initiative_cell ON initiative (cell, theme, status);
CREATE INDEX initiative_anchor ON initiative USING gist (anchor_3857);
CREATE INDEX initiative_search ON initiative USING gin (search);

-- Parents and anchor follow from the finest territory named, so that no writer can contradict it.
CREATE FUNCTION initiative_place() RETURNS trigger
    LANGUAGE plpgsql
AS $$
DECLARE
    known_level text := CASE WHEN NEW.precision = 'point' THEN 'commune' ELSE NEW.precision END;
    known_code  text := CASE known_level WHEN 'commune' THEN NEW.commune WHEN 'epci' THEN NEW.epci
                             WHEN 'departement' THEN NEW.departement WHEN 'region' THEN NEW.region END;
    label       geometry;
    parents     text[];
BEGIN
    IF known_code IS NOT NULL THEN
        SELECT point, ARRAY[epci, departement, region] INTO label, parents
          FROM territory
         WHERE level = known_level AND code = known_code;
        IF NOT FOUND THEN
            RAISE foreign_key_violation
                USING MESSAGE = format('unknown %s %L', known_level, known_code), COLUMN = known_level;
        END IF;
        NEW.commune := CASE known_level WHEN 'commune' THEN known_code END;
        NEW.epci := CASE known_level WHEN 'epci' THEN known_code ELSE parents[1] END;
        NEW.departement := CASE known_level WHEN 'departement' THEN known_code ELSE parents[2] END;
        NEW.region := CASE known_level WHEN 'region' THEN known_code ELSE parents[3] END;
    ELSIF known_level IN ('national', 'none') THEN
        NEW.commune := NULL;
        NEW.epci := NULL;
        NEW.departement := NULL;
        NEW.region := NULL;
    END IF;
    NEW.anchor := coalesce(NEW.point, label);
    NEW.anchor_3857 := ST_Transform(NEW.anchor, 3857);
    RETURN NEW;
END
$$;
CREATE TRIGGER initiative_place BEFORE INSERT OR UPDATE OF precision, point, commune, epci, departement, region
    ON initiative FOR EACH ROW EXECUTE FUNCTION initiative_place();

-- How a place was understood, kept for ever beside its initiative.
CREATE TABLE location_match (
    initiative uuid        PRIMARY KEY REFERENCES initiative ON DELETE CASCADE,
    query      jsonb       NOT NULL,
    parts      jsonb       NOT NULL,
    candidates jsonb       NOT NULL DEFAULT '[]',
    status     text        NOT NULL CHECK (status IN ('certain', 'likely', 'ambiguous', 'none')),
    precision  text        NOT NULL,
    score      real        NOT NULL CHECK (score BETWEEN 0 AND 1),
    method     text        NOT NULL,
    reason     text        NOT NULL DEFAULT '',
    cog_year   smallint    NOT NULL,
    matched_at timestamptz NOT NULL DEFAULT now(),
    review     text        NOT NULL DEFAULT 'none' CHECK (review IN ('none', 'waiting', 'decided')),
    decided_by text,
    decided_at timestamptz,
    CHECK ((review = 'decided') = (decided_by IS NOT NULL AND decided_at IS NOT NULL))
);
CREATE INDEX location_match_waiting ON location_match (matched_at, initiative) WHERE review = 'waiting';

-- Which sets of territories were loaded, the latest in force.
CREATE TABLE territory_load (
    id        integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source    text        NOT NULL,
    licence   text        NOT NULL,
    cog_year  smallint    NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now()
);
