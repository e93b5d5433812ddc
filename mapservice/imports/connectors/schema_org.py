"""schema.org on a page: places and organisations in JSON-LD, as search engines read it.

Shape: schema.org's Place, Organization and their kinds, in `<script type="application/ld+json">` of
a page, or as a document of its own. Events are read elsewhere, by iCalendar and their own
connectors.
"""

import json
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

from mapservice.errors import SourceError
from mapservice.imports.connectors.model import (
    Connector,
    ConnectorRecord,
    first_of,
    member,
    others,
    words,
)
from mapservice.imports.connectors.visits import SourceVisit

# What tells about a page or a person, or is told by other means.
NO_INITIATIVE = frozenset(
    {
        *("WebSite", "WebPage", "BreadcrumbList", "ListItem", "Person", "ImageObject"),
        *("SearchAction", "PostalAddress", "GeoCoordinates", "Article", "NewsArticle"),
        *("CollectionPage", "ContactPoint", "OpeningHoursSpecification", "Offer", "FAQPage"),
    }
)
LISTS = ("@graph", "itemListElement", "hasPart", "mainEntity", "location", "item")
DEEPEST = 6
USED = (
    *("@id", "@type", "@context", "identifier", "name", "description", "abstract", "url"),
    *("address", "geo", "location", "license", "keywords", "openingHours", "telephone", "email"),
    *("dateCreated", "foundingDate", "dateModified", "image", "logo", "sameAs"),
    *("latitude", "longitude", "openingHoursSpecification"),
)


class _Scripts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._within = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kind = (dict(attrs).get("type") or "").split(";")[0].strip().lower()
        self._within = tag == "script" and kind == "application/ld+json"
        if self._within:
            self.found.append("")

    def handle_data(self, data: str) -> None:
        if self._within:
            self.found[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._within = False


def read(visit: SourceVisit) -> Iterator[ConnectorRecord]:
    """All places and organisations that the page tells, each once."""
    text = visit.text(visit.address)
    is_document = text.lstrip("\ufeff \t\r\n").startswith(("{", "["))
    texts = [text]
    if not is_document:
        parser = _Scripts()
        parser.feed(text)
        texts = [one for one in parser.found if one.strip()]
    if not texts:
        raise SourceError("the page holds no JSON-LD")
    seen: set[str] = set()
    for number, one in enumerate(texts, start=1):
        try:
            document = json.loads(one)
        except (ValueError, RecursionError):
            # One that is broken says nothing of what it held, so the whole is not known.
            raise SourceError(f"block {number} of JSON-LD on the page is broken") from None
        for thing in _things(document, 0):
            record = _record(thing)
            identifier = record.fields["external_id"]
            if identifier not in seen:
                seen.add(identifier)
                yield record
    if not seen:
        raise SourceError("the page tells of no place and of no organisation")


def _things(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > DEEPEST:
        return
    if isinstance(value, list):
        for one in value:
            yield from _things(one, depth + 1)
    elif isinstance(value, Mapping):
        kinds = _kinds(value)
        is_event = any(kind.endswith("Event") for kind in kinds)
        if kinds and words(value.get("name")) and not is_event and kinds.isdisjoint(NO_INITIATIVE):
            yield value
            return
        if not is_event:
            for name in LISTS:
                yield from _things(value.get(name), depth + 1)


def _kinds(thing: Mapping[str, Any]) -> set[str]:
    told = thing.get("@type")
    kinds = told if isinstance(told, list) else [told]
    return {kind.rpartition("/")[2] for kind in kinds if isinstance(kind, str)}


def _record(thing: Mapping[str, Any]) -> ConnectorRecord:
    place = member(thing, "location")
    address = member(thing, "address") or member(place, "address")
    geo = member(thing, "geo") or member(place, "geo") or thing
    told = thing.get("address")
    fields = {
        "external_id": words(first_of(thing, "@id", "identifier", "url")),
        "title": words(thing.get("name")),
        "summary": words(thing.get("abstract")),
        "description": words(thing.get("description")),
        "theme": words(thing.get("keywords")),
        "address": words(address.get("streetAddress")) or (told if isinstance(told, str) else ""),
        "postcode": words(address.get("postalCode")),
        "city": words(address.get("addressLocality")),
        "lat": words(geo.get("latitude")),
        "lon": words(geo.get("longitude")),
        "created_on": words(first_of(thing, "dateCreated", "foundingDate")),
        "updated_on": words(thing.get("dateModified")),
        "url": words(thing.get("url")),
        "licence": words(thing.get("license")),
    }
    attributes = {
        "Type": ", ".join(sorted(_kinds(thing))),
        "Mots-clés": words(thing.get("keywords")),
        "Horaires": words(thing.get("openingHours")),
        "Téléphone": words(thing.get("telephone")),
        "Courriel": words(thing.get("email")),
        "Site web": words(thing.get("sameAs")),
        **others(thing, *USED),
    }
    return ConnectorRecord(fields, attributes)


CONNECTOR = Connector("schema-org", "schema.org: places and organisations of a page", read)
