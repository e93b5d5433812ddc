-- Which statements changed what far tiles of events or groups show: an append-only list, so that no writer waits.
CREATE TABLE spot_change (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    layer text   NOT NULL CHECK (layer IN ('events', 'groups'))
);
