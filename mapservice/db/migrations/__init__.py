"""Alembic migrations. Each runs SQL files of `mapservice/db/sql`, which read as SQL."""
