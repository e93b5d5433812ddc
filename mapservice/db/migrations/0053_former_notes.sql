-- What organisers had said of a date before it was called off comes back when that is undone.
ALTER TABLE event
    ADD COLUMN cancelled_note text;
