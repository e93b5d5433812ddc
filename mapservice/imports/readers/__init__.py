"""Bytes to tables: encodings, delimited text, GeoJSON, GeoPackage."""
