"""Files made by jobs: exports and reports."""
