"""Backing an initiative, reporting a problem with it, writing to its author."""
