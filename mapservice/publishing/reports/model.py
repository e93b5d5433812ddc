"""What a report is about and what it contains, as plain values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlencode

from mapservice.errors import InvalidInput
from mapservice.initiatives.filters import InitiativeFilters, ListingSort, RollupScope, parse
from mapservice.rollups.territory_model import TerritoryPlace
from mapservice.territories.model import Level, TerritoryRef
from mapservice.tiles.basemap.archive import ServedArchive

# The class of territories whose figure is unknown.
UNKNOWN = -1
# The levels that a report of each level can be split by; the first is the default.
PARTS: Mapping[Level | None, tuple[Level, ...]] = {
    None: (Level.REGION, Level.DEPARTEMENT, Level.EPCI),
    Level.REGION: (Level.COMMUNE, Level.DEPARTEMENT, Level.EPCI),
    Level.DEPARTEMENT: (Level.COMMUNE, Level.EPCI),
    Level.EPCI: (Level.COMMUNE,),
    Level.COMMUNE: (Level.COMMUNE,),
}


class ReportFigure(StrEnum):
    """The figure that the map shows; the table has them all."""

    RATE = "rate"
    INITIATIVES = "initiatives"
    SUPPORTERS = "supporters"


@dataclass(frozen=True, slots=True)
class ReportView:
    """A territory (None: France) split by the territories of a level, and the figure shown."""

    filters: InitiativeFilters
    by: Level
    figure: ReportFigure = ReportFigure.RATE

    @classmethod
    def parse(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """The grammar of filters, and `by` and `figure`. Raises InvalidInput naming the field."""
        given = list(pairs)
        filters, paging = parse(pair for pair in given if pair[0] not in ("by", "figure"))
        if paging.limit is not None or paging.cursor is not None:
            raise InvalidInput("limit", "a report has no pages")
        if len(filters.territory) > 1:
            raise InvalidInput("territory", "a report tells of one territory, or of all France")
        filters = replace(filters, sort=ListingSort.RECENT)
        RollupScope.of(filters)
        allowed = PARTS[filters.territory[0].level if filters.territory else None]
        by = _once(given, "by")
        if by and by not in allowed:
            raise InvalidInput("by", f"this territory is told by {' or '.join(allowed)}")
        figure = _once(given, "figure") or ReportFigure.RATE
        if figure not in tuple(ReportFigure):
            raise InvalidInput("figure", f"must be one of {', '.join(ReportFigure)}")
        return cls(filters, Level(by) if by else allowed[0], ReportFigure(figure))

    @classmethod
    def of_query(cls, query: str) -> Self:
        return cls.parse(parse_qsl(query))

    @property
    def ref(self) -> TerritoryRef | None:
        return self.filters.territory[0] if self.filters.territory else None

    @property
    def scope(self) -> RollupScope:
        return RollupScope.of(self.filters)

    @property
    def query(self) -> str:
        """The canonical query string that parses to this view."""
        pairs = [*self.filters.to_pairs(), ("by", str(self.by)), ("figure", str(self.figure))]
        return urlencode(pairs, safe=",:")

    @property
    def name(self) -> str:
        """For names of files: `region-53-commune`."""
        place = f"{self.ref.level}-{self.ref.code}" if self.ref else "france"
        return f"{place}-{self.by}"


def _once(pairs: list[tuple[str, str]], name: str) -> str:
    texts = [text for known, text in pairs if known == name and text.strip()]
    if len(texts) > 1:
        raise InvalidInput(name, "is given more than once")
    return texts[0] if texts else ""


@dataclass(frozen=True, slots=True)
class ReportCounts:
    """Counts of a territory; `rate` is initiatives per 10,000 inhabitants, None without any.

    `population` is None where it is unknown; `years` are those that it is of.
    """

    population: int | None
    initiatives: int
    supporters: int
    rate: float | None
    years: tuple[int, ...] = ()

    def value(self, figure: ReportFigure) -> float | None:
        return {
            ReportFigure.RATE: self.rate,
            ReportFigure.INITIATIVES: self.initiatives,
            ReportFigure.SUPPORTERS: self.supporters,
        }[figure]


@dataclass(frozen=True, slots=True)
class SupportedInitiative:
    """An initiative among the most supported of a territory."""

    id: str
    title: str
    supporters: int


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One territory of the report; `partial`: an EPCI of which this is the part inside."""

    code: str
    name: str
    figures: ReportCounts
    most_supported: tuple[SupportedInitiative, ...] = ()
    partial: bool = False

    @property
    def lived_in(self) -> bool:
        """False too where the population is unknown."""
        return bool(self.figures.population)

    @property
    def silent(self) -> bool:
        """Uninhabited places cannot be silent."""
        return self.lived_in and self.figures.initiatives == 0


@dataclass(frozen=True, slots=True)
class ReportOutlines:
    """GeoJSON geometries in EPSG:4326 by code, the land around, and the areas' W, S, E, N.

    `names` are towns that the map has room for: name, longitude, latitude, and how far from there
    its middle stands, in pixels right and down. `archive` is the base map's: its water is drawn.
    """

    areas: Mapping[str, Mapping[str, Any]]
    ground: tuple[dict[str, Any], ...]
    bounds: tuple[float, float, float, float]
    names: tuple[tuple[str, float, float, float, float], ...] = ()
    archive: ServedArchive | None = None


@dataclass(frozen=True, slots=True)
class TerritoryReport:
    """The content of a report in any form, all of one moment.

    `lines` come in the order of `reading_key`. `epci_alone` are initiatives known to no more than
    an EPCI that straddles: neither a line nor the whole has them. `place` is None for France.
    `breaks` are the lower bounds of the second and later classes, and `classes` go by code: both
    are those of the page of coordination for the same territory, level, figure, period and filters.
    `explained`: territories differ by no more than chance, so that one class holds all that have
    something. `made_up`: whether its initiatives are invented, for a first look or a trial.
    """

    view: ReportView
    place: TerritoryPlace | None
    whole: ReportCounts
    lines: tuple[ReportLine, ...]
    breaks: tuple[float, ...]
    classes: Mapping[str, int]
    explained: bool
    outlines: ReportOutlines
    made_at: datetime
    licence: str
    cog_year: int
    base_url: str
    site_name: str
    epci_alone: int = 0
    made_up: Literal["", "some", "all"] = ""

    def shade(self, line: ReportLine) -> int | None:
        """Its class: from 1 on, 0 for nothing, None where the figure is not known."""
        shade = self.classes.get(line.code, UNKNOWN)
        return None if shade == UNKNOWN else shade

    @property
    def silent(self) -> int:
        return sum(line.silent for line in self.lines)

    @property
    def lived_in(self) -> int:
        return sum(line.lived_in for line in self.lines)

    @property
    def elsewhere(self) -> int:
        """Initiatives of the whole that no line has."""
        return self.whole.initiatives - sum(line.figures.initiatives for line in self.lines)

    @property
    def years(self) -> tuple[int, ...]:
        """The years of the populations."""
        return tuple(sorted({year for line in self.lines for year in line.figures.years}))

    def link(self, one: SupportedInitiative) -> str:
        return f"{self.base_url}/initiatives/{one.id}"


# Rates are meaningful from so many inhabitants on: INSEE's minimum for an urban unit.
ENOUGH = 2000


def reading_key(line: ReportLine, figure: ReportFigure) -> tuple[bool, float, int, str]:
    """Sorts the largest values first, and equal ones by population.

    In a hamlet one initiative is a high rate: territories with fewer inhabitants than `ENOUGH`
    follow by population.
    """
    value, people = line.figures.value(figure), line.figures.population or 0
    few = figure is ReportFigure.RATE and people < ENOUGH
    return few, 0.0 if few or value is None else -value, -people, line.name


class ReportFile(StrEnum):
    """Files of a report; the value is the suffix."""

    PAGE = "html"
    PAPER = "pdf"
    CSV = "csv"
    WORKBOOK = "xlsx"
    LAYER = "gpkg"

    @property
    def media_type(self) -> str:
        office = "application/vnd.openxmlformats-officedocument"
        return {
            ReportFile.PAGE: "text/html; charset=utf-8",
            ReportFile.PAPER: "application/pdf",
            ReportFile.CSV: "text/csv; charset=utf-8",
            ReportFile.WORKBOOK: f"{office}.spreadsheetml.sheet",
            ReportFile.LAYER: "application/geopackage+sqlite3",
        }[self]

    @property
    def file_name(self) -> str:
        """Its name in the archive."""
        return f"{'rapport' if self in (ReportFile.PAGE, ReportFile.PAPER) else 'chiffres'}.{self}"
