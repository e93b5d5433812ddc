-- The schema of revision 0021, as pg_dump tells it: what databases that may still be upgraded began with.
--
-- PostgreSQL database dump
--

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;

CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;

CREATE TYPE public.procrastinate_job_event_type AS ENUM (
    'deferred',
    'started',
    'deferred_for_retry',
    'failed',
    'succeeded',
    'cancelled',
    'abort_requested',
    'aborted',
    'scheduled',
    'retried'
);

CREATE TYPE public.procrastinate_job_status AS ENUM (
    'todo',
    'doing',
    'succeeded',
    'failed',
    'cancelled',
    'aborting',
    'aborted'
);

CREATE TYPE public.procrastinate_job_to_defer_v1 AS (
	queue_name character varying,
	task_name character varying,
	priority integer,
	lock text,
	queueing_lock text,
	args jsonb,
	scheduled_at timestamp with time zone
);

CREATE FUNCTION public.burst_stays() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF to_jsonb(OLD) - 'initiative' <> to_jsonb(NEW) - 'initiative' THEN
        RAISE insufficient_privilege USING MESSAGE = 'what was decided about a burst is kept as it was written';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.burst_waits() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.state = 'open' THEN
        INSERT INTO waiting (kind, id, initiative, since) VALUES ('burst', NEW.id, NEW.initiative, NEW.found_at)
            ON CONFLICT DO NOTHING;
        PERFORM waiting_refresh(ARRAY[NEW.initiative]);
    ELSE
        DELETE FROM waiting WHERE kind = 'burst' AND id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.decision_stays() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'decisions are kept as they were taken';
END
$$;

CREATE FUNCTION public.grid_cell(point_3857 public.geometry) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
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

CREATE FUNCTION public.harvest_hold() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(
        hashtext('harvest'), floor(extract(epoch FROM now() - timestamptz '2020-01-01 00:00:00+00'))::integer);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.harvest_horizon() RETURNS timestamp with time zone
    LANGUAGE plpgsql
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

CREATE FUNCTION public.idea_area(precision_ text, commune text, epci text, departement text, region text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT coalesce(commune, CASE precision_ WHEN 'epci' THEN epci WHEN 'departement' THEN 'D' || departement
                                  WHEN 'region' THEN 'R' || region ELSE 'F' END)
$$;

CREATE FUNCTION public.idea_keys(area text, words text[]) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
BEGIN
    IF cardinality(words) = 0 THEN
        RETURN '{}';
    END IF;
    RETURN string_to_array(area || ' ' || array_to_string(words, chr(31) || area || ' '), chr(31));
END
$$;

CREATE FUNCTION public.initiative_merged() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE merge SET former = NEW.status WHERE initiative = NEW.id AND NEW.status <> 'merged';
    IF FOUND THEN
        NEW.status := 'merged';
    ELSIF NEW.status = 'merged' AND NOT EXISTS (SELECT FROM merge WHERE initiative = NEW.id) THEN
        RAISE check_violation USING MESSAGE = 'merged into nothing', CONSTRAINT = 'initiative_merged';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.initiative_moved() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM support_recount_local(ARRAY[NEW.id]);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.initiative_place() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    known_level text := CASE WHEN NEW.precision = 'point' THEN 'commune' ELSE NEW.precision END;
    known_code  text := CASE known_level WHEN 'commune' THEN NEW.commune WHEN 'epci' THEN NEW.epci
                             WHEN 'departement' THEN NEW.departement WHEN 'region' THEN NEW.region END;
    label       geometry;
    parents     text[];
BEGIN
    IF known_code IS NOT NULL THEN
        SELECT point, ARRAY[epci, departement, region] INTO label, parents
          FROM territory
         WHERE level = known_level AND code = known_code;
        IF NOT FOUND THEN
            RAISE foreign_key_violation
                USING MESSAGE = format('unknown %s %L', known_level, known_code), COLUMN = known_level;
        END IF;
        NEW.commune := CASE known_level WHEN 'commune' THEN known_code END;
        NEW.epci := CASE known_level WHEN 'epci' THEN known_code ELSE parents[1] END;
        NEW.departement := CASE known_level WHEN 'departement' THEN known_code ELSE parents[2] END;
        NEW.region := CASE known_level WHEN 'region' THEN known_code ELSE parents[3] END;
    ELSIF known_level IN ('national', 'none') THEN
        NEW.commune := NULL;
        NEW.epci := NULL;
        NEW.departement := NULL;
        NEW.region := NULL;
    END IF;
    NEW.anchor := coalesce(NEW.point, label);
    NEW.anchor_3857 := ST_Transform(NEW.anchor, 3857);
    RETURN NEW;
END
$$;

CREATE FUNCTION public.initiative_state() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.state_since := clock_timestamp();
    RETURN NEW;
END
$$;

CREATE FUNCTION public.initiative_touch() RETURNS trigger
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

CREATE FUNCTION public.is_public(status text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT status IN ('published', 'done', 'archived') $$;

CREATE FUNCTION public.merge_after_delete() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    above uuid[];
BEGIN
    SELECT array_agg(ancestor) INTO above
      FROM (SELECT OLD.target AS ancestor
             UNION
            SELECT ancestor FROM merge_line WHERE member = OLD.initiative AND ancestor <> OLD.initiative
             UNION
            SELECT ancestor FROM merge_line WHERE member = OLD.target) AS known;
    DELETE FROM merge_line
     WHERE ancestor = ANY (above) AND member IN (SELECT merge_tree(OLD.initiative));
    DELETE FROM merge_line AS own
     WHERE own.ancestor = ANY (above) AND own.member = own.ancestor
       AND NOT EXISTS (SELECT FROM merge_line AS other
                        WHERE other.ancestor = own.ancestor AND other.member <> own.ancestor);
    UPDATE initiative SET status = OLD.former WHERE id = OLD.initiative AND status = 'merged';
    UPDATE proposal SET queued_at = OLD.queued_at
     WHERE initiative = OLD.initiative AND OLD.queued_at IS NOT NULL;
    PERFORM support_recount(above);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.merge_after_insert() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO merge_line (ancestor, member)
    SELECT above.id, below.id
      FROM (SELECT NEW.target AS id UNION SELECT ancestor FROM merge_line WHERE member = NEW.target) AS above
     CROSS JOIN (SELECT NEW.target AS id UNION SELECT merge_tree(NEW.initiative)) AS below
        ON CONFLICT DO NOTHING;
    UPDATE initiative SET status = 'merged' WHERE id = NEW.initiative;
    UPDATE proposal SET queued_at = NULL WHERE initiative = NEW.initiative AND queued_at IS NOT NULL;
    PERFORM support_recount(array_agg(DISTINCT ancestor)) FROM merge_line WHERE member = NEW.target;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.merge_alone() RETURNS void
    LANGUAGE sql
    AS $$ SELECT pg_advisory_xact_lock(hashtext('merge')) $$;

CREATE FUNCTION public.merge_before() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM initiative WHERE id = NEW.target AND is_public(status)) THEN
        RAISE check_violation USING MESSAGE = 'merged into what is not public', CONSTRAINT = 'merge_target';
    END IF;
    SELECT status, proposal.queued_at INTO NEW.former, NEW.queued_at
      FROM initiative LEFT JOIN proposal ON proposal.initiative = initiative.id
     WHERE initiative.id = NEW.initiative;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.merge_beside() RETURNS void
    LANGUAGE sql
    AS $$ SELECT pg_advisory_xact_lock_shared(hashtext('merge')) $$;

CREATE FUNCTION public.merge_head(asked uuid) RETURNS uuid
    LANGUAGE sql STABLE
    AS $$
    SELECT coalesce((SELECT ancestor FROM merge_line
                      WHERE member = asked
                        AND NOT EXISTS (SELECT FROM merge WHERE merge.initiative = ancestor)), asked)
$$;

CREATE FUNCTION public.merge_hold() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_ARGV[0] = 'alone' THEN
        PERFORM merge_alone();
    ELSE
        PERFORM merge_beside();
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.merge_tree(asked uuid) RETURNS SETOF uuid
    LANGUAGE sql STABLE
    AS $$
    SELECT asked UNION SELECT member FROM merge_line WHERE ancestor = asked
$$;

CREATE FUNCTION public.procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status = 'todo'
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        IF abort THEN
            UPDATE procrastinate_jobs
            SET abort_requested = true,
                status = CASE status
                    WHEN 'todo' THEN 'cancelled'::procrastinate_job_status ELSE status
                END
            WHERE id = job_id AND status IN ('todo', 'doing')
            RETURNING id INTO _job_id;
        ELSE
            UPDATE procrastinate_jobs
            SET status = 'cancelled'::procrastinate_job_status
            WHERE id = job_id AND status = 'todo'
            RETURNING id INTO _job_id;
        END IF;
    END IF;
    RETURN _job_id;
END;
$$;

CREATE FUNCTION public.procrastinate_defer_jobs_v1(jobs public.procrastinate_job_to_defer_v1[]) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    job_ids bigint[];
BEGIN
    WITH inserted_jobs AS (
        INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
        SELECT (job).queue_name,
               (job).task_name,
               (job).priority,
               (job).lock,
               (job).queueing_lock,
               (job).args,
               (job).scheduled_at
        FROM unnest(jobs) AS job
        RETURNING id
    )
    SELECT array_agg(id) FROM inserted_jobs INTO job_ids;

    RETURN job_ids;
END;
$$;

CREATE FUNCTION public.procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
	_job_id bigint;
	_defer_id bigint;
BEGIN
    INSERT
        INTO procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
        VALUES (_task_name, _periodic_id, _defer_timestamp)
        ON CONFLICT DO NOTHING
        RETURNING id into _defer_id;

    IF _defer_id IS NULL THEN
        RETURN NULL;
    END IF;

    UPDATE procrastinate_periodic_defers
        SET job_id = (
            SELECT COALESCE((
                SELECT unnest(procrastinate_defer_jobs_v1(
                    ARRAY[
                        ROW(
                            _queue_name,
                            _task_name,
                            _priority,
                            _lock,
                            _queueing_lock,
                            _args,
                            NULL::timestamptz
                        )
                    ]::procrastinate_job_to_defer_v1[]
                ))
            ), NULL)
        )
        WHERE id = _defer_id
        RETURNING job_id INTO _job_id;

    DELETE
        FROM procrastinate_periodic_defers
        USING (
            SELECT id
            FROM procrastinate_periodic_defers
            WHERE procrastinate_periodic_defers.task_name = _task_name
            AND procrastinate_periodic_defers.periodic_id = _periodic_id
            AND procrastinate_periodic_defers.defer_timestamp < _defer_timestamp
            ORDER BY id
            FOR UPDATE
        ) to_delete
        WHERE procrastinate_periodic_defers.id = to_delete.id;

    RETURN _job_id;
END;
$$;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.procrastinate_jobs (
    id bigint NOT NULL,
    queue_name character varying(128) NOT NULL,
    task_name character varying(128) NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    lock text,
    queueing_lock text,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    status public.procrastinate_job_status DEFAULT 'todo'::public.procrastinate_job_status NOT NULL,
    scheduled_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    abort_requested boolean DEFAULT false NOT NULL,
    worker_id bigint,
    CONSTRAINT check_not_todo_abort_requested CHECK ((NOT ((status = 'todo'::public.procrastinate_job_status) AND (abort_requested = true))))
);

CREATE FUNCTION public.procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint) RETURNS public.procrastinate_jobs
    LANGUAGE plpgsql
    AS $$
DECLARE
	found_jobs procrastinate_jobs;
BEGIN
    WITH candidate AS (
        SELECT jobs.*
            FROM procrastinate_jobs AS jobs
            WHERE
                -- reject the job if its lock has earlier or higher priority jobs
                NOT EXISTS (
                    SELECT 1
                        FROM procrastinate_jobs AS other_jobs
                        WHERE
                            jobs.lock IS NOT NULL
                            AND other_jobs.lock = jobs.lock
                            AND (
                                -- job with same lock is already running
                                other_jobs.status = 'doing'
                                OR
                                -- job with same lock is waiting and has higher priority (or same priority but was queued first)
                                (
                                    other_jobs.status = 'todo'
                                    AND (
                                        other_jobs.priority > jobs.priority
                                        OR (
                                        other_jobs.priority = jobs.priority
                                        AND other_jobs.id < jobs.id
                                        )
                                    )
                                )
                            )
                )
                AND jobs.status = 'todo'
                AND (target_queue_names IS NULL OR jobs.queue_name = ANY( target_queue_names ))
                AND (jobs.scheduled_at IS NULL OR jobs.scheduled_at <= now())
            ORDER BY jobs.priority DESC, jobs.id ASC LIMIT 1
            FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE procrastinate_jobs
        SET status = 'doing', worker_id = p_worker_id
        FROM candidate
        WHERE procrastinate_jobs.id = candidate.id
        RETURNING procrastinate_jobs.* INTO found_jobs;

 RETURN found_jobs;
END;
$$;

CREATE FUNCTION public.procrastinate_finish_job_v1(job_id bigint, end_status public.procrastinate_job_status, delete_job boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF end_status NOT IN ('succeeded', 'failed', 'aborted') THEN
        RAISE 'End status should be either "succeeded", "failed" or "aborted" (job id: %)', job_id;
    END IF;
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = end_status,
            abort_requested = false,
            attempts = CASE status
                WHEN 'doing' THEN attempts + 1 ELSE attempts
            END
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" or "todo" status (job id: %)', job_id;
    END IF;
END;
$$;

CREATE FUNCTION public.procrastinate_notify_queue_abort_job_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'abort_job_requested', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_notify_queue_job_inserted_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'job_inserted', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision) RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    DELETE FROM procrastinate_workers
    WHERE last_heartbeat < NOW() - (seconds_since_heartbeat || 'SECOND')::INTERVAL
    RETURNING procrastinate_workers.id;
END;
$$;

CREATE FUNCTION public.procrastinate_register_worker_v1() RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    INSERT INTO procrastinate_workers DEFAULT VALUES
    RETURNING procrastinate_workers.id;
END;
$$;

CREATE FUNCTION public.procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
BEGIN
    SELECT abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status = 'doing'
    FOR UPDATE
    INTO _abort_requested;
    IF _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" status (job id: %)', job_id;
    END IF;
END;
$$;

CREATE FUNCTION public.procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
    _current_status procrastinate_job_status;
BEGIN
    SELECT status, abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status IN ('doing', 'failed')
    FOR UPDATE
    INTO _current_status, _abort_requested;
    IF _current_status = 'doing' AND _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status IN ('doing', 'failed')
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or has an invalid status to retry (job id: %)', job_id;
    END IF;

END;
$$;

CREATE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'abort_requested'::procrastinate_job_event_type);
    RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type, at)
        VALUES (NEW.id, 'scheduled'::procrastinate_job_event_type, NEW.scheduled_at);

	RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'deferred'::procrastinate_job_event_type);
	RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_trigger_function_status_events_update_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    WITH t AS (
        SELECT CASE
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND NEW.status = 'doing'::procrastinate_job_status
                THEN 'started'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'deferred_for_retry'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'failed'::procrastinate_job_status
                THEN 'failed'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'succeeded'::procrastinate_job_status
                THEN 'succeeded'::procrastinate_job_event_type
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND (
                    NEW.status = 'cancelled'::procrastinate_job_status
                    OR NEW.status = 'failed'::procrastinate_job_status
                    OR NEW.status = 'succeeded'::procrastinate_job_status
                )
                THEN 'cancelled'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'aborted'::procrastinate_job_status
                THEN 'aborted'::procrastinate_job_event_type
            WHEN OLD.status = 'failed'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'retried'::procrastinate_job_event_type
            ELSE NULL
        END as event_type
    )
    INSERT INTO procrastinate_events(job_id, type)
        SELECT NEW.id, t.event_type
        FROM t
        WHERE t.event_type IS NOT NULL;
	RETURN NEW;
END;
$$;

CREATE FUNCTION public.procrastinate_unlink_periodic_defers_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_periodic_defers
    SET job_id = NULL
    WHERE job_id = OLD.id;
    RETURN OLD;
END;
$$;

CREATE FUNCTION public.procrastinate_unregister_worker_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM procrastinate_workers
    WHERE id = worker_id;
END;
$$;

CREATE FUNCTION public.procrastinate_update_heartbeat_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_workers
    SET last_heartbeat = NOW()
    WHERE id = worker_id;
END;
$$;

CREATE FUNCTION public.removal_after_delete() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM removal_keep(array_agg(id)) FROM removed WHERE is_public(status);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.removal_after_insert() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM removal USING added WHERE removal.initiative = added.id AND is_public(added.status);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.removal_after_status() RETURNS trigger
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

CREATE FUNCTION public.removal_before_truncate() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM removal_keep(array_agg(id)) FROM initiative WHERE is_public(status);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.removal_keep(gone uuid[]) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO removal (initiative, removed_at)
    SELECT one, clock_timestamp() FROM unnest(gone) AS one
        ON CONFLICT (initiative) DO UPDATE SET removed_at = excluded.removed_at
$$;

CREATE FUNCTION public.role_lapses() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO role_log (act, person, role, level, code)
    SELECT 'lapse', person, role, level, code FROM role_grant WHERE person = OLD.id;
    RETURN OLD;
END
$$;

CREATE FUNCTION public.role_log_stays() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'the log of roles is kept as it was written';
END
$$;

CREATE FUNCTION public.rollup_after_truncate() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    TRUNCATE rollup, rollup_series, rollup_cell, rollup_delta;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.rollup_after_write() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE rollup_append_sql(CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT 1 AS sign, * FROM added'
        WHEN 'DELETE' THEN 'SELECT -1 AS sign, * FROM removed'
        ELSE 'SELECT -1 AS sign, * FROM removed UNION ALL SELECT 1, * FROM added' END);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.rollup_append_sql(source text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $_$
    SELECT format($statement$
        INSERT INTO rollup_delta (commune, epci, departement, region, cell, status, theme, month,
                                  initiatives, supporters, told, local, sum_x, sum_y)
        SELECT commune, epci, departement, region, cell >> 20, status, theme, rollup_month(created_at),
               sum(sign), sum(sign * supporters), sum(sign * told_here), sum(sign * local_here),
               coalesce(sum(sign * x), 0), coalesce(sum(sign * y), 0)
          FROM (SELECT *, ST_X(anchor_3857)::bigint AS x, ST_Y(anchor_3857)::bigint AS y
                  FROM (%s) AS changed) AS located
         GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
        HAVING sum(sign) <> 0 OR sum(sign * supporters) <> 0 OR sum(sign * told_here) <> 0
            OR sum(sign * local_here) <> 0 OR sum(sign * x) <> 0 OR sum(sign * y) <> 0
    $statement$, source)
$_$;

CREATE FUNCTION public.rollup_compact() RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    folded bigint;
    levels text[];
    themes text[];
    statuses text[];
    codes text[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('rollup_compact'));
    WITH taken AS (
        DELETE FROM rollup_delta RETURNING *
    ), territories AS (
        INSERT INTO rollup AS base (level, status, theme, month, code, initiatives, supporters, told, local)
        SELECT place.level, status, coalesce(theme, ''), coalesce(month, '-infinity'::date), place.code,
               sum(initiatives), sum(supporters), sum(told), sum(local)
          FROM taken
         CROSS JOIN LATERAL (VALUES ('country', 'FR'), ('region', region), ('departement', departement),
                                    ('epci', epci), ('commune', commune)) AS place (level, code)
         WHERE place.code IS NOT NULL
         GROUP BY place.level, place.code, status, CUBE (theme, month)
        HAVING sum(initiatives) <> 0 OR sum(supporters) <> 0 OR sum(told) <> 0 OR sum(local) <> 0
            ON CONFLICT (level, theme, month, status, code) DO UPDATE
           SET initiatives = base.initiatives + excluded.initiatives,
               supporters = base.supporters + excluded.supporters,
               told = base.told + excluded.told,
               local = base.local + excluded.local
        RETURNING level, theme, status, code, month
    ), touched AS (
        SELECT DISTINCT level, theme, status, code FROM territories WHERE month > '-infinity'
    ), cells AS (
        INSERT INTO rollup_cell AS base (zoom, cell, status, theme, initiatives, sum_x, sum_y)
        SELECT zoom, cell >> (2 * (rollup_finest_zoom() - zoom)), status, theme,
               sum(initiatives), sum(sum_x), sum(sum_y)
          FROM taken
         CROSS JOIN generate_series(3, rollup_finest_zoom()) AS zoom
         WHERE cell IS NOT NULL
         GROUP BY 1, 2, 3, 4
        HAVING sum(initiatives) <> 0 OR sum(sum_x) <> 0 OR sum(sum_y) <> 0
            ON CONFLICT (zoom, cell, status, theme) DO UPDATE
           SET initiatives = base.initiatives + excluded.initiatives,
               sum_x = base.sum_x + excluded.sum_x,
               sum_y = base.sum_y + excluded.sum_y
    )
    SELECT (SELECT count(*) FROM taken),
           array_agg(level), array_agg(theme), array_agg(status), array_agg(code)
      INTO folded, levels, themes, statuses, codes
      FROM touched;
    WITH gone AS (
        DELETE FROM rollup WHERE initiatives = 0 AND supporters = 0
        RETURNING level, theme, status, code, month
    )
    DELETE FROM rollup_series AS kept
     USING gone
     WHERE gone.month = '-infinity'
       AND (kept.level, kept.theme, kept.status, kept.code)
         = (gone.level, gone.theme, gone.status, gone.code);
    DELETE FROM rollup_cell WHERE initiatives = 0;
    INSERT INTO rollup_series AS kept
    SELECT due.*
      FROM unnest(levels, themes, statuses, codes) AS touched (level, theme, status, code)
     CROSS JOIN LATERAL (
           SELECT * FROM rollup_series_due AS own
            WHERE own.level = touched.level AND own.theme = touched.theme
              AND own.status = touched.status AND own.code = touched.code
           OFFSET 0) AS due
        ON CONFLICT (level, theme, status, code) DO UPDATE
       SET months = excluded.months, initiatives = excluded.initiatives,
           supporters = excluded.supporters, told = excluded.told, local = excluded.local;
    RETURN folded;
END
$$;

CREATE FUNCTION public.rollup_finest_zoom() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT 14 $$;

CREATE FUNCTION public.rollup_month(at timestamp with time zone) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT date_trunc('month', at AT TIME ZONE 'UTC')::date $$;

CREATE FUNCTION public.rollup_month_number(month date) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT CAST(extract(year FROM month) * 12 + extract(month FROM month) - 1 AS integer) $$;

CREATE FUNCTION public.rollup_rebuild() RETURNS bigint
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('rollup_compact'));
    LOCK TABLE initiative IN SHARE ROW EXCLUSIVE MODE;
    TRUNCATE rollup, rollup_series, rollup_cell, rollup_delta;
    EXECUTE rollup_append_sql('SELECT 1 AS sign, * FROM initiative');
    RETURN rollup_compact();
END
$$;

CREATE FUNCTION public.support_after_load() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    ids uuid[];
BEGIN
    SELECT array_agg(id) INTO ids
      FROM (SELECT id FROM initiative
             WHERE id IN (SELECT initiative FROM support_difference)
             ORDER BY id FOR NO KEY UPDATE) AS held;
    PERFORM support_recount_local(ids);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.support_after_truncate() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE initiative
       SET supporters = supporters - supported_here, supported_here = 0, told_here = 0, local_here = 0
     WHERE supported_here > 0;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.support_count() RETURNS trigger
    LANGUAGE plpgsql
    AS $_$
DECLARE
    ids    uuid[];
    deltas integer[];
    above  uuid[];
BEGIN
    EXECUTE format($statement$
        SELECT array_agg(initiative), array_agg(delta)
          FROM (SELECT initiative, sum(delta)::integer AS delta
                  FROM (SELECT initiative, sum(sign) AS delta
                          FROM (%s) AS changed
                         WHERE withdrawn_at IS NULL AND held_at IS NULL
                         GROUP BY initiative, commune, coalesce(person, twin, id)
                        HAVING sum(sign) <> 0) AS by_who
                 GROUP BY initiative) AS summed
    $statement$, CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT 1 AS sign, * FROM added'
        WHEN 'DELETE' THEN 'SELECT -1 AS sign, * FROM removed'
        ELSE 'SELECT -1 AS sign, * FROM removed UNION ALL SELECT 1, * FROM added' END)
       INTO ids, deltas;
    IF ids IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(DISTINCT ancestor) INTO above FROM merge_line WHERE member = ANY (ids);
    PERFORM FROM initiative WHERE id = ANY (ids || above) ORDER BY id FOR NO KEY UPDATE;
    UPDATE initiative
       SET supporters = supporters + delta, supported_here = supported_here + delta,
           told_here = coalesce(told, 0), local_here = coalesce(local, 0)
      FROM unnest(ids, deltas) AS changed (identifier, delta)
      LEFT JOIN (SELECT * FROM support_local WHERE initiative = ANY (ids)) AS recounted
             ON recounted.initiative = changed.identifier
     WHERE id = identifier AND id <> ALL (coalesce(above, '{}'))
       AND (delta, told_here, local_here) <> (0, coalesce(told, 0), coalesce(local, 0));
    IF above IS NOT NULL THEN
        PERFORM support_recount(above);
    END IF;
    RETURN NULL;
END
$_$;

CREATE FUNCTION public.support_recount(ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE initiative
       SET supporters = supporters - supported_here + coalesce(counted, 0),
           supported_here = coalesce(counted, 0),
           told_here = coalesce(told, 0), local_here = coalesce(local, 0)
      FROM unnest(ids) AS asked (identifier)
      LEFT JOIN (SELECT initiative, count(*) AS counted FROM support_once
                  WHERE initiative = ANY (ids) GROUP BY initiative) AS recounted
             ON recounted.initiative = asked.identifier
      LEFT JOIN (SELECT * FROM support_local WHERE initiative = ANY (ids)) AS around
             ON around.initiative = asked.identifier
     WHERE id = identifier
       AND (supported_here, told_here, local_here)
           <> (coalesce(counted, 0), coalesce(told, 0), coalesce(local, 0));
END
$$;

CREATE FUNCTION public.support_recount_local(ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE initiative
       SET told_here = coalesce(told, 0), local_here = coalesce(local, 0)
      FROM unnest(ids) AS asked (identifier)
      LEFT JOIN (SELECT * FROM support_local WHERE initiative = ANY (ids)) AS recounted
             ON recounted.initiative = asked.identifier
     WHERE id = identifier AND (told_here, local_here) <> (coalesce(told, 0), coalesce(local, 0));
END
$$;

CREATE FUNCTION public.territory_renamed() RETURNS trigger
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

CREATE FUNCTION public.tile_changes_after_write() RETURNS trigger
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

CREATE FUNCTION public.tile_changes_everywhere() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('tile_changes', '*');
    RETURN NULL;
END
$$;

CREATE FUNCTION public.tile_changes_most() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT 4000 $$;

CREATE FUNCTION public.tile_changes_tell(codes bigint[]) RETURNS void
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

CREATE FUNCTION public.uuid_v7() RETURNS uuid
    LANGUAGE sql PARALLEL SAFE
    AS $$
    SELECT encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6),
            52, 1), 53, 1),
        'hex')::uuid
$$;

CREATE FUNCTION public.waiting_after_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.status <> OLD.status OR EXISTS (SELECT FROM waiting WHERE initiative = NEW.id) THEN
        PERFORM waiting_refresh(ARRAY[NEW.id]);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.waiting_after_load() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM waiting_refresh(array_agg(DISTINCT initiative)) FROM waiting;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.waiting_after_write() RETURNS trigger
    LANGUAGE plpgsql
    AS $_$
DECLARE
    ids uuid[];
    was CONSTANT text := format('SELECT initiative, %s FROM removed', TG_ARGV[0]);
    is_ CONSTANT text := format('SELECT initiative, %s FROM added', TG_ARGV[0]);
BEGIN
    EXECUTE format('SELECT array_agg(DISTINCT initiative) FROM (%s) AS changed WHERE %s',
                   CASE TG_OP WHEN 'INSERT' THEN is_
                              ELSE format('(%1$s EXCEPT %2$s) UNION ALL (%2$s EXCEPT %1$s)', was, is_) END,
                   TG_ARGV[1])
       INTO ids;
    IF ids IS NOT NULL THEN
        PERFORM waiting_refresh(ids);
    END IF;
    RETURN NULL;
END
$_$;

CREATE FUNCTION public.waiting_areas(kind text, asked uuid) RETURNS SETOF text
    LANGUAGE sql STABLE
    AS $$
    WITH concerned AS (
        SELECT commune, epci, departement, region FROM initiative WHERE id = asked
         UNION
        SELECT place.code, place.epci, place.departement, place.region
          FROM location_match AS record
         CROSS JOIN LATERAL jsonb_array_elements(record.candidates) AS candidate
          JOIN territory AS place ON place.level = 'commune' AND place.code = candidate ->> 'commune'
         WHERE kind = 'place' AND record.initiative = asked
         UNION
        SELECT place.code, place.epci, place.departement, place.region
          FROM location_match AS record
          JOIN territory AS place
            ON place.level = 'commune'
           AND ST_Intersects(place.outline, ST_SetSRID(ST_MakePoint(
                   (record.query ->> 'lon')::float8, (record.query ->> 'lat')::float8), 4326))
         WHERE kind = 'place' AND record.initiative = asked AND record.query ->> 'lon' IS NOT NULL
    )
    SELECT named.level || ':' || named.code
      FROM concerned
     CROSS JOIN LATERAL (VALUES ('commune', commune), ('epci', epci), ('departement', departement),
                                ('region', region)) AS named (level, code)
     WHERE named.code IS NOT NULL
     UNION
    SELECT 'all'
     UNION
    SELECT 'none' WHERE NOT EXISTS (SELECT FROM concerned WHERE region IS NOT NULL)
$$;

CREATE FUNCTION public.waiting_refresh(ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM FROM initiative WHERE id = ANY (ids) ORDER BY id FOR SHARE;
    DELETE FROM waiting
     WHERE initiative = ANY (ids) AND kind <> 'burst'
       AND NOT EXISTS (SELECT FROM waiting_now AS due
                        WHERE due.initiative = ANY (ids) AND (due.kind, due.id) = (waiting.kind, waiting.id));
    INSERT INTO waiting AS kept (kind, id, initiative, since)
    SELECT kind, id, initiative, since FROM waiting_now WHERE initiative = ANY (ids)
        ON CONFLICT (kind, id) DO UPDATE SET since = excluded.since WHERE kept.since <> excluded.since;
    DELETE FROM waiting_area AS kept
     USING waiting
     WHERE waiting.initiative = ANY (ids) AND (kept.kind, kept.id) = (waiting.kind, waiting.id)
       AND (kept.since <> waiting.since
            OR kept.area NOT IN (SELECT waiting_areas(waiting.kind, waiting.initiative)));
    INSERT INTO waiting_area (area, since, kind, id)
    SELECT area, waiting.since, waiting.kind, waiting.id
      FROM waiting
     CROSS JOIN LATERAL waiting_areas(waiting.kind, waiting.initiative) AS area
     WHERE waiting.initiative = ANY (ids)
        ON CONFLICT DO NOTHING;
END
$$;

CREATE FUNCTION public.wake_mail() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM procrastinate_defer_jobs_v1(ARRAY[
        ROW('default', 'send_mail', 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1]);
    RETURN NULL;
END;
$$;

CREATE TEXT SEARCH CONFIGURATION public.french_unaccent (
    PARSER = pg_catalog."default" );

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR asciiword WITH french_stem;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR word WITH public.unaccent, french_stem;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR numword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR email WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR url WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR host WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR sfloat WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR version WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR hword_numpart WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR hword_part WITH public.unaccent, french_stem;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR hword_asciipart WITH french_stem;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR numhword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR asciihword WITH french_stem;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR hword WITH public.unaccent, french_stem;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR url_path WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR file WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR "float" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR "int" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.french_unaccent
    ADD MAPPING FOR uint WITH simple;

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.api_token (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    person uuid NOT NULL,
    form uuid NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    digest bytea NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    last_used_on date,
    CONSTRAINT api_token_check CHECK ((expires_at > created_at)),
    CONSTRAINT api_token_digest_check CHECK ((length(digest) = 32)),
    CONSTRAINT api_token_name_check CHECK (((name <> ''::text) AND (length(name) <= 60))),
    CONSTRAINT api_token_prefix_check CHECK ((length(prefix) <= 20)),
    CONSTRAINT api_token_scopes_check CHECK ((cardinality(scopes) > 0))
);

CREATE TABLE public.appeal (
    decision bigint NOT NULL,
    initiative uuid NOT NULL,
    words text NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT appeal_words_check CHECK (((length(words) >= 1) AND (length(words) <= 2000)))
);

CREATE TABLE public.briefing_reader (
    person uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    leave_key bytea DEFAULT (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) NOT NULL,
    told_on date NOT NULL,
    quiet_weeks smallint DEFAULT 0 NOT NULL,
    left_at timestamp with time zone,
    CONSTRAINT briefing_reader_quiet_weeks_check CHECK ((quiet_weeks >= 0)),
    CONSTRAINT briefing_reader_told_on_check CHECK ((EXTRACT(isodow FROM told_on) = (1)::numeric))
);

CREATE TABLE public.burst (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    initiative uuid NOT NULL,
    verdict text NOT NULL,
    sweeping boolean DEFAULT false NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    size integer NOT NULL,
    reasons jsonb NOT NULL,
    found_at timestamp with time zone DEFAULT now() NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    decided_at timestamp with time zone,
    decided_by text,
    decided_by_person uuid,
    note text DEFAULT ''::text NOT NULL,
    CONSTRAINT burst_check CHECK ((first_at <= last_at)),
    CONSTRAINT burst_check1 CHECK (
CASE state
    WHEN 'open'::text THEN ((decided_at IS NULL) AND (decided_by IS NULL))
    ELSE ((decided_at IS NOT NULL) AND (decided_by IS NOT NULL))
END),
    CONSTRAINT burst_note_check CHECK ((length(note) <= 2000)),
    CONSTRAINT burst_reasons_check CHECK ((jsonb_typeof(reasons) = 'array'::text)),
    CONSTRAINT burst_size_check CHECK ((size >= 0)),
    CONSTRAINT burst_state_check CHECK ((state = ANY (ARRAY['open'::text, 'released'::text, 'dismissed'::text]))),
    CONSTRAINT burst_verdict_check CHECK ((verdict = ANY (ARRAY['look'::text, 'hold'::text])))
);

CREATE TABLE public.commune_event (
    id integer NOT NULL,
    day date NOT NULL,
    kind text NOT NULL,
    type_before text,
    code_before text,
    name_before text,
    type_after text,
    code_after text,
    name_after text,
    CONSTRAINT commune_event_check CHECK ((num_nulls(type_before, code_before, name_before) = ANY (ARRAY[0, 3]))),
    CONSTRAINT commune_event_check1 CHECK ((num_nulls(type_after, code_after, name_after) = ANY (ARRAY[0, 3]))),
    CONSTRAINT commune_event_check2 CHECK (((code_before IS NOT NULL) OR (code_after IS NOT NULL))),
    CONSTRAINT commune_event_kind_check CHECK ((kind ~ '^[0-9]{2}$'::text)),
    CONSTRAINT commune_event_type_after_check CHECK ((type_after = ANY (ARRAY['COM'::text, 'COMA'::text, 'COMD'::text, 'ARM'::text]))),
    CONSTRAINT commune_event_type_before_check CHECK ((type_before = ANY (ARRAY['COM'::text, 'COMA'::text, 'COMD'::text, 'ARM'::text])))
);

CREATE TABLE public.decision (
    id bigint NOT NULL,
    initiative uuid NOT NULL,
    revision integer NOT NULL,
    verdict text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamp with time zone DEFAULT now() NOT NULL,
    decided_by_person uuid,
    target uuid,
    report uuid,
    CONSTRAINT decision_check CHECK (((verdict <> ALL (ARRAY['reject'::text, 'ask'::text])) OR (reason <> ''::text))),
    CONSTRAINT decision_decided_by_check CHECK ((decided_by <> ''::text)),
    CONSTRAINT decision_reason_check CHECK ((length(reason) <= 2000)),
    CONSTRAINT decision_target_check CHECK (((verdict = ANY (ARRAY['merge'::text, 'unmerge'::text])) = (target IS NOT NULL))),
    CONSTRAINT decision_verdict_check CHECK ((verdict = ANY (ARRAY['publish'::text, 'keep'::text, 'reject'::text, 'ask'::text, 'merge'::text, 'unmerge'::text, 'place'::text, 'unplace'::text, 'close'::text])))
);

ALTER TABLE public.decision ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.decision_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.delivery (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    message_id text NOT NULL,
    kind text NOT NULL,
    person uuid,
    sender text NOT NULL,
    recipient text NOT NULL,
    subject text NOT NULL,
    text text NOT NULL,
    html text NOT NULL,
    headers jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_try_at timestamp with time zone DEFAULT now() NOT NULL,
    give_up_at timestamp with time zone NOT NULL,
    last_error text DEFAULT ''::text NOT NULL,
    sent_at timestamp with time zone,
    CONSTRAINT delivery_check CHECK (((state = 'sent'::text) = (sent_at IS NOT NULL))),
    CONSTRAINT delivery_headers_check CHECK ((jsonb_typeof(headers) = 'object'::text)),
    CONSTRAINT delivery_kind_check CHECK ((kind ~ '^[a-z_]+$'::text)),
    CONSTRAINT delivery_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'sending'::text, 'sent'::text, 'failed'::text])))
);

CREATE TABLE public.digest (
    subscription uuid NOT NULL,
    day date NOT NULL,
    news integer NOT NULL,
    CONSTRAINT digest_news_check CHECK ((news >= 0))
);

CREATE TABLE public.export (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    format text NOT NULL,
    filter text NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    base_url text NOT NULL,
    done_rows bigint DEFAULT 0 NOT NULL,
    total_rows bigint,
    bytes bigint,
    attempts smallint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    expires_at timestamp with time zone,
    kept interval DEFAULT '24:00:00'::interval NOT NULL,
    CONSTRAINT export_check CHECK (((state = ANY (ARRAY['done'::text, 'failed'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT export_check1 CHECK (((finished_at IS NOT NULL) = (expires_at IS NOT NULL))),
    CONSTRAINT export_check2 CHECK (((state = 'done'::text) = (bytes IS NOT NULL))),
    CONSTRAINT export_format_check CHECK ((format = ANY (ARRAY['gpkg'::text, 'fgb'::text, 'parquet'::text, 'report.zip'::text]))),
    CONSTRAINT export_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text, 'failed'::text])))
);

CREATE TABLE public.follower (
    person uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    leave_key bytea DEFAULT (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) NOT NULL,
    base_url text NOT NULL,
    told_on date NOT NULL
);

CREATE TABLE public.initiative (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    title text NOT NULL,
    summary text DEFAULT ''::text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    theme text NOT NULL,
    scale text NOT NULL,
    status text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    source_platform text DEFAULT ''::text NOT NULL,
    source_id text,
    source_url text DEFAULT ''::text NOT NULL,
    source_licence text DEFAULT ''::text NOT NULL,
    source_digest text,
    place_text text DEFAULT ''::text NOT NULL,
    "precision" text NOT NULL,
    point public.geometry(Point,4326),
    commune text,
    epci text,
    departement text,
    region text,
    anchor public.geometry(Point,4326),
    anchor_3857 public.geometry(Point,3857),
    cell bigint GENERATED ALWAYS AS (public.grid_cell(anchor_3857)) STORED,
    supporters integer DEFAULT 0 NOT NULL,
    search tsvector GENERATED ALWAYS AS (((setweight(to_tsvector('public.french_unaccent'::regconfig, title), 'A'::"char") || setweight(to_tsvector('public.french_unaccent'::regconfig, summary), 'B'::"char")) || setweight(to_tsvector('public.french_unaccent'::regconfig, "left"(description, 4000)), 'C'::"char"))) STORED,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    supported_here integer DEFAULT 0 NOT NULL,
    state_since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    told_here integer DEFAULT 0 NOT NULL,
    local_here integer DEFAULT 0 NOT NULL,
    CONSTRAINT initiative_check CHECK ((created_at <= updated_at)),
    CONSTRAINT initiative_check1 CHECK (((point IS NOT NULL) = ("precision" = 'point'::text))),
    CONSTRAINT initiative_check2 CHECK ((("precision" <> ALL (ARRAY['point'::text, 'commune'::text])) OR (commune IS NOT NULL))),
    CONSTRAINT initiative_check3 CHECK ((("precision" = ANY (ARRAY['point'::text, 'commune'::text])) OR (commune IS NULL))),
    CONSTRAINT initiative_check4 CHECK ((("precision" <> 'epci'::text) OR (epci IS NOT NULL))),
    CONSTRAINT initiative_check5 CHECK ((("precision" <> 'departement'::text) OR ((departement IS NOT NULL) AND (epci IS NULL)))),
    CONSTRAINT initiative_check6 CHECK ((("precision" <> 'region'::text) OR ((region IS NOT NULL) AND (departement IS NULL) AND (epci IS NULL)))),
    CONSTRAINT initiative_check7 CHECK ((("precision" <> ALL (ARRAY['national'::text, 'none'::text])) OR ((region IS NULL) AND (departement IS NULL) AND (epci IS NULL)))),
    CONSTRAINT initiative_check8 CHECK (((anchor IS NULL) = ("precision" = ANY (ARRAY['national'::text, 'none'::text])))),
    CONSTRAINT initiative_created_at_check CHECK (((created_at >= '0001-01-01 00:00:00+00'::timestamp with time zone) AND (created_at < 'infinity'::timestamp with time zone))),
    CONSTRAINT initiative_description_check CHECK ((length(description) <= 20000)),
    CONSTRAINT initiative_local_here_check CHECK (((local_here >= 0) AND (local_here <= told_here))),
    CONSTRAINT initiative_place_text_check CHECK ((length(place_text) <= 1000)),
    CONSTRAINT initiative_point_check CHECK (((point IS NULL) OR COALESCE((((public.st_x(point) >= ('-180'::integer)::double precision) AND (public.st_x(point) <= (180)::double precision)) AND ((public.st_y(point) >= ('-85'::integer)::double precision) AND (public.st_y(point) <= (85)::double precision))), false))),
    CONSTRAINT initiative_precision_check CHECK (("precision" = ANY (ARRAY['point'::text, 'commune'::text, 'epci'::text, 'departement'::text, 'region'::text, 'national'::text, 'none'::text]))),
    CONSTRAINT initiative_scale_check CHECK ((scale = ANY (ARRAY['commune'::text, 'epci'::text, 'departement'::text, 'region'::text, 'national'::text]))),
    CONSTRAINT initiative_source_url_check CHECK (((source_url = ''::text) OR (source_url ~ '^https?://'::text))),
    CONSTRAINT initiative_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'pending'::text, 'published'::text, 'rejected'::text, 'done'::text, 'archived'::text, 'merged'::text]))),
    CONSTRAINT initiative_summary_check CHECK ((length(summary) <= 500)),
    CONSTRAINT initiative_supported_here_check CHECK (((supported_here >= 0) AND (supported_here <= supporters))),
    CONSTRAINT initiative_supporters_check CHECK ((supporters >= 0)),
    CONSTRAINT initiative_theme_check CHECK ((theme = ANY (ARRAY['environnement'::text, 'alimentation'::text, 'mobilite'::text, 'habitat'::text, 'solidarite'::text, 'education'::text, 'culture'::text, 'economie'::text, 'autre'::text]))),
    CONSTRAINT initiative_title_check CHECK (((length(title) >= 1) AND (length(title) <= 200)))
);

CREATE TABLE public.initiative_revision (
    initiative uuid NOT NULL,
    number integer NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    person uuid,
    title text NOT NULL,
    summary text NOT NULL,
    description text NOT NULL,
    theme text NOT NULL,
    scale text NOT NULL,
    place jsonb NOT NULL,
    CONSTRAINT initiative_revision_number_check CHECK ((number >= 1)),
    CONSTRAINT initiative_revision_place_check CHECK ((jsonb_typeof(place) = 'object'::text))
);

CREATE TABLE public.location_match (
    initiative uuid NOT NULL,
    query jsonb NOT NULL,
    parts jsonb NOT NULL,
    candidates jsonb DEFAULT '[]'::jsonb NOT NULL,
    status text NOT NULL,
    "precision" text NOT NULL,
    score real NOT NULL,
    method text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    cog_year smallint NOT NULL,
    matched_at timestamp with time zone DEFAULT now() NOT NULL,
    review text DEFAULT 'none'::text NOT NULL,
    decided_by text,
    decided_at timestamp with time zone,
    attribution text DEFAULT ''::text NOT NULL,
    decision jsonb,
    CONSTRAINT location_match_check CHECK (((review = 'decided'::text) = ((decided_by IS NOT NULL) AND (decided_at IS NOT NULL)))),
    CONSTRAINT location_match_decision_check CHECK ((jsonb_typeof(decision) = 'object'::text)),
    CONSTRAINT location_match_review_check CHECK ((review = ANY (ARRAY['none'::text, 'waiting'::text, 'decided'::text]))),
    CONSTRAINT location_match_score_check CHECK (((score >= (0)::double precision) AND (score <= (1)::double precision))),
    CONSTRAINT location_match_status_check CHECK ((status = ANY (ARRAY['certain'::text, 'likely'::text, 'ambiguous'::text, 'none'::text])))
);

CREATE TABLE public.merge (
    initiative uuid NOT NULL,
    target uuid NOT NULL,
    former text NOT NULL,
    queued_at timestamp with time zone,
    merged_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT merge_check CHECK ((initiative <> target)),
    CONSTRAINT merge_former_check CHECK ((former <> 'merged'::text))
);

CREATE TABLE public.merge_line (
    ancestor uuid NOT NULL,
    member uuid NOT NULL
);

CREATE TABLE public.person (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    email text,
    email_key text,
    name text DEFAULT ''::text NOT NULL,
    locale text DEFAULT 'fr'::text NOT NULL,
    commune text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    confirmed_at timestamp with time zone,
    last_seen_at timestamp with time zone,
    erased_at timestamp with time zone,
    CONSTRAINT person_check CHECK (((email IS NULL) = (email_key IS NULL))),
    CONSTRAINT person_check1 CHECK (((email IS NULL) = (erased_at IS NOT NULL))),
    CONSTRAINT person_check2 CHECK (((erased_at IS NULL) OR ((name = ''::text) AND (commune IS NULL)))),
    CONSTRAINT person_commune_check CHECK ((commune ~ '^[0-9][0-9AB][0-9]{3}$'::text)),
    CONSTRAINT person_locale_check CHECK ((locale ~ '^[a-z]{2}$'::text)),
    CONSTRAINT person_name_check CHECK ((length(name) <= 100))
);

CREATE TABLE public.procrastinate_events (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    type public.procrastinate_job_event_type,
    at timestamp with time zone DEFAULT now()
);

CREATE SEQUENCE public.procrastinate_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.procrastinate_events_id_seq OWNED BY public.procrastinate_events.id;

CREATE SEQUENCE public.procrastinate_jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.procrastinate_jobs_id_seq OWNED BY public.procrastinate_jobs.id;

CREATE TABLE public.procrastinate_periodic_defers (
    id bigint NOT NULL,
    task_name character varying(128) NOT NULL,
    defer_timestamp bigint,
    job_id bigint,
    periodic_id character varying(128) DEFAULT ''::character varying NOT NULL
);

CREATE SEQUENCE public.procrastinate_periodic_defers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.procrastinate_periodic_defers_id_seq OWNED BY public.procrastinate_periodic_defers.id;

CREATE TABLE public.procrastinate_workers (
    id bigint NOT NULL,
    last_heartbeat timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.procrastinate_workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.procrastinate_workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.proposal (
    initiative uuid NOT NULL,
    form uuid NOT NULL,
    person uuid,
    submitted_at timestamp with time zone DEFAULT now() NOT NULL,
    published_at timestamp with time zone,
    published_revision integer,
    rejected_at timestamp with time zone,
    done_at timestamp with time zone,
    archived_at timestamp with time zone,
    reason text DEFAULT ''::text NOT NULL,
    queued_at timestamp with time zone,
    CONSTRAINT proposal_check CHECK (((published_at IS NULL) = (published_revision IS NULL))),
    CONSTRAINT proposal_reason_check CHECK ((length(reason) <= 2000))
);

CREATE TABLE public.provider_answer (
    digest text NOT NULL,
    lon double precision,
    lat double precision,
    score double precision,
    type text,
    citycode text,
    attribution text,
    fetched_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT provider_answer_check CHECK ((num_nulls(lon, lat, score, type, citycode, attribution) = ANY (ARRAY[0, 6]))),
    CONSTRAINT provider_answer_lat_check CHECK (((lat >= ('-90'::integer)::double precision) AND (lat <= (90)::double precision))),
    CONSTRAINT provider_answer_lon_check CHECK (((lon >= ('-180'::integer)::double precision) AND (lon <= (180)::double precision))),
    CONSTRAINT provider_answer_score_check CHECK (((score >= (0)::double precision) AND (score <= (1)::double precision)))
);

CREATE TABLE public.removal (
    initiative uuid NOT NULL,
    removed_at timestamp with time zone NOT NULL
);

CREATE TABLE public.report (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    initiative uuid NOT NULL,
    person uuid,
    confirmed boolean NOT NULL,
    reason text NOT NULL,
    text text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    closed_by text,
    closed_at timestamp with time zone,
    note text DEFAULT ''::text NOT NULL,
    CONSTRAINT report_check CHECK (((state = 'closed'::text) = ((closed_by IS NOT NULL) AND (closed_at IS NOT NULL)))),
    CONSTRAINT report_note_check CHECK ((length(note) <= 2000)),
    CONSTRAINT report_reason_check CHECK ((reason = ANY (ARRAY['false'::text, 'hateful'::text, 'private'::text, 'duplicate'::text, 'place'::text, 'other'::text]))),
    CONSTRAINT report_state_check CHECK ((state = ANY (ARRAY['open'::text, 'closed'::text]))),
    CONSTRAINT report_text_check CHECK ((length(text) <= 2000))
);

CREATE TABLE public.report_schedule (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    person uuid NOT NULL,
    view text NOT NULL,
    base_url text NOT NULL,
    leave_key bytea DEFAULT (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    ordered_for date NOT NULL,
    told_for date NOT NULL,
    export uuid,
    CONSTRAINT report_schedule_check CHECK ((told_for <= ordered_for)),
    CONSTRAINT report_schedule_ordered_for_check CHECK ((EXTRACT(day FROM ordered_for) = (1)::numeric)),
    CONSTRAINT report_schedule_told_for_check CHECK ((EXTRACT(day FROM told_for) = (1)::numeric)),
    CONSTRAINT report_schedule_view_check CHECK ((length(view) <= 2000))
);

CREATE TABLE public.role_grant (
    person uuid NOT NULL,
    role text NOT NULL,
    level text NOT NULL,
    code text NOT NULL,
    granted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT role_grant_check CHECK (((role = 'admin'::text) = (level = 'country'::text))),
    CONSTRAINT role_grant_check1 CHECK (((level = 'country'::text) = (code = ''::text))),
    CONSTRAINT role_grant_code_check CHECK ((code ~ '^[0-9A-Z]{0,9}$'::text)),
    CONSTRAINT role_grant_level_check CHECK ((level = ANY (ARRAY['commune'::text, 'epci'::text, 'departement'::text, 'region'::text, 'country'::text]))),
    CONSTRAINT role_grant_role_check CHECK ((role = ANY (ARRAY['coordinator'::text, 'moderator'::text, 'admin'::text])))
);

CREATE TABLE public.role_log (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    act text NOT NULL,
    person uuid NOT NULL,
    role text NOT NULL,
    level text NOT NULL,
    code text NOT NULL,
    by_person uuid,
    by_name text DEFAULT ''::text NOT NULL,
    CONSTRAINT role_log_act_check CHECK ((act = ANY (ARRAY['grant'::text, 'revoke'::text, 'erase'::text, 'lapse'::text]))),
    CONSTRAINT role_log_check CHECK (((act = 'lapse'::text) OR ((by_person IS NULL) = (by_name <> ''::text))))
);

ALTER TABLE public.role_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.role_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.rollup (
    level text NOT NULL,
    status text NOT NULL,
    theme text NOT NULL,
    month date NOT NULL,
    code text NOT NULL,
    initiatives integer NOT NULL,
    supporters bigint NOT NULL,
    told integer DEFAULT 0 NOT NULL,
    local integer DEFAULT 0 NOT NULL,
    CONSTRAINT rollup_level_check CHECK ((level = ANY (ARRAY['country'::text, 'region'::text, 'departement'::text, 'epci'::text, 'commune'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.02');

CREATE TABLE public.rollup_cell (
    zoom smallint NOT NULL,
    cell bigint NOT NULL,
    status text NOT NULL,
    theme text NOT NULL,
    initiatives integer NOT NULL,
    sum_x bigint NOT NULL,
    sum_y bigint NOT NULL
);

CREATE TABLE public.rollup_delta (
    id bigint NOT NULL,
    commune text,
    epci text,
    departement text,
    region text,
    cell bigint,
    status text NOT NULL,
    theme text NOT NULL,
    month date NOT NULL,
    initiatives integer NOT NULL,
    supporters bigint NOT NULL,
    sum_x bigint NOT NULL,
    sum_y bigint NOT NULL,
    told integer DEFAULT 0 NOT NULL,
    local integer DEFAULT 0 NOT NULL
);

ALTER TABLE public.rollup_delta ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.rollup_delta_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW public.rollup_delta_level AS
 SELECT place.level,
    delta.status,
    delta.theme,
    delta.month,
    place.code,
    delta.initiatives,
    delta.supporters,
    delta.told,
    delta.local
   FROM (public.rollup_delta delta
     CROSS JOIN LATERAL ( VALUES ('country'::text,'FR'::text), ('region'::text,delta.region), ('departement'::text,delta.departement), ('epci'::text,delta.epci), ('commune'::text,delta.commune)) place(level, code))
  WHERE (place.code IS NOT NULL);

CREATE TABLE public.rollup_series (
    level text NOT NULL,
    theme text NOT NULL,
    status text NOT NULL,
    code text NOT NULL,
    months bytea NOT NULL,
    initiatives bytea NOT NULL,
    supporters bytea NOT NULL,
    told bytea NOT NULL,
    local bytea NOT NULL
);

CREATE VIEW public.rollup_series_due AS
 SELECT level,
    theme,
    status,
    code,
    string_agg(int4send(public.rollup_month_number(month)), '\x'::bytea ORDER BY month) AS months,
    string_agg(int4send(initiatives), '\x'::bytea ORDER BY month) AS initiatives,
    string_agg(int8send(supporters), '\x'::bytea ORDER BY month) AS supporters,
    string_agg(int4send(told), '\x'::bytea ORDER BY month) AS told,
    string_agg(int4send(local), '\x'::bytea ORDER BY month) AS local
   FROM public.rollup
  WHERE (month > '-infinity'::date)
  GROUP BY level, theme, status, code;

CREATE TABLE public.session (
    digest bytea NOT NULL,
    person uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT session_digest_check CHECK ((length(digest) = 32))
);

CREATE TABLE public.subscription (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    person uuid NOT NULL,
    filter text NOT NULL,
    area public.geometry(Polygon,4326),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    told_until timestamp with time zone NOT NULL,
    CONSTRAINT subscription_area_check CHECK (((public.st_npoints(area) <= 101) AND public.st_isvalid(area)))
);

CREATE TABLE public.support (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    initiative uuid NOT NULL,
    person uuid,
    mailbox bytea,
    commune text,
    network bytea,
    confirmed_at timestamp with time zone DEFAULT now() NOT NULL,
    withdrawn_at timestamp with time zone,
    held_at timestamp with time zone,
    burst uuid,
    twin uuid,
    CONSTRAINT support_check CHECK (((person IS NULL) = (mailbox IS NOT NULL))),
    CONSTRAINT support_commune_check CHECK ((commune ~ '^[0-9][0-9AB][0-9]{3}$'::text)),
    CONSTRAINT support_mailbox_check CHECK ((length(mailbox) = 32)),
    CONSTRAINT support_network_check CHECK ((length(network) = 16))
);

CREATE VIEW public.support_once AS
 SELECT support.initiative,
    support.commune
   FROM public.support
  WHERE ((support.withdrawn_at IS NULL) AND (support.held_at IS NULL) AND (NOT (EXISTS ( SELECT
           FROM public.merge_line
          WHERE (merge_line.ancestor = support.initiative)))))
UNION ALL
 SELECT once.initiative,
    once.commune
   FROM ( SELECT DISTINCT ON (line.ancestor, COALESCE(support.person, support.twin, support.id)) line.ancestor AS initiative,
            support.commune
           FROM (public.merge_line line
             JOIN public.support ON ((support.initiative = line.member)))
          WHERE ((support.withdrawn_at IS NULL) AND (support.held_at IS NULL))
          ORDER BY line.ancestor, COALESCE(support.person, support.twin, support.id), (support.commune IS NULL), (line.member <> line.ancestor), support.confirmed_at DESC, support.id) once;

CREATE TABLE public.territory (
    level text NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    article text DEFAULT ''::text NOT NULL,
    population integer NOT NULL,
    postcodes text[] DEFAULT '{}'::text[] NOT NULL,
    epci text,
    departement text,
    region text,
    point public.geometry(Point,4326) NOT NULL,
    outline public.geometry(MultiPolygon,4326) NOT NULL,
    outline_3857 public.geometry(MultiPolygon,3857) NOT NULL,
    approximate boolean DEFAULT false NOT NULL,
    cog_year smallint NOT NULL,
    CONSTRAINT territory_code_check CHECK ((code <> ''::text)),
    CONSTRAINT territory_code_plain CHECK ((code ~ '^[0-9A-Z]+$'::text)),
    CONSTRAINT territory_level_check CHECK ((level = ANY (ARRAY['commune'::text, 'epci'::text, 'departement'::text, 'region'::text]))),
    CONSTRAINT territory_name_check CHECK ((name <> ''::text)),
    CONSTRAINT territory_outline_check CHECK ((NOT public.st_isempty(outline))),
    CONSTRAINT territory_population_check CHECK ((population >= 0))
);

CREATE TABLE public.territory_alias (
    kind text NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    commune text NOT NULL,
    postcodes text[] DEFAULT '{}'::text[] NOT NULL,
    level text DEFAULT 'commune'::text NOT NULL,
    CONSTRAINT territory_alias_kind_check CHECK ((kind = ANY (ARRAY['associee'::text, 'deleguee'::text, 'arrondissement'::text, 'former'::text]))),
    CONSTRAINT territory_alias_level_check CHECK ((level = 'commune'::text)),
    CONSTRAINT territory_alias_name_check CHECK ((name <> ''::text))
);

CREATE VIEW public.support_local AS
 SELECT given.initiative,
    (sum(given.supports))::integer AS told,
    (COALESCE(sum(given.supports) FILTER (WHERE (EXISTS ( SELECT
           FROM (( SELECT given.commune AS code
                UNION ALL
                 SELECT alias.commune
                   FROM public.territory_alias alias
                  WHERE (alias.code = given.commune)) said
             JOIN public.territory home ON (((home.level = 'commune'::text) AND (home.code = said.code))))
          WHERE
                CASE
                    WHEN (initiative.epci IS NOT NULL) THEN (home.epci = initiative.epci)
                    WHEN (initiative.commune IS NOT NULL) THEN (home.code = initiative.commune)
                    WHEN (initiative.departement IS NOT NULL) THEN (home.departement = initiative.departement)
                    ELSE (home.region = initiative.region)
                END))), (0)::numeric))::integer AS local
   FROM (( SELECT support_once.initiative,
            support_once.commune,
            count(*) AS supports
           FROM public.support_once
          WHERE (support_once.commune IS NOT NULL)
          GROUP BY support_once.initiative, support_once.commune) given
     JOIN public.initiative ON ((initiative.id = given.initiative)))
  WHERE (initiative."precision" <> ALL (ARRAY['national'::text, 'none'::text]))
  GROUP BY given.initiative;

CREATE VIEW public.support_difference AS
 SELECT id AS initiative,
    COALESCE(kept.supported_here, 0) AS supported_here,
    COALESCE(recounted.counted, (0)::bigint) AS counted,
    COALESCE(kept.told_here, 0) AS told_here,
    COALESCE(around.told, 0) AS told,
    COALESCE(kept.local_here, 0) AS local_here,
    COALESCE(around.local, 0) AS local
   FROM ((( SELECT initiative.id,
            initiative.supported_here,
            initiative.told_here,
            initiative.local_here
           FROM public.initiative
          WHERE ((initiative.supported_here > 0) OR (initiative.told_here > 0))) kept
     FULL JOIN ( SELECT support_once.initiative AS id,
            count(*) AS counted
           FROM public.support_once
          GROUP BY support_once.initiative) recounted USING (id))
     LEFT JOIN ( SELECT support_local.initiative AS id,
            support_local.told,
            support_local.local
           FROM public.support_local) around USING (id))
  WHERE ((COALESCE(kept.supported_here, 0) <> COALESCE(recounted.counted, (0)::bigint)) OR (COALESCE(kept.told_here, 0) <> COALESCE(around.told, 0)) OR (COALESCE(kept.local_here, 0) <> COALESCE(around.local, 0)));

CREATE UNLOGGED TABLE public.tally (
    key bytea NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    count integer NOT NULL
);

CREATE TABLE public.territory_load (
    id integer NOT NULL,
    source text NOT NULL,
    licence text NOT NULL,
    cog_year smallint NOT NULL,
    loaded_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.territory_load ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.territory_load_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.territory_mosaic (
    level text NOT NULL,
    content bytea NOT NULL,
    CONSTRAINT territory_mosaic_level_check CHECK ((level = 'commune'::text))
);

CREATE TABLE public.territory_outline (
    level text NOT NULL,
    code text NOT NULL,
    zoom smallint NOT NULL,
    geom public.geometry(MultiPolygon,3857) NOT NULL
);

CREATE TABLE public.token (
    digest bytea NOT NULL,
    purpose text NOT NULL,
    person uuid NOT NULL,
    email text NOT NULL,
    subject uuid,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT token_digest_check CHECK ((length(digest) = 32)),
    CONSTRAINT token_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text)),
    CONSTRAINT token_purpose_check CHECK ((purpose <> ''::text))
);

CREATE TABLE public.waiting (
    kind text NOT NULL,
    id uuid NOT NULL,
    initiative uuid NOT NULL,
    since timestamp with time zone NOT NULL,
    claimed_by text,
    claimed_until timestamp with time zone,
    CONSTRAINT waiting_check CHECK (((claimed_by IS NULL) = (claimed_until IS NULL))),
    CONSTRAINT waiting_kind_check CHECK ((kind = ANY (ARRAY['proposal'::text, 'edit'::text, 'appeal'::text, 'report'::text, 'place'::text, 'burst'::text])))
);

CREATE TABLE public.waiting_area (
    area text NOT NULL,
    since timestamp with time zone NOT NULL,
    kind text NOT NULL,
    id uuid NOT NULL
);

CREATE VIEW public.waiting_now AS
 SELECT
        CASE
            WHEN public.is_public(initiative.status) THEN 'edit'::text
            WHEN (initiative.status = 'rejected'::text) THEN 'appeal'::text
            ELSE 'proposal'::text
        END AS kind,
    initiative.id,
    initiative.id AS initiative,
    proposal.queued_at AS since
   FROM (public.proposal
     JOIN public.initiative ON ((initiative.id = proposal.initiative)))
  WHERE ((proposal.queued_at IS NOT NULL) AND (initiative.status <> 'merged'::text))
UNION ALL
 SELECT 'report'::text AS kind,
    report.id,
    report.initiative,
    report.created_at AS since
   FROM (public.report
     JOIN public.initiative ON ((initiative.id = report.initiative)))
  WHERE ((report.state = 'open'::text) AND (initiative.status <> 'merged'::text))
UNION ALL
 SELECT 'place'::text AS kind,
    initiative.id,
    initiative.id AS initiative,
    record.matched_at AS since
   FROM (public.location_match record
     JOIN public.initiative ON ((initiative.id = record.initiative)))
  WHERE ((record.review = 'waiting'::text) AND (initiative.status <> 'merged'::text));

ALTER TABLE ONLY public.procrastinate_events ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_events_id_seq'::regclass);

ALTER TABLE ONLY public.procrastinate_jobs ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_jobs_id_seq'::regclass);

ALTER TABLE ONLY public.procrastinate_periodic_defers ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_periodic_defers_id_seq'::regclass);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_digest_key UNIQUE (digest);

ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_form_key UNIQUE (form);

ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.appeal
    ADD CONSTRAINT appeal_pkey PRIMARY KEY (decision);

ALTER TABLE ONLY public.briefing_reader
    ADD CONSTRAINT briefing_reader_id_key UNIQUE (id);

ALTER TABLE ONLY public.briefing_reader
    ADD CONSTRAINT briefing_reader_pkey PRIMARY KEY (person);

ALTER TABLE ONLY public.burst
    ADD CONSTRAINT burst_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.commune_event
    ADD CONSTRAINT commune_event_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.decision
    ADD CONSTRAINT decision_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.delivery
    ADD CONSTRAINT delivery_message_id_key UNIQUE (message_id);

ALTER TABLE ONLY public.delivery
    ADD CONSTRAINT delivery_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.digest
    ADD CONSTRAINT digest_pkey PRIMARY KEY (subscription, day);

ALTER TABLE ONLY public.export
    ADD CONSTRAINT export_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.follower
    ADD CONSTRAINT follower_id_key UNIQUE (id);

ALTER TABLE ONLY public.follower
    ADD CONSTRAINT follower_pkey PRIMARY KEY (person);

ALTER TABLE ONLY public.initiative
    ADD CONSTRAINT initiative_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.initiative_revision
    ADD CONSTRAINT initiative_revision_pkey PRIMARY KEY (initiative, number);

ALTER TABLE ONLY public.initiative
    ADD CONSTRAINT initiative_source_platform_source_id_key UNIQUE (source_platform, source_id);

ALTER TABLE ONLY public.location_match
    ADD CONSTRAINT location_match_pkey PRIMARY KEY (initiative);

ALTER TABLE ONLY public.merge_line
    ADD CONSTRAINT merge_line_pkey PRIMARY KEY (ancestor, member);

ALTER TABLE ONLY public.merge
    ADD CONSTRAINT merge_pkey PRIMARY KEY (initiative);

ALTER TABLE ONLY public.person
    ADD CONSTRAINT person_email_key_key UNIQUE (email_key);

ALTER TABLE ONLY public.person
    ADD CONSTRAINT person_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_unique UNIQUE (task_name, periodic_id, defer_timestamp);

ALTER TABLE ONLY public.procrastinate_workers
    ADD CONSTRAINT procrastinate_workers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.proposal
    ADD CONSTRAINT proposal_form_key UNIQUE (form);

ALTER TABLE ONLY public.proposal
    ADD CONSTRAINT proposal_pkey PRIMARY KEY (initiative);

ALTER TABLE ONLY public.provider_answer
    ADD CONSTRAINT provider_answer_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY public.removal
    ADD CONSTRAINT removal_pkey PRIMARY KEY (initiative);

ALTER TABLE ONLY public.report
    ADD CONSTRAINT report_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.report_schedule
    ADD CONSTRAINT report_schedule_person_view_key UNIQUE (person, view);

ALTER TABLE ONLY public.report_schedule
    ADD CONSTRAINT report_schedule_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.role_grant
    ADD CONSTRAINT role_grant_pkey PRIMARY KEY (person, role, level, code);

ALTER TABLE ONLY public.role_log
    ADD CONSTRAINT role_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.rollup_cell
    ADD CONSTRAINT rollup_cell_pkey PRIMARY KEY (zoom, cell, status, theme) INCLUDE (initiatives, sum_x, sum_y);

ALTER TABLE ONLY public.rollup_delta
    ADD CONSTRAINT rollup_delta_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.rollup
    ADD CONSTRAINT rollup_pkey PRIMARY KEY (level, theme, month, status, code) INCLUDE (initiatives, supporters, told, local);

ALTER TABLE ONLY public.rollup_series
    ADD CONSTRAINT rollup_series_pkey PRIMARY KEY (level, theme, status, code);

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY public.subscription
    ADD CONSTRAINT subscription_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.support
    ADD CONSTRAINT support_initiative_mailbox_key UNIQUE (initiative, mailbox);

ALTER TABLE ONLY public.support
    ADD CONSTRAINT support_initiative_person_key UNIQUE (initiative, person);

ALTER TABLE ONLY public.support
    ADD CONSTRAINT support_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.tally
    ADD CONSTRAINT tally_pkey PRIMARY KEY (key, ends_at);

ALTER TABLE ONLY public.territory_alias
    ADD CONSTRAINT territory_alias_pkey PRIMARY KEY (kind, code, name, commune);

ALTER TABLE ONLY public.territory_load
    ADD CONSTRAINT territory_load_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.territory_mosaic
    ADD CONSTRAINT territory_mosaic_pkey PRIMARY KEY (level);

ALTER TABLE ONLY public.territory_outline
    ADD CONSTRAINT territory_outline_pkey PRIMARY KEY (level, zoom, code);

ALTER TABLE ONLY public.territory
    ADD CONSTRAINT territory_pkey PRIMARY KEY (level, code);

ALTER TABLE ONLY public.token
    ADD CONSTRAINT token_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY public.waiting_area
    ADD CONSTRAINT waiting_area_pkey PRIMARY KEY (area, since, kind, id);

ALTER TABLE ONLY public.waiting
    ADD CONSTRAINT waiting_pkey PRIMARY KEY (kind, id);

CREATE INDEX api_token_expires ON public.api_token USING btree (expires_at);

CREATE INDEX api_token_person ON public.api_token USING btree (person);

CREATE INDEX appeal_initiative ON public.appeal USING btree (initiative);

CREATE INDEX briefing_reader_told ON public.briefing_reader USING btree (person, told_on) WHERE (left_at IS NULL);

CREATE INDEX burst_initiative ON public.burst USING btree (initiative, found_at);

CREATE UNIQUE INDEX burst_open ON public.burst USING btree (initiative) WHERE (state = 'open'::text);

CREATE INDEX burst_waiting ON public.burst USING btree (found_at, id) WHERE (state = 'open'::text);

CREATE INDEX commune_event_after ON public.commune_event USING btree (code_after);

CREATE INDEX commune_event_before ON public.commune_event USING btree (code_before);

CREATE INDEX decision_by_person ON public.decision USING btree (decided_by_person) WHERE (decided_by_person IS NOT NULL);

CREATE INDEX decision_initiative ON public.decision USING btree (initiative, id);

CREATE INDEX decision_target ON public.decision USING btree (target, id) WHERE (target IS NOT NULL);

CREATE INDEX delivery_due ON public.delivery USING btree (give_up_at) WHERE (state = ANY (ARRAY['queued'::text, 'sending'::text]));

CREATE INDEX delivery_over ON public.delivery USING btree (created_at) WHERE (state = ANY (ARRAY['sent'::text, 'failed'::text]));

CREATE INDEX delivery_person ON public.delivery USING btree (person) WHERE (person IS NOT NULL);

CREATE INDEX digest_day ON public.digest USING btree (day);

CREATE INDEX export_expiry ON public.export USING btree (expires_at);

CREATE UNIQUE INDEX export_unfinished ON public.export USING btree (format, filter, base_url) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE INDEX follower_told ON public.follower USING btree (told_on, person);

CREATE INDEX idx_procrastinate_jobs_worker_not_null ON public.procrastinate_jobs USING btree (worker_id) WHERE ((worker_id IS NOT NULL) AND (status = 'doing'::public.procrastinate_job_status));

CREATE INDEX idx_procrastinate_workers_last_heartbeat ON public.procrastinate_workers USING btree (last_heartbeat);

CREATE INDEX initiative_anchor ON public.initiative USING gist (anchor_3857);

CREATE INDEX initiative_cell ON public.initiative USING btree (cell, id) INCLUDE (theme, status, anchor);

CREATE INDEX initiative_changed ON public.initiative USING btree (changed_at, id);

CREATE INDEX initiative_commune ON public.initiative USING btree (commune, created_at DESC, id DESC);

CREATE INDEX initiative_departement ON public.initiative USING btree (departement, created_at DESC, id DESC);

CREATE INDEX initiative_epci ON public.initiative USING btree (epci, created_at DESC, id DESC);

CREATE INDEX initiative_idea ON public.initiative USING gin (public.idea_keys(public.idea_area("precision", commune, epci, departement, region), tsvector_to_array(to_tsvector('public.french_unaccent'::regconfig, title)))) WHERE (status = ANY (ARRAY['published'::text, 'done'::text]));

CREATE INDEX initiative_recent ON public.initiative USING btree (created_at DESC, id DESC);

CREATE INDEX initiative_region ON public.initiative USING btree (region, created_at DESC, id DESC);

CREATE INDEX initiative_revision_person ON public.initiative_revision USING btree (person) WHERE (person IS NOT NULL);

CREATE INDEX initiative_search ON public.initiative USING gin (search);

CREATE INDEX initiative_state_since ON public.initiative USING btree (state_since, id);

CREATE INDEX initiative_status ON public.initiative USING btree (status, created_at DESC, id DESC) WHERE (status <> ALL (ARRAY['published'::text, 'done'::text]));

CREATE INDEX initiative_supported ON public.initiative USING btree (supporters DESC, id DESC);

CREATE INDEX initiative_theme ON public.initiative USING btree (theme, created_at DESC, id DESC);

CREATE INDEX initiative_tile ON public.initiative USING btree (cell, id) INCLUDE (theme, status, anchor_3857, title, "precision", commune, epci, departement, region);

CREATE INDEX initiative_updated ON public.initiative USING btree (updated_at, id);

CREATE INDEX location_match_decided ON public.location_match USING btree (decided_at DESC, initiative) WHERE (review = 'decided'::text);

CREATE INDEX location_match_waiting ON public.location_match USING btree (matched_at, initiative) WHERE (review = 'waiting'::text);

CREATE INDEX merge_line_member ON public.merge_line USING btree (member);

CREATE INDEX merge_target ON public.merge USING btree (target);

CREATE INDEX person_unconfirmed ON public.person USING btree (created_at) WHERE (confirmed_at IS NULL);

CREATE INDEX procrastinate_events_job_id_fkey_v1 ON public.procrastinate_events USING btree (job_id);

CREATE INDEX procrastinate_jobs_id_lock_idx_v1 ON public.procrastinate_jobs USING btree (id, lock) WHERE (status = ANY (ARRAY['todo'::public.procrastinate_job_status, 'doing'::public.procrastinate_job_status]));

CREATE UNIQUE INDEX procrastinate_jobs_lock_idx_v1 ON public.procrastinate_jobs USING btree (lock) WHERE (status = 'doing'::public.procrastinate_job_status);

CREATE INDEX procrastinate_jobs_priority_idx_v1 ON public.procrastinate_jobs USING btree (priority DESC, id) WHERE (status = 'todo'::public.procrastinate_job_status);

CREATE INDEX procrastinate_jobs_queue_name_idx_v1 ON public.procrastinate_jobs USING btree (queue_name);

CREATE UNIQUE INDEX procrastinate_jobs_queueing_lock_idx_v1 ON public.procrastinate_jobs USING btree (queueing_lock) WHERE (status = 'todo'::public.procrastinate_job_status);

CREATE INDEX procrastinate_periodic_defers_job_id_fkey_v1 ON public.procrastinate_periodic_defers USING btree (job_id);

CREATE INDEX proposal_person ON public.proposal USING btree (person) WHERE (person IS NOT NULL);

CREATE INDEX provider_answer_fetched ON public.provider_answer USING btree (fetched_at);

CREATE INDEX removal_order ON public.removal USING btree (removed_at, initiative);

CREATE INDEX report_initiative ON public.report USING btree (initiative);

CREATE UNIQUE INDEX report_once ON public.report USING btree (initiative, person) WHERE ((state = 'open'::text) AND (person IS NOT NULL));

CREATE INDEX report_open ON public.report USING btree (created_at, id) WHERE (state = 'open'::text);

CREATE INDEX report_person ON public.report USING btree (person) WHERE (person IS NOT NULL);

CREATE INDEX report_schedule_due ON public.report_schedule USING btree (ordered_for, id);

CREATE INDEX report_schedule_untold ON public.report_schedule USING btree (id) WHERE (told_for < ordered_for);

CREATE INDEX role_log_person ON public.role_log USING btree (person, id);

CREATE INDEX rollup_cell_empty ON public.rollup_cell USING btree (zoom) WHERE (initiatives = 0);

CREATE INDEX rollup_code ON public.rollup USING btree (level, theme, status, code, month);

CREATE INDEX rollup_delta_cell ON public.rollup_delta USING btree (cell);

CREATE INDEX rollup_delta_commune ON public.rollup_delta USING btree (commune);

CREATE INDEX rollup_empty ON public.rollup USING btree (level) WHERE ((initiatives = 0) AND (supporters = 0));

CREATE INDEX session_expires ON public.session USING btree (expires_at);

CREATE INDEX session_person ON public.session USING btree (person);

CREATE UNIQUE INDEX subscription_once ON public.subscription USING btree (person, md5(((filter || ' '::text) || COALESCE(encode(public.st_asbinary(area), 'hex'::text), ''::text))));

CREATE INDEX support_arrival ON public.support USING btree (initiative, confirmed_at) WHERE ((network IS NOT NULL) AND (withdrawn_at IS NULL) AND (held_at IS NULL));

CREATE INDEX support_burst ON public.support USING btree (burst) WHERE (burst IS NOT NULL);

CREATE INDEX support_confirmed ON public.support USING btree (confirmed_at);

CREATE INDEX support_counted ON public.support USING btree (initiative, commune) WHERE ((withdrawn_at IS NULL) AND (held_at IS NULL));

CREATE INDEX support_found ON public.support USING btree (initiative, network, confirmed_at) WHERE ((burst IS NOT NULL) AND (network IS NOT NULL));

CREATE INDEX support_held ON public.support USING btree (initiative) WHERE (held_at IS NOT NULL);

CREATE INDEX support_network ON public.support USING btree (confirmed_at) WHERE (network IS NOT NULL);

CREATE INDEX support_person ON public.support USING btree (person) WHERE (person IS NOT NULL);

CREATE INDEX support_same_network ON public.support USING btree (initiative, network) WHERE ((network IS NOT NULL) AND (withdrawn_at IS NULL) AND (held_at IS NULL));

CREATE INDEX tally_ends ON public.tally USING btree (ends_at);

CREATE INDEX territory_alias_code ON public.territory_alias USING btree (code);

CREATE INDEX territory_alias_commune ON public.territory_alias USING btree (commune);

CREATE INDEX territory_commune_outline ON public.territory USING gist (outline) WHERE (level = 'commune'::text);

CREATE INDEX territory_commune_outline_3857 ON public.territory USING gist (outline_3857) WHERE (level = 'commune'::text);

CREATE INDEX territory_figures ON public.territory USING btree (level, code) INCLUDE (population, epci, departement, region);

CREATE INDEX territory_outline_commune_10 ON public.territory_outline USING gist (geom) WHERE ((level = 'commune'::text) AND (zoom = 10));

CREATE INDEX territory_outline_commune_4 ON public.territory_outline USING gist (geom) WHERE ((level = 'commune'::text) AND (zoom = 4));

CREATE INDEX territory_outline_commune_6 ON public.territory_outline USING gist (geom) WHERE ((level = 'commune'::text) AND (zoom = 6));

CREATE INDEX territory_outline_commune_8 ON public.territory_outline USING gist (geom) WHERE ((level = 'commune'::text) AND (zoom = 8));

CREATE INDEX territory_outline_wide ON public.territory_outline USING gist (geom) WHERE (level <> 'commune'::text);

CREATE INDEX territory_point ON public.territory USING gist (point);

CREATE INDEX territory_wide_outline_3857 ON public.territory USING gist (outline_3857) WHERE (level <> 'commune'::text);

CREATE INDEX token_expires ON public.token USING btree (expires_at);

CREATE INDEX token_person ON public.token USING btree (person);

CREATE INDEX token_subject ON public.token USING btree (subject) WHERE (subject IS NOT NULL);

CREATE INDEX waiting_area_item ON public.waiting_area USING btree (kind, id);

CREATE INDEX waiting_area_kind ON public.waiting_area USING btree (area, kind, since, id);

CREATE INDEX waiting_id ON public.waiting USING btree (id);

CREATE INDEX waiting_initiative ON public.waiting USING btree (initiative);

CREATE CONSTRAINT TRIGGER burst_decided AFTER UPDATE OF state ON public.burst DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.state <> old.state)) EXECUTE FUNCTION public.burst_waits();

CREATE CONSTRAINT TRIGGER burst_found AFTER INSERT ON public.burst DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.burst_waits();

CREATE TRIGGER burst_stays BEFORE UPDATE ON public.burst FOR EACH ROW WHEN ((old.state <> 'open'::text)) EXECUTE FUNCTION public.burst_stays();

CREATE TRIGGER decision_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON public.decision FOR EACH STATEMENT EXECUTE FUNCTION public.decision_stays();

CREATE TRIGGER delivery_wakes AFTER INSERT ON public.delivery FOR EACH STATEMENT EXECUTE FUNCTION public.wake_mail();

CREATE TRIGGER harvest_hold BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.initiative FOR EACH STATEMENT EXECUTE FUNCTION public.harvest_hold();

CREATE TRIGGER initiative_merged BEFORE UPDATE OF status ON public.initiative FOR EACH ROW WHEN (((new.status <> old.status) AND (('merged'::text = new.status) OR ('merged'::text = old.status)))) EXECUTE FUNCTION public.initiative_merged();

CREATE TRIGGER initiative_moved AFTER UPDATE OF "precision", point, commune, epci, departement, region ON public.initiative FOR EACH ROW WHEN (((old.supported_here > 0) AND (((((old."precision" IS DISTINCT FROM new."precision") OR (old.commune IS DISTINCT FROM new.commune)) OR (old.epci IS DISTINCT FROM new.epci)) OR (old.departement IS DISTINCT FROM new.departement)) OR (old.region IS DISTINCT FROM new.region)))) EXECUTE FUNCTION public.initiative_moved();

CREATE TRIGGER initiative_place BEFORE INSERT OR UPDATE OF "precision", point, commune, epci, departement, region ON public.initiative FOR EACH ROW EXECUTE FUNCTION public.initiative_place();

CREATE TRIGGER initiative_state BEFORE UPDATE OF status ON public.initiative FOR EACH ROW WHEN ((new.status <> old.status)) EXECUTE FUNCTION public.initiative_state();

CREATE TRIGGER initiative_touch BEFORE INSERT OR UPDATE ON public.initiative FOR EACH ROW EXECUTE FUNCTION public.initiative_touch();

CREATE TRIGGER merge_before BEFORE INSERT ON public.merge FOR EACH ROW EXECUTE FUNCTION public.merge_before();

CREATE TRIGGER merge_delete AFTER DELETE ON public.merge FOR EACH ROW EXECUTE FUNCTION public.merge_after_delete();

CREATE TRIGGER merge_hold BEFORE DELETE ON public.initiative FOR EACH STATEMENT EXECUTE FUNCTION public.merge_hold('alone');

CREATE TRIGGER merge_hold BEFORE INSERT OR DELETE ON public.merge FOR EACH STATEMENT EXECUTE FUNCTION public.merge_hold('alone');

CREATE TRIGGER merge_hold BEFORE INSERT OR DELETE OR UPDATE ON public.support FOR EACH STATEMENT EXECUTE FUNCTION public.merge_hold('beside');

CREATE TRIGGER merge_insert AFTER INSERT ON public.merge FOR EACH ROW EXECUTE FUNCTION public.merge_after_insert();

CREATE TRIGGER procrastinate_jobs_notify_queue_job_aborted_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN (((old.abort_requested = false) AND (new.abort_requested = true) AND (new.status = 'doing'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_notify_queue_abort_job_v1();

CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_notify_queue_job_inserted_v1();

CREATE TRIGGER procrastinate_trigger_abort_requested_events_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.abort_requested = true)) EXECUTE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1();

CREATE TRIGGER procrastinate_trigger_delete_jobs_v1 BEFORE DELETE ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_unlink_periodic_defers_v1();

CREATE TRIGGER procrastinate_trigger_scheduled_events_v1 AFTER INSERT OR UPDATE ON public.procrastinate_jobs FOR EACH ROW WHEN (((new.scheduled_at IS NOT NULL) AND (new.status = 'todo'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1();

CREATE TRIGGER procrastinate_trigger_status_events_insert_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1();

CREATE TRIGGER procrastinate_trigger_status_events_update_v1 AFTER UPDATE OF status ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_update_v1();

CREATE TRIGGER removal_delete AFTER DELETE ON public.initiative REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION public.removal_after_delete();

CREATE TRIGGER removal_insert AFTER INSERT ON public.initiative REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.removal_after_insert();

CREATE TRIGGER removal_status AFTER UPDATE OF status ON public.initiative FOR EACH ROW WHEN ((public.is_public(new.status) <> public.is_public(old.status))) EXECUTE FUNCTION public.removal_after_status();

CREATE TRIGGER removal_truncate BEFORE TRUNCATE ON public.initiative FOR EACH STATEMENT EXECUTE FUNCTION public.removal_before_truncate();

CREATE TRIGGER role_lapses BEFORE DELETE ON public.person FOR EACH ROW EXECUTE FUNCTION public.role_lapses();

CREATE TRIGGER role_log_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON public.role_log FOR EACH STATEMENT EXECUTE FUNCTION public.role_log_stays();

CREATE TRIGGER rollup_delete AFTER DELETE ON public.initiative REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION public.rollup_after_write();

CREATE TRIGGER rollup_insert AFTER INSERT ON public.initiative REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.rollup_after_write();

CREATE TRIGGER rollup_truncate AFTER TRUNCATE ON public.initiative FOR EACH STATEMENT EXECUTE FUNCTION public.rollup_after_truncate();

CREATE TRIGGER rollup_update AFTER UPDATE ON public.initiative REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.rollup_after_write();

CREATE TRIGGER support_delete AFTER DELETE ON public.support REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION public.support_count();

CREATE TRIGGER support_insert AFTER INSERT ON public.support REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.support_count();

CREATE TRIGGER support_load AFTER INSERT ON public.territory_load FOR EACH STATEMENT EXECUTE FUNCTION public.support_after_load();

CREATE TRIGGER support_truncate AFTER TRUNCATE ON public.support FOR EACH STATEMENT EXECUTE FUNCTION public.support_after_truncate();

CREATE TRIGGER support_update AFTER UPDATE ON public.support REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.support_count();

CREATE TRIGGER territory_renamed AFTER UPDATE OF name ON public.territory FOR EACH ROW WHEN (((new.level = ANY (ARRAY['commune'::text, 'region'::text])) AND (new.name <> old.name))) EXECUTE FUNCTION public.territory_renamed();

CREATE TRIGGER tile_changes_delete AFTER DELETE ON public.initiative REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION public.tile_changes_after_write();

CREATE TRIGGER tile_changes_insert AFTER INSERT ON public.initiative REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.tile_changes_after_write();

CREATE TRIGGER tile_changes_load AFTER INSERT ON public.territory_load FOR EACH STATEMENT EXECUTE FUNCTION public.tile_changes_everywhere();

CREATE TRIGGER tile_changes_truncate AFTER TRUNCATE ON public.initiative FOR EACH STATEMENT EXECUTE FUNCTION public.tile_changes_everywhere();

CREATE TRIGGER tile_changes_update AFTER UPDATE ON public.initiative REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.tile_changes_after_write();

CREATE TRIGGER waiting_change AFTER UPDATE OF status, "precision", point, commune, epci, departement, region ON public.initiative FOR EACH ROW WHEN ((((((old.status IS DISTINCT FROM new.status) OR (old.commune IS DISTINCT FROM new.commune)) OR (old.epci IS DISTINCT FROM new.epci)) OR (old.departement IS DISTINCT FROM new.departement)) OR (old.region IS DISTINCT FROM new.region))) EXECUTE FUNCTION public.waiting_after_change();

CREATE TRIGGER waiting_insert AFTER INSERT ON public.location_match REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.waiting_after_write('review', 'review = ''waiting''');

CREATE TRIGGER waiting_insert AFTER INSERT ON public.proposal REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.waiting_after_write('queued_at', 'queued_at IS NOT NULL');

CREATE TRIGGER waiting_insert AFTER INSERT ON public.report REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.waiting_after_write('id, state, created_at', 'state = ''open''');

CREATE TRIGGER waiting_load AFTER INSERT ON public.territory_load FOR EACH STATEMENT EXECUTE FUNCTION public.waiting_after_load();

CREATE TRIGGER waiting_update AFTER UPDATE ON public.location_match REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.waiting_after_write('review, matched_at, candidates, query', 'review = ''waiting''');

CREATE TRIGGER waiting_update AFTER UPDATE ON public.proposal REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.waiting_after_write('queued_at', 'queued_at IS NOT NULL');

CREATE TRIGGER waiting_update AFTER UPDATE ON public.report REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.waiting_after_write('id, state, created_at', 'state = ''open''');

ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_person_fkey FOREIGN KEY (person) REFERENCES public.person(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.appeal
    ADD CONSTRAINT appeal_initiative_fkey FOREIGN KEY (initiative) REFERENCES public.initiative(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.briefing_reader
    ADD CONSTRAINT briefing_reader_person_fkey FOREIGN KEY (person) REFERENCES public.person(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.burst
    ADD CONSTRAINT burst_initiative_fkey FOREIGN KEY (initiative) REFERENCES public.initiative(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.delivery
    ADD CONSTRAINT delivery_person_fkey FOREIGN KEY (person) REFERENCES public.person(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.digest
    ADD CONSTRAINT digest_subscription_fkey FOREIGN KEY (subscription) REFERENCES public.subscription(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.follower
    ADD CONSTRAINT follower_person_fkey FOREIGN KEY (person) REFERENCES public.person(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.initiative_revision
    ADD CONSTRAINT initiative_revision_initiative_fkey FOREIGN KEY (initiative) REFERENCES public.proposal(initiative) ON DELETE CASCADE;

ALTER TABLE ONLY public.initiative_revision
    ADD CONSTRAINT initiative_revision_person_fkey FOREIGN KEY (person) REFERENCES public.person(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.location_match
    ADD CONSTRAINT location_match_initiative_fkey FOREIGN KEY (initiative) REFERENCES public.initiative(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.merge
    ADD CONSTRAINT merge_initiative_fkey FOREIGN KEY (initiative) REFERENCES public.initiative(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.merge_line
    ADD CONSTRAINT merge_line_ancestor_fkey FOREIGN KEY (ancestor) REFERENCES public.initiative(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.merge_line
    ADD CONSTRAINT merge_line_member_fkey FOREIGN KEY (member) REFERENCES public.initiative(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.merge
    ADD CONSTRAINT merge_target_fkey FOREIGN KEY (target) REFERENCES public.initiative(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES public.procrastinate_workers(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id);

ALTER TABLE ONLY public.proposal
    ADD CONSTRAINT proposal_initiative_fkey FOREIGN KEY (initiative) REFERENCES public.initiative(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.proposal
    ADD CONSTRAINT proposal_person_fkey FOREIGN KEY (person) REFERENCES public.person(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.report
    ADD CONSTRAINT report_initiative_fkey FOREIGN KEY (initiative) REFERENCES public.initiative(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.report
    ADD CONSTRAINT report_person_fkey FOREIGN KEY (person) REFERENCES public.person(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.report_schedule
    ADD CONSTRAINT report_schedule_person_fkey FOREIGN KEY (person) REFERENCES public.person(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.role_grant
    ADD CONSTRAINT role_grant_person_fkey FOREIGN KEY (person) REFERENCES public.person(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_person_fkey FOREIGN KEY (person) REFERENCES public.person(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.subscription
    ADD CONSTRAINT subscription_person_fkey FOREIGN KEY (person) REFERENCES public.follower(person) ON DELETE CASCADE;

ALTER TABLE ONLY public.support
    ADD CONSTRAINT support_burst_fkey FOREIGN KEY (burst) REFERENCES public.burst(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.support
    ADD CONSTRAINT support_initiative_fkey FOREIGN KEY (initiative) REFERENCES public.initiative(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.support
    ADD CONSTRAINT support_person_fkey FOREIGN KEY (person) REFERENCES public.person(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.territory_alias
    ADD CONSTRAINT territory_alias_level_commune_fkey FOREIGN KEY (level, commune) REFERENCES public.territory(level, code) ON DELETE CASCADE;

ALTER TABLE ONLY public.territory_outline
    ADD CONSTRAINT territory_outline_level_code_fkey FOREIGN KEY (level, code) REFERENCES public.territory(level, code) ON DELETE CASCADE;

ALTER TABLE ONLY public.token
    ADD CONSTRAINT token_person_fkey FOREIGN KEY (person) REFERENCES public.person(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.waiting_area
    ADD CONSTRAINT waiting_area_kind_id_fkey FOREIGN KEY (kind, id) REFERENCES public.waiting(kind, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.waiting
    ADD CONSTRAINT waiting_initiative_fkey FOREIGN KEY (initiative) REFERENCES public.initiative(id) ON DELETE CASCADE;

--
-- PostgreSQL database dump complete
--

INSERT INTO public.alembic_version VALUES ('0021');
RESET search_path;
RESET check_function_bodies;
RESET client_min_messages;
