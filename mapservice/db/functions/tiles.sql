-- Which tiles a write changes, told to those who keep tiles (channel `tile_changes`).
--
-- A message holds tiles of zoom 14 as Z-order codes in hexadecimal, parted by blanks, or `*` for all.
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

CREATE OR REPLACE FUNCTION tile_changes_after_write() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
DECLARE
    codes bigint[];
    most  CONSTANT integer := tile_changes_most() + 1;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(code) INTO codes
          FROM (SELECT DISTINCT cell >> 20 AS code FROM added WHERE cell IS NOT NULL LIMIT most) AS changed;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(code) INTO codes
          FROM (SELECT DISTINCT cell >> 20 AS code FROM removed WHERE cell IS NOT NULL LIMIT most) AS changed;
    ELSE
        SELECT array_agg(code) INTO codes
          FROM (SELECT cell >> 20 AS code FROM added WHERE cell IS NOT NULL
                 UNION
                SELECT cell >> 20 FROM removed WHERE cell IS NOT NULL
                 LIMIT most) AS changed;
    END IF;
    PERFORM tile_changes_tell(codes);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION tile_changes_after_write IS 'Tells of the tiles in which a statement changed initiatives.';

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
