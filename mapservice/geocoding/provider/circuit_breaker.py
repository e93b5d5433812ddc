"""A circuit breaker: what fails again and again is left alone for a while."""

import threading
import time
from collections.abc import Callable

FAILURES = 5
PAUSE_SECONDS = 30.0


class CircuitBreaker:
    """Opens after so many failures in a row; after a pause lets one through to see.

    That one decides: its success closes the circuit, its failure opens it for another pause.
    Shared by threads; each process has its own.
    """

    def __init__(
        self,
        failures: int = FAILURES,
        pause: float = PAUSE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = failures
        self._pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until: float | None = None

    def admits(self) -> bool:
        """Whether a request may be sent now; one after the pause is the probe for all."""
        with self._lock:
            if self._open_until is None:
                return True
            if self._clock() < self._open_until:
                return False
            # Others wait for the outcome of this one, or for its pause if it never comes back.
            self._open_until = self._clock() + self._pause
            return True

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0
            self._open_until = None

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= self._limit:
                self._open_for(self._pause)

    def hold(self, seconds: float) -> None:
        """Opens at once, for as long as the other side asked."""
        with self._lock:
            self._open_for(seconds)

    def _open_for(self, seconds: float) -> None:
        until = self._clock() + seconds
        self._open_until = max(until, self._open_until or until)
