-- Groups: how many belong to them, which wait for a moderator, and whom a message is to be told to.

-- Whoever changes a row of members holds the group's row first, so that counts are exact and nobody takes the last
-- organiser away beside somebody else who does the same.
CREATE OR REPLACE FUNCTION group_members_counted() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
DECLARE
    asked uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.local_group ELSE NEW.local_group END;
BEGIN
    PERFORM FROM local_group WHERE id = asked FOR NO KEY UPDATE;
    UPDATE local_group
       SET members = counted.members,
           organisers = counted.organisers,
           succession_since = CASE WHEN counted.organisers = 0 THEN coalesce(succession_since, now()) END,
           handed_over_at = CASE WHEN counted.organisers = 0 THEN handed_over_at END
      FROM (SELECT count(*) FILTER (WHERE standing IN ('member', 'editor', 'organiser')) AS members,
                   count(*) FILTER (WHERE standing = 'organiser') AS organisers
              FROM group_member WHERE local_group = asked) AS counted
     WHERE id = asked;
    IF TG_OP = 'DELETE' THEN
        PERFORM group_message_untold(OLD.person, asked);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION group_members_counted IS
    'Keeps the counts of a group, and since when it has no organiser, with its members; who left is told nothing more.';

CREATE OR REPLACE FUNCTION group_message_untold(reader uuid, asked uuid DEFAULT NULL) RETURNS void
    LANGUAGE sql
    SET search_path FROM CURRENT
AS $$
    WITH dropped AS (
      DELETE FROM group_message_due AS due USING group_message AS message
       WHERE due.person = reader AND message.id = due.message
         AND (asked IS NULL OR message.local_group = asked)
      RETURNING message.id)
    UPDATE group_message SET recipients = recipients - 1 FROM dropped WHERE group_message.id = dropped.id
$$;
COMMENT ON FUNCTION group_message_untold IS
    'A person is told no message that still waits for them, of one group or of all; they no longer count among those it reaches.';

CREATE OR REPLACE FUNCTION group_waiting_refresh(asked uuid) RETURNS void
    LANGUAGE sql
    SET search_path FROM CURRENT
AS $$
    SELECT subject_waiting_refresh('group', asked)
$$;
COMMENT ON FUNCTION group_waiting_refresh IS
    'What subject_waiting_refresh() does, under its former name: nothing calls it any more.';

CREATE OR REPLACE FUNCTION group_waits() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM subject_waiting_refresh('group', NEW.id);
    PERFORM subject_waiting_refresh('message', id)
       FROM group_message WHERE local_group = NEW.id AND queued_at IS NOT NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION group_waits IS
    'Puts a group that waits into the queue of moderators, and takes one that is decided out of it; its '
    'messages that wait concern the same territories.';

CREATE OR REPLACE FUNCTION group_audience(asked uuid, audience text, author uuid)
    RETURNS TABLE (person uuid, hears text)
    LANGUAGE sql STABLE
    SET search_path FROM CURRENT
AS $$
    SELECT member.person, member.hears
      FROM group_member AS member
      JOIN person ON person.id = member.person AND person.confirmed_at IS NOT NULL AND person.erased_at IS NULL
     WHERE member.local_group = asked AND member.person <> author AND member.hears <> 'none'
       AND (member.standing IN ('editor', 'organiser')
            OR (audience IN ('members', 'everyone') AND member.standing = 'member')
            OR (audience = 'everyone' AND member.standing = 'follower'))
$$;
COMMENT ON FUNCTION group_audience IS
    'Who a message to a group is for: team (organisers, editors), members (and these) or everyone (followers too), but who wants none.';

CREATE OR REPLACE FUNCTION event_audience(asked uuid, audience text) RETURNS SETOF uuid
    LANGUAGE sql STABLE
    SET search_path FROM CURRENT
AS $$
    SELECT registration.person
      FROM event_registration AS registration
      JOIN person ON person.id = registration.person AND person.confirmed_at IS NOT NULL AND person.erased_at IS NULL
     WHERE registration.event = asked AND registration.hears
       AND (audience IN ('coming', 'registered') AND registration.state IN ('confirmed', 'attended')
            OR audience IN ('waiting', 'registered') AND registration.state IN ('requested', 'waiting', 'offered'))
$$;
COMMENT ON FUNCTION event_audience IS
    'Who a message about an event is for: coming (they have a seat), waiting (they ask, wait or are offered one) or '
    'registered (both), but who wants none. An organiser who registered is told as anybody is.';

CREATE OR REPLACE FUNCTION message_audience(message group_message) RETURNS TABLE (person uuid, hears text)
    LANGUAGE sql STABLE
    SET search_path FROM CURRENT
AS $$
    SELECT told.person, told.hears
      FROM group_audience(message.local_group, message.audience, message.person) AS told
     WHERE message.local_group IS NOT NULL
     UNION ALL
    SELECT told, 'all' FROM event_audience(message.event, message.audience) AS told WHERE message.event IS NOT NULL
$$;
COMMENT ON FUNCTION message_audience IS
    'Who a message is for at this moment, be it to a group or about an event, and how they want to hear of it.';

CREATE OR REPLACE FUNCTION group_message_after_state() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.state = OLD.state THEN
        RETURN NULL;
    END IF;
    IF NEW.state <> 'sent' THEN
        WITH dropped AS (DELETE FROM group_message_due WHERE message = NEW.id RETURNING person)
        UPDATE group_message SET recipients = recipients - (SELECT count(*) FROM dropped) WHERE id = NEW.id;
        RETURN NULL;
    END IF;
    INSERT INTO group_message_due (person, message, at_once)
    SELECT told.person, NEW.id, NEW.at_once AND told.hears = 'all'
      FROM message_audience(NEW) AS told
        ON CONFLICT DO NOTHING;
    -- The mail of the day goes to followers.
    INSERT INTO follower (person, base_url, told_on)
    SELECT person, NEW.base_url, CAST(now() AT TIME ZONE 'Europe/Paris' AS date)
      FROM group_message_due WHERE message = NEW.id AND NOT at_once
        ON CONFLICT DO NOTHING;
    UPDATE group_message
       SET recipients = (SELECT count(*) FROM group_message_due WHERE message = NEW.id)
     WHERE id = NEW.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION group_message_after_state IS
    'Notes whom a message that is sent is to be told to; forgets it for one that is refused.';

CREATE OR REPLACE FUNCTION group_message_waits() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM subject_waiting_refresh('message', NEW.id);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION group_message_waits IS
    'Puts a message that waits into the queue of moderators, and takes one that is decided out of it.';

CREATE OR REPLACE FUNCTION group_message_after_delete() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    DELETE FROM waiting USING removed WHERE waiting.kind = 'message' AND waiting.id = removed.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION group_message_after_delete IS 'Takes messages that are gone out of the queue of moderators.';
