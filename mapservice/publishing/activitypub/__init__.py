"""ActivityPub: groups and territories that people follow from servers of the fediverse."""
