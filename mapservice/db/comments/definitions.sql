-- Of the schema itself.

COMMENT ON TABLE definition IS
    'What was last run of the files that hold functions, triggers and comments. While both digests are as they '
    'were, a migration runs none of them.';
COMMENT ON COLUMN definition.part IS 'functions (and views), triggers or comments.';
COMMENT ON COLUMN definition.files IS 'SHA-256 of the files that were run, in hexadecimal.';
COMMENT ON COLUMN definition.objects IS 'MD5 of what they made, as PostgreSQL words it.';
COMMENT ON COLUMN definition.applied_at IS 'When they were run.';

COMMENT ON TABLE alembic_version IS 'Which migration the tables are at; kept by Alembic.';
COMMENT ON COLUMN alembic_version.version_num IS 'Number of the last migration.';
