"""Files of texts through the geocoder, row after row."""

import csv
import random
import time
import urllib.request
import uuid
from collections.abc import Iterable
from pathlib import Path

from scripts.benchmarks import peer_addok
from scripts.benchmarks.bench import Bench
from scripts.benchmarks.commands import net_rate
from scripts.benchmarks.load import Measure
from scripts.benchmarks.places import SEED, Place, populated
from scripts.benchmarks.report import Row, Table, Target, compared
from scripts.benchmarks.search import STREETS

TITLE = "Geocoding: whole files"
NOTE = """
Rows of distinct texts: whole addresses, names with a département, names alone, misspelt names.
Ours is `mapservice geocode`, one process, without the time that a file of one row takes (Python,
the index). addok answers the same file at `/search/csv`, a shorter one.
"""

ROWS = 20_000
ADDOK_ROWS = 2_000
ROWS_PER_SECOND = 3_000


def texts(places: Iterable[Place], number: int) -> list[str]:
    """Distinct ones, in four kinds that take turns."""
    chance = random.Random(SEED)
    pool = list(places)
    found: dict[str, None] = {}
    while len(found) < number:
        place = chance.choice(pool)
        found[_text(chance, place, len(found) % 4)] = None
    return list(found)


def _text(chance: random.Random, place: Place, kind: int) -> str:
    house = f"{chance.randint(1, 200)} {chance.choice(STREETS)}"
    if kind == 0:
        return f"{house}, {place.postcode} {place.name}"
    if kind == 1:
        return f"{place.name} ({place.postcode[:2]}), {house}"
    if kind == 2:
        return f"{house} {place.name}"
    spot = chance.randrange(len(place.name))
    return f"{house} {place.postcode} {place.name[:spot]}{place.name[spot + 1 :]}"


def write(path: Path, rows: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(["query"])
        writer.writerows([row] for row in rows)


def measure(bench: Bench) -> list[Table]:
    rows = texts(populated(bench.url, 5000), ROWS)
    many, one, out = (bench.home / name for name in ("texts.csv", "text.csv", "texts.out.csv"))
    write(many, rows)
    write(one, rows[:1])
    rate = net_rate(bench.url, ["geocode", "--out", str(out)], many, one, ROWS)
    others = _addok(bench, rows[:ADDOK_ROWS])
    return compared("", [Row("texts", Measure(rate), others, [Target(ROWS_PER_SECOND)])], "rows")


def _addok(bench: Bench, rows: list[str]) -> dict[str, Measure]:
    if not bench.options.peers:
        return {}
    path = bench.home / "addok.csv"
    write(path, rows)
    with peer_addok.serving(bench.url, bench.home) as server:
        request = upload(f"{server.url}/search/csv", path)
        start = time.perf_counter()
        with urllib.request.urlopen(request, timeout=300) as answer:
            answer.read()
        return {peer_addok.NAME: Measure(len(rows) / (time.perf_counter() - start))}


def upload(address: str, path: Path) -> urllib.request.Request:
    """A multipart form with the file and the name of its column."""
    edge = uuid.uuid4().hex
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="columns"\r\n\r\nquery\r\n',
        f'--{edge}\r\nContent-Disposition: form-data; name="data"; filename="{path.name}"\r\n',
        f"Content-Type: text/csv\r\n\r\n{path.read_text(encoding='utf-8')}\r\n--{edge}--\r\n",
    ]
    kind = f"multipart/form-data; boundary={edge}"
    return urllib.request.Request(address, "".join(parts).encode(), {"Content-Type": kind})
