"""Decidim: proposals, by the CSV of an instance's open data.

Columns: Decidim's `ProposalSerializer` (unverified against a live file): texts stand once for each
language, as `title/fr`. Decidim answers GraphQL by POST alone, so its open-data file is read. A
proposal that its author withdrew is gone; what a city rejected is no initiative of its own.
"""

from collections.abc import Iterator, Mapping

from mapservice.errors import SourceError
from mapservice.imports.connectors.model import Connector, ConnectorRecord, first_of, others
from mapservice.imports.connectors.visits import SourceVisit

LANGUAGES = ("fr", "en", "ca", "es", "oc", "br")
WITHDRAWN = frozenset({"withdrawn"})
# States that an importer of any file knows by these words; of all others nothing is known.
STATES = {
    "": "",
    "accepted": "accepted",
    "rejected": "rejected",
    "evaluating": "",
    "not_answered": "",
    "published": "",
}
USED = (
    *("id", "address", "latitude", "longitude", "state", "url", "published_at", "withdrawn_at"),
    *("created_at", "updated_at", "reference"),
)


def read(visit: SourceVisit) -> Iterator[ConnectorRecord]:
    """All proposals of the file."""
    titles = tuple(f"title/{language}" for language in LANGUAGES)
    return map(_record, visit.rows(visit.address, "proposals.csv", ("id",), titles))


def _record(row: Mapping[str, str]) -> ConnectorRecord:
    identifier, title = row.get("id", "").strip(), _text(row, "title")
    if not identifier or not title:
        raise SourceError("a proposal of Decidim has no id or no title")
    state = row.get("state", "").strip().lower()
    if row.get("withdrawn_at") or state in WITHDRAWN:
        return ConnectorRecord({"external_id": identifier}, is_gone=True)
    fields = {
        "external_id": identifier,
        "title": title,
        "description": _text(row, "body"),
        "theme": _text(row, "category/name") or _text(row, "taxonomies"),
        "address": row.get("address", ""),
        "lat": row.get("latitude", ""),
        "lon": row.get("longitude", ""),
        "status": STATES.get(state, state),
        "created_on": first_of(row, "published_at", "created_at"),
        "updated_on": row.get("updated_at", ""),
        "url": row.get("url", ""),
    }
    texts = {name for name in row if name.startswith(("title/", "body/", "category/name/"))}
    rest = others(row, *USED, *texts)
    return ConnectorRecord(fields, {"Référence": row.get("reference", ""), **rest})


def _text(row: Mapping[str, str], name: str) -> str:
    """In the first of our languages that says anything, else in any."""
    named = [f"{name}/{language}" for language in LANGUAGES]
    rest = [column for column in row if column.startswith(f"{name}/") and column not in named]
    return str(first_of(row, *named, name, *rest))


CONNECTOR = Connector("decidim", "Decidim: proposals, the CSV of the open data", read)
