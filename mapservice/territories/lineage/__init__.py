"""Communes through time: mergers, separations, changes of code and name."""
