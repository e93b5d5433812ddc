"""What was asked for, and which of it was acknowledged: that must still be there in the end.

A write whose answer never came, or was an error of the server, may have happened or not; what came
before it is still owed.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from scripts.chaos_trial.visitor import Answer, Visitor


@dataclass(frozen=True, slots=True)
class Act:
    """One write to something that is written again and again: an edit, a support, its end."""

    value: str
    acknowledged: bool


@dataclass
class Ledger:
    """Shared by all writers.

    `proposals`: title and author's address by id. `titles`: edits by id of the initiative.
    `supports`: by address and id of the initiative, "yes" or "no". `owed`: how many letters an
    address is to get whose subject holds these words. `signed_in`: browsers by address.
    `answers`: statuses that people met, by the fault that struck last. `silent`: how often nobody
    said that the service lives, by fault.
    """

    proposals: dict[str, tuple[str, str]] = field(default_factory=dict)
    titles: dict[str, list[Act]] = field(default_factory=lambda: defaultdict(list))
    supports: dict[tuple[str, str], list[Act]] = field(default_factory=lambda: defaultdict(list))
    owed: Counter[tuple[str, str]] = field(default_factory=Counter)
    signed_in: dict[str, Visitor] = field(default_factory=dict)
    dead_links: list[str] = field(default_factory=list)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    bad_errors: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    silent: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    phase: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def open(self) -> Iterator["Ledger"]:
        """One writes at a time."""
        with self._lock:
            yield self

    def answered(self, answer: Answer) -> None:
        """An error of the server must be a 503 that says when to come again."""
        with self._lock:
            self.answers[self.phase, answer.status] += 1
            if answer.status >= 500 and not (answer.status == 503 and answer.retry_after):
                self.bad_errors[f"{answer.status} after: {self.phase}"] += 1

    def note_proposal(self, identifier: str, title: str, email: str) -> None:
        with self._lock:
            self.proposals[identifier] = title, email
            self.acknowledged["proposals"] += 1

    def note_letter(self, email: str, words: str) -> None:
        with self._lock:
            self.owed[email, words] += 1
            self.acknowledged["requests for a mail"] += 1

    def note_edit(self, identifier: str, title: str, answer: Answer, *, done: bool) -> None:
        self._note(self.titles[identifier], title, answer, done, "edits")

    def note_support(
        self, email: str, identifier: str, answer: Answer, *, wanted: bool, done: bool
    ) -> None:
        word, kind = ("yes", "supports") if wanted else ("no", "withdrawals")
        self._note(self.supports[email, identifier], word, answer, done, kind)

    def some_initiatives(self) -> list[str]:
        with self._lock:
            return list(self.proposals)

    def _note(self, acts: list[Act], value: str, answer: Answer, done: bool, kind: str) -> None:
        with self._lock:
            if done:
                acts.append(Act(value, True))
                self.acknowledged[kind] += 1
            elif answer.is_unknown:
                acts.append(Act(value, False))


def possible(acts: list[Act], before: str) -> set[str]:
    """What may stand in the end: the last value acknowledged, or one that was asked for since."""
    found = set()
    for act in reversed(acts):
        found.add(act.value)
        if act.acknowledged:
            return found
    return found | {before}
