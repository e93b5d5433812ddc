"""The street address in the place fields of a row: one street makes a shared point a true one."""

import re

from mapservice.geocoding.matching.vocabulary import FACILITIES, LINKERS, STREET_TYPES
from mapservice.imports.text import words_of

# Spellings of one street that files mix.
SHORT_FORMS = {
    **dict.fromkeys(("av", "ave"), "avenue"),
    **dict.fromkeys(("bd", "bld", "bvd", "blvd", "boul", "boulevart"), "boulevard"),
    **dict.fromkeys(("r", "ru"), "rue"),
    **dict.fromkeys(("pl", "plc"), "place"),
    **dict.fromkeys(("ch", "che", "chem"), "chemin"),
    **dict.fromkeys(("rte",), "route"),
    **dict.fromkeys(("imp",), "impasse"),
    **dict.fromkeys(("all", "allees"), "allee"),
    **dict.fromkeys(("sq",), "square"),
    **dict.fromkeys(("fg", "fbg"), "faubourg"),
    **dict.fromkeys(("qu", "quai", "quais"), "quai"),
    **dict.fromkeys(("st",), "saint"),
    **dict.fromkeys(("ste",), "sainte"),
}
STREETS = STREET_TYPES - {"r", "re", "ru", "che", "ch", "sen", "mte", "plan", "pass", "gal", "tra"}
# Buildings that a commune has one or few of; "commune" and "ville" are none.
_OF_A_TOWN = "commune ville communaute agglomeration metropole association comite club"
_MORE = "maison foyer ferme hameau residence immeuble moulin parc jardin tiers espace centre za zi"
BUILDINGS = (FACILITIES - set(_OF_A_TOWN.split())) | set(
    f"{_MORE} zac zae zone lieudit lieu".split()
)
# Of a town as a whole: "centre bourg" names no building.
WHOLE_TOWN = frozenset(
    ["centre", "bourg", "ville", "village", "commune", "annexe", "france", "cedex"]
)
# The kind of the street and two words of its name: what follows may be anything ("hébergé par…").
KEY_WORDS = 3
NUMBER = re.compile(r"\d{1,4}(?:bis|ter|[a-d])?")


def street_key(address: str, city: str = "") -> str:
    """A street address, a building or a numbered place, spelt one way; "" where there is none.

    "Maison des associations, 12 rue Joseph Cugnot, bât. B" and "12, r. Joseph-Cugnot" are one key:
    the street with its number decides where there is one.
    """
    if not address:
        return ""
    town = [SHORT_FORMS.get(word, word) for word in words_of(city).split()]
    flat: list[list[str]] = []
    for segment in re.split(r"[,;\n()]|\s[-–]\s", address):
        kept = [SHORT_FORMS.get(word, word) for word in words_of(segment).split()]
        # Without the postcode and the town that end an address written in one line.
        codes = [index for index, word in enumerate(kept) if re.fullmatch(r"\d{5}", word)]
        kept = kept[: codes[0]] if codes else kept
        if town and kept[-len(town) :] == town:
            kept = kept[: -len(town)]
        if flat and len(flat[-1]) == 1 and NUMBER.fullmatch(flat[-1][0]):
            kept = flat.pop() + kept  # "12, rue X"
        if kept:
            flat.append(kept)
    for words in flat:
        if key := _street(words):
            return key
    return next((key for words in flat if (key := _building(words))), "")


def _street(words: list[str]) -> str:
    for index, word in enumerate(words):
        if word in STREETS:
            number = words[index - 1 : index] if index else []
            if index > 1 and number in (["bis"], ["ter"], ["a"], ["b"], ["c"]):
                number = words[index - 2 : index]
            kept = number if number and NUMBER.match(number[0]) else []
            named = [other for other in words[index:] if other not in LINKERS]
            if len(named) > 1:
                return " ".join([*kept, *named[:KEY_WORDS]])
    return "grande rue" if words[:2] == ["grande", "rue"] else ""


def _building(words: list[str]) -> str:
    named = [word for word in words if word not in LINKERS]
    if named == ["mairie"] or named[:2] == ["hotel", "ville"]:
        return "mairie"
    if not named or set(named) <= WHOLE_TOWN:
        return ""
    is_numbered = NUMBER.fullmatch(named[0]) is not None and len(named) > 1
    return " ".join(named) if is_numbered or not BUILDINGS.isdisjoint(named) else ""
