"""The table, and what of it is not good enough."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from scripts.launch_trial.options import Options
from scripts.launch_trial.processes import CpuSample
from scripts.launch_trial.visitors import Told
from scripts.launch_trial.writers import Writes

# From which share of all cores on they are what holds answers up.
FULL = 0.95
HITS = ("HIT", "STALE", "UPDATING", "REVALIDATED")
# Opens that begin later than that: the load generator itself was too slow for its figures to count.
LATE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Findings:
    options: Options
    took: float
    told: Told
    writes: Writes
    samples: Sequence[CpuSample]
    tiles: Counter[str]
    failures: Counter[str]


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """By the nearest rank; of nothing: 0."""
    if not sorted_values:
        return 0.0
    return sorted_values[min(int(share * len(sorted_values)), len(sorted_values) - 1)]


def show(found: Findings) -> None:
    told, options = found.told, found.options
    requests = sum(told.statuses.values())
    print(
        f"{told.begun} map opens in {found.took:.0f} s ({options.opens} a minute asked for),"
        f" {requests} requests ({requests / found.took:.0f} a second), {told.size / 1e6:.0f} MB;"
        f" writes: {found.writes.done['form']} forms, {found.writes.done['publication']}"
        " publications\n"
    )
    print("| answers | number | p50 ms | p95 ms | p99 ms | slowest ms |")
    print("|---|---:|---:|---:|---:|---:|")
    for kind, found_seconds in told.seconds.items():
        ranked = sorted(found_seconds)
        figures = [percentile(ranked, share) * 1000 for share in (0.5, 0.95, 0.99, 1)]
        print(f"| {kind} | {len(ranked)} | " + " | ".join(f"{one:.0f}" for one in figures) + " |")
    print("\n| part | cores in use | share of all that was in use |\n|---|---:|---:|")
    spent, busy, _ = _spent(found.samples)
    for name, seconds in sorted(spent.items(), key=lambda one: -one[1]):
        print(f"| {name} | {seconds / found.took:.2f} | {seconds / max(busy, 0.01):.0%} |")
    hits, asked = sum(found.tiles[one] for one in HITS), sum(found.tiles.values())
    print(f"\nnginx had {hits / max(asked, 1):.1%} of {asked} tiles: {dict(found.tiles)}")
    if found.failures:
        print(f"nginx's log tells of {dict(found.failures)}")
    print(_what_is_full(found))
    for words in problems(found):
        print(f"NO  {words}")
    if not problems(found):
        print("ok  every answer came, 95 in 100 of each kind within the budget")


def _spent(samples: Sequence[CpuSample]) -> tuple[dict[str, float], float, float]:
    """Seconds of each part, of all that was busy, and of all cores."""
    first, last = samples[0], samples[-1]
    spent = {name: max(last.parts[name] - first.parts[name], 0) for name in last.parts}
    busy, whole = last.busy - first.busy, last.whole - first.whole
    spent["all else on the machine"] = max(busy - sum(spent.values()), 0)
    return spent, busy, whole


def _what_is_full(found: Findings) -> str:
    spent, busy, whole = _spent(found.samples)
    pairs = zip(found.samples, found.samples[1:], strict=False)
    shares = sorted((b.busy - a.busy) / max(b.whole - a.whole, 0.01) for a, b in pairs)
    full = sum(share >= FULL for share in shares) / max(len(shares), 1)
    largest = max(spent, key=lambda name: spent[name])
    words = f"The cores were in use for {busy / max(whole, 0.01):.0%}, full in {full:.0%} of the"
    verdict = "they saturate first" if full > 0.5 else "nothing is saturated"
    return f"{words} seconds: {verdict}; most of it by {largest}."


def problems(found: Findings) -> list[str]:
    told, budget = found.told, found.options.budget_ms
    said = [f"{many} answers of status {one or 'none'}" for one, many in told.failed.items()]
    for kind, seconds in told.seconds.items():
        if (slow := percentile(sorted(seconds), 0.95) * 1000) > budget:
            said.append(f"{kind}: p95 {slow:.0f} ms, more than {budget}")
    if told.late > LATE_SECONDS:
        said.append(f"opens began up to {told.late:.1f} s late: the load generator was too slow")
    failed = found.writes.failed
    return said + [f"{len(failed)} forms failed, the first: {one}" for one in failed[:1]]
