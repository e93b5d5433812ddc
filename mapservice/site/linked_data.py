"""What search engines read of a page, in the words of schema.org."""

from collections.abc import Sequence
from typing import Any

from mapservice.i18n import theme_label
from mapservice.initiatives.place_words import place_name, precision_words
from mapservice.initiatives.queries import Initiative
from mapservice.rollups.territory_model import TerritoryDescription
from mapservice.territories.model import Level
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


def initiative(one: Initiative, photos: Sequence[str] = ()) -> dict[str, Any]:
    """A project at its place; coordinates only where there truly is a point.

    `photos` are the paths of its pictures.
    """
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
    if photos:
        told["image"] = [base_url() + path for path in photos]
    if one.created_at or one.created_period:
        day = one.created_at.date().isoformat() if one.created_at else one.created_period
        told["foundingDate"] = day
    if place_name(one):
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
        told["location"] = place
    return told


def territory(described: TerritoryDescription) -> dict[str, Any]:
    """A territory with its box and what it lies in, and the way to its page."""
    west, south, east, north = described.bounds
    place = described.place
    area = {
        "@type": "City" if place.level is Level.COMMUNE else "AdministrativeArea",
        "@id": base_url() + place.url,
        "name": place.name,
        "url": base_url() + place.url,
        "identifier": place.code,
        "geo": {"@type": "GeoShape", "box": f"{south:.5f} {west:.5f} {north:.5f} {east:.5f}"},
        "containedInPlace": [
            {"@type": "AdministrativeArea", "@id": base_url() + parent.url, "name": parent.name}
            for parent in described.parents
        ],
    }
    steps = [("France", "/territoires")]
    steps += [(step.name, step.url) for step in (*described.parents, place)]
    breadcrumb = {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": n, "name": name, "item": base_url() + url}
            for n, (name, url) in enumerate(steps, start=1)
        ],
    }
    return {"@context": CONTEXT, "@graph": [area, breadcrumb]}
