"""People who open the map: one page, its style, twelve tiles, the list; as many a minute as told.

Opens begin when they are due, however long earlier ones take, and an answer's time counts from the
moment it was due: a server that falls behind cannot slow its questions down (an open model).
"""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from scripts.benchmarks.places import Place
from scripts.launch_trial.keepalive import KeptConnections

PAGE, STYLE, TILE, LIST = "page", "style", "tile", "list"
KINDS = (PAGE, STYLE, TILE, LIST)
LANGUAGES = ("fr", "en")
ZOOM = 12
COLUMNS, ROWS = 4, 3
# That a browser asks for at once.
PARALLEL = 6


@dataclass(slots=True)
class Told:
    """What was answered, by kind: seconds, and how many of each status (0: none came)."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    statuses: dict[int, int] = field(default_factory=dict)
    size: int = 0
    begun: int = 0
    late: float = 0.0  # the longest that an open waited for us to begin it

    @property
    def failed(self) -> dict[int, int]:
        return {status: many for status, many in self.statuses.items() if status not in (200, 204)}


@dataclass(slots=True)
class Crowd:
    """Opens of the map at these places, drawn by population; each from an address of its own."""

    server: KeptConnections
    places: Sequence[Place]
    codes: Sequence[str]
    seed: int
    told: Told = field(default_factory=Told)

    async def open_maps(self, a_minute: int, seconds: float) -> None:
        dice = random.Random(self.seed)
        weights = [place.population for place in self.places]
        chosen = dice.choices(range(len(self.places)), weights, k=round(a_minute * seconds / 60))
        since, running = time.monotonic(), set[asyncio.Task[None]]()
        for number, place in enumerate(chosen):
            due = since + number * 60 / a_minute
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            self.told.late = max(self.told.late, time.monotonic() - due)
            self.told.begun += 1
            address = f"10.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(1, 255)}"
            headers = _headers(LANGUAGES[number % len(LANGUAGES)], address)
            task = asyncio.create_task(self._open(place, headers, due))
            running.add(task)
            task.add_done_callback(running.discard)
        if running:
            await asyncio.wait(running)
        self.server.close()

    async def _open(self, place: int, headers: str, due: float) -> None:
        code = self.codes[place]
        await self._ask(PAGE, f"/?territory=commune:{code}", headers, due)
        now, turn = time.monotonic(), asyncio.Semaphore(PARALLEL)

        async def later(kind: str, path: str) -> None:
            async with turn:
                await self._ask(kind, path, headers, now)

        async with asyncio.TaskGroup() as group:
            group.create_task(later(STYLE, "/tiles/style.json"))
            for path in tile_paths(self.places[place]):
                group.create_task(later(TILE, path))
            group.create_task(later(LIST, f"/initiatives?territory=commune:{code}"))

    async def _ask(self, kind: str, path: str, headers: str, due: float) -> None:
        reply = await self.server.get(path, headers)
        self.told.seconds[kind].append(time.monotonic() - due)
        self.told.statuses[reply.status] = self.told.statuses.get(reply.status, 0) + 1
        self.told.size += reply.size


def tile_paths(place: Place) -> Iterator[str]:
    """Those of a window around it, four beside three."""
    middle = place.tile(ZOOM)
    for row in range(ROWS):
        for column in range(COLUMNS):
            x, y = middle.x + column - COLUMNS // 2, middle.y + row - ROWS // 2
            yield f"/tiles/initiatives/{ZOOM}/{x}/{y}.pbf"


def _headers(language: str, address: str) -> str:
    return (
        f"Accept: text/html,*/*\r\nAccept-Language: {language}\r\nAccept-Encoding: gzip\r\n"
        f"X-Forwarded-For: {address}\r\nX-Forwarded-Proto: https\r\n"
    )
