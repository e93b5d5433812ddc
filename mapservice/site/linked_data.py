"""What search engines read of a page, in the words of schema.org."""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

from mapservice.i18n import audience_label, theme_label
from mapservice.initiatives import opening_hours
from mapservice.initiatives.facts import Wheelchair
from mapservice.initiatives.local_days import zone_of
from mapservice.initiatives.opening_hours import DAY, OpeningHours
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
        if one.facts.address:
            address["streetAddress"] = one.facts.address
        place: dict[str, Any] = {
            "@type": "Place",
            "name": place_name(one),
            "address": {"@type": "PostalAddress"} | {k: v for k, v in address.items() if v},
        }
        if one.lon is not None and one.lat is not None:
            place["geo"] = {"@type": "GeoCoordinates", "latitude": one.lat, "longitude": one.lon}
        told["location"] = place
    return told | _facts(one, told.get("location"))


def _facts(one: Initiative, place: dict[str, Any] | None) -> dict[str, Any]:
    """What visitors need to know. Days make an event of its own; hours are the place's.

    schema.org's words for hours know neither months nor the weeks of one, so that only hours that
    have none are told there.
    """
    facts = one.facts
    told: dict[str, Any] = {}
    if facts.tags:
        told["keywords"] = ", ".join((theme_label(one.theme), *facts.tags))
    if facts.website:
        told["sameAs"] = facts.website
    if place is not None and facts.opening_hours:
        hours = opening_hours.parse(facts.opening_hours)
        if hours.is_weekly:
            place["openingHoursSpecification"] = _weekly(hours)
    if place is not None and facts.wheelchair in (Wheelchair.YES, Wheelchair.NO):
        place["amenityFeature"] = {
            "@type": "LocationFeatureSpecification",
            "name": "wheelchair access",
            "value": facts.wheelchair is Wheelchair.YES,
        }
    if facts.is_free is not None and place is not None:
        place["isAccessibleForFree"] = facts.is_free
    if facts.start_day is not None and facts.end_day is not None:
        event: dict[str, Any] = {
            "@type": "Event",
            "name": one.title,
            "url": base_url() + one.url,
            "startDate": _local(one, facts.start_day, facts.start_time),
            "endDate": _local(one, facts.end_day, facts.end_time),
        }
        if place is not None:
            event["location"] = place
        if facts.is_free is not None:
            event["isAccessibleForFree"] = facts.is_free
        if facts.audience:
            names = ", ".join(audience_label(one) for one in facts.audience)
            event["audience"] = {"@type": "Audience", "audienceType": names}
        told["event"] = event
    return told


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _weekly(hours: OpeningHours) -> list[dict[str, Any]]:
    """A night's end comes before its beginning, as schema.org has it."""
    days = (*_DAYS, "PublicHolidays")
    spans: dict[tuple[int, int], list[str]] = {}
    for day, name in enumerate(days):
        for span in hours.spans(0, day, 0, is_last=False):
            spans.setdefault(span, []).append(f"{CONTEXT}/{name}")
    return [
        {
            "@type": "OpeningHoursSpecification",
            "dayOfWeek": names,
            "opens": f"{first // 60:02}:{first % 60:02}",
            "closes": "23:59" if end == DAY else f"{end % DAY // 60:02}:{end % 60:02}",
        }
        for (first, end), names in spans.items()
    ]


def _local(one: Initiative, day: date, moment: time | None) -> str:
    """A day, or a moment with the offset that its place has then."""
    if moment is None:
        return day.isoformat()
    return datetime.combine(day, moment, zone_of(one.area)).isoformat()


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
