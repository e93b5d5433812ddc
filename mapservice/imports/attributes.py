"""Columns that no field takes: what each holds, which of its cells are about persons, and its
values by type.

Nothing of a file is lost: such cells are kept beside the initiative (`initiative_detail`), those
about persons apart from the others, so that no page and no export can show them by mistake.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mapservice.imports.columns import FORM_MOMENTS, plain_name
from mapservice.imports.dates import is_day, is_serial, read_date
from mapservice.imports.readers.tables import SourceRecord
from mapservice.imports.text import block, is_placeholder, one_line, shortened, words_of

VALUE_LENGTH = 2_000
KEY_LENGTH = 100
MOST_BYTES = 60_000
ENOUGH = 0.95


class ColumnKind(StrEnum):
    """What a column is about, where that is known; else its type."""

    OPENING_HOURS = "opening_hours"
    START = "start"
    END = "end"
    PRICE = "price"
    ACCESS = "access"
    WEBSITE = "website"
    TAGS = "tags"
    AUDIENCE = "audience"
    ORGANISER = "organiser"
    EMAIL = "email"
    PHONE = "phone"
    IMAGE = "image"
    PERSON = "person"
    CONSENT = "consent"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TEXT = "text"


# By the words of a column's name, the first that fits; accents, case and articles do not count.
KIND_WORDS: tuple[tuple[ColumnKind, str], ...] = (
    (
        ColumnKind.PERSON,
        (
            r"\b(?:prenom|civilite|first name|last name|surname|nom famille|date naissance|auteur"
            r"|author|votre nom|your name"
            r"|nom (?:referent|responsable|contact|president|beneficiaire|demandeur|prenom|maire)"
            r"|(?:referent|responsable|president|contact|interlocuteur|correspondant|demandeur)e?s?"
            r"(?: \w+)? (?:nom|name))\b"
            r"|^(?:(?:referent|responsable|president|interlocuteur|correspondant|demandeur)e?s?"
            r"|contacts?|contact person|personnes? (?:contact|ressource|referente)|maire|elu)$"
        ),
    ),
    (ColumnKind.EMAIL, r"\b(?:e ?mails?|mails?|courriels?|adresse (?:mail|electronique))\b"),
    (
        ColumnKind.PHONE,
        r"\b(?:tel|tels|telephones?|phone|fax|mobiles?|portables?|gsm|numero telephone)\b",
    ),
    (
        ColumnKind.OPENING_HOURS,
        r"\b(?:horaires?|heures? ouverture|opening hours?|openhours|permanences?)\b",
    ),
    (ColumnKind.START, r"\b(?:date debut|debut|start|start date|begin|commence)\b"),
    (ColumnKind.END, r"\b(?:date fin|fin|end|end date)\b"),
    (
        ColumnKind.PRICE,
        r"\b(?:tarifs?|prix|price|cost|couts?|gratuit|gratuite|montants?|budgets?|cotisation|fee)\b",
    ),
    (
        ColumnKind.ACCESS,
        r"\b(?:accessibilite|accessible|pmr|handicap|fauteuil|wheelchair|accessibility)\b",
    ),
    (
        ColumnKind.IMAGE,
        r"\b(?:images?|photos?|pictures?|logos?|vignette|thumbnail|illustration)\b",
    ),
    (
        ColumnKind.WEBSITE,
        r"\b(?:site|website|web|url|lien|link|facebook|instagram|linkedin|reseaux sociaux)\b",
    ),
    (ColumnKind.TAGS, r"\b(?:tags?|mots? cles?|mot clefs?|keywords?|etiquettes?)\b"),
    (ColumnKind.AUDIENCE, r"\b(?:publics?|audience|beneficiaires|cible|ages?)\b"),
    (
        ColumnKind.ORGANISER,
        (
            r"\b(?:porteurs?|organisateurs?|organisatrice|organi[sz]er|structure|association"
            r"|organisme|maitre ouvrage|maitrise ouvrage|partenaires?|collectif)\b"
        ),
    ),
)
# What asks whether a row may be published at all, and whether its contacts may.
CONSENT = re.compile(
    r"^(?=.*\b(?:accept\w*|autoris\w*|accord|consen\w*|agree|permission|souhaitez|oppos\w*)\b)"
    r"(?=.*\b(?:publi\w*|diffus\w*|partag\w*|apparai\w*|figur\w*|visible\w*|rendu\w*|carte|map"
    r"|shared?|listed|shown)\b)|^(?:consentement|rgpd|publiable|consent)$"
)
OPPOSED = re.compile(r"\boppos\w*")
OF_SOMETHING_ELSE = re.compile(
    r"\b(?:photos?|images?|logos?|newsletter|lettre|recontact\w*|actualites|video|videos)\b"
)
OF_CONTACTS = re.compile(
    r"\b(?:coordonnees|contacts?|telephone|numero|e ?mail|mail|courriel"
    r"|votre nom|adresse|personnelles)\b"
)
# Numbers that are names: a zero at the front means something, and nobody adds them up.
CODE_WORDS = re.compile(
    r"\b(?:code|cp|insee|siren|siret|rna|id|identifiant|numero|num|ref|tel|telephone|cog|uuid|epci|region|departement)\b"
)
# Columns whose numbers of five digits are days, left so by a spreadsheet.
DAY_WORDS = re.compile(
    r"\b(?:dates?|jours?|days?|debut|fin|start|end|ouverture|fermeture|echeance|lancement)\b"
)
NUMBER = re.compile(r"[-+]?(?:0|[1-9]\d{0,14})(?:[.,]\d{1,10})?")
YES = frozenset({"oui", "vrai", "true", "yes", "x"})
NO = frozenset({"non", "faux", "false", "no"})
REFUSALS = NO | {"refus", "refuse", "refusee", "jamais"}
MOBILE = re.compile(r"(?<!\d)(?:(?:\+|00)\s?33\s?(?:\(0\)\s?)?|0)[67](?:[\s.\-/]?\d{2}){4}(?!\d)")
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# Boxes of persons by their provider, or by a first name and a name before the sign.
PRIVATE_BOX = re.compile(
    r"[\w.+-]+@(?:gmail|googlemail|hotmail|outlook|live|msn|yahoo|ymail|orange|wanadoo|free|sfr"
    r"|neuf|laposte|bbox|numericable|icloud|me|proton|protonmail|aol|club-internet|gmx)\.\w+"
    r"|[a-z]{2,}[.][a-z-]{2,}@[\w.-]+",
    re.IGNORECASE,
)
# Boxes that several people read, or that are meant for the public.
SHARED_BOX = re.compile(
    r"(?:contact|infos?|accueil|mairie|bonjour|hello|secretariat|asso|association|bureau"
    r"|communication|com|administration|admin|direction|coordination|presse|equipe|team|office)"
    r"(?:[.\-_][\w.+-]*)?@[\w.-]+",
    re.IGNORECASE,
)
# Of the boxes in a column: with so many of persons, others that no name gives away are theirs too.
MANY_OF_PERSONS = 0.2
# What a form notes beside the answers (`FORM_MOMENTS`): the account that they came from.
FORM_ACCOUNT = re.compile(r"\b(?:adresse e ?mail|email address|nom utilisateur|username)")


@dataclass(frozen=True, slots=True)
class AttributeColumn:
    """A column kept as it is. `is_personal`: all of its cells are about persons."""

    column: str
    key: str
    kind: ColumnKind
    type: ColumnKind
    is_personal: bool


@dataclass(frozen=True, slots=True)
class ConsentColumn:
    """A question of a form: may this be published? `of_contacts`: only how to reach somebody.

    `is_opposition`: it asks the other way round, so that yes forbids. `is_answered`: some of the
    first rows answer it, so that no answer is one; else only a refusal counts.
    """

    column: str
    of_contacts: bool
    is_opposition: bool
    is_answered: bool = True

    def is_refused(self, cell: str) -> bool:
        """Whether the answer forbids it; none at all, and other words, forbid nothing."""
        first = words_of(cell[:200]).partition(" ")[0]
        return first in (YES if self.is_opposition else REFUSALS)


@dataclass(frozen=True, slots=True)
class KeptCells:
    """What a row leaves: values by column, those about persons apart, and what to tell."""

    attributes: dict[str, Any]
    withheld: dict[str, str]
    notes: tuple[str, ...]


def attribute_columns(
    columns: Sequence[str],
    used: Mapping[str, str],
    sample: Sequence[SourceRecord],
    also: Sequence[str] = (),
) -> list[AttributeColumn]:
    """Those of the columns that hold something and that no field keeps whole.

    `used` gives the column of each field, `also` columns that a field reads without keeping their
    words (a category becomes one of nine themes).
    """
    taken = set(used.values()) - set(also)
    # Beside a first name, a number or a box, "Nom" is that of a person.
    of_persons = (ColumnKind.PERSON, ColumnKind.PHONE, ColumnKind.EMAIL)
    reaches_persons = any(kind_of(column) in of_persons for column in columns)
    is_form = any(plain_name(column) in FORM_MOMENTS for column in columns)
    asked = {one.column for one in consent_columns(columns)}
    found: list[AttributeColumn] = []
    keys: set[str] = set()
    for column in columns:
        if column in taken:
            continue
        cells = list(_cells(column, sample))
        kind = ColumnKind.CONSENT if column in asked else kind_of(column)
        if (
            reaches_persons
            and plain_name(column) in ("nom", "name")
            and column not in used.values()
        ):
            kind = ColumnKind.PERSON
        key = _free_key(column, keys)
        keys.add(key)
        of_type = _type(column, cells)
        is_account = is_form and FORM_ACCOUNT.fullmatch(plain_name(column)) is not None
        is_of_persons = kind is ColumnKind.PERSON or is_account or _are_boxes_of_persons(cells)
        found.append(AttributeColumn(column, key, kind or of_type, of_type, is_of_persons))
    return found


def _are_boxes_of_persons(cells: Sequence[str]) -> bool:
    boxes = [cell for cell in cells if ADDRESS.fullmatch(cell)]
    private = sum(PRIVATE_BOX.fullmatch(box) is not None for box in boxes)
    return 2 * len(boxes) > len(cells) and private >= max(2, MANY_OF_PERSONS * len(boxes))


def spare_columns(
    columns: Sequence[str], kept: Sequence[AttributeColumn]
) -> dict[str, AttributeColumn]:
    """For cells that the field of a column cannot take ("T1 2025" for a day), as texts; beside
    those that are kept whole."""
    keys = {one.key for one in kept}
    found: dict[str, AttributeColumn] = {}
    whole = {one.column for one in kept}
    for column in dict.fromkeys(columns):
        if column in whole:
            continue
        kind = kind_of(column) or ColumnKind.TEXT
        key = _free_key(column, keys)
        keys.add(key)
        found[column] = AttributeColumn(column, key, kind, ColumnKind.TEXT, is_personal=False)
    return found


def _free_key(column: str, taken: set[str]) -> str:
    key = shortened(one_line(column), KEY_LENGTH)
    while key in taken:
        key = f"{key[: KEY_LENGTH - 4]} (2)" if not key.endswith(")") else f"{key}'"
    return key


def consent_columns(columns: Sequence[str]) -> tuple[ConsentColumn, ...]:
    """Those that ask for a consent to publish."""
    found = []
    for column in columns:
        name = plain_name(column)
        if CONSENT.search(name) and not OF_SOMETHING_ELSE.search(name):
            of_contacts = OF_CONTACTS.search(name) is not None
            found.append(ConsentColumn(column, of_contacts, OPPOSED.search(name) is not None))
    return tuple(found)


def is_filled(column: str, sample: Sequence[SourceRecord]) -> bool:
    """Whether any row of the sample says something in a column."""
    return next(_cells(column, sample), "") != ""


def kept_cells(
    columns: Sequence[AttributeColumn],
    values: Mapping[str, str],
    *,
    without_contacts: bool = False,
) -> KeptCells:
    """The cells of one row, as JSON holds them. `without_contacts`: no address, number or box of
    anybody is for the public.

    Beside the name of a person a number is that person's, and so is a box that others do not share.
    """
    attributes: dict[str, Any] = {}
    withheld: dict[str, str] = {}
    notes: list[str] = []
    left = MOST_BYTES
    names_somebody = any(
        (name := values.get(one.column, "")) and not is_placeholder(name)
        for one in columns
        if one.kind is ColumnKind.PERSON
    )
    for one in columns:
        raw = values.get(one.column, "")
        if not raw or is_placeholder(raw):
            continue
        text = block(raw)
        if not text:
            continue
        if len(text) > VALUE_LENGTH:
            notes.append(f"{one.column}: {len(text)} characters, cut to {VALUE_LENGTH}")
            text = shortened(text, VALUE_LENGTH)
        left -= len(text) + len(one.key)
        if left < 0:
            notes.append(f"{one.column}: not kept, the row says too much")
            continue
        is_contact = one.kind in (ColumnKind.EMAIL, ColumnKind.PHONE)
        is_shared = one.kind is ColumnKind.EMAIL and SHARED_BOX.fullmatch(text) is not None
        is_somebody_s = one.is_personal or (names_somebody and is_contact)
        if (
            (is_somebody_s and not is_shared)
            or one.kind is ColumnKind.CONSENT
            or is_personal(text)
            or (without_contacts and is_contact)
        ):
            withheld[one.key] = text
        else:
            attributes[one.key] = _typed(text, one.type)
    # A consent is heard, not shown: it is said of the file, not of each row.
    about_persons = [
        one.key for one in columns if one.key in withheld and one.kind is not ColumnKind.CONSENT
    ]
    if about_persons:
        notes.append(f"personal data, not shown: {', '.join(about_persons)}")
    return KeptCells(attributes, withheld, tuple(notes))


def is_personal(text: str) -> bool:
    """Whether a cell holds the mobile number or the mail box of a person."""
    if "@" in text:
        return any(PRIVATE_BOX.fullmatch(one) for one in ADDRESS.findall(text))
    return bool(MOBILE.search(text))


def personal_part(text: str) -> str:
    """What of a text that people are to read is about a person, or ""."""
    if MOBILE.search(text):
        return "a mobile number"
    return "the mail box of a person" if is_personal(text) else ""


def kind_of(column: str) -> ColumnKind | None:
    """What the name of a column tells of its cells."""
    name = plain_name(column)
    return next((kind for kind, pattern in KIND_WORDS if re.search(pattern, name)), None)


def _cells(column: str, sample: Sequence[SourceRecord]) -> Iterator[str]:
    for record in sample:
        cell = record.values.get(column, "").strip()[:200]
        if cell and not is_placeholder(cell):
            yield cell


def _type(column: str, cells: Sequence[str]) -> ColumnKind:
    """That of nearly all cells; the others stay text."""
    if not cells:
        return ColumnKind.TEXT
    enough = ENOUGH * len(cells)
    if DAY_WORDS.search(plain_name(column)) and sum(map(is_serial, cells)) >= enough:
        return ColumnKind.DATE
    numbers = sum(NUMBER.fullmatch(cell) is not None for cell in cells)
    if not CODE_WORDS.search(plain_name(column)) and numbers >= enough:
        return ColumnKind.NUMBER
    words = [words_of(cell) for cell in cells]
    if all(word in YES or word in NO for word in words):
        return ColumnKind.BOOLEAN
    if sum(bool(_day(cell)) for cell in cells) >= enough:
        return ColumnKind.DATE
    return ColumnKind.TEXT


def _day(cell: str) -> str:
    if cell.isdigit():
        return ""
    found = read_date(cell) or ""
    return found if is_day(found) and len(cell) <= 30 and ":" not in cell else ""


def _typed(text: str, kind: ColumnKind) -> Any:
    if kind is ColumnKind.NUMBER and NUMBER.fullmatch(text):
        number = text.replace(",", ".")
        return json.loads(number.lstrip("+"))
    if kind is ColumnKind.BOOLEAN:
        word = words_of(text)
        return True if word in YES else False if word in NO else text
    if kind is ColumnKind.DATE:
        return _day(text) or (is_serial(text) and read_date(text)) or text
    return text
