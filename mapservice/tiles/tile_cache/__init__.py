"""Whole tiles kept on disk, and forgotten when a write changes them."""
