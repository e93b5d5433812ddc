"""The append-only log of decisions: who decided what, when, and why."""
