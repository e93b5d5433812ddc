-- Files and reports that jobs make.

COMMENT ON TABLE export IS 'Files that a job makes on demand: exports, and reports as an archive.';
COMMENT ON COLUMN export.id IS 'Random identifier (UUID version 4), part of its address.';
COMMENT ON COLUMN export.format IS 'gpkg, fgb, parquet, xlsx, ods, zip (a data package) or report.zip.';
COMMENT ON COLUMN export.filter IS
    'Canonical query string of the filter grammar; empty: everything. Of a report: of its view.';
COMMENT ON COLUMN export.state IS 'queued, running, done or failed.';
COMMENT ON COLUMN export.base_url IS 'Where links in it start.';
COMMENT ON COLUMN export.done_rows IS 'Rows written so far, or files of a report.';
COMMENT ON COLUMN export.total_rows IS 'How many there will be; null until that is counted.';
COMMENT ON COLUMN export.bytes IS 'Size of the file; null unless done.';
COMMENT ON COLUMN export.attempts IS 'How often a worker began it.';
COMMENT ON COLUMN export.created_at IS 'When it was ordered.';
COMMENT ON COLUMN export.finished_at IS 'When it was done or failed; null: not yet.';
COMMENT ON COLUMN export.expires_at IS 'When the file may be deleted; null until it is finished.';
COMMENT ON COLUMN export.kept IS 'How long the file is kept once it is made.';
COMMENT ON COLUMN export.asker IS
    'Keyed digest of the person or network that ordered it, while it waits; null once finished, and for what we order.';

COMMENT ON TABLE report_schedule IS 'Reports that come each month by mail.';
COMMENT ON COLUMN report_schedule.id IS 'Random identifier (UUID version 4).';
COMMENT ON COLUMN report_schedule.person IS 'Who gets them.';
COMMENT ON COLUMN report_schedule.view IS 'Canonical query string of a report, without its period.';
COMMENT ON COLUMN report_schedule.base_url IS 'Where links in the mail start when no public address is set.';
COMMENT ON COLUMN report_schedule.leave_key IS
    'Signs the link that ends them: it must outlive the key of the service.';
COMMENT ON COLUMN report_schedule.created_at IS 'When they were ordered.';
COMMENT ON COLUMN report_schedule.ordered_for IS 'First day of the last month whose report was ordered.';
COMMENT ON COLUMN report_schedule.told_for IS 'First day of the last month that a mail told of.';
COMMENT ON COLUMN report_schedule.export IS
    'What was ordered last; null: nothing yet. No foreign key, as files come and go.';
