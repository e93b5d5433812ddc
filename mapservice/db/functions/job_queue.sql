-- The functions of the job queue, which its library brings, say where they look for names like ours do: they
-- are dumped and restored with the rest, and a dump is restored under an empty search_path.
DO $$
DECLARE
    own regprocedure;
BEGIN
    FOR own IN
        SELECT oid FROM pg_proc
         WHERE pronamespace = current_schema()::regnamespace AND starts_with(proname, 'procrastinate_')
           AND prokind = 'f' AND prosqlbody IS NULL
           AND NOT EXISTS (SELECT FROM unnest(proconfig) AS kept WHERE kept LIKE 'search_path=%')
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path FROM CURRENT', own);
    END LOOP;
END
$$;
