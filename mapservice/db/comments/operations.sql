-- What an operator keeps.

COMMENT ON TABLE backup IS
    'Backups of this database that were made, so that later erasures reach them too.';
COMMENT ON COLUMN backup.id IS 'Random identifier (UUID version 4).';
COMMENT ON COLUMN backup.folder IS 'Where it lies, as the process that made it saw it: an absolute path.';
COMMENT ON COLUMN backup.made_at IS 'The moment that it holds.';
COMMENT ON COLUMN backup.bytes IS 'Size of its files.';
COMMENT ON COLUMN backup.verified_at IS
    'When it was last restored beside and found the same; null: never.';
COMMENT ON COLUMN backup.erasure_key IS
    'Keys the digests of its file of erasures; the same for all backups of one service.';

COMMENT ON TABLE sample_offered IS
    'One row once the made-up sample was loaded, or removed, or the service held something else: no start loads it again.';
COMMENT ON COLUMN sample_offered.only_one IS 'True.';
COMMENT ON COLUMN sample_offered.offered_at IS 'When that was.';
