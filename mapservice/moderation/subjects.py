"""Cases about other things than initiatives: rooms above offer them, `app.py` names them all.

The queue, claims, areas and the log of decisions are the same for all; a `CaseProvider` says what a
row shows, and which page is that of a case.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import Flask, current_app
from sqlalchemy import Connection

from mapservice.moderation.model import CaseKind, CaseSubject, WaitingCase

EXTENSION = "mapservice.case_providers"


@dataclass(frozen=True, slots=True)
class CaseProvider:
    """One kind of case: `load` finds what is known of its subjects, `endpoint` shows one."""

    kind: CaseKind
    load: Callable[[Connection, Sequence[UUID]], Mapping[UUID, CaseSubject]]
    endpoint: str


def register(app: Flask, providers: Sequence[CaseProvider]) -> None:
    app.extensions[EXTENSION] = {one.kind: one for one in providers}


def provider_of(kind: CaseKind) -> CaseProvider | None:
    """None for the kinds that are about initiatives."""
    found: Mapping[CaseKind, CaseProvider] = current_app.extensions.get(EXTENSION, {})
    return found.get(kind)


def load(connection: Connection, cases: Sequence[WaitingCase]) -> dict[UUID, CaseSubject]:
    """What is known of the subjects of those cases that are about no initiative."""
    known: dict[UUID, CaseSubject] = {}
    for kind in {case.kind for case in cases}:
        provider = provider_of(kind)
        if provider:
            ids = [case.id for case in cases if case.kind is kind]
            known.update(provider.load(connection, ids))
    return known
