"""Shared by the forms of all kinds of cases: who may send them, and the words on failure."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from flask import Response, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.roles import permissions as access
from mapservice.accounts.roles.model import TerritoryScope
from mapservice.audit.model import DecisionVerdict
from mapservice.contributions.proposals.model import MAX_REASON, ON_TEXT
from mapservice.errors import InvalidInput, StateConflict
from mapservice.i18n import gettext as _
from mapservice.moderation import pages, service
from mapservice.moderation.model import CaseKind
from mapservice.moderation.service import TooLate
from mapservice.web.edge import services


@dataclass(frozen=True, slots=True)
class CaseForms:
    """The forms on the page of one kind of case.

    `endpoint` shows the case at its URL, and `show` makes that page with the words about what went
    wrong; `is_within` says whether a case lies within a territorial scope. `kinds` are those that
    it waits as: any kind of text where none is named.
    """

    endpoint: str
    show: Callable[[Connection, UUID, str], Response]
    is_within: Callable[[Connection, UUID, TerritoryScope], bool]
    kinds: tuple[CaseKind, ...] = ()

    def answer(
        self, identifier: UUID, act: Callable[[Connection], str], conflict: str = ""
    ) -> Response:
        """Runs `act` in one transaction and leads to the URL that it returns.

        Otherwise nothing is saved, and the page says why, in its present state: the form expired,
        has a mistake or came too late. StateConflict is told by `conflict`, and raised without one.
        Raises NotFound for a case that the moderator does not see.
        """
        if not access.is_own_form():
            return self.again(identifier, HTTPStatus.FORBIDDEN, pages.expired())
        try:
            with services().engine.begin() as connection:
                self.require_decider(connection, identifier)
                return pages.see(act(connection))
        except InvalidInput as error:
            return self.again(identifier, HTTPStatus.BAD_REQUEST, mistake(error))
        except TooLate as error:
            return self.again(identifier, HTTPStatus.CONFLICT, pages.late(error))
        except StateConflict:
            if not conflict:
                raise
            return self.again(identifier, HTTPStatus.CONFLICT, conflict)

    def claim(self, identifier: UUID) -> Response:
        def act(connection: Connection) -> str:
            service.claim(connection, identifier, access.reviewer(), *self.kinds)
            return self.address(identifier)

        return self.answer(identifier, act)

    def release(self, identifier: UUID) -> Response:
        def act(connection: Connection) -> str:
            service.release(connection, identifier, access.reviewer())
            return self.address(identifier)

        return self.answer(identifier, act)

    def address(self, identifier: UUID, **more: str) -> str:
        """Of the case, within the part of the queue that the moderator works through."""
        path = url_for(self.endpoint, identifier=identifier)
        return pages.address(path, pages.part_pairs(), **more)

    def require_decider(self, connection: Connection, identifier: UUID) -> None:
        access.require_decider(lambda reach: self.is_within(connection, identifier, reach))

    def again(self, identifier: UUID, status: HTTPStatus, words: str) -> Response:
        """The page again with an error message, in its present state."""
        with services().engine.connect() as connection:
            response = self.show(connection, identifier, words)
        response.status_code = status
        return response


def mistake(error: InvalidInput) -> str:
    if error.field == "reason":
        return _("Donnez la raison, en %(most)s signes au plus.", most=MAX_REASON)
    if error.field == "target":
        return _("Donnez l’adresse d’une autre initiative, qui soit publique.")
    return _("Choisissez une des décisions proposées.")


def read_verdict() -> DecisionVerdict:
    text = request.form.get("verdict", "")
    if text not in ON_TEXT:
        raise InvalidInput("verdict", "is not one of those offered")
    return DecisionVerdict(text)


def read_revision() -> int:
    text = request.form.get("revision", "")
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise InvalidInput("revision", "is not the number of a version")
    return int(text)
