"""Mailed links that end what a mail is sent for: opened they ask, sent they do.

Mail scanners open links too, so opening one ends nothing. RFC 8058: a mail program sends one POST,
signed in nowhere and without a form's token; the signature, mailed to one person alone, allows it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from flask import Response, make_response, render_template
from sqlalchemy import Connection

from mapservice.errors import NotFound
from mapservice.mail.unsubscribe import is_signed
from mapservice.web.edge import only_parameters, services


@dataclass(frozen=True, slots=True)
class UnsubscribePage:
    """`key` signs the links of one reader or thing, None for none; `end` ends it.

    The template is told whether it is `done`.
    """

    template: str
    key: Callable[[Connection, UUID], bytes | None]
    end: Callable[[Connection, UUID], None]

    def ask(self, identifier: UUID, signature: str) -> Response:
        """Raises NotFound, the same for a wrong signature and for what is not there."""
        only_parameters()
        with services().engine.connect() as connection:
            self._check(connection, identifier, signature)
        return self._page(done=False)

    def leave(self, identifier: UUID, signature: str) -> Response:
        """Raises NotFound as `ask` does."""
        with services().engine.begin() as connection:
            self._check(connection, identifier, signature)
            self.end(connection, identifier)
        return self._page(done=True)

    def _check(self, connection: Connection, identifier: UUID, signature: str) -> None:
        key = self.key(connection, identifier)
        if key is None or not is_signed(identifier, key, signature):
            raise NotFound("There is no such link, or what it ends was ended already.")

    def _page(self, *, done: bool) -> Response:
        return make_response(render_template(self.template, done=done))
