"""Territories whose figures are asked for, as columns; made once per load of territories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import repeat

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from mapservice.dashboards import statements
from mapservice.dashboards.classes import Floats
from mapservice.dashboards.expected import Counts
from mapservice.dashboards.model import DashboardView
from mapservice.territories.model import Level, TerritoryRef
from mapservice.territories.queries import kept_of

ABOVE = (Level.EPCI, Level.DEPARTEMENT, Level.REGION)
# Degrees, EPSG:4326, leave PostgreSQL as whole numbers of this part of one.
PER_DEGREE = 100_000
# A population that no source tells.
UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class TerritoryIndex:
    """Territories of a level (None: France), one entry each, in the order of their codes.

    `population` is -1 where it is unknown, `year` the year it is of, 0 where there is not one.
    `under` says where the one that holds each stands among all of its level, -1 for none; `lon`
    and `lat` where its name stands, degrees EPSG:4326. `whole`: these are all of the level;
    `inside` holds them all, if one territory does. `parted`: of which EPCI these are but parts.
    """

    level: Level | None
    codes: tuple[str, ...]
    population: Counts
    year: Counts
    under: Mapping[Level, Counts]
    lon: Floats
    lat: Floats
    whole: bool = False
    inside: TerritoryRef | None = None
    parted: "StraddlingEpci | None" = None

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def _at(self) -> Mapping[str, int]:
        return {code: place for place, code in enumerate(self.codes)}

    def positions(self, codes: Sequence[str], missing: int = -1) -> Counts:
        """Where these codes stand; `missing` for those that are not among them."""
        return np.fromiter(map(self._at.get, codes, repeat(missing)), np.int64, len(codes))

    def pick(
        self, which: NDArray[np.bool_] | Counts, inside: TerritoryRef | None = None
    ) -> "TerritoryIndex":
        """Some of them: by a mask, or by positions in ascending order."""
        positions = np.arange(len(self))[which]
        return replace(
            self,
            codes=tuple(self.codes[one] for one in positions),
            population=self.population[positions],
            year=self.year[positions],
            under={level: above[positions] for level, above in self.under.items()},
            lon=self.lon[positions],
            lat=self.lat[positions],
            whole=False,
            inside=inside,
            parted=self.parted.pick(positions) if self.parted else None,
        )


@dataclass(frozen=True, eq=False)
class StraddlingEpci:
    """Which EPCI straddle, `partial`, and the communes of these.

    `of` says at which position the EPCI of each commune stands, `inside` whether it lies in the
    territory that is shown.
    """

    partial: NDArray[np.bool_]
    communes: TerritoryIndex
    of: Counts
    inside: NDArray[np.bool_]

    def pick(self, positions: Counts) -> "StraddlingEpci":
        """Of the EPCI at these positions, which ascend."""
        kept = np.isin(self.of, positions)
        return StraddlingEpci(
            self.partial[positions],
            self.communes.pick(kept),
            np.searchsorted(positions, self.of[kept]).astype(np.int64),
            self.inside[kept],
        )

    def total(self, values: Counts) -> Counts:
        """Of each EPCI, what its communes inside have."""
        return self._sum(values * self.inside)

    def everywhere(self, values: Counts) -> Counts:
        """Of each EPCI, what all of its communes have."""
        return self._sum(values)

    def least(self, values: Floats) -> Floats:
        """Of each EPCI, the least of its communes inside; NaN where none has a value."""
        found = np.full(len(self.partial), np.nan)
        np.fmin.at(found, self.of[self.inside], values[self.inside])
        return found

    def _sum(self, values: Counts) -> Counts:
        return np.bincount(self.of, values, len(self.partial)).astype(np.int64)


Atlas = Mapping[Level, TerritoryIndex]


def atlas(connection: Connection) -> Atlas:
    """All territories that there are, by level."""
    return kept_of(connection).get(connection, __name__, _read)


def parts(atlas: Atlas, view: DashboardView) -> TerritoryIndex:
    """What a view divides its territory into."""
    ref, every = view.ref, atlas[view.by]
    if ref is None:
        return every
    if ref.level is view.by:
        return every.pick(_sisters(atlas, ref))
    if view.by is Level.EPCI:
        return _epcis(atlas, ref)
    return every.pick(within(atlas, ref, view.by), ref)


def _epcis(atlas: Atlas, ref: TerritoryRef) -> TerritoryIndex:
    """Every EPCI that has a commune in a département or a région, with what it has there."""
    every, communes = atlas[Level.EPCI], atlas[Level.COMMUNE]
    of, here = communes.under[Level.EPCI], within(atlas, ref, Level.COMMUNE)
    member = of >= 0
    in_all = np.bincount(of[member], minlength=len(every))
    inside = np.bincount(of[member & here], minlength=len(every))
    at = np.flatnonzero(inside)
    partial = inside[at] < in_all[at]
    picked = every.pick(at)
    if not partial.any():
        return picked
    pieces = np.isin(of, at[partial])
    parted = StraddlingEpci(
        partial,
        communes.pick(pieces),
        np.searchsorted(at, of[pieces]).astype(np.int64),
        here[pieces],
    )
    people, year = _peopled(parted)
    return replace(
        picked,
        population=np.where(partial, people, picked.population),
        year=np.where(partial, year, picked.year),
        parted=parted,
    )


def _peopled(parted: StraddlingEpci) -> tuple[Counts, Counts]:
    """Inhabitants of the parts, -1 where they are unknown, and their year, 0 where several."""
    known = parted.communes.population >= 0
    people = parted.total(parted.communes.population * known)
    people[parted.total(known.astype(np.int64)) == 0] = UNKNOWN
    years = parted.communes.year.astype(np.float64)
    first, last = parted.least(years), -parted.least(-years)
    return people, np.where(first == last, first, 0).astype(np.int64)


def within(atlas: Atlas, ref: TerritoryRef, level: Level) -> NDArray[np.bool_]:
    """Which territories of a level lie in another one, or are it."""
    if ref.level is level:
        return _is(atlas, ref)
    mask: NDArray[np.bool_] = atlas[level].under[ref.level] == _position(atlas, ref)
    return mask


def own(atlas: Atlas, ref: TerritoryRef | None) -> TerritoryIndex:
    """The territory itself; France is the sum of its régions."""
    if ref is not None:
        return atlas[ref.level].pick(_is(atlas, ref), ref)
    regions = atlas[Level.REGION]
    people = np.maximum(regions.population, 0).sum(keepdims=True)
    years = np.unique(regions.year)
    year = years if len(years) == 1 else np.zeros(1, np.int64)
    nowhere = np.zeros(1)
    return TerritoryIndex(None, ("FR",), people, year, {}, nowhere, nowhere, whole=True)


def _sisters(atlas: Atlas, ref: TerritoryRef) -> NDArray[np.bool_]:
    """A commune is shown among those of its EPCI, or of its département where it has none."""
    communes, this = atlas[Level.COMMUNE], _is(atlas, ref)
    for level in (Level.EPCI, Level.DEPARTEMENT):
        above = communes.under[level]
        if (above[this] >= 0).any():
            return np.isin(above, above[this])
    return this


def _is(atlas: Atlas, ref: TerritoryRef) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = np.arange(len(atlas[ref.level])) == _position(atlas, ref)
    return mask


def _position(atlas: Atlas, ref: TerritoryRef) -> int:
    """-2, where nothing is, for one that is no more."""
    return int(atlas[ref.level].positions([ref.code], -2)[0])


def _read(connection: Connection) -> Atlas:
    found: dict[Level, TerritoryIndex] = {}
    for level in (*reversed(ABOVE), Level.COMMUNE):
        row = connection.execute(text(statements.PLACES), {"level": str(level)}).one()
        # Of who has no parent the text is empty, of a level without territories there is none.
        codes, *above = (() if one is None else tuple(one.split(",")) for one in row[:4])
        under = {
            wider: found[wider].positions(names)
            for wider, names in zip(ABOVE, above, strict=True)
            if wider in found
        }
        population, year, lon, lat = (
            np.frombuffer(one or b"", ">i8").astype(np.int64) for one in row[4:]
        )
        spots = (lon / PER_DEGREE, lat / PER_DEGREE)
        found[level] = TerritoryIndex(level, codes, population, year, under, *spots, whole=True)
    return found
