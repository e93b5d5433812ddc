-- Columns and not rows of their own: whoever sums up initiatives, a process of the former version too, goes on
-- seeing initiatives alone.
ALTER TABLE rollup
    ADD COLUMN groups integer NOT NULL DEFAULT 0,
    ADD COLUMN events integer NOT NULL DEFAULT 0;
ALTER TABLE rollup_delta
    ADD COLUMN groups integer NOT NULL DEFAULT 0,
    ADD COLUMN events integer NOT NULL DEFAULT 0;

DROP INDEX rollup_empty;
CREATE INDEX rollup_empty ON rollup (level) WHERE initiatives = 0 AND supporters = 0 AND groups = 0 AND events = 0;
-- Of all territories of a level: far fewer rows have groups or events than initiatives.
CREATE INDEX rollup_groups_events ON rollup (level, theme, month, code) INCLUDE (status, groups, events)
    WHERE groups <> 0 OR events <> 0;

-- As of events: an XYZ tile is one range of codes.
ALTER TABLE local_group ADD COLUMN cell bigint GENERATED ALWAYS AS (grid_cell(anchor_3857)) STORED;
CREATE INDEX local_group_cell ON local_group (cell) WHERE status IN ('published', 'archived');
-- How many are dormant is read from this index alone; members that come and go do not touch it.
CREATE INDEX local_group_sign ON local_group (last_sign_at)
    INCLUDE (commune, epci, departement, region, theme, published_at) WHERE status = 'published';
