"""Headers on every answer: a strict content policy for pages, open doors for data."""

from flask import Flask, Response, request

from mapservice.errors import InvalidInput
from mapservice.http.problems import is_api_request
from mapservice.http.services import EXTENSION, services
from mapservice.settings import Settings

FIXED = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("Permissions-Policy", "geolocation=(self), camera=(), microphone=()"),
)
EXPOSED = "Link, ETag, Content-Crs, OGC-NumberMatched, Retry-After"
OPEN = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", EXPOSED),
)


def register(app: Flask) -> None:
    settings: Settings = app.extensions[EXTENSION].settings
    policy = content_policy(settings)
    app.before_request(_refuse_endless_queries)
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
    longest = services().settings.max_query_bytes
    if len(request.query_string) > longest:
        raise InvalidInput("query", f"the query string is longer than {longest} bytes")


def _headers(response: Response, policy: str) -> Response:
    headers = response.headers
    if request.endpoint == "static" and "v" not in request.args:
        headers["Cache-Control"] = "no-cache"  # modules import each other by bare addresses
    wanted = [*FIXED, ("Content-Security-Policy", policy)]
    if is_api_request():
        wanted += OPEN
    else:
        wanted.append(("Cache-Control", "no-cache"))
        response.vary.update(("Accept", "Accept-Language"))
    # Werkzeug looks through all of them for each one that is set.
    present = {name.lower() for name, _ in headers}
    headers.extend([pair for pair in wanted if pair[0].lower() not in present])
    return response
