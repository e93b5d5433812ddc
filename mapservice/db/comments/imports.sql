-- Imports: where initiatives come from, and what each file changed.

COMMENT ON TABLE initiative_detail IS 'What the source of an imported initiative says beyond its fields.';
COMMENT ON COLUMN initiative_detail.initiative IS 'The initiative; none without anything to say.';
COMMENT ON COLUMN initiative_detail.attributes IS
    'Cells that no field takes, by the name of their column: texts, numbers, booleans; days as ISO 8601. Public '
    'where the initiative is.';
COMMENT ON COLUMN initiative_detail.withheld IS
    'Cells about persons (names, mobile numbers, mail boxes), by the name of their column: for moderators alone.';
COMMENT ON COLUMN initiative_detail.shape IS
    'Line, polygon or several points, as its source gives it; null for a point or none. Places are told by precision.';

COMMENT ON TABLE import_source IS 'Sources of imports that somebody said something about.';
COMMENT ON COLUMN import_source.platform IS 'Name of the source, as in initiative.source_platform.';
COMMENT ON COLUMN import_source.trusted IS
    'Whether an administrator lets what coordinators import from it be public at once.';
COMMENT ON COLUMN import_source.owner IS 'Coordinator who first imported it; null: only administrators import it.';
COMMENT ON COLUMN import_source.mapping IS 'The column of each field that was chosen last; empty: none was.';
COMMENT ON COLUMN import_source.licence IS 'Licence of rows that name none; empty: unknown.';
COMMENT ON COLUMN import_source.changed_at IS 'When any of this was said last.';
COMMENT ON COLUMN import_source.connector IS
    'How it is read when it is swept: `file`, or the name of a connector; empty: people send its files.';
COMMENT ON COLUMN import_source.address IS 'Where it is fetched from; empty: people send its files.';
COMMENT ON COLUMN import_source.attribution IS 'Whom its initiatives name; empty: the name of the source.';
COMMENT ON COLUMN import_source.contact IS 'Whom to write to about it: a mail address or a page; empty: not told.';
COMMENT ON COLUMN import_source.rhythm IS 'How often it is swept: never (by hand alone), daily, weekly or monthly.';
COMMENT ON COLUMN import_source.validators IS
    'ETag and Last-Modified of the file that was applied last; empty: none were given.';
COMMENT ON COLUMN import_source.digest IS 'Of all that was applied last; empty: nothing was.';
COMMENT ON COLUMN import_source.sweep_state IS
    'How the last sweep ended: never (there was none), done, unchanged, waits (for a person), failed.';
COMMENT ON COLUMN import_source.sweep_reason IS 'Why it failed or waits; else empty.';
COMMENT ON COLUMN import_source.tried_at IS 'When it was swept last, however that ended; null: never.';
COMMENT ON COLUMN import_source.swept_at IS 'When a sweep last ended well; null: none did.';

COMMENT ON TABLE import_run IS 'Imports of files, kept for ever; what they did can be undone as a whole.';
COMMENT ON COLUMN import_run.id IS 'Number of the run; later runs have higher ones.';
COMMENT ON COLUMN import_run.platform IS 'Name of the source that the rows were imported as.';
COMMENT ON COLUMN import_run.file_name IS 'Name of the file, without its folder.';
COMMENT ON COLUMN import_run.state IS
    'running, done, failed (broken off: what was saved stays) or undone; of sweeps that shrink too much: waits (for '
    'a person), accepted (about to run), dropped (never applied).';
COMMENT ON COLUMN import_run.person IS 'Who imported; null for a command, or for somebody erased.';
COMMENT ON COLUMN import_run.started_by IS 'The same as a name: that of the person then, or of the command.';
COMMENT ON COLUMN import_run.is_moderated IS 'Whether what was new or changed had to wait for a moderator.';
COMMENT ON COLUMN import_run.is_snapshot IS 'Whether the file was all of its source: what it lacks was archived.';
COMMENT ON COLUMN import_run.started_at IS 'When it began.';
COMMENT ON COLUMN import_run.finished_at IS 'When it ended; null: it has not.';
COMMENT ON COLUMN import_run.undone_at IS 'When it was undone; null: it was not.';
COMMENT ON COLUMN import_run.reading IS
    'How the file was read: encoding, separator, what became of each column, what is odd about it.';
COMMENT ON COLUMN import_run.counts IS 'How many rows became what; `gone`: initiatives archived by a snapshot.';
COMMENT ON COLUMN import_run.report IS 'File of the report on each row; empty: none was written.';

COMMENT ON TABLE import_change IS 'What a run made or changed.';
COMMENT ON COLUMN import_change.run IS 'The run.';
COMMENT ON COLUMN import_change.initiative IS 'The initiative; it may be gone since.';
COMMENT ON COLUMN import_change.former IS
    'Its columns, match and detail before the run, for undoing it; null: the run made it.';

COMMENT ON TABLE import_event_change IS 'What a run made or changed of series of events.';
COMMENT ON COLUMN import_event_change.run IS 'The run.';
COMMENT ON COLUMN import_event_change.series IS 'The series; it may be gone since.';
COMMENT ON COLUMN import_event_change.former IS
    'The series and its occurrences before the run, for undoing it; null: the run made it.';

COMMENT ON TABLE import_upload IS 'Files sent by coordinators, until they are imported or given up; kept for a day.';
COMMENT ON COLUMN import_upload.id IS 'Unguessable identifier; the file lies under its name.';
COMMENT ON COLUMN import_upload.person IS 'Who sent it; null: an administrator with the shared password.';
COMMENT ON COLUMN import_upload.sent_by IS 'The same as a name.';
COMMENT ON COLUMN import_upload.file_name IS 'Name of the file, without its folder.';
COMMENT ON COLUMN import_upload.state IS
    'sent, checking and checked (a preview, nothing saved), accepted and importing, done, undoing, undone, or '
    'failed.';
COMMENT ON COLUMN import_upload.options IS 'What was chosen: mapping, source, licence, moderation, snapshot.';
COMMENT ON COLUMN import_upload.preview IS 'Counts and some rows of what an import would do; empty: not known yet.';
COMMENT ON COLUMN import_upload.done_rows IS 'How many rows were checked or imported so far.';
COMMENT ON COLUMN import_upload.total_rows IS 'How many there are.';
COMMENT ON COLUMN import_upload.attempts IS 'How often a worker began with its present state.';
COMMENT ON COLUMN import_upload.reason IS 'Why it failed; else empty.';
COMMENT ON COLUMN import_upload.run IS 'The run that imported it; null: not imported.';
COMMENT ON COLUMN import_upload.sent_at IS 'When it was sent.';
