-- Decisions, merges, and what waits.

COMMENT ON TABLE decision IS
    'What moderators decided, about what was imported too. It outlives what it is about, and nobody can change '
    'it.';
COMMENT ON COLUMN decision.id IS 'Order in which it was decided.';
COMMENT ON COLUMN decision.initiative IS
    'The initiative that it is about, null where that is a series of events or a group. No foreign key: it may be withdrawn later.';
COMMENT ON COLUMN decision.event_series IS 'The series of events that it is about, or null. No foreign key.';
COMMENT ON COLUMN decision.local_group IS 'The group that it is about, or null. No foreign key.';
COMMENT ON COLUMN decision.revision IS 'The version that was looked at; 0 for what has none.';
COMMENT ON COLUMN decision.verdict IS
    'publish, keep, reject, ask (for a change), merge, unmerge, place, unplace, close (a report), photo (one is '
    'refused), post, unpost (news, a comment, a message to a group), archive (a group) or attendance (its list was taken).';
COMMENT ON COLUMN decision.reason IS 'What was told or noted; never empty for reject, ask and photo.';
COMMENT ON COLUMN decision.decided_by IS 'Name of who decided.';
COMMENT ON COLUMN decision.decided_at IS 'When.';
COMMENT ON COLUMN decision.decided_by_person IS
    'Account of who decided; null where the shared password or a command was used. No foreign key.';
COMMENT ON COLUMN decision.target IS
    'Of a merge and its undoing: what it was merged into; else null. No foreign key.';
COMMENT ON COLUMN decision.report IS 'The report that it closed, or that led to it; null: none. No foreign key.';

COMMENT ON TABLE appeal IS 'What an author answers to a rejection, once for each.';
COMMENT ON COLUMN appeal.decision IS
    'The rejection, in decision. The appeal is open while its proposal is rejected and waits.';
COMMENT ON COLUMN appeal.initiative IS 'The initiative that was rejected.';
COMMENT ON COLUMN appeal.words IS 'What the author wrote.';
COMMENT ON COLUMN appeal.made_at IS 'When.';

COMMENT ON TABLE merge IS
    'Initiatives that a moderator took for the same as another one. Their status, place in the queue and supports '
    'follow from it.';
COMMENT ON COLUMN merge.initiative IS 'What was merged.';
COMMENT ON COLUMN merge.target IS
    'What it was merged into: public, and itself merged into nothing when the row was made, so there are no '
    'rings.';
COMMENT ON COLUMN merge.former IS 'The status it has again once parted; what an import or an author says meanwhile.';
COMMENT ON COLUMN merge.queued_at IS
    'Since when it waited for a moderator, and will again once parted; null: it did not.';
COMMENT ON COLUMN merge.merged_at IS 'When it was merged.';

COMMENT ON TABLE merge_line IS
    'Whose supports count for whom: each initiative with all that is merged into it, however far, and with '
    'itself. Those that nothing is merged into are not here.';
COMMENT ON COLUMN merge_line.ancestor IS 'The initiative that they count for.';
COMMENT ON COLUMN merge_line.member IS 'One whose supports count for it; itself too.';

COMMENT ON TABLE waiting IS 'All that waits for moderators, made from waiting_now and from open bursts.';
COMMENT ON COLUMN waiting.kind IS 'proposal, edit, appeal, report, place, burst, post, event, group or message.';
COMMENT ON COLUMN waiting.id IS 'That of the report or the burst; of the initiative, series of events, group, or message to a group or about an event, where that is what waits.';
COMMENT ON COLUMN waiting.initiative IS 'The initiative that it is about; null for events, groups and messages.';
COMMENT ON COLUMN waiting.event_series IS 'The series of events that it is about, or null.';
COMMENT ON COLUMN waiting.local_group IS 'The group that it is about, or null.';
COMMENT ON COLUMN waiting.since IS 'Since when it waits.';
COMMENT ON COLUMN waiting.claimed_by IS 'The moderator who looks at it, until claimed_until; null: nobody has.';
COMMENT ON COLUMN waiting.claimed_until IS 'Until when it is theirs alone; null: nobody''s.';

COMMENT ON TABLE waiting_area IS 'What waits, once for each territory that it concerns.';
COMMENT ON COLUMN waiting_area.area IS
    'Level and code, such as region:53; all, for each item; none, for one that concerns no territory.';
COMMENT ON COLUMN waiting_area.since IS 'As in waiting.';
COMMENT ON COLUMN waiting_area.kind IS 'As in waiting.';
COMMENT ON COLUMN waiting_area.id IS 'As in waiting.';

COMMENT ON COLUMN waiting_now.kind IS 'As in waiting, without burst.';
COMMENT ON COLUMN waiting_now.id IS 'As in waiting.';
COMMENT ON COLUMN waiting_now.initiative IS 'As in waiting.';
COMMENT ON COLUMN waiting_now.since IS 'As in waiting.';

COMMENT ON COLUMN support_once.initiative IS 'The initiative that it counts for.';
COMMENT ON COLUMN support_once.commune IS 'INSEE code that the supporter told; null: none.';

COMMENT ON COLUMN support_local.initiative IS 'The initiative.';
COMMENT ON COLUMN support_local.told IS 'How many of its supports told a commune.';
COMMENT ON COLUMN support_local.local IS 'How many of these are of a commune around it.';

COMMENT ON COLUMN support_difference.initiative IS 'The initiative.';
COMMENT ON COLUMN support_difference.supporters IS 'What initiative has.';
COMMENT ON COLUMN support_difference.counted IS 'What the rows of support say.';
COMMENT ON COLUMN support_difference.told_here IS 'What initiative has.';
COMMENT ON COLUMN support_difference.told IS 'What the rows of support say.';
COMMENT ON COLUMN support_difference.local_here IS 'What initiative has.';
COMMENT ON COLUMN support_difference.local IS 'What the rows of support say.';
