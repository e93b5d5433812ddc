"""Mailed links that end what a mail is sent for: opened they ask, sent they do.

Mail scanners open links too, so opening one ends nothing. RFC 8058: a mail program sends one POST,
signed in nowhere and without a form's token; the signature, mailed to one person alone, allows it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Response, make_response, render_template
from sqlalchemy import Connection

from mapservice.errors import NotFound
from mapservice.mail.unsubscribe import has_form_of_signature, is_signed
from mapservice.web.edge import only_parameters, services


@dataclass(frozen=True, slots=True)
class UnsubscribePage:
    """`key` signs the links of one reader or thing, None for none; `end` ends it.

    The template is told whether it is `done`, and what `about` says of what is meant.
    """

    template: str
    key: Callable[[Connection, UUID], bytes | None]
    end: Callable[[Connection, UUID], None]
    about: Callable[[Connection, UUID], Mapping[str, Any]] = lambda _connection, _id: {}

    def ask(self, identifier: UUID, signature: str) -> Response:
        """Of what is not there any more it says so, as a second click should read.

        Nothing is kept to know that it once was: of what has no row nobody is sent a mail. Raises
        NotFound for a wrong signature, and for what is none.
        """
        only_parameters()
        with services().engine.connect() as connection:
            is_there = self._check(connection, identifier, signature)
            told = self.about(connection, identifier) if is_there else {}
        return self._page(told, done=False) if is_there else _already_ended()

    def leave(self, identifier: UUID, signature: str) -> Response:
        """Answers and raises as `ask` does for what is not there."""
        with services().engine.begin() as connection:
            is_there = self._check(connection, identifier, signature)
            told = self.about(connection, identifier) if is_there else {}
            if is_there:
                self.end(connection, identifier)
        return self._page(told, done=True) if is_there else _already_ended()

    def _check(self, connection: Connection, identifier: UUID, signature: str) -> bool:
        key = self.key(connection, identifier)
        if key is None and has_form_of_signature(signature):
            return False
        if key is None or not is_signed(identifier, key, signature):
            raise NotFound("There is no such link.")
        return True

    def _page(self, told: Mapping[str, Any], *, done: bool) -> Response:
        return make_response(render_template(self.template, done=done, **told))


def _already_ended() -> Response:
    return make_response(render_template("people/already_ended.html"))
