"""What other packages add about people; `app.py` names them all in two tuples.

A `MagicLinkAction` is one kind of mailed link. A `PersonalDataProvider` is what a package keeps
about people: shown on their page, given to them in the export, and taken away at erasure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from mapservice.accounts.people.model import MagicLink, Person


@dataclass(frozen=True, slots=True)
class ConfirmationQuestion:
    """What the page of a mailed link asks: plain words, shown as text, in the person's language."""

    title: str
    text: str
    button: str


@dataclass(frozen=True, slots=True)
class MagicLinkAction:
    """One kind of mailed link, under the name that tokens carry.

    `ask` says what the press of the button will do; it must change nothing, as mail scanners open
    links too. Should what it is about be gone, it raises NotFound. `confirm` does it, in the
    transaction that uses the token up, and returns the path to go to; what it raises rolls all back
    and leaves the link as it was. By then the person's address is proved.
    """

    name: str
    ask: Callable[[Connection, MagicLink], ConfirmationQuestion]
    confirm: Callable[[Connection, Person, MagicLink], str]


@dataclass(frozen=True, slots=True)
class AccountSection:
    """A part of `/compte`: the template sees `person`, and what `load` returns as `data`."""

    template: str
    load: Callable[[Connection, Person], object]


@dataclass(frozen=True, slots=True)
class PersonalDataProvider:
    """What one package keeps about people, under the name it has in the export.

    `export` returns what JSON can hold (dates and UUIDs too). `erase` runs before the person's row
    is emptied, in the same transaction: it takes away or makes nameless what is theirs, and keeps
    public counts right. `section` is None for what their page does not show.
    """

    name: str
    export: Callable[[Connection, UUID], object]
    erase: Callable[[Connection, UUID], None]
    section: AccountSection | None = None
