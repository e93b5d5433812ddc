"""Tables of what was measured, for the terminal and for docs/performance.md."""

import datetime as dt
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.benchmarks.load import Measure
from scripts.benchmarks.options import Options

OURS = "ours"
UNKNOWN = "–"
MARK = "<!-- {edge} of {name}, written by scripts/bench -->"
HEAD = """# Performance

Measured by `scripts/bench`: our doors through gunicorn, the peers over the same tables, and SQL
without a server, all in one run on one machine. That SQL is prepared, and planned once or each
time, whichever is faster. Only the ratios within a table mean something; absolute numbers are
those of that machine on that day.
"""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text; the first column names what was measured."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Target:
    """What an issue demands of a row: at least so many times what `of` reaches.

    `of` names a comparison, several of which the best counts, or is empty: then `at_least` is a
    rate. `slowest` bounds the 99th percentile instead, in milliseconds.
    """

    at_least: float = 0
    of: tuple[str, ...] = ()
    slowest: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of request: ours, and what it is compared with, by name."""

    work: str
    ours: Measure
    others: Mapping[str, Measure] = field(default_factory=dict)
    targets: Sequence[Target] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """All tables of one work; `busy` is what others took of the cores just before, 0 to 1."""

    name: str
    title: str
    note: str
    tables: Sequence[Table]
    busy: float = 0


def compared(title: str, rows: Sequence[Row], unit: str = "requests") -> list[Table]:
    """Rates with their ratios; latencies and sizes, where known; the targets, where there are."""
    names = list(dict.fromkeys(name for row in rows for name in row.others))
    verdicts = [_verdict(row, target) for row in rows for target in row.targets]
    tables = [_rates(title, rows, names, unit), _latencies(rows, [OURS, *names])]
    tables.append(Table("", ("target", "wanted", "measured", "met"), verdicts))
    return [table for table in tables if table.rows and len(table.header) > 1]


def _rates(title: str, rows: Sequence[Row], names: Sequence[str], unit: str) -> Table:
    ratios = [cell for name in names for cell in (name, f"ours ÷ {name}")]
    return Table(title, [f"{unit} per second", OURS, *ratios], [_rated(row, names) for row in rows])


def _rated(row: Row, names: Sequence[str]) -> list[str]:
    cells = [row.work, rate(row.ours)]
    for name in names:
        other = row.others.get(name)
        ratio = row.ours.per_second / other.per_second if other and other.per_second else None
        cells += [rate(other) if other else UNKNOWN, number(ratio)]
    return cells


def _latencies(rows: Sequence[Row], names: Sequence[str]) -> Table:
    """Of each name a column of latencies and one of sizes, unless all of it is unknown."""
    columns = [
        [f"{name}{what}", *(tell(_measures(row).get(name)) for row in rows)]
        for name in names
        for what, tell in ((" p50 / p99 ms", _latency), (" kB", _size))
    ]
    known = [column for column in columns if set(column[1:]) != {UNKNOWN}]
    works = ["latency and size", *(row.work for row in rows)]
    header, *body = zip(works, *known, strict=True)
    return Table("", header, body)


def _measures(row: Row) -> dict[str, Measure]:
    return {OURS: row.ours, **row.others}


def _latency(measure: Measure | None) -> str:
    if measure is None or measure.p50 is None:
        return UNKNOWN
    return f"{number(measure.p50)} / {number(measure.p99)}"


def _size(measure: Measure | None) -> str:
    return UNKNOWN if measure is None or measure.size is None else number(measure.size / 1000)


def _verdict(row: Row, target: Target) -> tuple[str, str, str, str]:
    if target.slowest is not None:
        slow = row.ours.p99 or 0.0
        met, measured = slow <= target.slowest, f"{number(slow)} ms"
        return f"{row.work}: p99", f"≤ {number(target.slowest)} ms", measured, _word(met)
    if not target.of:
        met = row.ours.per_second >= target.at_least
        wanted = f"≥ {number(target.at_least)} per s"
        return row.work, wanted, f"{number(row.ours.per_second)} per s", _word(met)
    return _ratio_verdict(row, target)


def _ratio_verdict(row: Row, target: Target) -> tuple[str, str, str, str]:
    rivals = [row.others[name].per_second for name in target.of if name in row.others]
    against = f"{row.work}: ours ÷ {' or '.join(target.of)}"
    wanted = f"≥ {number(target.at_least)}"
    if not any(rivals):
        return against, wanted, UNKNOWN, "not measured"
    ratio = row.ours.per_second / max(rivals)
    return against, wanted, number(ratio), _word(ratio >= target.at_least)


def _word(met: bool) -> str:
    return "yes" if met else "**no**"


def rate(measure: Measure) -> str:
    failed = f" ({measure.failed} failed)" if measure.failed else ""
    return number(measure.per_second) + failed


def number(value: float | None) -> str:
    """Three digits that count, or what stands before the point."""
    if value is None:
        return UNKNOWN
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


# --- where they go --------------------------------------------------------------------------


def show(section: Section) -> None:
    print(f"\n{section.title}", flush=True)
    for table in section.tables:
        print(f"\n{table.title}" if table.title else "")
        lines = [table.header, *table.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(table.header))]
        for line in lines:
            cells = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
            print("  ".join([line[0].ljust(widths[0]), *cells]), flush=True)


def keep(section: Section, options: Options, path: Path) -> None:
    """Replaces the section in the file, and leaves the others as they were."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEAD
    path.write_text(placed(text, section.name, markdown(section, options)), encoding="utf-8")


def placed(text: str, name: str, content: str) -> str:
    """The text with the content between the marks of `name`; new marks stand at the end."""
    begin, end = (MARK.format(edge=edge, name=name) for edge in ("start", "end"))
    block = f"{begin}\n{content}{end}\n"
    former = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}\n", re.DOTALL)
    if former.search(text):
        return former.sub(lambda _found: block, text)
    return f"{text.rstrip()}\n\n{block}"


def markdown(section: Section, options: Options) -> str:
    parts = [
        f"## {section.title}\n",
        f"{section.note.strip()}\n",
        f"{_circumstances(section, options)}\n",
    ]
    for table in section.tables:
        parts += [f"### {table.title}\n"] if table.title else []
        parts.append("\n".join(_lines(table)) + "\n")
    return "\n".join(parts)


def _lines(table: Table) -> Iterable[str]:
    yield f"| {' | '.join(table.header)} |"
    yield f"|---|{'---:|' * (len(table.header) - 1)}"
    for row in table.rows:
        yield f"| {' | '.join(row)} |"


def _circumstances(section: Section, options: Options) -> str:
    today = dt.datetime.now(dt.UTC).date().isoformat()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{os.cpu_count()} cores, {memory:.0f} GiB"
    size = f"{options.count:,}".replace(",", " ")
    return (
        f"*{today}: {size} initiatives, {machine}, {options.seconds} s a load;"
        f" others took {section.busy:.0%} of the cores just before.*"
    )


def busy_cores() -> float:
    """The share of the cores that others take, over a second in which we do nothing."""
    first = _core_times()
    time.sleep(1)
    idle, everything = (now - then for now, then in zip(_core_times(), first, strict=True))
    return 1 - idle / max(everything, 1)


def _core_times() -> tuple[int, int]:
    """Ticks of all cores since the start of the machine: idle or waiting, and in all."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)
