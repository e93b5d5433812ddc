-- Messages of an organiser to those who registered for an event: kept, told and moderated as those of a group.
ALTER TABLE group_message
    ALTER COLUMN local_group DROP NOT NULL,
    ADD COLUMN event uuid REFERENCES event ON DELETE CASCADE,
    DROP CONSTRAINT group_message_audience_check,
    ADD CONSTRAINT group_message_audience_check CHECK (
        audience IN ('team', 'members', 'everyone') AND event IS NULL
        OR audience IN ('coming', 'waiting', 'registered') AND event IS NOT NULL),
    ADD CONSTRAINT group_message_owner_check CHECK (num_nonnulls(local_group, event) = 1);
CREATE INDEX group_message_event ON group_message (event, written_at) WHERE event IS NOT NULL;

ALTER TABLE event_series ADD COLUMN messages_held_until timestamptz;
ALTER TABLE event_registration ADD COLUMN hears boolean NOT NULL DEFAULT true;

ALTER TABLE waiting
    DROP CONSTRAINT waiting_subject_check,
    ADD CONSTRAINT waiting_subject_check CHECK (
        CASE kind WHEN 'event' THEN event_series IS NOT NULL AND local_group IS NULL AND initiative IS NULL
                  WHEN 'group' THEN local_group IS NOT NULL AND event_series IS NULL AND initiative IS NULL
                  WHEN 'message' THEN num_nonnulls(event_series, local_group) = 1 AND initiative IS NULL
                  ELSE initiative IS NOT NULL AND num_nonnulls(event_series, local_group) = 0 END);

-- What was called off in one act, so that it can be undone as one: the dates name their act, the act the rule that it
-- cut short.
CREATE TABLE event_cancellation (
    id        uuid        PRIMARY KEY DEFAULT uuid_v7(),
    series    uuid        NOT NULL REFERENCES event_series ON DELETE CASCADE,
    rrule     text        NOT NULL,
    made_at   timestamptz NOT NULL,
    undone_at timestamptz
);
CREATE INDEX event_cancellation_series ON event_cancellation (series);
ALTER TABLE event
    ADD COLUMN cancellation uuid REFERENCES event_cancellation ON DELETE SET NULL,
    ADD COLUMN cancelled_from text CHECK (cancelled_from IN ('published', 'moved', 'postponed'));
CREATE INDEX event_cancellation_dates ON event (cancellation) WHERE cancellation IS NOT NULL;

-- Groups and events ask for hands as initiatives do; a skill says which hands.
ALTER TABLE need
    ALTER COLUMN initiative DROP NOT NULL,
    ADD COLUMN local_group uuid REFERENCES local_group ON DELETE CASCADE,
    ADD COLUMN event uuid REFERENCES event ON DELETE CASCADE,
    ADD COLUMN skill text NOT NULL DEFAULT 'any' CHECK (skill IN ('any', 'building', 'gardening', 'cooking', 'transport',
                                                                  'welcome', 'teaching', 'digital', 'design', 'paperwork',
                                                                  'languages', 'care')),
    ADD CONSTRAINT need_owner_check CHECK (num_nonnulls(initiative, local_group, event) = 1);
CREATE INDEX need_local_group ON need (local_group, day, id) WHERE local_group IS NOT NULL;
CREATE INDEX need_event ON need (event, day, id) WHERE event IS NOT NULL;
