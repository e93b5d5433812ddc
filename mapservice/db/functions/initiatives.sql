-- Initiatives: where they are, which are public, and when they changed.

CREATE OR REPLACE FUNCTION is_public(status text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN status IN ('published', 'done', 'archived');
COMMENT ON FUNCTION is_public IS
    'Whether initiatives of this status are published: published, done or archived. Null for null.';

-- Parents and anchor follow from the finest territory named, so that no writer can contradict it.
CREATE OR REPLACE FUNCTION initiative_place() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
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
COMMENT ON FUNCTION initiative_place IS
    'Derives the parents (epci, departement, region) and the anchor of an initiative, an event or a group from the finest '
    'territory that it names. Raises foreign_key_violation for a territory that is not loaded.';

CREATE OR REPLACE FUNCTION initiative_state() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    NEW.state_since := clock_timestamp();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION initiative_state IS 'Dates a change of status (state_since) by the clock.';

-- Runs after `initiative_place`, by the order of their names, so that it sees where the row ends up.
-- A date of its source is left to its source: one that is unknown stays so, and an import, which changes
-- `source_digest`, writes what the source tells.
CREATE OR REPLACE FUNCTION initiative_touch() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
DECLARE
    edited boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.changed_at := clock_timestamp();
        RETURN NEW;
    END IF;
    edited := (NEW.title, NEW.summary, NEW.theme, NEW.status, NEW.scale, NEW.commune, NEW.epci, NEW.departement,
               NEW.region, NEW.precision, NEW.created_at, NEW.created_period, NEW.updated_at,
               NEW.source_platform, NEW.source_url, NEW.source_licence, NEW.description, NEW.address,
               NEW.opening_hours, NEW.start_day, NEW.end_day, NEW.start_time, NEW.end_time, NEW.is_free,
               NEW.price, NEW.wheelchair, NEW.website, NEW.tags, NEW.audience)
              IS DISTINCT FROM
              (OLD.title, OLD.summary, OLD.theme, OLD.status, OLD.scale, OLD.commune, OLD.epci, OLD.departement,
               OLD.region, OLD.precision, OLD.created_at, OLD.created_period, OLD.updated_at,
               OLD.source_platform, OLD.source_url, OLD.source_licence, OLD.description, OLD.address,
               OLD.opening_hours, OLD.start_day, OLD.end_day, OLD.start_time, OLD.end_time, OLD.is_free,
               OLD.price, OLD.wheelchair, OLD.website, OLD.tags, OLD.audience)
              OR ST_AsBinary(NEW.anchor) IS DISTINCT FROM ST_AsBinary(OLD.anchor);
    IF edited OR (NEW.supporters, NEW.source_supporters) IS DISTINCT FROM (OLD.supporters, OLD.source_supporters) THEN
        NEW.changed_at := clock_timestamp();
    END IF;
    IF edited AND NEW.updated_at = OLD.updated_at
       AND NEW.source_digest IS NOT DISTINCT FROM OLD.source_digest THEN
        NEW.updated_at := greatest(NEW.changed_at, NEW.created_at, OLD.updated_at);
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION initiative_touch IS
    'Dates a change of what is published by the clock (changed_at), and an edit made here in updated_at. '
    'A support that comes or goes is a change, yet no edit; dates told by a source stay as told.';
