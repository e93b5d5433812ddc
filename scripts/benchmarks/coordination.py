"""Pages of coordinators, each made anew, asked for one after the other."""

from collections.abc import Iterable
from itertools import product
from urllib.parse import urlencode

from mapservice.dashboards.model import DashboardFigure, TableOrder
from mapservice.initiatives.model import Theme
from scripts.benchmarks.bench import Bench
from scripts.benchmarks.load import load
from scripts.benchmarks.report import Row, Table, Target, compared
from scripts.benchmarks.server import WORKERS, ours

TITLE = "Coordination"
NOTE = """
On one connection, each page in turn, nothing kept, all workers awake: the slowest percent are the
dearest pages of a row. Periods are all months, those until a late and an early one, and those since
one.
"""

TARGETS = (Target(slowest=200),)
# A page takes no longer than this, in seconds, so that each is asked for at least once.
LONGEST = 0.25
# So long all workers are asked first, each of which opens connections to the database.
WAKING_SECONDS = 2
FRANCE = "/coordination"
PERIODS: tuple[dict[str, str], ...] = (
    {},
    {"until": "2026-09-30"},
    {"until": "2025-06-30"},
    {"since": "2024-01-01"},
)
COMMUNES = {"by": "commune"}
BESIDE = {"with": "region:84"}
# Of all communes some figures are none.
FIGURES = [{"figure": str(one)} for one in DashboardFigure if one is not DashboardFigure.SILENT]
ORDERS = [{"sort": str(one)} for one in TableOrder if one is not TableOrder.SILENT]
THEMES = [{"theme": ",".join(list(Theme)[:many])} for many in (1, 4, 8)]
WIDE = [{"by": level} for level in ("region", "departement", "epci")]

Choice = dict[str, str]


def paths(path: str, *choices: Iterable[Choice]) -> list[str]:
    """The path with one of each choices, in all combinations."""
    return [
        f"{path}?{urlencode({name: value for one in chosen for name, value in one.items()})}"
        for chosen in product(*choices)
    ]


PAGES = {
    "France by commune": paths(FRANCE, [COMMUNES], FIGURES, PERIODS),
    "… beside Auvergne-Rhône-Alpes": paths(FRANCE, [COMMUNES], [BESIDE], FIGURES, PERIODS),
    "… by the last initiative, sorted": paths(
        FRANCE, [COMMUNES | {"figure": "last"}], ORDERS, PERIODS[1:3]
    ),
    "… of some themes": paths(FRANCE, [COMMUNES], THEMES, FIGURES),
    "France by région, département, EPCI": paths(FRANCE, WIDE, FIGURES, PERIODS[:2]),
    "Auvergne-Rhône-Alpes by commune": paths(f"{FRANCE}/region/84", [COMMUNES], FIGURES, PERIODS),
    "Rennes": paths(f"{FRANCE}/commune/35238", FIGURES, PERIODS),
    "silent communes of France": paths(f"{FRANCE}/silence", [COMMUNES], PERIODS),
    "steps of the slider, France by commune": paths(
        f"{FRANCE}.json", [COMMUNES | {"brief": "1"}], FIGURES, PERIODS[1:3]
    ),
}


def measure(bench: Bench) -> list[Table]:
    with ours(bench.url, bench.home) as server:
        return compared("", [_row(bench, server.url, work) for work in PAGES], "pages")


def _row(bench: Bench, url: str, work: str) -> Row:
    asked = PAGES[work]
    load(url, asked, WAKING_SECONDS, connections=WORKERS, warm=False)
    seconds = max(bench.seconds, round(len(asked) * LONGEST))
    return Row(work, load(url, asked, seconds, connections=1), targets=TARGETS)
