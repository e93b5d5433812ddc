"""What search engines read of a page, in the words of schema.org."""

from collections.abc import Sequence
from typing import Any

from mapservice.i18n.labels import theme_label
from mapservice.initiatives.place_words import place_name, precision_words
from mapservice.initiatives.queries import Initiative
from mapservice.web.edge import base_url, chosen, services

CONTEXT = "https://schema.org"


def site() -> dict[str, Any]:
    """The service, and how to search it."""
    home = base_url() + "/"
    return {
        "@context": CONTEXT,
        "@type": "WebSite",
        "@id": home,
        "url": home,
        "name": services().settings.site_name,
        "inLanguage": chosen(),
        "potentialAction": {
            "@type": "SearchAction",
            "target": {
                "@type": "EntryPoint",
                "urlTemplate": f"{base_url()}/initiatives?q={{search_term_string}}",
            },
            "query-input": "required name=search_term_string",
        },
    }


def listing(items: Sequence[Initiative]) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "@type": "ItemList",
        "itemListElement": [
            {"@type": "ListItem", "position": n, "name": one.title, "url": base_url() + one.url}
            for n, one in enumerate(items, start=1)
        ],
    }


def initiative(one: Initiative) -> dict[str, Any]:
    """A project at its place; coordinates only where there truly is a point."""
    told: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "Project",
        "@id": base_url() + one.url,
        "url": base_url() + one.url,
        "identifier": str(one.id),
        "name": one.title,
        "description": one.summary or precision_words(one),
        "keywords": theme_label(one.theme),
    }
    if one.created_at or one.created_period:
        day = one.created_at.date().isoformat() if one.created_at else one.created_period
        told["foundingDate"] = day
    if place_name(one):
        told["location"] = _place(one)
    return told


def _place(one: Initiative) -> dict[str, Any]:
    address = {
        "addressLocality": one.commune_name,
        "addressRegion": one.region_name,
        "addressCountry": "FR",
    }
    place: dict[str, Any] = {
        "@type": "Place",
        "name": place_name(one),
        "address": {"@type": "PostalAddress"} | {k: v for k, v in address.items() if v},
    }
    if one.lon is not None and one.lat is not None:
        place["geo"] = {"@type": "GeoCoordinates", "latitude": one.lat, "longitude": one.lon}
    return place
