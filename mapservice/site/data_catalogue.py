"""Our data sets in the words of DCAT-AP 3, as JSON-LD that needs nothing fetched to be read.

data.gouv.fr and other portals harvest it. Of licences it says what is known: one for a data set
where all of it is under that one, else what each part is under, in words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mapservice.initiatives.licences import terms_of
from mapservice.initiatives.queries import MADE_UP_PLATFORMS
from mapservice.settings import Settings
from mapservice.site.catalogue_queries import CatalogueFacts
from mapservice.territories.model import Level

Node = dict[str, Any]

MEDIA_TYPE = "application/ld+json"
CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
EU = "http://publications.europa.eu/resource/authority"
IANA = "https://www.iana.org/assignments/media-types"
OGC_FEATURES = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core"


@dataclass(frozen=True, slots=True)
class DataFormat:
    """An address of a data set: its path, its media type, and its file type of the EU's list."""

    title: str
    path: str
    media_type: str
    file_type: str = ""
    conforms_to: str = ""


LEVELS = {
    Level.COMMUNE: "communes",
    Level.EPCI: "intercommunalités",
    Level.DEPARTEMENT: "départements",
    Level.REGION: "régions",
}
CSV = ("text/csv", "CSV")
GEOJSON = ("application/geo+json", "GEOJSON")
INITIATIVES = (
    DataFormat("CSV", "/initiatives.csv", *CSV),
    DataFormat("GeoJSON", "/initiatives.geojson", *GEOJSON),
    DataFormat("GeoJSONSeq", "/initiatives.geojsonl", "application/x-ndjson"),
    DataFormat("Atom", "/initiatives.atom", "application/atom+xml", "ATOM"),
)
EVENTS = (
    DataFormat("CSV", "/evenements.csv", *CSV),
    DataFormat("GeoJSON", "/evenements.geojson", *GEOJSON),
    DataFormat("iCalendar", "/evenements.ics", "text/calendar", "ICS"),
    DataFormat("Atom", "/evenements.atom", "application/atom+xml", "ATOM"),
    DataFormat("OpenAgenda v2", "/evenements.json", "application/json", "JSON"),
    DataFormat("schema.org", "/evenements.jsonld", MEDIA_TYPE, "JSON_LD"),
)


def document(facts: CatalogueFacts, settings: Settings, base: str) -> Node:
    """The whole catalogue; `base` is the address of this service, without a slash at its end."""
    publisher: Node = {
        "@id": f"{base}/#service",
        "@type": "foaf:Agent",
        "foaf:name": settings.operator_name or settings.site_name,
        "foaf:homepage": {"@id": f"{base}/"},
    }
    contact: Node = {
        "@type": "vcard:Organization",
        "vcard:fn": settings.operator_name or settings.site_name,
        "vcard:hasURL": {"@id": f"{base}/contact"},
    }
    if settings.contact_email:
        contact["vcard:hasEmail"] = {"@id": f"mailto:{settings.contact_email}"}

    sets = [
        _initiatives(facts, base),
        _events(facts, base),
        *(_activity(level, facts, base) for level in Level),
    ]
    for one in sets:
        one |= {
            "dct:publisher": {"@id": publisher["@id"]},
            "dcat:contactPoint": contact,
            "dct:language": {"@id": f"{EU}/language/FRA"},
            "dct:spatial": {"@id": f"{EU}/country/FRA"},
            "dct:accessRights": {"@id": f"{EU}/access-right/PUBLIC"},
            "dct:accrualPeriodicity": {"@id": f"{EU}/frequency/UPDATE_CONT"},
        }
    moments = [facts.changed_at, facts.event_changed_at, facts.territories_at]
    return {
        "@context": CONTEXT,
        "@id": f"{base}/catalogue.jsonld",
        "@type": "dcat:Catalog",
        "dct:title": _french(settings.site_name),
        "dct:description": _french(
            "Initiatives locales, événements et chiffres par territoire, tels que ce service les"
            " publie."
        ),
        "dct:publisher": publisher,
        "dct:language": {"@id": f"{EU}/language/FRA"},
        "foaf:homepage": {"@id": f"{base}/"},
        **_moment("dct:modified", max((one for one in moments if one), default=None)),
        "dcat:dataset": sets,
    }


def _initiatives(facts: CatalogueFacts, base: str) -> Node:
    licences = {share.licence for share in facts.shares}
    rights = _rights(facts)
    only = terms_of(next(iter(licences))).path if len(licences) == 1 else ""
    service = {
        "@id": f"{base}/ogc",
        "@type": "dcat:DataService",
        "dct:title": _french("OGC API : Features et Tiles"),
        "dcat:endpointURL": {"@id": f"{base}/ogc"},
        "dcat:endpointDescription": {"@id": f"{base}/ogc/api"},
        "dct:conformsTo": {"@id": OGC_FEATURES},
    }
    description = (
        "Les initiatives publiques, leur territoire et, s’il est connu, leur point. Chacune porte"
        " sa source, l’adresse de celle-ci, sa licence et qui nommer."
    )
    made_up = sum(one.initiatives for one in facts.shares if one.source in MADE_UP_PLATFORMS)
    if made_up:
        description += (
            f" {made_up} d’entre elles sont des exemples inventés : elles n’existent pas."
        )
    told = _dataset(
        base,
        "initiatives",
        "Initiatives locales",
        description,
        f"{base}/initiatives",
        ("initiatives locales", "associations", "territoires", "participation"),
    )
    told |= {
        "dct:rights": {"@type": "dct:RightsStatement", "rdfs:label": _french(rights)},
        **({"dct:license": {"@id": only}} if only else {}),
        **_moment("dct:modified", facts.changed_at),
        **_period(facts.first_day, facts.last_day),
        "dcat:distribution": [
            *(_distribution(one, base, only, rights) for one in INITIATIVES),
            _distribution(
                DataFormat("OGC API Features", "/ogc/collections/initiatives/items", GEOJSON[0]),
                base,
                only,
                rights,
            )
            | {"dcat:accessService": service},
            # Made when it is ordered: an address to go to, none to fetch.
            {
                "@id": f"{base}/exports#zip",
                "@type": "dcat:Distribution",
                "dct:title": _french("Tout emporter : archive, GeoPackage, GeoParquet, tableurs"),
                "dcat:accessURL": {"@id": f"{base}/exports"},
                "dcat:mediaType": {"@id": f"{IANA}/application/zip"},
                **_licence_of(only, rights),
            },
        ],
    }
    sources = sorted({share.source for share in facts.shares if share.source})
    if sources:
        words = "Sources : " + ", ".join(sources)
        told["dct:provenance"] = {
            "@type": "dct:ProvenanceStatement",
            "rdfs:label": _french(words),
        }
    return told


def _events(facts: CatalogueFacts, base: str) -> Node:
    rights = "Aucune licence n’est dite : les événements sont annoncés par qui les organise."
    told = _dataset(
        base,
        "evenements",
        "Événements",
        "Les dates publiques, passées et à venir, avec leur lieu.",
        f"{base}/evenements",
        ("événements", "agenda", "territoires"),
    )
    return told | {
        "dct:rights": {"@type": "dct:RightsStatement", "rdfs:label": _french(rights)},
        **_moment("dct:modified", facts.event_changed_at),
        **_period(facts.first_event, facts.last_event),
        "dcat:distribution": [_distribution(one, base, "", rights) for one in EVENTS],
    }


def _activity(level: Level, facts: CatalogueFacts, base: str) -> Node:
    path = terms_of(facts.territories_licence or "").path
    licence = facts.territories_licence or "non dite"
    rights = (
        f"Contours et populations : INSEE, IGN ({licence}). Comptes faits ici d’initiatives de"
        " sources et de licences diverses."
    )
    told = _dataset(
        base,
        f"chiffres-{level}",
        f"Initiatives et soutiens par territoire : {LEVELS[level]}",
        "Combien d’initiatives et de soutiens confirmés, par territoire, avec sa population.",
        f"{base}/territoires",
        ("initiatives locales", "statistiques", "territoires"),
    )
    formats = (
        DataFormat("JSON", f"/activity/{level}.json", "application/json", "JSON"),
        DataFormat("CSV", f"/activity/{level}.csv", *CSV),
        DataFormat("GeoJSON, avec contours", f"/activity/{level}.geojson", *GEOJSON),
    )
    return told | {
        "dct:rights": {"@type": "dct:RightsStatement", "rdfs:label": _french(rights)},
        **_moment("dct:modified", facts.changed_at or facts.territories_at),
        "dcat:distribution": [_distribution(one, base, path, rights) for one in formats],
    }


def _dataset(
    base: str, name: str, title: str, description: str, page: str, keywords: Sequence[str]
) -> Node:
    return {
        "@id": f"{base}/catalogue.jsonld#{name}",
        "@type": "dcat:Dataset",
        "dct:identifier": f"{base}/catalogue.jsonld#{name}",
        "dct:title": _french(title),
        "dct:description": _french(description),
        "dcat:keyword": [_french(word) for word in keywords],
        "dcat:theme": {"@id": f"{EU}/data-theme/SOCI"},
        "dcat:landingPage": {"@id": page, "@type": "foaf:Document"},
    }


def _distribution(one: DataFormat, base: str, licence: str, rights: str) -> Node:
    address = {"@id": f"{base}{one.path}"}
    told: Node = {
        "@id": f"{base}{one.path}#distribution",
        "@type": "dcat:Distribution",
        "dct:title": _french(one.title),
        "dcat:accessURL": address,
        "dcat:downloadURL": address,
        "dcat:mediaType": {"@id": f"{IANA}/{one.media_type}"},
        **_licence_of(licence, rights),
    }
    if one.file_type:
        told["dct:format"] = {"@id": f"{EU}/file-type/{one.file_type}"}
    return told


def _licence_of(path: str, rights: str) -> Node:
    """One licence by its address, else what each part is under."""
    if path:
        return {"dct:license": {"@id": path}}
    return {"dct:rights": {"@type": "dct:RightsStatement", "rdfs:label": _french(rights)}}


def _rights(facts: CatalogueFacts) -> str:
    """Under which licences how many initiatives are."""
    counted: dict[str, int] = {}
    for share in facts.shares:
        counted[share.licence] = counted.get(share.licence, 0) + share.initiatives
    parts = [f"{words or 'aucune licence dite'} ({number})" for words, number in counted.items()]
    told = "Chaque initiative porte la licence de sa source, dans les champs licence et attribution"
    return f"{told} : {', '.join(parts)}." if parts else f"{told}."


def _french(words: str) -> Node:
    return {"@value": words, "@language": "fr"}


def _moment(name: str, moment: datetime | None) -> Node:
    if moment is None:
        return {}
    text = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {name: {"@value": text, "@type": "xsd:dateTime"}}


def _period(first: datetime | None, last: datetime | None) -> Node:
    """From the first known day to the last one."""
    if first is None or last is None:
        return {}
    days = {
        name: {"@value": f"{moment.astimezone(UTC):%Y-%m-%d}", "@type": "xsd:date"}
        for name, moment in (("dcat:startDate", first), ("dcat:endDate", last))
    }
    return {"dct:temporal": {"@type": "dct:PeriodOfTime", **days}}
