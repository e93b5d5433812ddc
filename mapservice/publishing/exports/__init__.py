"""Initiatives for other programs: streams, a feed of changes, files made by jobs, an archive."""
