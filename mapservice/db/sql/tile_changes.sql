-- Which tiles a write changes, told to those who keep tiles (channel `tile_changes`).
--
-- A message holds tiles of zoom 14 as Z-order codes in hexadecimal, parted by blanks, or `*` for
-- all. PostgreSQL sends it when the write is committed, and not at all when it is undone.

-- More tiles than this in one statement and all are forgotten at once.
CREATE FUNCTION tile_changes_most() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 4000 $$;

CREATE FUNCTION tile_changes_tell(codes bigint[]) RETURNS void
    LANGUAGE plpgsql
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

CREATE FUNCTION tile_changes_after_write() RETURNS trigger
    LANGUAGE plpgsql
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

CREATE FUNCTION tile_changes_everywhere() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('tile_changes', '*');
    RETURN NULL;
END
$$;

CREATE TRIGGER tile_changes_insert AFTER INSERT ON initiative
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tile_changes_after_write();
CREATE TRIGGER tile_changes_update AFTER UPDATE ON initiative
    REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION tile_changes_after_write();
CREATE TRIGGER tile_changes_delete AFTER DELETE ON initiative
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION tile_changes_after_write();
CREATE TRIGGER tile_changes_truncate AFTER TRUNCATE ON initiative
    FOR EACH STATEMENT EXECUTE FUNCTION tile_changes_everywhere();
CREATE TRIGGER tile_changes_load AFTER INSERT ON territory_load
    FOR EACH STATEMENT EXECUTE FUNCTION tile_changes_everywhere();

-- Pages of a box go along the grid, from one initiative to the next; counts need what is included.
DROP INDEX initiative_cell;
CREATE INDEX initiative_cell ON initiative (cell, id) INCLUDE (theme, status, anchor);
