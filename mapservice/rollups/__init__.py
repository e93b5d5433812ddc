"""Rollups: initiatives and supporters per territory, theme, status and month."""
