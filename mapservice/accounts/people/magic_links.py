"""Kinds of mailed links that other rooms offer; `app.py` names them all.

A token in the database carries the name of its `MagicLinkAction`, which says what the link does.
"""

from collections.abc import Callable
from dataclasses import dataclass

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

    `ask` says what pressing the button will do; it must change nothing, as mail scanners open links
    too. It raises NotFound when its subject no longer exists. `confirm` does it, in the transaction
    that uses the token up, and returns the path to go to; an exception rolls everything back and
    leaves the link as it was. By then the person's address is proved.
    """

    name: str
    ask: Callable[[Connection, MagicLink], ConfirmationQuestion]
    confirm: Callable[[Connection, Person, MagicLink], str]
