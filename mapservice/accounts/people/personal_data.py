"""What other rooms keep about people; `app.py` names them all.

Each `PersonalDataProvider` is shown on the person's page, is part of the export of their data, and
is erased with them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from mapservice.accounts.people.model import Person


@dataclass(frozen=True, slots=True)
class AccountSection:
    """A section of `/compte`: its template sees `person`, and the result of `load` as `data`."""

    template: str
    load: Callable[[Connection, Person], object]


@dataclass(frozen=True, slots=True)
class PersonalDataProvider:
    """What one room keeps about people, under the name it has in the export.

    `export` returns what JSON can hold (dates and UUIDs too). `erase` runs before the person's row
    is emptied, in the same transaction: it deletes or anonymises their rows, and keeps public
    counts right. `section` is None for what their page does not show.
    """

    name: str
    export: Callable[[Connection, UUID], object]
    erase: Callable[[Connection, UUID], None]
    section: AccountSection | None = None
