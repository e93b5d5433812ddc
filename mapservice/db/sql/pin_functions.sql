-- Run after every upgrade. Functions whose body is text say where they look for names: in the schema of
-- ours and in that of PostGIS, which may be another. Else they work only under the search_path of who made
-- them, and a dump is restored under an empty one. Those of the job queue too: it is dumped with the rest.
-- A function that others are to be written into (inlined) has a parsed body instead (`RETURN …`).
DO $$
DECLARE
    path text := (SELECT string_agg(DISTINCT quote_ident(nspname), ', ')
                    FROM pg_namespace
                   WHERE nspname = current_schema()
                      OR oid = (SELECT extnamespace FROM pg_extension WHERE extname = 'postgis'));
    own  regprocedure;
BEGIN
    FOR own IN
        SELECT oid FROM pg_proc
         WHERE pronamespace = current_schema()::regnamespace
           AND prokind = 'f' AND prosqlbody IS NULL
           AND NOT EXISTS (SELECT FROM unnest(proconfig) AS kept WHERE kept LIKE 'search_path=%')
           AND NOT EXISTS (SELECT FROM pg_depend
                            WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %s, pg_temp', own, path);
    END LOOP;
END
$$;
