"""Headers on every answer: a strict content policy for pages, open doors for data."""

from flask import Flask, Response, g, request

from mapservice.db.text import is_storable
from mapservice.errors import InvalidInput, NotFound
from mapservice.settings import Settings
from mapservice.web.params import query_without
from mapservice.web.problems import is_api_request
from mapservice.web.services import EXTENSION, services

FIXED = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("Permissions-Policy", "geolocation=(self), camera=(), microphone=()"),
)
LONGEST_QUERY, LONGEST_CURSOR = 4_000, 4_000
ESCAPED = len("%FF")
EXPOSED = "Link, ETag, Content-Crs, OGC-NumberMatched, Retry-After"
OPEN = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", EXPOSED),
)


def register(app: Flask) -> None:
    settings: Settings = app.extensions[EXTENSION].settings
    policy = content_policy(settings)
    app.before_request(_refuse_endless_queries)
    app.before_request(_refuse_unstorable_texts)
    app.after_request(lambda response: _headers(response, policy))


def content_policy(settings: Settings) -> str:
    """Nothing but our own files, and the outside base map if one is set."""
    outside = f" {_origin(settings.basemap_url)}" if settings.basemap_url else ""
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data: blob:{outside}",
            f"connect-src 'self'{outside}",
            "worker-src 'self' blob:",
            "font-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    )


def _origin(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host = rest.split("/")[0].replace("{s}", "*")
    return f"{scheme}://{host}"


def _refuse_endless_queries() -> None:
    """What our own links add, to lead to another page or form, does not count.

    So each of them can be followed: `LONGEST_QUERY` and the longest cursor fit into the longest
    request line that gunicorn takes, and nginx by default.
    """
    longest = min(services().settings.max_query_bytes, LONGEST_QUERY)
    written = len(request.query_string)
    if written * ESCAPED > longest and len(query_without("f", "cursor")) > longest:
        raise InvalidInput("query", f"the query string is longer than {longest} bytes")
    if written > longest + LONGEST_CURSOR:
        raise InvalidInput("cursor", "is not one that this service gave")


def _refuse_unstorable_texts() -> None:
    """No text of ours has a null character, and PostgreSQL cannot even be asked for one.

    Once for all routes, so that none has to think of it; forms and bodies are cleaned by who reads
    them. Bytes that are no UTF-8 have become U+FFFD by now.
    """
    if not is_storable(request.path):
        raise NotFound("There is no such address.")
    for name, text in request.args.items(multi=True):
        if not is_storable(name) or not is_storable(text):
            raise InvalidInput(name[:50], "must not contain a null character")


def _headers(response: Response, policy: str) -> Response:
    headers = response.headers
    if request.endpoint == "static" and "v" not in request.args:
        headers["Cache-Control"] = "no-cache"  # modules import each other by bare addresses
    wanted = [*FIXED, ("Content-Security-Policy", policy)]
    if is_api_request():
        wanted += OPEN
    else:
        # The menu of who has a role is theirs.
        wanted.append(("Cache-Control", "private, no-cache" if g.get("own_roles") else "no-cache"))
        response.vary.update(("Accept", "Accept-Language"))
    # Werkzeug looks through all of them for each one that is set.
    present = {name.lower() for name, _ in headers}
    headers.extend([pair for pair in wanted if pair[0].lower() not in present])
    return response
