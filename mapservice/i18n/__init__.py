"""Phrases, typography and labels: French first, English second."""
