"""What a report on rows says, in the language of whoever reads it on a page.

Reports are written in English, as commands and other people's scripts read them, and sentences are
joined by "; ". The catalogue of phrases has each form of sentence in both languages: a sentence is
recognised by its English and said again in French. What a database or a library said stays as it
is.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from io import StringIO
from pathlib import Path

from mapservice.i18n import (
    LANGUAGE,
    NO_BREAK,
    SOURCE_LANGUAGE,
    catalogue,
    colon,
    gettext,
    level_label,
    listed,
    quoted,
    status_label,
)
from mapservice.imports.columns import NAMES
from mapservice.imports.row_reports import DELIMITER, inert

BETWEEN = "; "
# Longer than any report: what is not recognised by then is told as it is.
MOST_SENTENCES = 40
_HOLDER = re.compile(r"%\((\w+)\)s")
# What a holder stands for: a text of the file, between quotes where it may hold "; ", else …
_TEXT = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?:(?!; ).)+?"""
_KINDS = {"count": r"[\d.]+", "most": r"\d+", "row": r"\d+", "metres": r"\d+", "code": r"\w+"}
_COLUMN = r"(?:(?P<column>(?!\d+, )[^;]{1,200}?): )?"
_SHOWN = r"(?:: (?P<shown>commune|epci|departement|region))?"
_END = r"(?=; |$)"


# In the order of the modules that say them. A holder called `why` is a sentence of these itself.
_FORMS = (
    # What a row is that is no initiative.
    listed("une ligne vide"),
    listed("l’en-tête, une fois de plus"),
    listed("explique les colonnes : ce n’est pas une initiative"),
    listed("une ligne de totaux"),
    listed("décrit une personne : ce n’est pas une initiative"),
    listed("une seule cellule remplie : un intertitre ou une note, pas une initiative"),
    # Why it is not taken.
    listed("pas de titre, ni de description d’où en tirer un"),
    listed("la licence « %(licence)s » interdit la réutilisation"),
    listed("la personne qui l’a écrite ne veut pas qu’elle soit publiée"),
    listed("le titre « %(text)s » n’est qu’un nombre"),
    listed("identique à la ligne %(row)s"),
    listed("peut-être la même que la ligne %(row)s : même titre, même lieu"),
    listed("peut-être la même que %(id)s, déjà ici : même titre, même lieu"),
    listed("elle dit autre chose dans : %(columns)s"),
    listed("laissée de côté à votre demande"),
    listed("ne dit plus la même chose qu’avant dans : %(fields)s"),
    listed("reprend ce qui avait été importé sous le titre « %(text)s »"),
    listed("reprend une ligne déjà importée, corrigée depuis"),
    listed("son lieu était « %(text)s »"),
    listed("compte ses lignes (1, 2, 3…) : ce n’est pas un identifiant de la source"),
    listed("compte ses lignes (1, 2, 3…) : ce n’est pas un identifiant de la source ; non gardée"),
    listed("le code INSEE %(code)s est celui d’une autre commune (%(name)s)"),
    listed("aucune commune n’a le code INSEE %(code)s"),
    listed("le code postal %(code)s est celui d’autres communes (%(name)s)"),
    listed("un lieu proche est nommé, pas la commune elle-même"),
    listed("déjà ici : %(id)s, de la source « %(platform)s »"),
    listed("elle dit autre chose (%(fields)s), et rien n’a été changé ici"),
    listed("hors du territoire de qui importe"),
    listed("son lieu n’est pas reconnu : elle pourrait être hors du territoire de qui importe"),
    listed("elle ne nomme aucun lieu : elle pourrait être hors du territoire de qui importe"),
    listed("son lieu n’est pas sûr : elle pourrait être hors du territoire de qui importe"),
    listed("hors du territoire de qui importe, ou sans lieu sûr"),
    listed("ce qui en avait été importé a quitté la carte"),
    listed("n’est plus dans le fichier : archivée"),
    listed("ligne trop longue pour être lue"),
    listed("ses guillemets ne se ferment pas"),
    listed("ses guillemets ne se ferment pas ou ne sont pas doublés"),
    listed(
        "la ligne a %(count)s cellules pour %(most)s colonnes : un séparateur dans une cellule "
        "n’est pas entre guillemets"
    ),
    listed("une propriété a trop de niveaux"),
    listed("n’est pas un objet GeoJSON"),
    # What was mended, cut or left out.
    listed("%(count)s caractères, coupés à %(most)s"),
    listed("%(count)s caractères, coupés à %(most)s ; gardés en entier comme description"),
    listed("non gardée, la ligne en dit trop"),
    listed("données personnelles, non montrées : %(columns)s"),
    listed("nomme peut-être une personne : doit-elle être publique ?"),
    listed(
        "nomme peut-être une personne : doit-elle être publique ? La modération la verra d’abord"
    ),
    listed("« %(text)s » est déjà à la ligne %(row)s"),
    listed("« %(text)s » n’est pas un état connu ; la modération la verra d’abord"),
    listed("« %(text)s » n’est pas un jour ; date tenue pour inconnue"),
    listed("« %(text)s » précède la création ; date tenue pour inconnue"),
    listed("« %(text)s » est dans le futur ; date tenue pour inconnue"),
    listed("« %(text)s » n’est pas une date ; gardé tel quel"),
    listed("« %(text)s » n’est pas un code postal ; gardé tel quel"),
    listed("« %(text)s » n’est pas un code INSEE ; gardé tel quel"),
    listed("« %(text)s » lu comme « %(other)s » (un zéro s’était perdu devant)"),
    listed("« %(text)s » n’est pas une adresse web ; gardé tel quel"),
    listed("sans réponse ; la modération la verra d’abord"),
    listed("contient un numéro de mobile : doit-il être public ? La modération la verra d’abord"),
    listed(
        "contient l’adresse mail d’une personne : doit-elle être publique ? La modération la "
        "verra d’abord"
    ),
    listed("vide ; les premiers mots de la description en tiennent lieu"),
    listed("« %(text)s » n’est pas un titre ; la catégorie en tient lieu"),
    # Points and shapes.
    listed("la géométrie ne peut pas être lue"),
    listed("ne peut pas être lue"),
    listed("le point est mal écrit"),
    listed("un tracé (%(kind)s) ne donne pas de point exact, donc pas d’épingle"),
    listed("les coordonnées sont incomplètes ou ne sont pas des nombres ; gardées telles quelles"),
    listed("0, 0 n’est pas un lieu en France ; laissé de côté"),
    listed("latitude et longitude étaient inversées ; remises en ordre"),
    listed("x et y étaient inversés ; remis en ordre"),
    listed("%(pair)s est hors du monde ; laissé de côté"),
    listed("%(pair)s n’est d’aucun système utilisé en France ; laissé de côté"),
    listed("%(pair)s est hors de France"),
    listed("le point est arrondi à une dizaine de kilomètres"),
    listed("le point est arrondi à un kilomètre environ"),
    listed("le point est partagé par %(count)s lignes sans adresse"),
    listed("le point est partagé par %(count)s lignes qui n’ont pas la même adresse"),
    listed("le point est le centre d’un territoire (%(level)s %(code)s), pas une adresse"),
    listed("le point est le milieu d’un territoire (%(level)s %(code)s), pas une adresse"),
    listed("le tracé (%(kind)s) est surtout en mer ou à l’étranger"),
    listed(
        "le tracé (%(kind)s) est dans %(places)s ; il ne donne pas d’épingle"
    ),
    listed("les mots disent autre chose"),
    listed("lu en %(system)s"),
    listed("coordonnées lues en %(system)s"),
    # What the geocoder says of a place.
    listed("le point est en mer ou à l’étranger"),
    listed("le point est dans %(code)s, les mots disent autre chose"),
    listed("le point est dans %(code)s et décide, seul le nom de %(other)s est donné"),
    listed("le point décide"),
    listed("les mots décident, le point est à %(metres)s m hors de ce contour, dans %(code)s"),
    listed(
        "les mots décident, le point est à %(metres)s m hors de ce contour, dans aucune commune"
    ),
    listed("le texte parle d’un autre pays (%(country)s)"),
    listed("une ville étrangère porte ce nom, tel qu’il est écrit"),
    listed("le code postal n’est dans aucun département connu"),
    listed("tout le pays est nommé"),
    listed("aucune commune n’est nommée"),
    listed("seul un département ou une région est nommé"),
    listed("le nom et le code INSEE se contredisent"),
    listed("d’après le sujet du fichier"),
    listed("seule une rue est nommée, et elle porte le nom de la commune"),
    listed("seuls une rue ou un lieu dans une commune sont nommés"),
    listed("le code postal et le nom conviennent à plusieurs communes"),
    listed("le nom n’est qu’à %(count)s %% celui de la commune"),
    listed("le code postal dessert %(count)s communes et aucune ne s’appelle %(name)s"),
    listed("le code postal dessert %(count)s communes et aucun nom ne dit laquelle"),
    listed("le nom et le code postal désignent des communes différentes"),
    listed("le code postal n’est qu’à cette commune, %(name)s n’est connu qu’ailleurs"),
    listed("le code postal n’est qu’à cette commune, le nom n’a pas été reconnu"),
    listed("plusieurs communes portent le nom %(name)s"),
    listed("%(name)s est nommé aussi"),
    listed("le nom est dans celui d’une rue ou d’un autre lieu"),
    listed("le département donné est un autre"),
    listed("le code donné est d’un autre département"),
    listed("le code postal est celui d’autres communes"),
    listed("le code postal est celui d’autres communes, %(code)s est celui de la commune"),
    listed("un groupement de communes est nommé, pas une commune"),
    listed("un département ou une région porte aussi ce nom"),
    listed("le nom abrège peut-être celui d’une ville plus grande"),
    listed("le nom est aussi un mot courant"),
    listed("le nom fait peut-être partie d’un plus long"),
    listed("le nom est celui d’une ancienne commune, et d’autres s’en approchent"),
    listed("une autre commune, ou une ancienne, a presque le même nom"),
    listed("le nom fait peut-être partie de celui de la rue"),
    listed("aucun nom du texte n’est assez proche de celui d’une commune"),
    listed("le code postal et le nom mal écrit désignent des communes différentes"),
    listed("le nom est mal écrit et plusieurs en sont aussi proches"),
    listed("le point du service d’adresses est dans %(code)s, les mots disent %(other)s"),
    listed("le service d’adresses n’a pas répondu"),
    listed("le service d’adresses ne connaît pas cette rue"),
    listed("le service d’adresses ne connaît pas cette rue : il répond par « %(kind)s »"),
    listed(
        "le service d’adresses ne connaît pas cette rue : sa meilleure réponse n’a que %(score)s"
    ),
    listed("point du service d’adresses (%(kind)s, %(score)s)"),
    # How a file was read.
    listed(
        "la couche « %(text)s » n’est pas lue : pas de titre parmi ses colonnes, ou pas de ligne"
    ),
    listed("%(system)s : système inconnu ; le système des coordonnées est déduit de leurs valeurs"),
    listed("la colonne « %(text)s » apparaît plus d’une fois"),
    listed("il n’y a pas d’en-tête : la première ligne est comme les autres, et elle est lue"),
    listed("la feuille « %(text)s » est masquée : non lue"),
    listed("la feuille « %(text)s » a des lignes masquées, qui sont lues aussi : %(count)s"),
    listed("la feuille « %(text)s » est lue"),
    listed("les feuilles %(sheets)s sont lues comme un seul tableau"),
    listed(
        "la feuille « %(text)s » (%(count)s lignes) n’est pas lue : ses colonnes ne sont pas "
        "celles de « %(other)s »"
    ),
    listed("la feuille « %(text)s » n’est pas lue : %(why)s"),
    listed("le fichier est vide"),
    listed(
        "%(count)s formules (colonnes %(columns)s) n’ont pas de valeur enregistrée et sont lues "
        "comme vides : ouvrez le fichier dans un tableur, enregistrez-le et déposez-le de nouveau"
    ),
    listed("un en-tête et aucune ligne dessous"),
    listed(
        "une liste tirée de ce service : ses comptes, les noms de territoires et la précision sont "
        "recalculés"
    ),
    listed("pas de .prj : le système des coordonnées est déduit de leurs valeurs"),
    listed("système inconnu ; le système des coordonnées est déduit de leurs valeurs"),
    listed("toutes les lignes sont dans la commune %(code)s"),
    listed("ses premiers mots tiennent lieu de titres, car aucune colonne n’en contient"),
    listed("lue comme l’accord pour publier une ligne"),
    listed("lue comme l’accord pour publier ses contacts"),
    listed("le porteur nomme le lieu"),
    listed("prise pour %(field)s à votre demande, bien qu’elle %(why)s"),
    listed("prise pour le titre, car « %(text)s » nomme qui agit"),
    listed("prise pour le titre, car « %(text)s » dit à quoi elle sert"),
    listed("reconnue comme %(field)s par ses cellules : %(why)s"),
    listed("pas un titre, elle %(why)s ; gardée telle quelle"),
    listed("pas un titre, elle %(why)s ; lue comme %(field)s"),
    listed("ses cellules ne ressemblent pas à %(field)s"),
    listed("ses cellules ne ressemblent pas à %(field)s ; gardée telle quelle"),
    listed("ses cellules ne ressemblent pas à %(field)s ; lue comme %(role)s"),
    # … and what its columns hold.
    listed("contient des cellules qui ne ressemblent pas à %(field)s"),
    listed("contient des nombres, des codes, des dates ou des adresses de pages"),
    listed("contient des noms de communes, d’intercommunalités ou d’autres territoires"),
    listed("contient des civilités"),
    listed("contient %(count)s textes différents sur %(most)s lignes qui diffèrent"),
    listed("est à côté de prénoms : elle contient des personnes"),
    listed("contient des noms de colonnes : le tableau est peut-être couché"),
    listed("des degrés situés en France, avec une autre colonne"),
    listed("les seuls textes courts qui changent d’une ligne à l’autre"),
    listed("des paires de coordonnées en France"),
    listed("des noms de communes"),
    listed("des géométries"),
    # Why a run cannot be undone.
    listed(
        "L’import n° %(row)s a changé %(count)s de ces initiatives depuis : annulez-le d’abord."
    ),
    listed("L’import n° %(row)s est déjà annulé."),
    listed("L’import n° %(row)s est encore en cours."),
    # Why a file is not read at all.
    listed("aucune colonne pour le titre. %(hint)s"),
    listed("aucune colonne pour le titre"),
    listed("les guillemets ne se ferment pas dans tout le fichier"),
    listed("aucune couche ne contient de ligne"),
    listed("a plus de %(most)s colonnes"),
    listed("a plus de %(most)s propriétés"),
    listed("a %(count)s colonnes ; au plus %(most)s sont lues"),
    listed("est un fichier SQLite, mais pas un GeoPackage"),
    listed("n’est pas un GeoPackage (pas d’en-tête SQLite)"),
    listed("le GeoPackage est abîmé (%(detail)s)"),
    listed("la couche « %(text)s » ne peut pas être lue"),
    listed("« %(text)s » doit être une simple table"),
    listed(
        "contient un déclencheur (« %(text)s ») : exportez la couche dans un nouveau GeoPackage"
    ),
    listed("dépasse %(most)s Mio"),
    listed("une fois décompressé, dépasse %(most)s Mio"),
    listed("l’archive gzip est abîmée"),
    listed("l’archive zip ne peut pas être lue"),
    listed("l’archive doit contenir un seul tableau ; elle en contient %(count)s"),
    listed("l’archive doit contenir un seul Shapefile ; elle en contient %(count)s : %(names)s"),
    listed("contient une archive dans une archive"),
    listed("est un document sans feuille"),
    listed("est une page web ou du XML, pas un tableau"),
    listed("contient des données binaires, pas du texte"),
    listed("prend trop de temps à lire"),
    listed("est trop grand pour être lu, ou abîmé ; enregistrez-le en CSV (UTF-8)"),
    listed("aucune feuille visible ne contient de tableau"),
    listed(
        "JSON de plus de %(most)s Mio ; envoyez-le en GeoJSONSeq (un objet par ligne) ou en "
        "GeoPackage"
    ),
    listed("JSON mal formé à la ligne %(row)s, colonne %(most)s (%(detail)s)"),
    listed("JSON mal formé (un nombre est trop long)"),
    listed("le JSON a trop de niveaux"),
    listed("JSON sans FeatureCollection, ni Feature, ni liste d’objets"),
    listed("est du TopoJSON ; convertissez-le en GeoJSON"),
    listed("aucune de ses lignes n’est un objet GeoJSON"),
    listed("ne contient aucun objet"),
    listed("ne contient aucune ligne"),
    listed("ne contient aucun lieu"),
    listed("le Shapefile ne contient aucune ligne"),
    listed("il manque au Shapefile son fichier %(detail)s"),
    listed("le Shapefile est abîmé"),
    listed("déclare un type de document ou des entités, dont aucune carte n’a besoin : non lu"),
    listed(
        "renvoie à des données ailleurs (NetworkLink) ; rien n’est téléchargé : enregistrez les "
        "lieux eux-mêmes, en KML ou KMZ"
    ),
    listed("XML mal formé à la ligne %(row)s (%(detail)s)"),
    listed("a trop de niveaux"),
    listed("un de ses lieux est trop grand pour être lu"),
    listed("son encodage est inconnu"),
    listed("a %(count)s colonnes ; 1 à %(most)s sont lues"),
    listed("ne contient ni point, ni route, ni trace"),
    listed(
        "est un ancien classeur Excel, ou protégé par un mot de passe : enregistrez-le en XLSX, "
        "sans mot de passe"
    ),
    listed("est un PDF : seul un tableau peut être importé"),
    listed(
        "est un calendrier, dont les entrées sont des événements et non des initiatives : une "
        "source d’événements s’ajoute par son adresse (`mapservice sources add`)"
    ),
    listed("est compressé par bzip2 : décompressez-le d’abord"),
    listed("est compressé par xz : décompressez-le d’abord"),
    listed("est une archive 7-Zip : décompressez-la d’abord"),
    listed("est une archive RAR : décompressez-la d’abord"),
    listed("ne peut pas être lu (%(detail)s)"),
    listed(
        "est un paquet de %(count)s tableaux : un paquet de ce service se reprend par "
        "`mapservice initiatives import`"
    ),
    listed("ses géométries sont écrites en %(detail)s, pas en WKB"),
    listed("le classeur ne peut pas être lu (%(detail)s)"),
    listed("la feuille %(text)s ne peut pas être lue (%(detail)s)"),
    listed("le classeur est abîmé"),
    listed("le classeur a plus de %(most)s parties"),
    listed("le fichier Parquet ne peut pas être lu (%(detail)s)"),
    listed("le fichier Parquet est abîmé (%(detail)s)"),
    listed("est trop grand pour être lu"),
    listed(
        "%(text)s déclare un type de document ou des entités, dont aucun tableur n’a besoin : "
        "non lu"
    ),
    listed("des codes INSEE de communes"),
)  # fmt: skip


def field_words() -> dict[str, str]:
    """What each field is called, in the order of the choices."""
    words = {
        "title": gettext("Titre"),
        "summary": gettext("Résumé"),
        "description": gettext("Description"),
        "theme": gettext("Thème"),
        "address": gettext("Adresse"),
        "postcode": gettext("Code postal"),
        "city": gettext("Commune"),
        "citycode": gettext("Code INSEE"),
        "departement": gettext("Département"),
        "arrondissement": gettext("Arrondissement"),
        "lat": gettext("Latitude, ou Y"),
        "lon": gettext("Longitude, ou X"),
        "point": gettext("Coordonnées en une colonne"),
        "shape": gettext("Tracé"),
        "created_on": gettext("Date de création"),
        "updated_on": gettext("Date de mise à jour"),
        "status": gettext("État"),
        "scale": gettext("Échelle"),
        "bearer": gettext("Porteur"),
        "url": gettext("Page web"),
        "licence": gettext("Licence"),
        "external_id": gettext("Identifiant"),
    }
    assert words.keys() == NAMES.keys(), "every field has its words"
    return words


@dataclass(frozen=True, slots=True)
class SentenceForm:
    """A sentence that reports say: its French, its English as a pattern, and the longest part of it
    that stands in each such sentence."""

    french: str
    pattern: re.Pattern[str]
    telling: str


def report_words(told: str) -> str:
    """What a report says, in the language of the request; "" where a part of it is not known.

    In English it is what was told.
    """
    return told if LANGUAGE.get() != SOURCE_LANGUAGE else _in_french(told)


def report_in_words(path: Path) -> Iterator[str]:
    """The lines of a report's file in the language of the request; in English, as it was written.

    A reason that is not known in that language stays as it was told.
    """
    is_translated = LANGUAGE.get() == SOURCE_LANGUAGE
    headings, outcomes = heading_words(), outcome_words()
    with path.open(encoding="utf-8-sig", newline="") as opened:
        rows = csv.reader(opened, delimiter=DELIMITER)
        names = next(rows, [])
        yield "\ufeff" + _line([headings.get(n, n) for n in names] if is_translated else names)
        for row in rows:
            cells = dict(zip(names, row, strict=False))
            if is_translated:
                cells["outcome"] = outcomes.get(cells.get("outcome", ""), cells.get("outcome", ""))
                if cells.get("status"):
                    cells["status"] = status_label(cells["status"])
                if told := cells.get("precision"):
                    cells["precision"] = precision_words().get(told) or level_label(told)
            if told := cells.get("reason"):
                cells["reason"] = inert(report_words(told) or told)
            yield _line([cells[name] for name in names])


def heading_words() -> dict[str, str]:
    """What the columns of a report are called."""
    return {
        "row": gettext("rang"),
        "outcome": gettext("résultat"),
        "source_id": gettext("identifiant dans la source"),
        "title": gettext("titre"),
        "place": gettext("lieu donné"),
        "precision": gettext("lieu connu à"),
        "commune": gettext("commune (code INSEE)"),
        "match_status": gettext("reconnaissance du lieu"),
        "score": gettext("score du lieu"),
        "reason": gettext("remarques"),
        "territory": gettext("territoire (code)"),
        "lon": gettext("longitude"),
        "lat": gettext("latitude"),
        "status": gettext("état"),
        "line": gettext("ligne du fichier"),
    }


def precision_words() -> dict[str, str]:
    """How finely a place is known, where that is no level of territories."""
    return {
        "point": gettext("point exact"),
        "national": gettext("tout le pays"),
        "none": gettext("lieu inconnu"),
    }


def outcome_words() -> dict[str, str]:
    """What becomes of rows, in a word or two."""
    return {
        "imported": gettext("nouvelle"),
        "updated": gettext("changée"),
        "unchanged": gettext("inchangée"),
        "to_review": gettext("lieu à vérifier"),
        "repeated": gettext("répétée, à vérifier"),
        "rejected": gettext("refusée"),
        "merged": gettext("identique à une autre ligne"),
        "skipped": gettext("écartée"),
        "elsewhere": gettext("déjà ici"),
        "gone": gettext("archivée"),
    }


def _line(cells: list[str]) -> str:
    written = StringIO()
    csv.writer(written, delimiter=DELIMITER).writerow(cells)
    return written.getvalue()


@lru_cache(maxsize=20_000)
def _in_french(told: str) -> str:
    sentences = _said_again(told, 0)
    return f"{NO_BREAK}; ".join(sentences) if sentences else ""


def _said_again(told: str, depth: int) -> list[str] | None:
    """Each sentence in French, or None where not all are recognised."""
    if depth > MOST_SENTENCES:
        return None
    for form in _forms():
        found = form.pattern.match(told) if form.telling in told else None
        if found is None:
            continue
        rest = told[found.end() + len(BETWEEN) :]
        following = _said_again(rest, depth + 1) if rest else []
        if following is not None and (said := _filled(form, found)):
            return [said, *following]
    return None


def _filled(form: SentenceForm, found: re.Match[str]) -> str:
    values = {name: _unquoted(value or "") for name, value in found.groupdict().items()}
    column, shown = values.pop("column"), values.pop("shown")
    if "why" in values and not (values := values | {"why": _in_french(values["why"])})["why"]:
        return ""
    fields = field_words()
    for name in ("field", "role"):
        if name in values:
            values[name] = quoted(fields.get(values[name], values[name]))
    if "fields" in values:
        words = fields | {"facts": gettext("Informations pratiques"), "place": gettext("Lieu")}
        names = values["fields"].split(", ")
        values["fields"] = ", ".join(words.get(name, name) for name in names)
    if "level" in values:
        values["level"] = level_label(values["level"])
    said = gettext(form.french, **values)
    said = f"{column}{colon()}{said}" if column else said
    return f"{said} ({level_label(shown)})" if shown else said


def _unquoted(text: str) -> str:
    """Without the quotes of Python around a text of the file."""
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if is_quoted else text


@cache
def _forms() -> tuple[SentenceForm, ...]:
    # The longest first: of two that fit, it says more.
    made = map(_form, _FORMS)
    return tuple(sorted(made, key=lambda form: len(form.telling), reverse=True))


def _form(french: str) -> SentenceForm:
    english = catalogue("en").gettext(french)
    parts = list(_parts(english))
    pattern = "".join(
        f"(?P<{part}>{_KINDS.get(part, _TEXT)})" if is_holder else re.escape(part)
        for is_holder, part in parts
    )
    telling = max((part for is_holder, part in parts if not is_holder), key=len)
    return SentenceForm(french, re.compile(f"{_COLUMN}{pattern}{_SHOWN}{_END}", re.DOTALL), telling)


def _parts(phrase: str) -> Iterator[tuple[bool, str]]:
    """The holders and the words between them, whether each is a holder told first."""
    for index, part in enumerate(_HOLDER.split(phrase)):
        if part:
            yield index % 2 == 1, part.replace("%%", "%")
