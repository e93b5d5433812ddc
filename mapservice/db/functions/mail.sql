-- Mail and notifications that leave.

-- The worker wakes when the writer commits; the sweep of each minute finds what no wake-up reached.
CREATE OR REPLACE FUNCTION wake_mail() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM procrastinate_defer_jobs_v1(ARRAY[
        ROW('default', 'send_mail', 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1]);
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION wake_mail IS 'Asks the worker to send mail: the job is there when the writer commits.';

-- As for mail.
CREATE OR REPLACE FUNCTION wake_push() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM procrastinate_defer_jobs_v1(ARRAY[
        ROW('default', 'send_push', 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1]);
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION wake_push IS 'Asks the worker to send notifications: the job is there when the writer commits.';
