"""Importing files of initiatives: `reading` turns any messy file into `SourceRow`s."""
