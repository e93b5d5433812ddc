-- Functions that columns and indexes are made of. The baseline runs this file before its tables. What a
-- function here returns for the same arguments never changes: rows and indexes hold its results.

CREATE OR REPLACE FUNCTION uuid_v7() RETURNS uuid
    LANGUAGE sql VOLATILE PARALLEL SAFE
    RETURN encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6),
            52, 1), 53, 1),
        'hex')::uuid;
COMMENT ON FUNCTION uuid_v7 IS
    'A new identifier (RFC 9562, version 7): Unix time in milliseconds (48 bits), then 74 random bits '
    'that cannot be guessed.';

-- All points of one XYZ tile have codes in one contiguous range, whatever its zoom, and each point
-- belongs to exactly one tile: a tile is a range of an index, a cluster is a prefix of codes.
-- In PL/pgSQL, whose cached plan is many times faster here than that of an SQL function.
CREATE OR REPLACE FUNCTION grid_cell(point_3857 geometry) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path FROM CURRENT
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
COMMENT ON FUNCTION grid_cell IS
    'The Z-order (Morton) code, at zoom 24, of the web-mercator grid cell that holds a point (EPSG:3857, '
    'metres): 0 to 2^48 - 1. Points beyond the edge of the map get the cell at the edge; null for null.';

-- For "does this idea exist already near here": the words of a title, each with the finest territory
-- known, so that looking for a word of a commune reads its initiatives alone, among any number.
CREATE OR REPLACE FUNCTION idea_area(precision_ text, commune text, epci text, departement text, region text)
    RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(commune, CASE precision_ WHEN 'epci' THEN epci WHEN 'departement' THEN 'D' || departement
                                  WHEN 'region' THEN 'R' || region ELSE 'F' END);
COMMENT ON FUNCTION idea_area IS
    'The finest territory known of an initiative, as one text: the INSEE code of a commune, the SIREN of '
    'an EPCI, D and the code of a département, R and the code of a région, F for all else.';

CREATE OR REPLACE FUNCTION idea_keys(area text, words text[]) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path FROM CURRENT
AS $$
BEGIN
    IF cardinality(words) = 0 THEN
        RETURN '{}';
    END IF;
    RETURN string_to_array(area || ' ' || array_to_string(words, chr(31) || area || ' '), chr(31));
END
$$;
COMMENT ON FUNCTION idea_keys IS
    'Each word with its area in front ("35238 verger"): the keys of the index initiative_idea. An empty '
    'array for no words.';
