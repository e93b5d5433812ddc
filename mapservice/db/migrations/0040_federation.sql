-- Federation. A trigger notes in federation_change, in the transaction that changes something public, that servers
-- elsewhere are to be told; a job makes deliveries of it, each of which is sent under the one id that it has.
CREATE TABLE federation_key (
    is_only     boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
    private_key bytea       NOT NULL,
    public_key  text        NOT NULL,
    is_on       boolean     NOT NULL DEFAULT true,
    made_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE federation_follower (
    actor       text        NOT NULL CHECK (length(actor) <= 60),
    remote      text        NOT NULL CHECK (length(remote) <= 1000),
    host        text        NOT NULL CHECK (length(host) <= 300),
    inbox       text        NOT NULL CHECK (length(inbox) <= 1000),
    own_inbox   text        NOT NULL CHECK (length(own_inbox) <= 1000),
    key_id      text        NOT NULL CHECK (length(key_id) <= 1000),
    public_key  text        NOT NULL CHECK (length(public_key) <= 4000),
    follow      text        NOT NULL CHECK (length(follow) <= 1000),
    base_url    text        NOT NULL,
    followed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, remote)
);
CREATE INDEX federation_follower_remote ON federation_follower (remote);
CREATE INDEX federation_follower_inbox ON federation_follower (inbox);
CREATE INDEX federation_follower_host ON federation_follower (host);

CREATE TABLE federation_block (
    host       text        PRIMARY KEY CHECK (length(host) BETWEEN 1 AND 300 AND host = lower(host)),
    blocked_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE federation_seen (
    digest  bytea       PRIMARY KEY CHECK (length(digest) = 32),
    seen_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX federation_seen_at ON federation_seen (seen_at);

CREATE TABLE federation_change (
    id      bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind    text    NOT NULL CHECK (kind IN ('initiative', 'event')),
    subject uuid    NOT NULL,
    series  uuid,
    is_bulk boolean NOT NULL
);

CREATE TABLE federation_note (
    kind         text        NOT NULL CHECK (kind IN ('initiative', 'event')),
    subject      uuid        NOT NULL,
    owner        text        NOT NULL CHECK (length(owner) <= 60),
    digest       bytea       NOT NULL CHECK (length(digest) = 32),
    version      integer     NOT NULL CHECK (version > 0),
    announced_at timestamptz NOT NULL DEFAULT now(),
    removed_at   timestamptz,
    PRIMARY KEY (kind, subject)
);
CREATE INDEX federation_note_removed ON federation_note (removed_at) WHERE removed_at IS NOT NULL;

CREATE TABLE federation_told (
    kind     text NOT NULL,
    subject  uuid NOT NULL,
    inbox    text NOT NULL CHECK (length(inbox) <= 1000),
    actor    text NOT NULL CHECK (length(actor) <= 60),
    base_url text NOT NULL,
    PRIMARY KEY (kind, subject, inbox, actor),
    FOREIGN KEY (kind, subject) REFERENCES federation_note ON DELETE CASCADE
);
CREATE INDEX federation_told_inbox ON federation_told (inbox);

CREATE TABLE federation_delivery (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    inbox       text        NOT NULL CHECK (length(inbox) <= 1000),
    key_id      text        NOT NULL CHECK (length(key_id) <= 1000),
    activity    text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    attempts    integer     NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT now(),
    give_up_at  timestamptz NOT NULL,
    last_error  text        NOT NULL DEFAULT ''
);
CREATE INDEX federation_delivery_due ON federation_delivery (next_try_at);
CREATE INDEX federation_delivery_inbox ON federation_delivery (inbox, id);
