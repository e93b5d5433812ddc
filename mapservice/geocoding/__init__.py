"""Text to commune and point to commune, with the record of how it was decided."""
