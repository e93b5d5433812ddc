-- Which tiles and pages a write changes, told to those who keep them.
--
-- A message of the channel `tile_changes` holds tiles of zoom 14 as Z-order codes in hexadecimal, one of `page_changes`
-- the INSEE codes of communes whose pages tell of other initiatives now; both are parted by blanks, `*` stands for all.
-- PostgreSQL sends it when the write is committed, and not at all when it is undone.

CREATE OR REPLACE FUNCTION tile_changes_most() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 4000;
COMMENT ON FUNCTION tile_changes_most IS
    'So many changed tiles of zoom 14 are told one by one; after a statement that changed more, all tiles '
    'are forgotten.';

CREATE OR REPLACE FUNCTION tile_changes_tell(codes bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    IF cardinality(codes) > tile_changes_most() THEN
        PERFORM pg_notify('tile_changes', '*');
    ELSE
        -- A message has less than 8,000 bytes; a code of zoom 14 at most seven digits.
        PERFORM pg_notify('tile_changes', string_agg(to_hex(code), ' '))
           FROM unnest(codes) WITH ORDINALITY AS told (code, place)
          GROUP BY place / 900;
    END IF;
END
$$;
COMMENT ON FUNCTION tile_changes_tell IS
    'Tells listeners of tile_changes of these tiles: Z-order codes at zoom 14.';

CREATE OR REPLACE FUNCTION page_changes_tell(communes text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    IF cardinality(communes) > tile_changes_most() THEN
        PERFORM pg_notify('page_changes', '*');
    ELSE
        -- A message has less than 8,000 bytes; a code has five.
        PERFORM pg_notify('page_changes', string_agg(code, ' '))
           FROM unnest(communes) WITH ORDINALITY AS told (code, place)
          GROUP BY place / 1000;
    END IF;
END
$$;
COMMENT ON FUNCTION page_changes_tell IS
    'Tells listeners of page_changes of these communes, by INSEE code.';

CREATE OR REPLACE FUNCTION tile_changes_after_write() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
DECLARE
    codes     bigint[];
    communes  text[];
    most      CONSTANT integer := tile_changes_most() + 1;
    is_sample boolean := false;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(code) INTO codes
          FROM (SELECT DISTINCT cell >> 20 AS code FROM added WHERE cell IS NOT NULL LIMIT most) AS changed;
        SELECT array_agg(code) INTO communes
          FROM (SELECT DISTINCT commune AS code FROM added WHERE commune IS NOT NULL LIMIT most) AS changed;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(code) INTO codes
          FROM (SELECT DISTINCT cell >> 20 AS code FROM removed WHERE cell IS NOT NULL LIMIT most) AS changed;
        SELECT array_agg(code) INTO communes
          FROM (SELECT DISTINCT commune AS code FROM removed WHERE commune IS NOT NULL LIMIT most) AS changed;
        is_sample := EXISTS (SELECT FROM removed WHERE source_platform = 'sample');
    ELSE
        SELECT array_agg(code) INTO codes
          FROM (SELECT cell >> 20 AS code FROM added WHERE cell IS NOT NULL
                 UNION
                SELECT cell >> 20 FROM removed WHERE cell IS NOT NULL
                 LIMIT most) AS changed;
        SELECT array_agg(code) INTO communes
          FROM (SELECT commune AS code FROM added WHERE commune IS NOT NULL
                 UNION
                SELECT commune FROM removed WHERE commune IS NOT NULL
                 LIMIT most) AS changed;
    END IF;
    PERFORM tile_changes_tell(codes);
    -- Every page says whether some, all or none of what is here is made up.
    IF is_sample OR TG_OP = 'INSERT' AND EXISTS (SELECT FROM initiative WHERE source_platform = 'sample') THEN
        PERFORM pg_notify('page_changes', '*');
    ELSE
        PERFORM page_changes_tell(communes);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION tile_changes_after_write IS 'Tells of the tiles and communes in which a statement changed initiatives.';

CREATE OR REPLACE FUNCTION page_changes_of_photos() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
DECLARE
    communes text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT commune) INTO communes
          FROM initiative JOIN added ON added.initiative = initiative.id WHERE commune IS NOT NULL;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(DISTINCT commune) INTO communes
          FROM initiative JOIN removed ON removed.initiative = initiative.id WHERE commune IS NOT NULL;
    ELSE
        SELECT array_agg(DISTINCT commune) INTO communes
          FROM initiative
         WHERE commune IS NOT NULL
           AND id IN (SELECT initiative FROM added UNION SELECT initiative FROM removed);
    END IF;
    PERFORM page_changes_tell(communes);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION page_changes_of_photos IS
    'Tells of the communes whose lists show other photos after a statement.';

CREATE OR REPLACE FUNCTION tile_changes_everywhere() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pg_notify('tile_changes', '*');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION tile_changes_everywhere IS 'Tells that every tile may have changed.';

-- Which rows there are says what has been committed: two transactions at once never share a row, nor wait.
CREATE OR REPLACE FUNCTION spot_change_note() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    INSERT INTO spot_change (layer) VALUES (TG_ARGV[0]);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION spot_change_note IS
    'Notes that a statement may have changed what tiles of the layer named by its argument show.';

CREATE OR REPLACE FUNCTION spot_change_prune() RETURNS bigint
    LANGUAGE sql
    SET search_path FROM CURRENT
AS $$
    WITH gone AS (
        DELETE FROM spot_change WHERE id < (SELECT max(id) - 200 FROM spot_change) RETURNING id
    )
    SELECT count(*) FROM gone
$$;
COMMENT ON FUNCTION spot_change_prune IS
    'Keeps the last rows of spot_change alone; returns how many went. What was read before is read once more.';
