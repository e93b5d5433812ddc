"""Backups: one folder holds all that the service cannot make again; restoring, and erasing anew."""
