"""Who had the cores: user and system time of each part, from /proc, ended children included."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class CpuSample:
    """Seconds of the processor so far: of each part, and of the whole machine, busy and in all."""

    parts: Mapping[str, float]
    busy: float
    whole: float


def children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def family(pid: int) -> list[int]:
    return [pid, *(one for child in children(pid) for one in family(child))]


def command_of(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    return ""


def sample(roots: Mapping[str, int]) -> CpuSample:
    """`roots` are the first process of each part. Its own time is that of whoever calls."""
    parts = {name: sum(map(_seconds, family(root))) for name, root in roots.items()}
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, idle, waiting, irq, soft, stolen = (int(word) / TICKS for word in words)
    busy = user + nice + system + irq + soft + stolen
    own = os.times()
    parts["load generator"] = own.user + own.system
    return CpuSample(parts, busy, busy + idle + waiting)


def _seconds(pid: int) -> float:
    """Its own and that of its ended children, whom it waited for."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, words[11:15])) / TICKS
    return 0.0


def parts_of_service(served: int) -> dict[str, int]:
    """The children of `mapservice serve`: gunicorn's master, and the worker."""
    found: dict[str, int] = {}
    for pid in family(served):
        words = command_of(pid)
        if "gunicorn" in words:
            found.setdefault("gunicorn", pid)
        elif words.endswith(" worker"):
            found.setdefault("worker", pid)
    return found


def parent(pid: int) -> int:
    """The postmaster of a backend."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
