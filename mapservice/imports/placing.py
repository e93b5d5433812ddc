"""Where the rows of a file lie: by the geocoder, and never finer than what came with them.

A point that is no place of its own (shared, a centre, rounded) and a shape that is no point say
which territory is meant, and give no pin.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache

import shapely
from sqlalchemy import Connection

from mapservice.geocoding.model import GeocodeQuery, MatchStatus, Precision
from mapservice.geocoding.service import Locator, Placement, PlaceQuestion
from mapservice.imports import queries
from mapservice.imports.points import TEN_KILOMETRES
from mapservice.imports.queries import ShapePart
from mapservice.imports.shared_points import KnownCentre, KnownCentres, PointSighting, SharedPoints
from mapservice.initiatives.model import Scale, SourceRow

# Outlines are simplified: what reaches so little into the next territory lies in the first one.
WHOLE = 0.9
# So little of a shape in a territory may be the same error, and does not speak of it.
LEAST = 0.02
# Communes that are named of those of a postcode.
SHOWN_NAMES = 3
# With less of it on French ground, a shape is mostly at sea or abroad.
MOST = 0.5


class RowPlacer:
    """Places the rows of one file. `shared` and `centres` tell which points are no places.

    The centres are asked for once, with the first point that may be one.
    """

    def __init__(
        self,
        locator: Locator,
        context: str,
        shared: SharedPoints,
        centres: Callable[[], KnownCentres],
    ) -> None:
        self._locator = locator
        self._context = context
        self._shared = shared
        self._centres = cache(centres)
        self._served = cache(locator.communes_of_postcode)

    def doubted(self, row: SourceRow, source_id: str) -> SourceRow:
        """The row with why its point is no place known to the metre, where it is none."""
        sighting = PointSighting.of(row, source_id)
        if sighting is None or row.point_doubt:
            return row
        why = self._shared.why_shared(sighting)
        centre = self._centre(row) if not why and not sighting.street else None
        if centre:
            why = f"the point is the {centre.what} of the {centre.level} {centre.code}, no address"
        return replace(row, point_doubt=why) if why else row

    def place(self, connection: Connection, rows: Sequence[SourceRow]) -> list[Placement]:
        """Where each row lies, in order."""
        placed = list(self._locator.place(connection, [self._asked(row) for row in rows]))

        # A doubted point names its commune; its street may still have a point of its own.
        doubted = [i for i, row in enumerate(rows) if row.point_doubt]
        for i in doubted:
            placed[i] = _widened(rows[i], placed[i], self._centre(rows[i]))
        streets = [i for i in doubted if self._locator.provider and rows[i].address]
        asked = [self._asked(rows[i], words_only=True) for i in streets]
        refined = self._locator.place(connection, asked) if asked else []
        for i, one in zip(streets, refined, strict=True):
            if one.precision is Precision.POINT:
                placed[i] = replace(_noted(one, rows[i].point_doubt), given=placed[i].given)

        shaped = [i for i, row in enumerate(rows) if row.shape]
        found = queries.shape_parts(connection, [rows[i].shape for i in shaped]) if shaped else []
        for i, parts in zip(shaped, found, strict=True):
            placed[i] = _by_shape(rows[i], placed[i], parts)

        for i, row in enumerate(rows):
            if placed[i].code and not placed[i].to_review:
                for told in self._contradicted(row, placed[i]):
                    placed[i] = _noted(placed[i], told)

        # What is meant for the whole country and names no place is not a place to look for.
        for i, row in enumerate(rows):
            if row.scale is Scale.NATIONAL and placed[i].precision is Precision.NONE:
                placed[i] = replace(
                    placed[i], precision=Precision.NATIONAL, to_review=False, reason=""
                )
        return placed

    def _contradicted(self, row: SourceRow, placement: Placement) -> Iterator[str]:
        """Codes of a row that speak of another commune than the one that all else tells."""
        if placement.precision not in (Precision.POINT, Precision.COMMUNE):
            return
        if row.citycode and row.citycode != placement.code:
            meant = self._locator.communes_of_code(row.citycode)
            if not meant:
                yield f"no commune has the INSEE code {row.citycode}"
            elif placement.code not in meant:
                yield f"the INSEE code {row.citycode} is another commune's ({meant[min(meant)]})"
        served = self._served(row.postcode) if row.postcode else {}
        if served and placement.code not in served:
            names = ", ".join(list(served.values())[:SHOWN_NAMES])
            yield f"the postcode {row.postcode} is that of other communes ({names})"

    def _asked(self, row: SourceRow, *, words_only: bool = False) -> PlaceQuestion:
        query = GeocodeQuery(
            text=row.address,
            postcode=row.postcode,
            city=row.city,
            citycode=row.citycode,
            departement=row.departement,
            context=self._context,
        )
        return PlaceQuestion(query) if words_only else PlaceQuestion(query, row.lon, row.lat)

    def _centre(self, row: SourceRow) -> KnownCentre | None:
        if row.lon is None or row.lat is None:
            return None
        return self._centres().at(row.lon, row.lat)


def _widened(row: SourceRow, placement: Placement, centre: KnownCentre | None) -> Placement:
    """What is known where the point is no place: the commune that words or point name.

    A point that stands for more than a commune (the centre of a département, the words "Finistère")
    names no commune.
    """
    if placement.precision is not Precision.POINT:
        nowhere = placement.precision is Precision.NONE
        noted = _noted(placement, row.point_doubt)
        return replace(noted, to_review=noted.to_review or nowhere)
    match = placement.match
    if match.status in (MatchStatus.CERTAIN, MatchStatus.LIKELY):
        return _at(placement, Precision.COMMUNE, match.commune, f"{row.point_doubt}: commune")
    if not (row.city or row.postcode or row.citycode) and not match.candidates:
        if centre and centre.level != Precision.COMMUNE:
            level = Precision(centre.level)
            return _at(placement, level, centre.code, f"{row.point_doubt}: {level}")
        for level, code in (
            (Precision.DEPARTEMENT, match.parts.departement),
            (Precision.REGION, match.parts.region),
        ):
            if code:
                return _at(placement, level, code, f"{row.point_doubt}: {level}")
    known = _at(placement, Precision.COMMUNE, placement.code, f"{row.point_doubt}: commune")
    # Some commune lies there, of several in which the place may be.
    is_a_guess = row.point_doubt == TEN_KILOMETRES
    return replace(known, to_review=known.to_review or is_a_guess)


def _by_shape(row: SourceRow, placement: Placement, parts: Sequence[ShapePart]) -> Placement:
    """The finest territory that holds the shape for sure, unless words name one within it."""
    kind = shapely.from_wkb(row.shape).geom_type
    land = sum(part.share for part in parts)
    if land < MOST:
        where = f"the {kind} lies mostly at sea or abroad"
        return replace(_noted(placement, where), to_review=True)
    parts = [replace(part, share=part.share / land) for part in parts]
    crossed = [part for part in parts if part.share >= LEAST] or list(parts[:1])
    precision, code = _holder(parts, crossed)
    told = f"the {kind} lies in {code or 'several régions'}; it gives no pin"
    match = placement.match
    if placement.precision in (Precision.COMMUNE, Precision.EPCI) and not placement.to_review:
        if _agrees(placement, crossed):
            return _noted(placement, told)
        other = f"{told}; the words say otherwise"
        return replace(_noted(placement, other), to_review=True)
    named = match.parts.departement
    if named and all(part.departement not in (None, named) for part in crossed):
        return replace(_noted(placement, f"{told}; the words say otherwise"), to_review=True)
    return replace(_at(placement, precision, code, told), to_review=False)


def _holder(
    parts: Sequence[ShapePart], crossed: Sequence[ShapePart]
) -> tuple[Precision, str | None]:
    """The finest territory that all that is crossed lies in."""
    first = parts[0]
    if first.share >= WHOLE or len(crossed) == 1:
        return Precision(first.level), first.code
    for precision in (Precision.EPCI, Precision.DEPARTEMENT, Precision.REGION):
        codes = {
            part.code if part.level == precision else getattr(part, precision) for part in crossed
        }
        if len(codes) == 1 and (code := codes.pop()):
            return precision, code
    return Precision.NATIONAL, None


def _agrees(placement: Placement, crossed: Sequence[ShapePart]) -> bool:
    """Whether what the words name is crossed; of a wide shape only its départements are known."""
    if any(part.level != Precision.COMMUNE for part in crossed):
        candidate = placement.match.best
        return candidate is None or any(
            part.code in (candidate.place.departement, candidate.place.region) for part in crossed
        )
    if placement.precision is Precision.COMMUNE:
        return placement.code in [part.code for part in crossed]
    return placement.code in [part.epci for part in crossed]


def _at(placement: Placement, precision: Precision, code: str | None, why: str) -> Placement:
    wider = replace(placement, precision=precision, code=code, lon=None, lat=None, attribution="")
    return _noted(wider, why)


def _noted(placement: Placement, why: str) -> Placement:
    reason = "; ".join(dict.fromkeys(filter(None, (placement.reason, why))))
    return replace(placement, reason=reason)
