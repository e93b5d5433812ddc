-- What was last run of `functions/` and `comments/`: see `definitions.py`.
CREATE TABLE definition (
    part       text        PRIMARY KEY CHECK (part IN ('functions', 'triggers', 'comments')),
    files      text        NOT NULL,
    objects    text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
