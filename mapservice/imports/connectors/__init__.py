"""Connectors: one file for each kind of source, mapping its records to ours (docs/sources.md)."""
