"""Vector and GeoJSON tiles, TileJSON, map styles."""
