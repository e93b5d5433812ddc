-- What was last made of `functions/` and `comments/`: see `definitions.py`.
CREATE TABLE definition (
    name    text        PRIMARY KEY,
    written text        NOT NULL,
    made    text        NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
