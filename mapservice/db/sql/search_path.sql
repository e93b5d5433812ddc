-- Functions find their names whatever search_path is in force. A dump is restored under an empty one:
-- a function that needs another fails there, and takes with it the table whose column it makes.
-- `pin_functions.sql`, which follows every upgrade, says to each where to look; but a function that is told
-- so is not written into a query any more (inlined). These stay so: a body that is parsed here and now
-- refers to objects, not to names, and is dumped with the schema of each.

CREATE OR REPLACE FUNCTION is_public(status text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN status IN ('published', 'done', 'archived');

CREATE OR REPLACE FUNCTION idea_area(precision_ text, commune text, epci text, departement text, region text)
    RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(commune, CASE precision_ WHEN 'epci' THEN epci WHEN 'departement' THEN 'D' || departement
                                  WHEN 'region' THEN 'R' || region ELSE 'F' END);

CREATE OR REPLACE FUNCTION rollup_finest_zoom() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 14;

CREATE OR REPLACE FUNCTION rollup_month(at timestamptz) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN date_trunc('month', at AT TIME ZONE 'UTC')::date;

CREATE OR REPLACE FUNCTION rollup_month_number(month date) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CAST(extract(year FROM month) * 12 + extract(month FROM month) - 1 AS integer);

CREATE OR REPLACE FUNCTION tile_changes_most() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 4000;

CREATE OR REPLACE FUNCTION uuid_v7() RETURNS uuid
    LANGUAGE sql VOLATILE PARALLEL SAFE
    RETURN encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6),
            52, 1), 53, 1),
        'hex')::uuid;
