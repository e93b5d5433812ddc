"""For search engines: what they may read, and the addresses of every page worth reading."""

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from uuid import UUID

from flask import Blueprint, Response, url_for

from mapservice.errors import NotFound
from mapservice.site import sitemap_queries
from mapservice.site.operator_pages.model import OperatorPage
from mapservice.territories.model import Level
from mapservice.web import edge
from mapservice.web.edge import base_url, only_parameters, services

blueprint = Blueprint("sitemap", __name__)

XML = "application/xml; charset=utf-8"
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
DAY_SECONDS = 86_400
# Pages that change with the service rather than with an initiative.
PAGES = (
    "/",
    "/initiatives",
    "/autour-de-moi",
    "/territoires",
    "/methode",
    *(f"/{page}" for page in OperatorPage),
)
# Data doors say in tables what pages say in words; what is around somebody is nobody else's affair.
ROBOTS = """User-agent: *
Disallow: /activity/
Disallow: /dessins/autour/
Disallow: /geocode/
Disallow: /tiles/
Disallow: /ogc/
Disallow: /*near=
Disallow: /*cursor=
Disallow: /*.csv
Disallow: /*.geojson
Disallow: /*.ics

Sitemap: {base}/sitemap.xml
"""

Address = tuple[str, datetime | None]


@blueprint.get("/robots.txt")
def robots() -> Response:
    only_parameters()
    body = ROBOTS.format(base=base_url())
    return edge.whole_answer(body, "text/plain; charset=utf-8", DAY_SECONDS)


@blueprint.get("/sitemap.xml")
def index() -> Response:
    only_parameters()
    with services().autocommit.connect() as connection:
        firsts = sitemap_queries.firsts(connection)
    parts = [url_for("sitemap.pages")]
    parts += [url_for("sitemap.territories", level=level) for level in Level]
    parts += [url_for("sitemap.initiatives", first=str(first)) for first in firsts]
    return _answer("sitemapindex", "sitemap", ((part, None) for part in parts))


@blueprint.get("/sitemaps/pages.xml")
def pages() -> Response:
    only_parameters()
    return _answer("urlset", "url", ((path, None) for path in PAGES))


@blueprint.get("/sitemaps/territoires-<level>.xml")
def territories(level: str) -> Response:
    only_parameters()
    if level not in tuple(Level):
        raise NotFound("There is no such level.")
    with services().autocommit.connect() as connection:
        found = sitemap_queries.territories(connection, Level(level))
    return _answer("urlset", "url", ((f"/territoires/{level}/{code}", at) for code, at in found))


@blueprint.get("/sitemaps/initiatives-<first>.xml")
def initiatives(first: str) -> Response:
    only_parameters()
    try:
        start = UUID(first)
    except ValueError:
        raise NotFound("There is no such part of the sitemap.") from None
    with services().autocommit.connect() as connection:
        found = sitemap_queries.initiatives(connection, start)
    return _answer("urlset", "url", ((f"/initiatives/{key}", at) for key, at in found))


def _answer(root: str, item: str, addresses: Iterable[Address]) -> Response:
    items = []
    for path, changed in addresses:
        at = f"{changed.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if changed else ""
        told = f"<lastmod>{at}</lastmod>" if at else ""
        items.append(f"<{item}><loc>{escape(base_url() + path)}</loc>{told}</{item}>\n")
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    body = f'{head}<{root} xmlns="{NAMESPACE}">\n{"".join(items)}</{root}>\n'
    return edge.whole_answer(body, XML, DAY_SECONDS)
