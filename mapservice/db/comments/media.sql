-- Photos.

COMMENT ON TABLE photo IS
    'Photos of initiatives. Their files are in the store that MAPSERVICE_MEDIA names: name-width.webp for each '
    'width, and name-shared_width.jpg.';
COMMENT ON COLUMN photo.id IS 'Unguessable identifier (UUID version 7).';
COMMENT ON COLUMN photo.name IS
    'Begins the names of its files: digest (SHA-256, 32 hexadecimal digits) of its id and its widest file.';
COMMENT ON COLUMN photo.initiative IS 'What it shows; null for a draft.';
COMMENT ON COLUMN photo.form IS 'Of a draft: the form that it was sent with; else null.';
COMMENT ON COLUMN photo.person IS
    'Who added it, signed in or once confirmed; null: a draft of somebody not known yet.';
COMMENT ON COLUMN photo.position IS 'Its place among those of the initiative; the lowest that is public is the cover.';
COMMENT ON COLUMN photo.state IS
    'draft (with a form not confirmed yet), waiting (for a moderator), public (where its initiative is) or refused.';
COMMENT ON COLUMN photo.widths IS 'Widths of its files in WebP, in pixels, ascending.';
COMMENT ON COLUMN photo.width IS 'Width of its widest file, in pixels.';
COMMENT ON COLUMN photo.height IS 'Height of its widest file, in pixels.';
COMMENT ON COLUMN photo.shared_width IS 'Width of its file in JPEG, for feeds and shared links, in pixels.';
COMMENT ON COLUMN photo.shared_height IS 'Height of that file, in pixels.';
COMMENT ON COLUMN photo.shared_bytes IS 'Size of that file, in bytes.';
COMMENT ON COLUMN photo.alt IS 'What it shows, for who does not see it; empty: nobody said.';
COMMENT ON COLUMN photo.credit IS 'Who took it, as the author wrote; empty: nobody said.';
COMMENT ON COLUMN photo.focal_x IS 'What stays in view where it is cut, in percent of the width from the left.';
COMMENT ON COLUMN photo.focal_y IS 'The same, in percent of the height from the top.';
COMMENT ON COLUMN photo.added_at IS 'When it was sent.';
COMMENT ON COLUMN photo.expires_at IS 'When a draft or a refused photo is deleted; else null.';
COMMENT ON COLUMN photo.reason IS 'Why it was refused; else empty.';

COMMENT ON COLUMN photo.post IS 'The news that it belongs to; null for a photo of the initiative itself.';

COMMENT ON TABLE photo_removal IS 'Files of deleted photos, which the worker deletes within a minute; then the row goes.';
COMMENT ON COLUMN photo_removal.name IS 'The name of the photo.';
COMMENT ON COLUMN photo_removal.files IS 'The names of its files.';
COMMENT ON COLUMN photo_removal.removed_at IS 'When the photo was deleted.';
