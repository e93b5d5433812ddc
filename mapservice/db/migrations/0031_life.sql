-- What is said about an initiative once it is there: news, thanks and closing words of its author, comments of others.
CREATE TABLE post (
    id           uuid        PRIMARY KEY DEFAULT uuid_v7(),
    initiative   uuid        NOT NULL REFERENCES initiative ON DELETE CASCADE,
    person       uuid        REFERENCES person ON DELETE SET NULL,
    kind         text        NOT NULL CHECK (kind IN ('news', 'closing', 'thanks', 'comment')),
    text         text        NOT NULL CHECK (length(text) <= 4000),
    closed_as    text        CHECK (closed_as IN ('done', 'archived')),
    state        text        NOT NULL CHECK (state IN ('waiting', 'public', 'refused')),
    made_at      timestamptz NOT NULL DEFAULT now(),
    queued_at    timestamptz,
    published_at timestamptz,
    reason       text        NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),
    search       tsvector    GENERATED ALWAYS AS (to_tsvector('french_unaccent', text)) STORED,
    CONSTRAINT post_closing_check CHECK ((kind = 'closing') = (closed_as IS NOT NULL)),
    CONSTRAINT post_said_check CHECK (text <> '' OR kind = 'closing'),
    CONSTRAINT post_waiting_check CHECK (state <> 'waiting' OR queued_at IS NOT NULL),
    CONSTRAINT post_public_check CHECK (state <> 'public' OR published_at IS NOT NULL),
    CONSTRAINT post_refused_check CHECK ((state = 'refused') = (reason <> ''))
);
CREATE INDEX post_initiative ON post (initiative, published_at DESC, id DESC);
CREATE INDEX post_person ON post (person) WHERE person IS NOT NULL;
CREATE INDEX post_search ON post USING gin (search) WHERE state = 'public' AND kind IN ('news', 'closing');

-- One photo a piece of news: not among those of its initiative.
ALTER TABLE photo ADD COLUMN post uuid REFERENCES post ON DELETE CASCADE;
CREATE UNIQUE INDEX photo_post ON photo (post) WHERE post IS NOT NULL;

ALTER TABLE report ADD COLUMN post uuid REFERENCES post ON DELETE SET NULL;
CREATE INDEX report_post ON report (post) WHERE post IS NOT NULL;

ALTER TABLE waiting
    DROP CONSTRAINT waiting_kind_check,
    ADD CONSTRAINT waiting_kind_check CHECK (kind IN ('proposal', 'edit', 'appeal', 'report', 'place', 'burst', 'post'));

ALTER TABLE decision
    DROP CONSTRAINT decision_verdict_check,
    ADD CONSTRAINT decision_verdict_check CHECK (verdict IN ('publish', 'keep', 'reject', 'ask', 'merge', 'unmerge',
                                                             'place', 'unplace', 'close', 'photo', 'post', 'unpost')),
    ADD CONSTRAINT decision_unpost_check CHECK (verdict <> 'unpost' OR reason <> '');

-- One initiative that somebody follows, beside the listings in `subscription`.
CREATE TABLE initiative_subscription (
    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    person     uuid        NOT NULL REFERENCES follower ON DELETE CASCADE,
    initiative uuid        NOT NULL REFERENCES initiative ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (person, initiative)
);
CREATE INDEX initiative_subscription_initiative ON initiative_subscription (initiative);

-- What a follower has not been told yet: made with the publication, gone with the mail.
CREATE TABLE post_due (
    person uuid NOT NULL REFERENCES follower ON DELETE CASCADE,
    post   uuid NOT NULL REFERENCES post ON DELETE CASCADE,
    PRIMARY KEY (person, post)
);
CREATE INDEX post_due_post ON post_due (post);

-- The public page of an author who chose to have one.
ALTER TABLE person ADD COLUMN slug text
    CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 80);
CREATE UNIQUE INDEX person_slug ON person (slug) WHERE slug IS NOT NULL;
CREATE INDEX person_public_name ON person USING gin (to_tsvector('french_unaccent', name)) WHERE slug IS NOT NULL;

-- Who writes to whom about an initiative: no text is kept here, and neither address is shown.
CREATE TABLE conversation (
    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    initiative uuid        NOT NULL REFERENCES initiative ON DELETE CASCADE,
    author     uuid        NOT NULL REFERENCES person ON DELETE CASCADE,
    visitor    uuid        NOT NULL REFERENCES person ON DELETE CASCADE,
    key        bytea       NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
    begun_at   timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    ended_by   text        CHECK (ended_by IN ('author', 'visitor')),
    UNIQUE (initiative, author, visitor),
    CONSTRAINT conversation_end_check CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX conversation_author ON conversation (author);
CREATE INDEX conversation_visitor ON conversation (visitor);

CREATE TABLE reply_link (
    id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    conversation uuid        NOT NULL REFERENCES conversation ON DELETE CASCADE,
    side         text        NOT NULL CHECK (side IN ('author', 'visitor')),
    made_at      timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz
);
CREATE INDEX reply_link_conversation ON reply_link (conversation);
CREATE INDEX reply_link_expires ON reply_link (expires_at);
