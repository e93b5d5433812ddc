"""What the licence of a source lets others do, as far as its words tell."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class LicenceTerms:
    """A licence as its source wrote it, with what is known of it.

    `name` is its identifier (SPDX; fr-lo of data.gouv.fr for a Licence Ouverte of no told version),
    `path` where it can be read; both are "" for words that we do not know. `shares_alike`: what is
    made from such data must be under the same licence.
    """

    words: str
    name: str = ""
    path: str = ""
    forbids_reuse: bool = False
    shares_alike: bool = False


# Whoever publishes under these lets nobody publish anew, change or sell: no open data.
_FORBIDS = re.compile(
    r"\b(?:tous droits reserves|all rights reserved"
    r"|(?:reproduction|reutilisation|diffusion|rediffusion) (?:interdite|soumise a autorisation)"
    r"|usage (?:interne|prive|personnel)|licence proprietaire|proprietary licen[cs]e"
    r"|non ?commerciale?s?|(?:pas d|sans) (?:utilisation|usage) commerciale?"
    r"|no derivatives?|noderivs?|noderivatives|pas de modifications?|sans modifications?)\b"
    r"|\bcc(?: by)?(?: sa)? (?:nc|nd)\b|\bby (?:nc|nd)\b"
)
_CREATIVE_COMMONS = re.compile(
    r"\b(?:cc by|creative commons (?:attribution|paternite|by))\b(?P<alike>.*\b(?:sa|share ?alike"
    r"|partage(?: dans les memes conditions| a l identique)?)\b)?"
)
_VERSION = re.compile(r"\b([1-4]) ([0-9])\b")
_LICENCE_OUVERTE = re.compile(r"\b(?:licence ouverte|open licence|etalab|lov[12]|fr lo)\b")
_SECOND, _FIRST = re.compile(r"\b(?:lov2|v?2 0|v2)\b"), re.compile(r"\b(?:lov1|v?1 0|v1)\b")
_ODBL = re.compile(r"\b(?:odbl|open database licen[cs]e)\b")
_CC0 = re.compile(r"\b(?:cc0|cc zero)\b")
LICENCE_OUVERTE = "https://www.etalab.gouv.fr/licence-ouverte-open-licence/"
ODBL = "https://opendatacommons.org/licenses/odbl/1-0/"
CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"


# The rows of a file mostly tell the same ones.
@lru_cache(maxsize=1_000)
def terms_of(words: str) -> LicenceTerms:
    """Reads the words under which a source publishes; a version that they do not say is none."""
    # Small letters without accents; whatever is neither letter nor digit is one space.
    bare = "".join(
        sign for sign in unicodedata.normalize("NFKD", words) if not unicodedata.combining(sign)
    )
    plain = " ".join(re.sub(r"[^a-z0-9]+", " ", bare.lower()).split())
    if _FORBIDS.search(plain):
        return LicenceTerms(words, forbids_reuse=True)
    if _ODBL.search(plain):
        return LicenceTerms(words, "ODbL-1.0", ODBL, shares_alike=True)
    if _LICENCE_OUVERTE.search(plain):
        name = "fr-lo"
        if _SECOND.search(plain):
            name = "etalab-2.0"
        elif _FIRST.search(plain):
            name = "etalab-1.0"
        return LicenceTerms(words, name, LICENCE_OUVERTE)
    if _CC0.search(plain):
        return LicenceTerms(words, "CC0-1.0", CC0)
    if found := _CREATIVE_COMMONS.search(plain):
        kind = "by-sa" if found["alike"] else "by"
        version = _VERSION.search(plain)
        number = f"{version[1]}.{version[2]}" if version else ""
        return LicenceTerms(
            words,
            f"CC-{kind.upper()}-{number}".rstrip("-"),
            f"https://creativecommons.org/licenses/{kind}/{number}/" if number else "",
            shares_alike=bool(found["alike"]),
        )
    return LicenceTerms(words)


def forbids_reuse(words: str) -> bool:
    """Whether a licence keeps others from publishing such data anew."""
    return terms_of(words).forbids_reuse
