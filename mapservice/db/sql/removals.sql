-- What changed and what left public view, for those who harvest; and the exports made by jobs.
--
-- A harvester asks again and again for what changed since the moment it was told. Transactions do
-- not commit in the order of their clocks, so an answer only goes up to `harvest_horizon()`: no
-- transaction still open has changed, or will change, anything before it.

ALTER TABLE initiative ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN initiative.changed_at IS
    'When the row last changed here, which its source''s own date (updated_at) may precede by years.';
CREATE INDEX initiative_changed ON initiative (changed_at, id);

CREATE TABLE removal (
    initiative uuid        PRIMARY KEY,
    removed_at timestamptz NOT NULL
);
COMMENT ON TABLE removal IS 'Initiatives that were public and are no more: deleted, or of a status that is not public.';
CREATE INDEX removal_order ON removal (removed_at, initiative);

CREATE FUNCTION is_public(status text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT status IN ('published', 'done', 'archived') $$;

-- Says, in a lock that everybody can see and nobody waits for, since when this transaction is
-- open. Taken before the first row changes and kept to the end, it holds the horizon back.
-- Seconds since 2020 fit the lock's 31 bits until 2088.
CREATE FUNCTION harvest_hold() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(
        hashtext('harvest'), floor(extract(epoch FROM now() - timestamptz '2020-01-01 00:00:00+00'))::integer);
    RETURN NULL;
END
$$;
CREATE TRIGGER harvest_hold BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON initiative
    FOR EACH STATEMENT EXECUTE FUNCTION harvest_hold();

-- The moment up to which the feed is complete for a snapshot taken afterwards. The clock is read
-- before the locks: who takes one later writes a later time. Who has ended is in the snapshot.
CREATE FUNCTION harvest_horizon() RETURNS timestamptz
    LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    present timestamptz := clock_timestamp();
    oldest  bigint;
BEGIN
    SELECT min(objid::bigint) INTO oldest
      FROM pg_locks
     WHERE locktype = 'advisory' AND objsubid = 2 AND granted
       AND classid::bigint = hashtext('harvest')::bigint & x'ffffffff'::bigint
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
    RETURN least(present, timestamptz '2020-01-01 00:00:00+00' + oldest * interval '1 second');
END
$$;

-- Runs after `initiative_place`, by the order of their names, so that it sees where the row ends up.
CREATE FUNCTION initiative_touch() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.changed_at := clock_timestamp();
    ELSIF (NEW.title, NEW.summary, NEW.theme, NEW.status, NEW.scale, NEW.commune, NEW.epci, NEW.departement,
           NEW.region, NEW.precision, NEW.supporters, NEW.created_at, NEW.updated_at, NEW.description)
          IS DISTINCT FROM
          (OLD.title, OLD.summary, OLD.theme, OLD.status, OLD.scale, OLD.commune, OLD.epci, OLD.departement,
           OLD.region, OLD.precision, OLD.supporters, OLD.created_at, OLD.updated_at, OLD.description)
          OR ST_AsBinary(NEW.anchor) IS DISTINCT FROM ST_AsBinary(OLD.anchor) THEN
        NEW.changed_at := clock_timestamp();
        IF NEW.updated_at = OLD.updated_at THEN
            NEW.updated_at := greatest(NEW.changed_at, NEW.created_at, OLD.updated_at);
        END IF;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER initiative_touch BEFORE INSERT OR UPDATE ON initiative
    FOR EACH ROW EXECUTE FUNCTION initiative_touch();

-- A name that changes is seen in every initiative there.
CREATE FUNCTION territory_renamed() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.level = 'commune' THEN
        UPDATE initiative SET updated_at = greatest(updated_at, clock_timestamp()) WHERE commune = NEW.code;
    ELSE
        UPDATE initiative SET updated_at = greatest(updated_at, clock_timestamp()) WHERE region = NEW.code;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER territory_renamed AFTER UPDATE OF name ON territory
    FOR EACH ROW WHEN (NEW.level IN ('commune', 'region') AND NEW.name <> OLD.name)
    EXECUTE FUNCTION territory_renamed();

CREATE FUNCTION removal_keep(gone uuid[]) RETURNS void
    LANGUAGE sql
AS $$
    INSERT INTO removal (initiative, removed_at)
    SELECT one, clock_timestamp() FROM unnest(gone) AS one
        ON CONFLICT (initiative) DO UPDATE SET removed_at = excluded.removed_at
$$;

CREATE FUNCTION removal_after_delete() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM removal_keep(array_agg(id)) FROM removed WHERE is_public(status);
    RETURN NULL;
END
$$;
CREATE TRIGGER removal_delete AFTER DELETE ON initiative
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION removal_after_delete();

CREATE FUNCTION removal_before_truncate() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM removal_keep(array_agg(id)) FROM initiative WHERE is_public(status);
    RETURN NULL;
END
$$;
-- By its name after `harvest_hold`.
CREATE TRIGGER removal_truncate BEFORE TRUNCATE ON initiative
    FOR EACH STATEMENT EXECUTE FUNCTION removal_before_truncate();

CREATE FUNCTION removal_after_status() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF is_public(NEW.status) THEN
        DELETE FROM removal WHERE initiative = NEW.id;
    ELSE
        PERFORM removal_keep(ARRAY[NEW.id]);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER removal_status AFTER UPDATE OF status ON initiative
    FOR EACH ROW WHEN (is_public(NEW.status) <> is_public(OLD.status))
    EXECUTE FUNCTION removal_after_status();

CREATE FUNCTION removal_after_insert() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    DELETE FROM removal USING added WHERE removal.initiative = added.id AND is_public(added.status);
    RETURN NULL;
END
$$;
CREATE TRIGGER removal_insert AFTER INSERT ON initiative
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION removal_after_insert();

-- Files that a job makes on demand.
CREATE TABLE export (
    id          uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    format      text        NOT NULL CHECK (format IN ('gpkg', 'fgb', 'parquet')),
    filter      text        NOT NULL,
    state       text        NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed')),
    base_url    text        NOT NULL,
    done_rows   bigint      NOT NULL DEFAULT 0,
    total_rows  bigint,
    bytes       bigint,
    attempts    smallint    NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    expires_at  timestamptz,
    CHECK ((state IN ('done', 'failed')) = (finished_at IS NOT NULL)),
    CHECK ((finished_at IS NOT NULL) = (expires_at IS NOT NULL)),
    CHECK ((state = 'done') = (bytes IS NOT NULL))
);
COMMENT ON COLUMN export.filter IS 'Canonical query string of the filter grammar; empty: everything.';
CREATE UNIQUE INDEX export_unfinished ON export (format, filter, base_url) WHERE state IN ('queued', 'running');
CREATE INDEX export_expiry ON export (expires_at);
