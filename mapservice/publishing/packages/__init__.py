"""All public data of a territory in one archive, written here and read back here."""
