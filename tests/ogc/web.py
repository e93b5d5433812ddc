"""A client as any other: requests by URL, nothing of the service's inside."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlencode

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
GEOJSON = "application/geo+json"
# A hyphen is no part of a name in Python.
HYPHENED = {name: name.replace("_", "-") for name in ("bbox_crs", "filter_crs", "filter_lang")}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def media(self) -> str:
        return self.headers.get_content_type()

    def links(self, rel: str) -> list[dict[str, Any]]:
        return [link for link in self.json["links"] if link["rel"] == rel]


@dataclass(frozen=True, slots=True)
class Service:
    """An OGC API by the address of its landing page."""

    root: str

    def get(self, path: str, accept: str = "", **parameters: str) -> Answer:
        pairs = {HYPHENED.get(name, name): value for name, value in parameters.items()}
        query = f"?{urlencode(pairs)}" if pairs else ""
        return fetch(f"{self.root}{path}{query}", accept)

    def items(self, collection: str, **parameters: str) -> Answer:
        return self.get(f"/collections/{collection}/items", **parameters)

    def ids(self, collection: str, **parameters: str) -> set[str]:
        """Of all pages."""
        found: set[str] = set()
        answer = self.items(collection, **({"limit": "1000"} | parameters))
        while True:
            assert answer.status == 200, answer.body
            found |= {str(feature["id"]) for feature in answer.json["features"]}
            following = answer.links("next")
            if not following:
                return found
            answer = fetch(following[0]["href"])


def fetch(url: str, accept: str = "", method: str = "GET", **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, headers=sent, method=method)
    if accept:
        request.add_header("Accept", accept)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return Answer(refusal.code, refusal.headers, refusal.read())
