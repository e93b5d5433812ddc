"""Text to commune: normalise, parse, match, rank, decide."""
