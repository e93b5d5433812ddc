"""Alembic migrations. The first makes the tables of the baseline from SQL files."""
