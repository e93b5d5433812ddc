"""Keeping the rollups: folding in what changed, or counting all again."""

from sqlalchemy import Engine, text


def compact(engine: Engine) -> int:
    """Folds the deltas into the base; returns how many. Readers and writers go on meanwhile."""
    with engine.begin() as connection:
        return int(connection.execute(text("SELECT rollup_compact()")).scalar_one())


def prune_spot_changes(engine: Engine) -> int:
    """Forgets all but the last notes of what changed far tiles; returns how many."""
    with engine.begin() as connection:
        return int(connection.execute(text("SELECT spot_change_prune()")).scalar_one())


def rebuild(engine: Engine) -> int:
    """Counts everything again from the base table, while writers wait."""
    with engine.begin() as connection:
        return int(connection.execute(text("SELECT rollup_rebuild()")).scalar_one())


def sort_series(engine: Engine) -> bool:
    """Puts the kept months in the order they are read in, where bulks have scattered them.

    Readers and writers go on meanwhile; a compaction waits. Returns whether there was need.
    """
    with engine.begin() as connection:
        return bool(connection.execute(text("SELECT rollup_sort_series()")).scalar_one())
