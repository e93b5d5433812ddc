"""data.inclusion (structures) and the national map of digital inclusion ("mednum").

Shape: gip-inclusion/data-inclusion-schema, `docs/structure.md`: `id`, `nom`, `source` and
`date_maj` are always there (unverified against a live answer). Either a file, or the API, whose
pages are `{"items": […], "total": …, "page": …, "size": …}`.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from mapservice.errors import SourceError
from mapservice.imports.connectors.model import Connector, ConnectorRecord, others, words
from mapservice.imports.connectors.visits import SourceVisit

PAGE_SIZE = 1_000
FILE_SUFFIXES = (".csv", ".json", ".ndjson", ".parquet", ".xlsx", ".gz", ".zip", ".geojson")
FIELDS = {
    "title": "nom",
    "summary": "presentation_resume",
    "description": "presentation_detail",
    "postcode": "code_postal",
    "city": "commune",
    "citycode": "code_insee",
    "lat": "latitude",
    "lon": "longitude",
    "updated_on": "date_maj",
}
NAMES = {
    "siret": "SIRET",
    "rna": "RNA",
    "typologie": "Typologie",
    "telephone": "Téléphone",
    "courriel": "Courriel",
    "courriels": "Courriel",
    "horaires": "Horaires",
    "horaires_accueil": "Horaires",
    "horaires_ouverture": "Horaires",
    "source": "Source d’origine",
    "thematiques": "Thématiques",
    "services": "Services",
    "pivot": "Identifiant pivot",
    "site_web": "Site web",
}
USED = (*FIELDS.values(), "id", "adresse", "complement_adresse", "lien_source")


def read(visit: SourceVisit) -> Iterator[ConnectorRecord]:
    """All structures: of a file, by its name, else of the API's pages."""
    path = urlsplit(visit.address).path.lower()
    suffix = next((one for one in FILE_SUFFIXES if path.endswith(one)), "")
    if suffix:
        rows: Iterator[Mapping[str, Any]] = visit.rows(
            visit.address, f"structures{suffix}", ("id",), ("nom",)
        )
    else:
        rows = visit.pages(
            lambda number, _: visit.json(
                visit.with_query(page=number + 1, size=PAGE_SIZE), visit.bearer()
            ),
            _items,
            lambda page: page.get("total"),
            _identifier,
        )
    return map(_record, rows)


def _items(page: Any) -> list[Any]:
    items = page.get("items") if isinstance(page, Mapping) else None
    if not isinstance(items, list):
        raise SourceError("data.inclusion gives pages with `items`, not this")
    return items


def _identifier(record: Mapping[str, Any]) -> str:
    """Ids were unique within their source alone before they began with its name."""
    identifier, source = words(record.get("id")), words(record.get("source"))
    if not identifier or not source or identifier.startswith(f"{source}--"):
        return identifier
    return f"{source}--{identifier}"


def _record(record: Mapping[str, Any]) -> ConnectorRecord:
    identifier = _identifier(record)
    if not identifier or not words(record.get("nom")):
        raise SourceError(f"a structure has `id` and `nom`, not {sorted(record)[:8]}")
    fields = {name: words(record.get(column)) for name, column in FIELDS.items()}
    street = (words(record.get("adresse")), words(record.get("complement_adresse")))
    fields |= {
        "external_id": identifier,
        "address": " ".join(filter(None, street)),
        "url": words(record.get("lien_source")) or words(record.get("site_web")),
        # The typology is a code (CCAS, MJC …), the themes are words.
        "theme": words(record.get("thematiques")) or "inclusion, solidarité",
    }
    rest = others(record, *USED)
    return ConnectorRecord(fields, {NAMES.get(name, name): value for name, value in rest.items()})


CONNECTOR = Connector(
    "data-inclusion", "data.inclusion structures and mednum places: a file, or the API", read
)
