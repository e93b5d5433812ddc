"""Communes, EPCI, départements and régions: sources, repair, load, queries."""
