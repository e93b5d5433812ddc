"""The weekly digest of a territory: new, waiting, rising, falling silent."""
