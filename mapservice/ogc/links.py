"""Links between resources, as OGC documents and the header Link carry them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

JSON = "application/json"
GEOJSON = "application/geo+json"
HTML = "text/html"
SCHEMA = "application/schema+json"
MVT = "application/vnd.mapbox-vector-tile"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
OGC_REL = "http://www.opengis.net/def/rel/ogc/1.0/"


@dataclass(frozen=True, slots=True)
class OgcLink:
    """An absolute address with its relation and media type; `templated` has {variables}."""

    rel: str
    href: str
    type: str
    title: str = ""
    templated: bool = False

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"rel": self.rel, "href": self.href, "type": self.type}
        if self.title:
            found["title"] = self.title
        if self.templated:
            found["templated"] = True
        return found

    def as_header(self) -> str:
        return f'<{self.href}>; rel="{self.rel}"; type="{self.type}"'


@dataclass(frozen=True, slots=True)
class OgcAddresses:
    """The addresses of one service; `root` is that of its landing page, without a slash."""

    root: str

    def of(self, path: str = "", **parameters: str) -> str:
        query = f"?{query_text(parameters.items())}" if parameters else ""
        return f"{self.root}{path}{query}"

    def own(self, path: str, media: str = JSON, title: str = "") -> list[OgcLink]:
        """`self` and its HTML alternate.

        `self` has no query, as clients append their own; it answers with JSON unless HTML is
        preferred.
        """
        return [
            OgcLink("self", self.of(path), media, title),
            OgcLink("alternate", self.of(path, f="html"), HTML, title),
        ]


def query_text(pairs: Iterable[tuple[str, str]]) -> str:
    return urlencode(list(pairs), safe=",:/")


def as_json(links: Iterable[OgcLink]) -> list[dict[str, Any]]:
    return [link.as_json() for link in links]
