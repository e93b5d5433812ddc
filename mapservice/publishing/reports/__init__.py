"""Reports of a territory: one page that works offline, the same on paper, and its figures."""
