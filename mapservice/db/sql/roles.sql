-- Who may look after which territories, and who said so.

-- What holds now. A territory is named by its code alone, without a foreign key: it may change with a
-- later year of the COG, and a grant must not vanish with it.
CREATE TABLE role_grant (
    person     uuid        NOT NULL REFERENCES person ON DELETE CASCADE,
    role       text        NOT NULL CHECK (role IN ('coordinator', 'moderator', 'admin')),
    level      text        NOT NULL CHECK (level IN ('commune', 'epci', 'departement', 'region', 'country')),
    code       text        NOT NULL CHECK (code ~ '^[0-9A-Z]{0,9}$'),
    granted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person, role, level, code),
    CHECK ((role = 'admin') = (level = 'country')),
    CHECK ((level = 'country') = (code = ''))
);
COMMENT ON COLUMN role_grant.level IS '''country'' for an admin: everywhere, and what is placed nowhere.';

-- Every grant and every end of one. It names people by their id alone, so that erasing somebody
-- leaves it whole; `by_name` is for who acted without an account: the command line, the shared password.
CREATE TABLE role_log (
    id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT now(),
    act       text        NOT NULL CHECK (act IN ('grant', 'revoke', 'erase', 'lapse')),
    person    uuid        NOT NULL,
    role      text        NOT NULL,
    level     text        NOT NULL,
    code      text        NOT NULL,
    by_person uuid,
    by_name   text        NOT NULL DEFAULT '',
    CHECK (act = 'lapse' OR (by_person IS NULL) = (by_name <> ''))
);
CREATE INDEX role_log_person ON role_log (person, id);
COMMENT ON COLUMN role_log.act IS
    'erase: ended with the account; lapse: the address was never confirmed, and the purge took its row.';

CREATE FUNCTION role_log_stays() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'the log of roles is kept as it was written';
END
$$;
CREATE TRIGGER role_log_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON role_log
    FOR EACH STATEMENT EXECUTE FUNCTION role_log_stays();

-- A grant that goes with its person's row is logged too: nobody calls a service for that.
CREATE FUNCTION role_lapses() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO role_log (act, person, role, level, code)
    SELECT 'lapse', person, role, level, code FROM role_grant WHERE person = OLD.id;
    RETURN OLD;
END
$$;
CREATE TRIGGER role_lapses BEFORE DELETE ON person FOR EACH ROW EXECUTE FUNCTION role_lapses();

-- Which moderator decided: an id where the moderator has an account; names are not unique.
ALTER TABLE decision ADD COLUMN decided_by_person uuid;
CREATE INDEX decision_by_person ON decision (decided_by_person) WHERE decided_by_person IS NOT NULL;
COMMENT ON COLUMN decision.decided_by_person IS 'Null for who used the shared password. No foreign key.';
