"""Names of French places with their article, and the phrases that they form.

INSEE gives each name without its article, plus a one-digit code (TNCC, "type de nom en clair")
that says which article and which linking words go with it.
"""

# INSEE, code officiel géographique, variable TNCC. 1 is a name in a vowel or mute h: "d'Angers".
ARTICLES = {
    "0": "",
    "1": "",
    "2": "Le",
    "3": "La",
    "4": "Les",
    "5": "L'",
    "6": "Aux",
    "7": "Las",
    "8": "Los",
}

_CONTRACTED_AT = {"Le": "au", "Les": "aux"}
_CONTRACTED_OF = {"Le": "du", "Les": "des"}
_VOWELS = "aàâäeéèêëiîïoôöuùûüyœæ"


def article_of(tncc: str) -> str:
    """The article alone ("La", "L'", or ""). Raises KeyError for a code INSEE doesn't define."""
    return ARTICLES[tncc]


def with_article(article: str, name: str) -> str:
    """ "L'" + "Haÿ-les-Roses" → "L'Haÿ-les-Roses"; "La" + "Rochelle" → "La Rochelle"."""
    return f"{article}{name}" if article in ("", "L'") else f"{article} {name}"


def at_commune(name: str, article: str) -> str:
    """ "à La Rochelle", "au Mans", "aux Sables-d'Olonne"; `name` carries its article."""
    if article in _CONTRACTED_AT:
        return f"{_CONTRACTED_AT[article]} {_bare(name, article)}"
    return f"à {name}"


def of_commune(name: str, article: str) -> str:
    """ "de La Rochelle", "du Mans", "des Sables-d'Olonne", "d'Angers"; `name` with its article."""
    if article in _CONTRACTED_OF:
        return f"{_CONTRACTED_OF[article]} {_bare(name, article)}"
    return f"d'{name}" if name[:1].lower() in _VOWELS else f"de {name}"


def _bare(name: str, article: str) -> str:
    return name.removeprefix(article).lstrip()


# Said with "à", as towns and islands are.
_LIKE_TOWNS = frozenset({"Paris", "Mayotte", "La Réunion", "Saint-Pierre-et-Miquelon"})


def in_departement(name: str, article: str) -> str:
    """ "dans l'Ain", "dans les Landes", "en Ille-et-Vilaine"; `name` without its article."""
    if name in _LIKE_TOWNS:
        return f"à {name}"
    if not article:
        return f"en {name}"
    return f"dans {with_article(article.lower(), name)}" if article != "L'" else f"dans l'{name}"


def in_region(name: str, article: str) -> str:
    """ "en Bretagne", "dans les Hauts-de-France", "à La Réunion"; `name` without its article."""
    if name in _LIKE_TOWNS:
        return f"à {name}"
    if article in ("Le", "Les"):
        return f"dans {article.lower()} {name}"
    return f"en {name}"
