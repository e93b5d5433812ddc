"""Initiatives: model, the one filter grammar, queries, verbs, importing."""
