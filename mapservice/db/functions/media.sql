-- Photos.

CREATE OR REPLACE FUNCTION photo_after_delete() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
AS $$
BEGIN
    INSERT INTO photo_removal (name, files)
    SELECT name,
           ARRAY(SELECT format('%s-%s.webp', name, width) FROM unnest(widths) AS width)
               || format('%s-%s.jpg', name, shared_width)
      FROM removed
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION photo_after_delete IS 'Notes which files the rows of photos leave behind, to be deleted.';
