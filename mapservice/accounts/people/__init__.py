"""People: an address proved by a mailed link, a session, their data and its erasure."""
