"""The list of France services, a file of ANCT on data.gouv.fr under the Licence Ouverte 2.0.

Names of columns as its releases wrote them (unverified against the file of today): where one has
another name, the first that is there is taken; what is left stays as attributes.
"""

from collections.abc import Iterator

from mapservice.errors import SourceError
from mapservice.imports.connectors.model import Connector, ConnectorRecord, first_of, others
from mapservice.imports.connectors.visits import SourceVisit

COLUMNS: dict[str, tuple[str, ...]] = {
    "external_id": ("id_fs", "id"),
    "title": ("lib_fs", "nom", "nom_fs"),
    "address": ("adresse", "adresse_fs"),
    "postcode": ("code_postal", "cp"),
    "city": ("commune", "lib_com", "nom_commune"),
    "citycode": ("insee_com", "code_insee", "code_commune_insee", "code_commune"),
    "lat": ("latitude", "lat"),
    "lon": ("longitude", "long", "lon"),
    "url": ("site_web", "url"),
    "updated_on": ("date_maj", "date_mise_a_jour"),
}
DAYS = {
    "h_lundi": "lundi", "h_mardi": "mardi", "h_mercredi": "mercredi", "h_jeudi": "jeudi",
    "h_vendredi": "vendredi", "h_samedi": "samedi", "h_dimanche": "dimanche",
}  # fmt: skip
NAMES = {
    "telephone": "Téléphone",
    "mail": "Courriel",
    "commentaire_horaires": "Horaires, à savoir",
    "itinerance": "Itinérance",
    "format_fs": "Format",
}


def read(visit: SourceVisit) -> Iterator[ConnectorRecord]:
    """All houses and buses of the list."""
    needed = COLUMNS["external_id"], COLUMNS["title"]
    for row in visit.rows(visit.address, "france-services.csv", *needed):
        if not first_of(row, *COLUMNS["external_id"]) or not first_of(row, *COLUMNS["title"]):
            raise SourceError("a row of the list of France services has no id or no name")
        fields = {name: first_of(row, *columns) for name, columns in COLUMNS.items()}
        # What they are for is in no column: administrative help for all, free of charge.
        fields["theme"] = "solidarité"
        hours = "; ".join(f"{day} {row[name]}" for name, day in DAYS.items() if row.get(name))
        used = {column for columns in COLUMNS.values() for column in columns}
        rest = others(row, *used, *DAYS)
        named = {NAMES.get(name, name): value for name, value in rest.items()}
        yield ConnectorRecord(fields, {"Horaires": hours, **named})


CONNECTOR = Connector(
    "france-services",
    "France services: the list of ANCT, a file",
    read,
    licence="Licence Ouverte 2.0",
)
