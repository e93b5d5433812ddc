"""Counts of groups and events beside those of initiatives."""

from mapservice.db.migrate import run_sql, run_sql_at_end

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    run_sql("migrations/0038_group_and_event_counts.sql")
    run_sql_at_end("migrations/0038_count_groups_and_events.sql")
