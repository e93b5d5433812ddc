"""Keeping the rollups: folding in what changed, or counting all again."""

from sqlalchemy import Engine, text


def compact(engine: Engine) -> int:
    """Folds the deltas into the base; returns how many. Readers and writers go on meanwhile."""
    with engine.begin() as connection:
        return int(connection.execute(text("SELECT rollup_compact()")).scalar_one())


def rebuild(engine: Engine) -> int:
    """Counts everything again from the base table, while writers wait."""
    with engine.begin() as connection:
        return int(connection.execute(text("SELECT rollup_rebuild()")).scalar_one())
