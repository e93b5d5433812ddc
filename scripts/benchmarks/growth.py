"""What more initiatives cost: the same requests on databases of several sizes."""

from scripts.benchmarks.bench import Bench
from scripts.benchmarks.database import database
from scripts.benchmarks.load import Measure, load
from scripts.benchmarks.places import populated, tiles
from scripts.benchmarks.report import Table, number
from scripts.benchmarks.server import ours
from scripts.benchmarks.tiles import path

TITLE = "Growth"
NOTE = """
Median milliseconds of one request after the other, on databases that differ in their number of
initiatives alone. The last column is how many times more the largest takes than the one before.
"""

PATHS = {
    "activity of regions": ["/activity/region.json"],
    "activity of départements": ["/activity/departement.json"],
    "activity of communes": ["/activity/commune.json"],
    "activity of communes, one theme": ["/activity/commune.json?theme=culture"],
    "first page of the list": ["/initiatives"],
    "first page of a département": ["/initiatives?territory=departement:35"],
    "first page of a theme": ["/initiatives?theme=culture"],
    "search for two words": ["/initiatives?q=jardin+partag%C3%A9"],
    "first 100 as GeoJSON": ["/initiatives.geojson?limit=100"],
}
ZOOMS = (0, 5, 8, 11)


def measure(bench: Bench) -> list[Table]:
    sizes = bench.options.sizes
    columns = [_medians(bench, size) for size in sizes]
    heads = [f"{size:,}".replace(",", " ") for size in sizes]
    ratio = [f"{heads[-1]} ÷ {heads[-2]}"] if len(sizes) > 1 else []
    header = ["p50 ms", *heads, *ratio]
    return [Table("", header, [_cells(work, columns) for work in columns[0]])]


def _medians(bench: Bench, size: int) -> dict[str, Measure]:
    url = database(bench.server, size)
    places = populated(url, 100)
    asked = {
        f"tiles z{zoom}": [path(tile) for tile in tiles(places, zoom)] for zoom in ZOOMS
    } | PATHS
    with ours(url, bench.home) as server:
        return {
            work: load(server.url, paths, bench.seconds, connections=1)
            for work, paths in asked.items()
        }


def _cells(work: str, columns: list[dict[str, Measure]]) -> list[str]:
    medians = [column[work].p50 or 0.0 for column in columns]
    cells = [work, *(number(median) for median in medians)]
    if len(medians) > 1:
        cells.append(number(medians[-1] / medians[-2]) if medians[-2] else "–")
    return cells
