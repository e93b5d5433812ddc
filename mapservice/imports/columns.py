"""Which column plays which role, by its name in French or English."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mapservice.errors import InvalidInput
from mapservice.imports.text import folded, mended

# Names by field, the best first; articles and prepositions are left out of the comparison.
# The order of the fields is the order of choosing: a column plays one role only.
NAMES: dict[str, tuple[str, ...]] = {
    "title": (
        "title", "titre", "intitule", "nom", "name", "initiative", "initiatives", "projet",
        "projets", "project", "project name", "project title", "libelle", "label", "objet",
        "denomination", "designation", "operation", "action", "details", "sujet", "subject",
        "nom usuel", "nom association", "raison sociale", "structure", "association",
        "organisme", "lib", "lib projet", "lib operation", "lib action", "lib dossier", "lib lieu",
        "initiative name", "initiative title", "activity name", "organisation", "organization",
        "organisation name", "organization name", "place name", "group name", "manifestation",
        "manifestations", "evenement", "evenements", "event", "event name", "animation",
    ),
    "summary": (
        "summary", "resume", "chapo", "chapeau", "accroche", "description courte",
        "courte description", "short description", "abstract", "en bref", "presentation courte",
        "sous titre", "subtitle",
    ),
    "description": (
        "description", "descriptif", "description longue", "long description", "presentation",
        "texte", "contenu", "content", "details", "detail", "body", "text", "about", "objectif",
        "objectifs", "objet", "commentaire", "commentaires", "desc",
    ),
    "theme": (
        "theme", "themes", "thematique", "thematiques", "topic", "categorie", "categories",
        "category", "domaine", "domaines", "secteur", "rubrique", "type initiative",
        "type action", "activite", "activites", "types", "type",
        "famille", "mots cles", "tags", "keywords", "calque", "folder", "dossier",
    ),
    "status": (
        "status", "statut", "etat", "state", "avancement", "etat avancement", "phase", "stade",
        "progress",
    ),
    "scale": (
        "scale", "echelle", "profil", "profile", "echelon", "niveau", "type territoire",
        "type collectivite", "type porteur", "echelle territoriale", "niveau territorial",
        "portee", "type",
    ),
    "created_on": (
        "created at", "created on", "date creation", "date creat", "cree", "creation", "date depot",
        "date soumission", "submitted at", "date publication", "published at", "date ajout",
        "date debut", "start date", "date", "debut", "date lancement", "annee", "year",
        "edition", "millesime", "horodateur", "timestamp",
    ),
    "updated_on": (
        "updated at", "updated on", "date maj", "date mise jour", "mise jour", "maj",
        "date modification", "date derniere modification", "derniere modification", "modified",
        "modified at", "last modified", "last update", "modifie",
    ),
    "external_id": (
        "id", "identifiant", "identifier", "external id", "id externe", "uuid", "uid",
        "recordid", "record id", "ref", "reference", "numero dossier", "numero", "n",
    ),
    "url": (
        "url", "lien", "link", "permalink", "site", "site web", "site internet", "website",
        "web", "page web", "adresse web", "url fiche", "lien fiche", "lien web", "href",
        "lien inscription", "inscriptions", "inscription",
    ),
    "licence": ("licence", "license", "licence donnees"),
    "address": (
        "adresse", "address", "street", "street address", "adresse complete", "full address",
        "adresse postale", "adresse1", "adresse 1", "rue", "voie", "numero voie", "adr",
        "libvoie", "lib voie", "lieu", "lieu dit", "location", "localisation", "emplacement",
        "place", "where", "ou", "ou ca", "ou est", "ou se passe",
    ),
    "city": (
        "commune name", "commune nom", "nom commune", "libelle commune", "lib commune",
        "ville", "city", "commune", "town", "municipality", "municipalite", "localite",
        "locality", "address locality", "nom ville", "adresse ville", "adresse commune",
        "ville commune", "com nom", "nom com", "libcom", "libcommune", "village", "territoire",
    ),
    "postcode": (
        "code postal", "codepostal", "postcode", "postal code", "post code", "cp", "zip",
        "zipcode", "zip code", "adresse code postal", "code post", "com cp",
    ),
    "citycode": (
        "insee", "code insee", "codeinsee", "citycode", "city code", "code commune insee",
        "commune code insee", "code insee commune", "insee commune", "commune insee",
        "insee code", "insee com", "code commune", "commune code", "depcom", "codgeo",
        "code geo", "com code", "insee declared", "insee declare", "cog",
    ),
    "departement": (
        "departement", "department", "dept", "dep", "code departement", "departement code",
        "code dep", "code dept", "num departement", "numero departement", "nom departement",
        "dpt", "dpts", "code dpt", "num dpt", "departement nom",
    ),
    "arrondissement": (
        "arrondissement", "arrondissements", "arrondissement municipal", "code arrondissement",
        "num arrondissement", "numero arrondissement", "ardt", "arrdt", "arrond", "arr",
    ),
    "lat": (
        "latitude", "lat", "geo lat", "coord lat", "gps lat", "latitude wgs84", "y wgs84",
        "y", "coord y", "coordy", "coordonnee y", "y l93", "y lambert93", "y lambert 93",
        "y 2154", "y3857", "y lamb93", "ycoord", "northing",
    ),
    "lon": (
        "longitude", "lon", "lng", "long", "geo lon", "geo lng", "coord lon", "gps lon",
        "gps lng", "longitude wgs84", "x wgs84", "x", "coord x", "coordx", "coordonnee x",
        "x l93", "x lambert93", "x lambert 93", "x 2154", "x3857", "x lamb93", "xcoord",
        "easting",
    ),
    "point": (
        "geo point 2d", "geopoint", "geo point", "geopoint2d", "lat lon", "lat lng", "lat long",
        "latlon", "latlng", "latitude longitude", "coordonnees gps", "coordonnees",
        "coordonnees geographiques", "coordinates", "coords", "geolocalisation", "geolocation",
        "gps", "position", "position gps", "localisation gps", "point", "wkt", "wkt geom",
        "geom wkt", "geom", "geometry", "geometrie", "the geom", "geo shape", "xy",
    ),
    "shape": (
        "geo shape", "geoshape", "shape", "geom", "geometry", "geometrie", "the geom", "wkt",
        "wkt geom", "geom wkt", "geojson", "polygone", "polygon", "contour", "trace", "emprise",
    ),
    "bearer": (
        "porteur", "porteurs", "maitre ouvrage", "maitrise ouvrage", "beneficiaire",
        "collectivite", "nom collectivite",
    ),
}  # fmt: skip
# What --mapping accepts beside the fields' own names.
ALSO_CALLED = {
    "id": "external_id", "insee": "citycode", "x": "lon", "y": "lat", "longitude": "lon",
    "latitude": "lat", "created_at": "created_on", "updated_at": "updated_on", "commune": "city",
}  # fmt: skip

ARTICLES = frozenset(
    [
        *("de", "du", "des", "d", "la", "le", "les", "l", "a", "au", "aux", "en", "et"),
        *("of", "the"),
    ]
)
# Words that data portals add to every column of a data set.
PADDING = frozenset(
    [
        *("projet", "projets", "gagnant", "laureat", "initiative", "initiatives", "lieu"),
        *("gagnants", "laureats", "retenu", "retenus", "structure", "fiche", "site", "fr"),
    ]
)
# Of a name that is nothing but padding ("Projet lauréat") these say what it is about.
PROJECT_WORDS = frozenset(
    [
        *("projet", "projets", "project", "initiative", "initiatives", "action", "operation"),
        *("activity", "idee"),
    ]
)
# Who does it: the title only where no other column names what is done.
ORGANISER_WORDS = frozenset(
    [
        *("structure", "association", "organisme", "organisation", "organization", "raison"),
        *("denomination", "group", "nom", "name"),
    ]
)
# What an association is for ("Objet") is no name of it, but for what it is given money is.
PURPOSES = frozenset({"objet", "sujet", "subject"})
MONEY = re.compile(
    r"\b(?:montants?|subventions?|budgets?|couts?|aides?|depenses?|euros?|eur|ht|ttc)\b"
)
# "adresse_mail" is no place; "insee_pip" was computed from the coordinates (point in polygon),
# so it says nothing that the row's author wrote.
OTHER_MEANINGS = frozenset(
    [
        *("mail", "mails", "email", "emails", "courriel", "telephone", "tel", "fax", "mobile"),
        *("contact", "responsable", "pip"),
    ]
)
PARTS_OF_A_ROW = frozenset(
    [
        *("location", "place", "lieu", "address", "adresse", "organizer", "organiser", "author"),
        *("organisateur", "auteur", "contact", "publisher", "provider", "image", "category", "geo"),
        *("categorie", "theme", "commune", "departement", "region", "user", "owner", "creator"),
    ]
)
# "Libellé de l'EPCI" names the EPCI, whatever stands around the word that could name a title.
NOT_OF_A_TITLE = frozenset(
    [
        *("epci", "commune", "communes", "departement", "region", "canton", "territoire", "pays"),
        *("collectivite", "intercommunalite", "arrondissement", "quartier", "ville", "adresse"),
        *("porteur", "beneficiaire", "prenom", "auteur", "theme", "thematique", "categorie"),
        *("type", "nature", "famille", "secteur", "domaine", "statut", "etat", "phase"),
        *("code", "siren", "siret", "id", "numero", "date", "annee", "montant", "budget", "cout"),
        *("dispositif", "financeur", "programme", "url", "lien", "township", "county", "author"),
    ]
)
# Of a column that tells facts (`row_facts.py`): what its page says becomes of it.
FACT_REASON = "a fact where it is understood, else kept as it is"
SHORTEST_PREFIX = 5
# "lib_commune", "Libellé du thème": the words of what a code stands for.
LABELS = frozenset({"lib", "libelle", "label", "intitule"})
LABELLED = frozenset({"city", "theme", "status", "scale", "departement", "address"})
# Headers that are sentences: the questions of a form. What they ask for, by their words without
# accents or articles; the first that fits is meant.
FORM_MOMENTS = frozenset({"horodateur", "timestamp"})
QUESTION_WORDS = 4
QUESTION_RANK = 200
QUESTIONS: tuple[tuple[str, str], ...] = (
    ("url", r"site (?:internet|web)|\blien\b|\burl\b|website|web page"),
    ("postcode", r"code postal|postcode|zip code"),
    ("citycode", r"code insee"),
    (
        "title",
        (
            r"(?:nom|titre|intitule|comment s appelle|comment se nomme)\b.*"
            r"\b(?:projet|initiative|action|association|structure|lieu|idee|collectif|demarche)"
            r"|(?:name|title)\b.*\b(?:project|initiative|action|organi[sz]ation|idea|group)"
            r"|comment s appelle votre|what is your \w+ called"
        ),
    ),
    (
        "description",
        (
            r"decri(?:vez|re|ption)|presente[zr]|racontez|expliquez|quoi consiste"
            r"|quels? objectifs?|resume[zr]|describe|tell us about"
            r"|quelques (?:mots|lignes|phrases)|what does your"
        ),
    ),
    (
        "city",
        (
            r"(?:quelle|quelles|votre|which|what) (?:est )?(?:votre )?(?:commune|ville|town|city)"
            r"|dans quelle|nom commune"
        ),
    ),
    ("address", r"\badresse\b|ou se (?:situe|trouve|deroule|passe)|where (?:is|does)|address"),
    ("theme", r"thematique|\bthemes?\b|categorie|domaine|topic|category"),
    (
        "created_on",
        (
            r"depuis quand|date (?:debut|creation|lancement)|when did"
            r"|quand .*(?:commence|debute|lance|cree|demarre|nee?\b)"
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class ColumnCandidate:
    """A column that may play `field`; the lower the `rank`, the surer its name."""

    field: str
    column: str
    rank: tuple[int, int, int]


def plain_name(column: str) -> str:
    """A column name as lower-case words without accents, articles or camel case."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", mended(column[:200]))
    words = re.findall(r"[a-z0-9]+", folded(spaced))
    return " ".join(word for word in words if word not in ARTICLES) or " ".join(words)


def candidates(columns: Sequence[str]) -> dict[str, list[ColumnCandidate]]:
    """For each field, the columns whose names suit it, the surest first."""
    found: dict[str, list[ColumnCandidate]] = {name: [] for name in NAMES}
    for position, column in enumerate(columns):
        for candidate in _roles(column, position):
            found[candidate.field].append(candidate)
    for options in found.values():
        options.sort(key=lambda candidate: candidate.rank)
    return found


def title_order(
    options: Sequence[ColumnCandidate], columns: Sequence[str]
) -> list[ColumnCandidate]:
    """Candidates for the title: "Nom du projet" comes before "Nom de la structure".

    A column that names who does it goes behind those that name what is done. In a directory of
    associations "Objet" is what each of them is for, and comes behind their names; beside sums of
    money it is what they are given for.
    """
    words = {option.column: set(plain_name(option.column).split()) for option in options}
    about_projects = [one for one in options if words[one.column] & PROJECT_WORDS]
    if not about_projects:
        if any(MONEY.search(plain_name(column)) for column in columns):
            return list(options)
        return sorted(options, key=lambda one: plain_name(one.column) in PURPOSES)
    return sorted(
        options,
        key=lambda one: (
            not words[one.column] & PROJECT_WORDS and bool(words[one.column] & ORGANISER_WORDS)
        ),
    )


def is_field_name(cell: str) -> bool:
    """Whether a cell is what columns are called, and nothing else."""
    return len(cell) <= 60 and plain_name(cell) in _ALIASES


def count_recognised(cells: Iterable[str]) -> int:
    """How many of these header cells name a known role."""
    return sum(bool(_roles(cell, 0)) for cell in list(cells)[:200] if 0 < len(cell) <= 200)


# Of a column that counts the rows of its sheet, and says nothing of any of them.
ROW_NUMBERS = "row_numbers"
# Of a column that moderators alone are to see; there may be several, each a field by its own name.
WITHHELD = "withheld"


def withheld_field(column: str) -> str:
    """The name in a mapping that withholds a column."""
    return f"{WITHHELD}:{column}"


def withheld_columns(mapping: Mapping[str, str]) -> frozenset[str]:
    """The columns of a mapping that moderators alone are to see."""
    return frozenset(column for name, column in mapping.items() if name.startswith(f"{WITHHELD}:"))


def check_mapping(mapping: Mapping[str, str], columns: Sequence[str]) -> dict[str, str]:
    """`mapping` with the fields' and columns' true names; "" forbids a field.

    Raises InvalidInput("mapping", …) for a field or a column that does not exist.
    """
    by_name = {plain_name(column): column for column in reversed(columns)}
    checked = {}
    for given, column in mapping.items():
        field = ALSO_CALLED.get(given.strip().lower(), given.strip().lower())
        is_withheld = field.startswith(f"{WITHHELD}:")
        if field not in NAMES and not is_withheld:
            known = ", ".join(NAMES)
            raise InvalidInput("mapping", f"unknown field {given!r}; fields are {known}")
        true_name = column if column in columns else by_name.get(plain_name(column), "")
        if column.strip() and not true_name:
            seen = seen_columns(columns)
            raise InvalidInput("mapping", f"no column {column!r} for {given!r}; columns are {seen}")
        if is_withheld:
            field = withheld_field(true_name)
        checked[field] = true_name if column.strip() else ""
    return checked


def seen_columns(columns: Sequence[str]) -> str:
    """The columns of a file for a message, not more than twenty."""
    shown = ", ".join(repr(column[:40]) for column in columns[:20]) or "none"
    return f"{shown} and {len(columns) - 20} more" if len(columns) > 20 else shown


def _roles(column: str, position: int) -> list[ColumnCandidate]:
    """The fields that a column may play: those of its surest reading only."""
    ranked: list[ColumnCandidate] = []
    for spelling in dict.fromkeys((column, column.rpartition(".")[2])):
        name = plain_name(spelling)
        if not OTHER_MEANINGS.isdisjoint(plain_name(column).split()):
            continue
        found = _by_name(column, name, position)
        if spelling != column:
            # What an object about something else than the row is called is no title of the row
            # ("location.name").
            outer = plain_name(column.rpartition(".")[0]).split()
            if not PARTS_OF_A_ROW.isdisjoint(outer):
                found = [one for one in found if one.field != "title"]
        ranked += found
    if not ranked:
        # What a header asks for that is a question of a form ("Quel est le nom du projet ?").
        words = plain_name(column).split()
        is_sentence = len(re.findall(r"\w+", column)) >= QUESTION_WORDS
        is_question = is_sentence or column.rstrip().endswith(("?", "*", ":"))
        if is_question and OTHER_MEANINGS.isdisjoint(words):
            asked = " ".join(words)
            field = next((field for field, pattern in QUESTIONS if re.search(pattern, asked)), "")
            if field:
                return [ColumnCandidate(field, column, (QUESTION_RANK, 0, position))]
    # The moment at which a form was filled in comes behind all that speaks of what it is about.
    if plain_name(column) in FORM_MOMENTS:
        ranked = [replace(one, rank=(QUESTION_RANK + 1, *one.rank[1:])) for one in ranked]
    surest = min((candidate.rank[0] for candidate in ranked), default=0)
    return [candidate for candidate in ranked if candidate.rank[0] == surest]


def _by_name(column: str, name: str, position: int) -> list[ColumnCandidate]:
    """Ranked 1 for an alias itself, 2 without padding, 3 and up where the name holds one."""
    words = name.split()
    core = " ".join(word for word in words if word not in PADDING)
    # Nothing but padding: what it is about is said by the first word that can say it.
    core = core or next((word for word in words[:-1] if word in PROJECT_WORDS), "")
    labelled = " ".join(words[1:]) if words[0:1] and words[0] in LABELS else ""
    found = []
    for alias, roles in _ALIASES.items():
        is_edge = core.startswith(f"{alias} ") or core.endswith(f" {alias}")
        if name == alias:
            tier = 1
        elif core == alias or labelled == alias:
            tier = 2
        elif is_edge and len(alias) >= SHORTEST_PREFIX:
            # The longest alias wins: "adresse code postal" is a postcode.
            tier = 100 - len(alias)
        else:
            continue
        is_partial = tier > 2 and not NOT_OF_A_TITLE.isdisjoint(core.split())
        found += [
            ColumnCandidate(field, column, (tier, index, position))
            for field, index in roles
            if not (is_partial and field == "title")
            and not (tier == 2 and core != alias and field not in LABELLED)
        ]
    return found


def _aliases() -> dict[str, list[tuple[str, int]]]:
    """Every alias with its fields and its place in each list."""
    roles: dict[str, list[tuple[str, int]]] = {}
    for field, names in NAMES.items():
        for index, name in enumerate(names):
            roles.setdefault(plain_name(name), []).append((field, index))
    return roles


_ALIASES = _aliases()
