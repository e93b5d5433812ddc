"""Maps of local initiatives on Flask and PostGIS."""

__version__ = "0.1.0"
