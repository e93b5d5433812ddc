-- The feed of changes, for those who harvest.
--
-- A harvester asks again and again for what changed since the moment it was told. Transactions do not
-- commit in the order of their clocks, so an answer only goes up to `harvest_horizon()`: no transaction
-- still open has changed, or will change, anything before it.

-- A lock that everybody can see and nobody waits for. Seconds since 2020 fit its 31 bits until 2088.
CREATE OR REPLACE FUNCTION harvest_hold() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(
        hashtext('harvest'), floor(extract(epoch FROM now() - timestamptz '2020-01-01 00:00:00+00'))::integer);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION harvest_hold IS
    'Says in a shared advisory lock since when this transaction is open, before it changes its first '
    'initiative. The lock, kept to the end, holds harvest_horizon() back.';

-- The clock is read before the locks: who takes one later writes a later time. Who has ended is in the
-- snapshot.
CREATE OR REPLACE FUNCTION harvest_horizon() RETURNS timestamptz
    LANGUAGE plpgsql VOLATILE
    SET search_path FROM CURRENT
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
COMMENT ON FUNCTION harvest_horizon IS
    'The moment up to which the feed of changes is complete for a snapshot taken afterwards.';

CREATE OR REPLACE FUNCTION removal_keep(gone uuid[]) RETURNS void
    LANGUAGE sql
    SET search_path FROM CURRENT
AS $$
    INSERT INTO removal (initiative, removed_at)
    SELECT one, clock_timestamp() FROM unnest(gone) AS one
        ON CONFLICT (initiative) DO UPDATE SET removed_at = excluded.removed_at
$$;
COMMENT ON FUNCTION removal_keep IS
    'Remembers that these initiatives left public view now. Null and an empty array do nothing.';

CREATE OR REPLACE FUNCTION removal_after_delete() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM removal_keep(array_agg(id)) FROM removed WHERE is_public(status);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION removal_after_delete IS 'Remembers public initiatives that a statement deleted.';

CREATE OR REPLACE FUNCTION removal_before_truncate() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM removal_keep(array_agg(id)) FROM initiative WHERE is_public(status);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION removal_before_truncate IS 'Remembers all public initiatives before the table is emptied.';

CREATE OR REPLACE FUNCTION removal_after_status() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
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
COMMENT ON FUNCTION removal_after_status IS
    'Keeps removal in step with a status that became public, or ceased to be.';

CREATE OR REPLACE FUNCTION removal_after_insert() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    DELETE FROM removal USING added WHERE removal.initiative = added.id AND is_public(added.status);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION removal_after_insert IS
    'Forgets the removal of an initiative that is here again and public.';
