"""Parts of an address that let in whoever knows them: routes say so, and no log may hold them.

A route names such a part `<secret:…>`. `redacted` is for whatever writes an address down; nginx has
the same patterns (`deploy/nginx.conf`), held together with this by a test of all routes.
"""

import re

from flask import Flask
from werkzeug.routing import Rule, UnicodeConverter

HIDDEN = "…"
EXTENSION = "mapservice_secret_paths"


class SecretConverter(UnicodeConverter):
    """As `string`: one part of a path, which is a link's secret or its signature."""


def register(app: Flask) -> None:
    """Before any blueprint: its routes may then use the converter."""
    app.url_map.converters["secret"] = SecretConverter


def secret_rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if "<secret:" in rule.rule]


def redacted(app: Flask, path: str) -> str:
    """The path as it may be written down, whether or not it is one of a route."""
    patterns: list[re.Pattern[str]] | None = app.extensions.get(EXTENSION)
    if patterns is None:
        patterns = [_pattern(rule.rule) for rule in secret_rules(app)]
        app.extensions[EXTENSION] = patterns
    for pattern in patterns:
        if found := pattern.match(path):
            return f"{found[1]}{HIDDEN}"
    return path


def _pattern(rule: str) -> re.Pattern[str]:
    """All up to the secret, which hides what follows too."""
    before = rule.partition("<secret:")[0]
    parts = re.split(r"<[^>]*>", before)
    return re.compile("(" + "[^/]*".join(re.escape(part) for part in parts) + ")")
