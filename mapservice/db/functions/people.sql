-- People and their roles.

CREATE OR REPLACE FUNCTION role_log_stays() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'the log of roles is kept as it was written';
END
$$;
COMMENT ON FUNCTION role_log_stays IS
    'Raises insufficient_privilege: the log of roles is kept as it was written.';

-- A grant that goes with its person is logged too: nobody calls a service for that.
CREATE OR REPLACE FUNCTION role_lapses() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    INSERT INTO role_log (act, person, role, level, code)
    SELECT 'lapse', person, role, level, code FROM role_grant WHERE person = OLD.id;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION role_lapses IS 'Logs the end of the roles of a person whose row is deleted.';
