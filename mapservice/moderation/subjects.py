"""Cases about other things than initiatives: rooms above offer them, `app.py` names them all.

The queue, claims, areas and the log of decisions are the same for all; a `CaseProvider` says what a
row shows, and which page is that of a case.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from mapservice.moderation.model import CaseKind, CaseSubject, WaitingCase


@dataclass(frozen=True, slots=True)
class CaseProvider:
    """One kind of case: `load` finds what is known of its subjects, `endpoint` shows one."""

    kind: CaseKind
    load: Callable[[Connection, Sequence[UUID]], Mapping[UUID, CaseSubject]]
    endpoint: str


class CaseProviders:
    """All of them, by kind; `app.py` puts them among the services."""

    def __init__(self, providers: Sequence[CaseProvider] = ()) -> None:
        self._by_kind = {one.kind: one for one in providers}

    def of(self, kind: CaseKind) -> CaseProvider | None:
        """None for the kinds that are about initiatives."""
        return self._by_kind.get(kind)

    def load(self, connection: Connection, cases: Sequence[WaitingCase]) -> dict[UUID, CaseSubject]:
        """What is known of the subjects of those cases that are about no initiative."""
        known: dict[UUID, CaseSubject] = {}
        for kind in {case.kind for case in cases}:
            provider = self.of(kind)
            if provider:
                ids = [case.id for case in cases if case.kind is kind]
                known.update(provider.load(connection, ids))
        return known
