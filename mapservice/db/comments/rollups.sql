-- Counts of initiatives, groups and events, and what they count for.

COMMENT ON TABLE rollup IS
    'Counts of initiatives, groups and events by territory and status, at four grains: all themes or each, all '
    'months or each. Each kind has its own columns; a row may count some of one kind and none of another. '
    'Changes not folded in yet are in rollup_delta.';
COMMENT ON COLUMN rollup.level IS 'country, region, departement, epci or commune.';
COMMENT ON COLUMN rollup.status IS 'Status of what is counted, in the words of its own table.';
COMMENT ON COLUMN rollup.theme IS 'Their theme; empty: all themes.';
COMMENT ON COLUMN rollup.month IS
    'First day of the month (UTC) of created_at of an initiative, published_at of a group, starts_at of an event; '
    '-infinity: all; infinity: those without a known day.';
COMMENT ON COLUMN rollup.code IS 'Code of the territory, as in territory; FR for the country.';
COMMENT ON COLUMN rollup.initiatives IS 'How many initiatives.';
COMMENT ON COLUMN rollup.supporters IS 'Sum of their supporters.';
COMMENT ON COLUMN rollup.told IS 'Sum of their told_here.';
COMMENT ON COLUMN rollup.local IS 'Sum of their local_here.';
COMMENT ON COLUMN rollup.groups IS 'How many groups (local_group).';
COMMENT ON COLUMN rollup.events IS 'How many events: dates of series, each by itself.';

COMMENT ON TABLE rollup_series IS
    'The months of rollup, one row for each territory, theme and status: big-endian integers side by side, by '
    'month. The view rollup_series_month tells the same with a row for each month.';
COMMENT ON COLUMN rollup_series.level IS 'As in rollup.';
COMMENT ON COLUMN rollup_series.theme IS 'As in rollup.';
COMMENT ON COLUMN rollup_series.status IS 'As in rollup.';
COMMENT ON COLUMN rollup_series.code IS 'As in rollup.';
COMMENT ON COLUMN rollup_series.months IS 'int4 each: months since January of the year 0, ascending.';
COMMENT ON COLUMN rollup_series.initiatives IS 'int4 each, by month.';
COMMENT ON COLUMN rollup_series.supporters IS 'int8 each, by month.';
COMMENT ON COLUMN rollup_series.told IS 'int4 each, by month.';
COMMENT ON COLUMN rollup_series.local IS 'int4 each, by month.';

COMMENT ON TABLE rollup_cell IS 'Counts of initiatives on the grid of the vector tiles.';
COMMENT ON COLUMN rollup_cell.zoom IS 'Zoom of the grid, 3 to 14.';
COMMENT ON COLUMN rollup_cell.cell IS 'Z-order code of the cell at that zoom.';
COMMENT ON COLUMN rollup_cell.status IS 'Status of the initiatives that are counted.';
COMMENT ON COLUMN rollup_cell.theme IS 'Their theme.';
COMMENT ON COLUMN rollup_cell.initiatives IS 'How many have their anchor in the cell.';
COMMENT ON COLUMN rollup_cell.sum_x IS 'Sum of the x of their anchors (EPSG:3857, whole metres).';
COMMENT ON COLUMN rollup_cell.sum_y IS 'Sum of the y of their anchors (EPSG:3857, whole metres).';

COMMENT ON TABLE rollup_delta IS
    'What statements changed and rollup_compact() has not folded in yet: sums of what came less what went.';
COMMENT ON COLUMN rollup_delta.id IS 'Counts the rows.';
COMMENT ON COLUMN rollup_delta.commune IS 'As in initiative.';
COMMENT ON COLUMN rollup_delta.epci IS 'As in initiative.';
COMMENT ON COLUMN rollup_delta.departement IS 'As in initiative.';
COMMENT ON COLUMN rollup_delta.region IS 'As in initiative.';
COMMENT ON COLUMN rollup_delta.cell IS 'Z-order code at zoom 14 of initiatives; null without an anchor, and of groups and events.';
COMMENT ON COLUMN rollup_delta.status IS 'As in rollup.';
COMMENT ON COLUMN rollup_delta.theme IS 'Their theme.';
COMMENT ON COLUMN rollup_delta.month IS 'As rollup_month() has it.';
COMMENT ON COLUMN rollup_delta.initiatives IS 'Change of the number of initiatives.';
COMMENT ON COLUMN rollup_delta.supporters IS 'Change of the sum of supporters.';
COMMENT ON COLUMN rollup_delta.sum_x IS 'Change of the sum of x (EPSG:3857, whole metres).';
COMMENT ON COLUMN rollup_delta.sum_y IS 'Change of the sum of y (EPSG:3857, whole metres).';
COMMENT ON COLUMN rollup_delta.told IS 'Change of the sum of told_here.';
COMMENT ON COLUMN rollup_delta.local IS 'Change of the sum of local_here.';
COMMENT ON COLUMN rollup_delta.groups IS 'Change of the number of groups.';
COMMENT ON COLUMN rollup_delta.events IS 'Change of the number of events.';

COMMENT ON COLUMN rollup_delta_level.level IS 'As in rollup.';
COMMENT ON COLUMN rollup_delta_level.status IS 'As in rollup.';
COMMENT ON COLUMN rollup_delta_level.theme IS 'Never empty: sums over all themes are for who reads.';
COMMENT ON COLUMN rollup_delta_level.month IS 'As in rollup; never -infinity.';
COMMENT ON COLUMN rollup_delta_level.code IS 'As in rollup.';
COMMENT ON COLUMN rollup_delta_level.initiatives IS 'Change of the number of initiatives.';
COMMENT ON COLUMN rollup_delta_level.supporters IS 'Change of the sum of supporters.';
COMMENT ON COLUMN rollup_delta_level.told IS 'Change of the sum of told_here.';
COMMENT ON COLUMN rollup_delta_level.local IS 'Change of the sum of local_here.';
COMMENT ON COLUMN rollup_delta_level.groups IS 'Change of the number of groups.';
COMMENT ON COLUMN rollup_delta_level.events IS 'Change of the number of events.';

COMMENT ON COLUMN rollup_series_due.level IS 'As in rollup.';
COMMENT ON COLUMN rollup_series_due.theme IS 'As in rollup.';
COMMENT ON COLUMN rollup_series_due.status IS 'As in rollup.';
COMMENT ON COLUMN rollup_series_due.code IS 'As in rollup.';
COMMENT ON COLUMN rollup_series_due.months IS 'As in rollup_series.';
COMMENT ON COLUMN rollup_series_due.initiatives IS 'As in rollup_series.';
COMMENT ON COLUMN rollup_series_due.supporters IS 'As in rollup_series.';
COMMENT ON COLUMN rollup_series_due.told IS 'As in rollup_series.';
COMMENT ON COLUMN rollup_series_due.local IS 'As in rollup_series.';

COMMENT ON COLUMN rollup_series_month.level IS 'As in rollup.';
COMMENT ON COLUMN rollup_series_month.theme IS 'As in rollup.';
COMMENT ON COLUMN rollup_series_month.status IS 'As in rollup.';
COMMENT ON COLUMN rollup_series_month.code IS 'As in rollup.';
COMMENT ON COLUMN rollup_series_month.month IS 'First day of the month (UTC).';
COMMENT ON COLUMN rollup_series_month.initiatives IS 'How many initiatives are of that month.';
COMMENT ON COLUMN rollup_series_month.supporters IS 'Sum of their supporters.';
COMMENT ON COLUMN rollup_series_month.told IS 'Sum of their told_here.';
COMMENT ON COLUMN rollup_series_month.local IS 'Sum of their local_here.';

COMMENT ON TABLE spot_change IS
    'Statements that may have changed what far tiles of events or groups show; the last ones alone are kept. What a process '
    'has read of such a layer holds while it sees the same rows here.';
COMMENT ON COLUMN spot_change.id IS 'In the order in which they were noted, not in that of their commits.';
COMMENT ON COLUMN spot_change.layer IS 'events or groups.';
