"""Keeps processes going: restarts those that end by themselves, later each time; stops all.

Nothing here knows what the processes are for; `serve.py` does. Only the standard library.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

from mapservice.errors import ConfigurationError

# Names the descriptor to which a successor writes once it can answer.
READY = "MAPSERVICE_READY_FD"
PAUSE = 0.1  # seconds between two looks at the children
GRACE_SECONDS = 25  # longer than gunicorn gives its own workers


@dataclass(slots=True)
class RestartBackoff:
    """How long to wait before the next attempt: doubles up to `most`, and is short again after
    `good` seconds without a failure. It never gives up: the cause may be repaired meanwhile.

    `most` is what is left of the 30 s after which docs/operating.md promises answers, once gunicorn
    has had some ten seconds to start, or PostgreSQL to recover.
    """

    first: float = 0.5
    most: float = 8.0
    good: float = 60.0
    failures: int = 0

    def failed(self, lasted: float) -> float:
        """Seconds until the next attempt, after one that lasted so long."""
        self.failures = 1 if lasted >= self.good else self.failures + 1
        return float(min(self.first * 2 ** min(self.failures - 1, 30), self.most))


@dataclass(slots=True)
class ChildProcess:
    """A command to be kept running. `process` is None while it waits for its next start."""

    name: str
    command: Sequence[str]
    descriptors: Sequence[int] = ()
    backoff: RestartBackoff = field(default_factory=RestartBackoff)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0


@dataclass(slots=True)
class RetiredProcess:
    """A former child that finishes what it has begun, until `due` at the latest."""

    name: str
    process: subprocess.Popen[bytes]
    due: float


class ProcessSupervisor:
    """The children and requests to stop; one per process, since signals are.

    `tell` prints one line for a person. `idle` is called at every look.
    """

    def __init__(self, environ: Mapping[str, str], tell: Callable[[str], None] = print) -> None:
        self.environ = dict(environ)
        self.asked_to_stop = 0  # how often
        self.asked_by = ""
        self.idle: Callable[[], None] = lambda: None
        self._tell = tell
        self._children: dict[str, ChildProcess] = {}
        self._successors: dict[str, ChildProcess] = {}
        self._retired: list[RetiredProcess] = []

    def ask_to_stop(self, number: int, _frame: FrameType | None) -> None:
        self.asked_to_stop += 1
        self.asked_by = signal.Signals(number).name

    def keep(self, name: str, command: Sequence[str], descriptors: Sequence[int] = ()) -> None:
        """Starts it now, and again whenever it ends; it inherits these file descriptors."""
        self._children[name] = child = ChildProcess(name, command, descriptors)
        self._start(child)

    def run(self, name: str, command: Sequence[str]) -> None:
        """To its end. Raises KeyboardInterrupt, or ConfigurationError when it fails."""
        self._children[name] = child = ChildProcess(name, command)
        self._start(child)
        assert child.process is not None, "started just now"
        while (code := child.process.poll()) is None:
            self.pause()
        del self._children[name]
        if code:
            raise ConfigurationError(f"{name}: failed with code {code}")

    def pause(self) -> None:
        """A moment for the children. Raises KeyboardInterrupt."""
        if self.asked_to_stop:
            raise KeyboardInterrupt
        self.idle()
        time.sleep(PAUSE)

    def watch(self) -> None:
        """A pause, then starts the children that are due. Raises KeyboardInterrupt."""
        self.pause()
        now = time.monotonic()
        for child in self._children.values():
            if child.process is None:
                if now >= child.due:
                    self._start(child)
            elif (code := child.process.poll()) is not None:
                # What a killed process leaves behind would share the work with its successor.
                _signal_group(child.process, signal.SIGKILL)
                wait = child.backoff.failed(now - child.started)
                child.process, child.due = None, now + wait
                self._tell(f"{child.name} ended by itself ({_ending(code)}): again in {wait:g} s")

        for one in list(self._retired):
            if one.process.poll() is None and now < one.due:
                continue
            # With what it has left behind, as above.
            _signal_group(one.process, signal.SIGKILL)
            one.process.wait()
            self._retired.remove(one)

    def start_successor(
        self,
        name: str,
        command: Sequence[str],
        descriptors: Sequence[int] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Starts another process beside a child; `environ` is for it alone."""
        assert name not in self._successors, "one at a time"
        child = self._children[name]
        successor = ChildProcess(name, command, child.descriptors)
        self._successors[name] = successor
        self._start(successor, descriptors, environ)

    def successor_runs(self, name: str) -> bool:
        successor = self._successors.get(name)
        return (
            successor is not None
            and successor.process is not None
            and successor.process.poll() is None
        )

    def hand_over(self, name: str, seconds: float) -> None:
        """From now on the successor is the child; the former one is asked to end by then."""
        former, successor = self._children[name], self._successors.pop(name)
        self._children[name] = successor
        if former.process is not None:
            _signal_group(former.process, signal.SIGTERM)
            due = time.monotonic() + seconds
            self._retired.append(RetiredProcess(name, former.process, due))

    def give_up_successor(self, name: str) -> None:
        """The child goes on as if nothing had been."""
        successor = self._successors.pop(name)
        if successor.process is not None:
            _signal_group(successor.process, signal.SIGKILL)
            successor.process.wait()

    def has_retired(self, name: str) -> bool:
        """Whether a former child of that name has still something to finish."""
        return any(one.name == name for one in self._retired)

    def runs(self, name: str) -> bool:
        """False while it waits for its next start, or is unknown."""
        child = self._children.get(name)
        return child is not None and child.process is not None and child.process.poll() is None

    def failures(self, name: str) -> int:
        """How often it ended by itself, one end soon after the other."""
        return self._children[name].backoff.failures

    def stop(self) -> None:
        """Ends all children, kindly; a second Ctrl-C or too long a wait ends them at once."""
        asked, patience = self.asked_to_stop, time.monotonic() + GRACE_SECONDS
        self._signal(signal.SIGTERM)
        while any(process.poll() is None for process in self._processes()):
            if self.asked_to_stop > max(asked, 1) or time.monotonic() > patience:
                break
            time.sleep(PAUSE)
        self._signal(signal.SIGKILL)
        for process in self._processes():
            process.wait()

    def _start(
        self,
        child: ChildProcess,
        descriptors: Sequence[int] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """In a session of its own: Ctrl-C in the terminal reaches us alone, and we pass it on."""
        child.started = time.monotonic()
        # On Linux a child gets SIGTERM should we be killed without a chance to pass anything on.
        setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
        dying_with_us = [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
        child.process = subprocess.Popen(
            [*dying_with_us, *child.command],
            env=self.environ | dict(environ or {}),
            start_new_session=True,
            pass_fds=(*child.descriptors, *descriptors),
        )

    def _processes(self) -> list[subprocess.Popen[bytes]]:
        children = (*self._children.values(), *self._successors.values())
        living = [child.process for child in children if child.process is not None]
        return living + [one.process for one in self._retired]

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes():
            _signal_group(process, number)


def _signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _ending(code: int) -> str:
    if code >= 0:
        return f"code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
