-- What is said about initiatives: whom it concerns, and what waits.

-- Each follower once, also of what was merged into it. Thanks are for those of them who support it.
CREATE OR REPLACE FUNCTION post_after_state() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.state = OLD.state THEN
        RETURN NULL;
    END IF;
    IF NEW.state <> 'public' THEN
        DELETE FROM post_due WHERE post = NEW.id;
    ELSIF NEW.kind <> 'comment' THEN
        INSERT INTO post_due (person, post)
        SELECT DISTINCT following.person, NEW.id
          FROM initiative_subscription AS following
         WHERE following.initiative IN (SELECT merge_tree(NEW.initiative))
           AND following.person IS DISTINCT FROM NEW.person
           AND (NEW.kind <> 'thanks' OR EXISTS (
                SELECT FROM support
                 WHERE support.person = following.person
                   AND support.initiative IN (SELECT merge_tree(NEW.initiative))
                   AND withdrawn_at IS NULL AND held_at IS NULL))
            ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION post_after_state IS
    'Notes whom a post that becomes public is to be told to; forgets it for one that is refused.';

CREATE OR REPLACE FUNCTION post_after_delete() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    DELETE FROM waiting USING removed WHERE waiting.kind = 'post' AND waiting.id = removed.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION post_after_delete IS 'Takes posts that are gone out of the queue of moderators.';
