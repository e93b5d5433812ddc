"""What a person reads: a line for each fault, then tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from scripts.chaos_trial.checks import SHOWN, Check
from scripts.chaos_trial.schedule import Fault


@dataclass(frozen=True, slots=True)
class Recovery:
    """What followed one fault. Seconds until pages are answered again, and until a mail asked for
    after it has come; None: not within the trial's patience."""

    fault: Fault
    pages: float | None
    mail: float | None
    words: str = ""

    def in_time(self, within: float) -> bool:
        """Counted in seconds from the moment at which the cause was over."""
        return all(one is not None and one <= within for one in (self.pages, self.mail))


def line_of(one: Recovery) -> str:
    words = f" ({one.words})" if one.words else ""
    return f"{one.fault}{words}: pages {_seconds(one.pages)}, a mail {_seconds(one.mail)}"


def recovery(recoveries: Sequence[Recovery], within: float) -> Check:
    late = [line_of(one) for one in recoveries if not one.in_time(within)]
    words = f"{len(recoveries) - len(late)} of {len(recoveries)} times within {within:g} s"
    return Check("answers by itself", words, late)


def table_of_faults(recoveries: Sequence[Recovery], left_out: Mapping[Fault, str]) -> list[str]:
    rows = [("fault", "times", "pages: p50", "worst", "a mail: p50", "worst")]
    for fault in Fault:
        of_kind = [one for one in recoveries if one.fault is fault]
        if of_kind:
            pages = [one.pages for one in of_kind]
            mails = [one.mail for one in of_kind]
            rows.append((str(fault), str(len(of_kind)), *_spread(pages), *_spread(mails)))
    lines = _table(rows)
    return lines + [f"Left out: {fault}, as {why}." for fault, why in left_out.items()]


def table_of_checks(checks: Sequence[Check]) -> list[str]:
    rows = [("what must hold", "held", "")]
    rows += [(one.name, "yes" if one.holds else "NO", one.words) for one in checks]
    lines = _table(rows)
    for one in checks:
        lines += [f"NO  {one.name}: {fault}" for fault in one.faults[:SHOWN]]
        if len(one.faults) > SHOWN:
            lines.append(f"NO  {one.name}: and {len(one.faults) - SHOWN} more")
    return lines


def table_of_answers(answers: Mapping[tuple[str, int], int]) -> list[str]:
    """Statuses that people met, by the fault that struck last; 0: no answer."""
    statuses = sorted({status for _, status in answers})
    rows = [("people were answered after", *map(str, statuses))]
    for phase in dict.fromkeys(phase for phase, _ in answers):
        counts = Counter({status: answers.get((phase, status), 0) for status in statuses})
        rows.append((phase or "the start", *(str(counts[status]) for status in statuses)))
    return _table(rows)


def _spread(values: Sequence[float | None]) -> tuple[str, str]:
    known = [value for value in values if value is not None]
    worst = None if len(known) < len(values) else max(known)
    return _seconds(median(known) if known else None), _seconds(worst)


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
