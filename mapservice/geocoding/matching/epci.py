"""Names of intercommunalités as people write them: `CC DES COEVRONS`, "Rennes Métropole"."""

from collections.abc import Iterable

from rapidfuzz import fuzz, process

from mapservice.geocoding.matching.normalise import normalise
from mapservice.geocoding.weights import EPCI_LIKENESS

# Words that say "this is an EPCI", and those that carry no name.
MARKERS = frozenset({"cc", "ca", "cu", "cdc", "metropole", "communaute", "agglo", "agglomeration"})
EMPTY = frozenset({"de", "du", "des", "d", "la", "le", "les", "l", "et", "en", "a", "au", "aux"})
EMPTY |= {"sur", "commune", "communes", "urbaine", "pays", "epci", "intercommunalite"}


class EpciNames:
    """Finds an EPCI by its name without its legal form; homonyms are left out."""

    def __init__(self, names: Iterable[tuple[str, str]]) -> None:
        by_key: dict[str, set[str]] = {}
        for code, name in names:
            by_key.setdefault(_key(name), set()).add(code)
        self._codes = {key: codes.pop() for key, codes in by_key.items() if key and len(codes) == 1}

    def find(self, text: str) -> str | None:
        """The SIREN code: for a name as it stands, or a like one where the text says it is one."""
        key = _key(text)
        if key in self._codes:
            return self._codes[key]
        if not key or not says_epci(text):
            return None
        best = process.extractOne(
            key, self._codes.keys(), scorer=fuzz.ratio, score_cutoff=EPCI_LIKENESS
        )
        return self._codes[best[0]] if best else None


def says_epci(text: str) -> bool:
    return not MARKERS.isdisjoint(normalise(text).split())


def same_name(one: str, other: str) -> bool:
    """Whether two names differ at most in articles, legal form and spelling of marks."""
    return _key(one) == _key(other)


def _key(text: str) -> str:
    words = (word for word in normalise(text[:200]).split() if word not in MARKERS | EMPTY)
    return " ".join(words)
