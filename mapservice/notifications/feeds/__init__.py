"""Listings as Atom feeds and as calendars."""
