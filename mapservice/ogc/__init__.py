"""OGC API Features and Tiles: landing, collections, items, CQL2, OpenAPI."""
