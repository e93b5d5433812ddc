-- Reports of territories are made as exports are: five files in one archive.
ALTER TABLE export DROP CONSTRAINT export_format_check;
ALTER TABLE export ADD CONSTRAINT export_format_check
    CHECK (format IN ('gpkg', 'fgb', 'parquet', 'report.zip'));
COMMENT ON COLUMN export.filter IS
    'Canonical query string of the filter grammar; empty: everything. Of a report: of its view.';
COMMENT ON COLUMN export.done_rows IS 'Rows written, or files of a report.';
