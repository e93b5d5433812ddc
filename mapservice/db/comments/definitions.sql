-- Of the schema itself.

COMMENT ON TABLE definition IS
    'What was last made of the files that hold functions, views, triggers and comments. While both digests of a '
    'line are as they were, a migration makes nothing anew.';
COMMENT ON COLUMN definition.name IS
    'functions, comments or dropped (functions that nothing uses), for all of them; view or trigger and its name, '
    'for each of these.';
COMMENT ON COLUMN definition.written IS 'SHA-256 of the statements that made it, in hexadecimal.';
COMMENT ON COLUMN definition.made IS 'MD5 of what they made, as PostgreSQL words it, in hexadecimal.';
COMMENT ON COLUMN definition.made_at IS 'When it was made.';

COMMENT ON TABLE alembic_version IS 'Which migration the tables are at; kept by Alembic.';
COMMENT ON COLUMN alembic_version.version_num IS 'Number of the last migration.';
