"""From what a source says to the rows of the tables: parents, sums, outlines at every zoom."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import shapely
from shapely import Geometry, MultiPolygon, Point

from mapservice.errors import SourceError
from mapservice.territories.model import (
    OUTLINE_ZOOMS,
    AliasRecord,
    CommuneRecord,
    Level,
    ParentRecord,
    TerritorySet,
)
from mapservice.territories.repair import RepairReport, label_point, multi, repair
from mapservice.territories.simplify import dissolve, simplify, to_3857

Progress = Callable[[str], None]


def silent(step: str) -> None:
    """Shows nothing: for callers without a terminal."""


@dataclass(frozen=True, slots=True)
class TerritoryRow:
    """One row of `territory`. `point` and `outline` are EPSG:4326, `outline_3857` EPSG:3857."""

    level: Level
    code: str
    name: str
    article: str
    population: int | None
    postcodes: tuple[str, ...]
    epci: str | None
    departement: str | None
    region: str | None
    point: Point
    outline: MultiPolygon
    outline_3857: MultiPolygon
    approximate: bool
    population_year: int | None = None


@dataclass(frozen=True, slots=True)
class OutlineRow:
    """One row of `territory_outline`, EPSG:3857."""

    level: Level
    code: str
    zoom: int
    geom: MultiPolygon


@dataclass(frozen=True, slots=True)
class AssembledTerritories:
    """Everything that a load writes, and what the repair had to do for it."""

    territories: Sequence[TerritoryRow]
    outlines: Sequence[OutlineRow]
    aliases: Sequence[AliasRecord]
    report: RepairReport


def assemble(source: TerritorySet, progress: Progress = silent) -> AssembledTerritories:
    """Repairs, sums up and simplifies a source; reads no database.

    Raises SourceError when a commune names a parent that the source lacks.
    """
    progress("repair outlines")
    communes, report = repair(source.communes, source.aliases, source.land)
    if report.without_outline:
        raise SourceError(f"no outline for communes {', '.join(report.without_outline[:20])}")
    family = _Family(communes, source.parents)
    progress("project and dissolve")
    outlines = family.outlines()
    projected = {level: to_3857(shapes) for level, shapes in outlines.items()}
    progress("simplify for each zoom")
    drawn = []
    for level, shapes in projected.items():
        bands = simplify(shapes, OUTLINE_ZOOMS)
        drawn += [
            OutlineRow(level, code, zoom, multi(shape))
            for zoom in OUTLINE_ZOOMS
            for code, shape in bands[zoom].items()
        ]
    rows = list(family.rows(outlines, projected))
    return AssembledTerritories(rows, drawn, source.aliases, report)


class _Family:
    """Communes with the parents they name, each checked to exist."""

    def __init__(self, communes: Sequence[CommuneRecord], parents: Sequence[ParentRecord]) -> None:
        self.communes = communes
        self.parents = {(parent.level, parent.code): parent for parent in parents}
        self.members: dict[tuple[Level, str], list[CommuneRecord]] = defaultdict(list)
        for commune in communes:
            for level in (Level.EPCI, Level.DEPARTEMENT, Level.REGION):
                code = self.parent_code(commune, level)
                if code is not None:
                    self.members[level, code].append(commune)

    def parent_code(self, commune: CommuneRecord, level: Level) -> str | None:
        code = commune.epci if level is Level.EPCI else commune.departement
        if level is Level.REGION:
            code = self._parent(Level.DEPARTEMENT, commune.departement, commune).parent
        if code is not None:
            self._parent(level, code, commune)
        return code

    def outlines(self) -> dict[Level, dict[str, Geometry]]:
        """EPSG:4326, by level and code; a parent's is the union of its communes'."""
        shapes: dict[str, Geometry] = {}
        for commune in self.communes:
            assert commune.outline is not None, "repair leaves none without"
            shapes[commune.code] = commune.outline
        outlines: dict[Level, dict[str, Geometry]] = {Level.COMMUNE: shapes}
        for level in (Level.EPCI, Level.DEPARTEMENT, Level.REGION):
            parents = {c.code: self.parent_code(c, level) for c in self.communes}
            outlines[level] = dissolve(shapes, parents)
        return outlines

    def rows(
        self,
        outlines: Mapping[Level, Mapping[str, Geometry]],
        projected: Mapping[Level, Mapping[str, Geometry]],
    ) -> Iterator[TerritoryRow]:
        for commune in self.communes:
            outline = multi(outlines[Level.COMMUNE][commune.code])
            yield TerritoryRow(
                level=Level.COMMUNE,
                code=commune.code,
                name=commune.name,
                article=commune.article,
                population=commune.population,
                postcodes=commune.postcodes,
                epci=commune.epci,
                departement=commune.departement,
                region=self.parent_code(commune, Level.REGION),
                point=label_point(outline, commune.town_hall or None),  # an empty point is none
                outline=outline,
                outline_3857=multi(projected[Level.COMMUNE][commune.code]),
                approximate=commune.outline_approximate,
                population_year=commune.population_year,
            )
        for key, members in self.members.items():
            parent = self.parents[key]
            outline = multi(outlines[parent.level][parent.code])
            population, year = summed_population(members)
            yield TerritoryRow(
                level=parent.level,
                code=parent.code,
                name=parent.name,
                article=parent.article,
                population=population,
                postcodes=(),
                epci=None,
                departement=self._shared(parent, members, Level.DEPARTEMENT),
                region=self._shared(parent, members, Level.REGION),
                point=label_point(outline, None),
                outline=outline,
                outline_3857=multi(projected[parent.level][parent.code]),
                approximate=any(member.outline_approximate for member in members),
                population_year=year,
            )

    def _shared(
        self, parent: ParentRecord, members: Sequence[CommuneRecord], level: Level
    ) -> str | None:
        """The one parent that all members have at a wider level; None where they have several."""
        wider = list(Level).index(level) > list(Level).index(parent.level)
        codes = {self.parent_code(member, level) for member in members} if wider else set()
        return codes.pop() if len(codes) == 1 else None

    def _parent(self, level: Level, code: str, commune: CommuneRecord) -> ParentRecord:
        parent = self.parents.get((level, code))
        if parent is None:
            raise SourceError(f"commune {commune.code} names an unknown {level}: {code}")
        return parent


def summed_population(members: Sequence[CommuneRecord]) -> tuple[int | None, int | None]:
    """Of those whose population is known, and its year: None where they are of several years.

    None where no member's is known: unknown is not nobody.
    """
    known = [member for member in members if member.population is not None]
    if not known:
        return None, None
    years = {member.population_year for member in known}
    return sum(member.population or 0 for member in known), years.pop() if len(years) == 1 else None


def wkb(shape: Geometry, srid: int) -> str:
    """Hex EWKB, as COPY takes geometries."""
    return str(shapely.to_wkb(shapely.set_srid(shape, srid), hex=True, include_srid=True))
