"""Free words of themes, states and scales, French and English, onto our vocabularies.

Each table is read at the beginning of a word, without accents or case.
"""

import re
from collections import Counter
from functools import lru_cache
from typing import TypeVar

from mapservice.imports.text import words_of
from mapservice.initiatives.model import Scale, Status, Theme

Word = TypeVar("Word", Status, Scale)

THEME_STEMS: dict[Theme, tuple[str, ...]] = {
    Theme.ENVIRONNEMENT: (
        "environ ecolog energ climat biodivers natur dechet ramassage nettoyage recycl repar",
        "reemploi compost eaux? rivier river foret forest arbre sentier plage propre pollu",
        "espece faune flore zero_dechet transition sobriet jardin mangrove waste green",
    ),
    Theme.ALIMENTATION: (
        "aliment agricol agricultur agro maraich amap bio biolog cuisine epicer food farm ferme",
        "potager nourri cantine paysan permacult circuits?_courts?",
    ),
    Theme.MOBILITE: (
        "mobilit velos? cycl transport covoitur pieton voirie deplacement bike stationnement",
        "autopartage bus mobility",
    ),
    Theme.HABITAT: (
        "habit logement urban cadre_de_vie amenag quartier housing immobil construct renov",
        "batiment espaces?_publics?",
    ),
    Theme.SOLIDARITE: (
        "solidar social entraide insertion inclusi handicap sante sanitaire health citoyen",
        "democra droits? benevol precar senior aines? refugi egalit lien_social securit prevention",
        "france_services? accompagn demarche msap msf ccas mds",
    ),
    Theme.EDUCATION: (
        "educ format ecoles? scolai school jeun enfan sensibilis numeri digital epn apprend",
        "apprenti learn training univers mediation_numerique periscol creche petite_enfance",
        "espaces?_publics?_numeriques?",
    ),
    Theme.CULTURE: (
        "cultur patrimo arts? artist music musique musee theatr cinema mediath biblioth festi",
        "sport loisir media heritage danse livres? spectacle museum",
    ),
    Theme.ECONOMIE: (
        "economi[a-z]*(?:_sociale)?(?:_et_solidaire)? emploi entrepr commerc ess artisan",
        "coworking tiers_lieu jobs? business financ monnaie attractiv innov industr travail",
        "echange touris fablab fab_lab",
    ),
}
# Short stems that begin other words: these are whole words.
WHOLE_WORDS = frozenset(
    [
        *("bio", "bus", "ess", "epn", "msf", "mds"),
        *("arts?", "velos?", "eaux?", "livres?", "jobs?", "droits?"),
    ]
)

STATUS_WORDS: tuple[tuple[str, Status], ...] = (
    (r"non (?:retenu|laureat|selectionn)|refus|rejet|reject|declin", Status.REJECTED),
    (
        (
            r"(?:non|pas) (?:encore )?(?:demarr|commenc|termin|realis|acheve|lanc|debut|livr)"
            r"|not started|a venir|a realiser|prevu|planifi|planned|programm"
        ),
        Status.PUBLISHED,
    ),
    (r"brouillon|draft", Status.DRAFT),
    # What its source withholds is for a moderator to see first.
    (
        (
            r"en attente|pending|a (?:valider|moderer|verifier|publier|traiter|completer)|soumis"
            r"|submitted|depos"
            r"|(?:non|pas|jamais|un|not) ?(?:encore )?(?:valid|publi|moder|approuv|accept|verifi)"
            r"|(?:non|pas|not) visible"
            r"|depubli|masque|cache|prive|supprim|desactiv|invisible|hidden|private|deleted"
        ),
        Status.PENDING,
    ),
    (
        r"abandon|annul|archiv|cancel|inacti|suspend|fermee?\b|stopp|arret|withdrawn|retire",
        Status.ARCHIVED,
    ),
    (
        (
            r"finis?\b|finie|fin\b|termin|realis|acheve|livree?s?\b|clos|done|complete|finish"
            r"|inaugur|execut|solde"
        ),
        Status.DONE,
    ),
    (
        (
            r"travaux|etudes?\b|en cours|livraison|procedure|publie|publish|acti(?:f|ve)|ouverte?\b"
            r"|open|valide|ongoing|in progress|retenu|laureat|lance|demarr|conception|projet"
            r"|vote|running|programme|started|accept|evaluat"
        ),
        Status.PUBLISHED,
    ),
)

SCALE_WORDS: tuple[tuple[str, Scale], ...] = (
    (r"national|france\b|country", Scale.NATIONAL),
    (
        r"epci|intercommun|communaute|metropol|agglo|petr\b|syndicat|pays\b|(?:cc|ca|cu)\b",
        Scale.EPCI,
    ),
    (r"departement|conseil general", Scale.DEPARTEMENT),
    (r"region", Scale.REGION),
    (r"commun|municip|ville\b|local|quartier|arrondissement|mairie|city", Scale.COMMUNE),
)


EPCI_NAME = re.compile(
    r"(?:cc|ca|cu|c\.c\.|c\.a\.|communaute|communauté|metropole|métropole|epci)\b", re.IGNORECASE
)


def _theme_pattern() -> tuple[re.Pattern[str], list[Theme]]:
    """One pattern for all stems, the longest first, and the theme of each of its groups."""
    stems = [
        (stem, theme) for theme, lines in THEME_STEMS.items() for stem in " ".join(lines).split()
    ]
    stems.sort(key=lambda pair: -len(pair[0]))
    groups = [
        f"({stem.replace('_', ' ')}{chr(92) + 'b' if stem in WHOLE_WORDS else ''})"
        for stem, _ in stems
    ]
    return re.compile(rf"\b(?:{'|'.join(groups)})"), [theme for _, theme in stems]


THEME_PATTERN, THEME_OF_GROUP = _theme_pattern()


# Sources have few categories and states, and many rows of each.
@lru_cache(4096)
def read_theme(text: str) -> Theme:
    """The theme most often named in free words or a list of categories; the first if several.

    AUTRE where no stem is found.
    """
    claims = Counter(
        THEME_OF_GROUP[(match.lastindex or 1) - 1]
        for match in THEME_PATTERN.finditer(words_of(text))
    )
    return claims.most_common(1)[0][0] if claims else Theme.AUTRE


@lru_cache(1024)
def read_status(text: str) -> Status | None:
    """The state that a word names, None where it names none."""
    return _first(STATUS_WORDS, text)


@lru_cache(1024)
def read_scale(text: str) -> Scale | None:
    """The extent that a word names, None where it names none."""
    return _first(SCALE_WORDS, text)


def _first(table: tuple[tuple[str, Word], ...], text: str) -> Word | None:
    words = words_of(text)
    return next(
        (meaning for pattern, meaning in table if re.search(rf"\b(?:{pattern})", words)), None
    )
