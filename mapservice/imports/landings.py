"""Where the rows of a file would land, counted while it is looked at: what a drawing needs of it.

Memory is bounded whatever the file holds: the more places there are, the coarser they are counted.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from mapservice.geocoding.model import Precision
from mapservice.imports.row_reports import RowOutcome, RowReport
from mapservice.static_maps.landing_model import LandingPlace, drawn_of

# Degrees within which places are one at first, and how many are kept.
STEP, MOST_PLACES = 0.0005, 600
# Up to so many communes are shaded.
MOST_COMMUNES = 300
SURE = (RowOutcome.IMPORTED, RowOutcome.UPDATED)


@dataclass(slots=True)
class _PlaceBins:
    """Places that lie together, each kind (exact, in doubt) apart: how many rows, and the sums of
    their coordinates."""

    step: float = STEP
    bins: dict[tuple[bool, bool, int, int], tuple[int, float, float]] = field(default_factory=dict)

    def add(self, place: LandingPlace) -> None:
        self._put(place.is_exact, place.in_doubt, place.count, place.lon, place.lat)
        while len(self.bins) > MOST_PLACES:
            former, self.bins = self.bins, {}
            self.step *= 2
            for (exact, doubt, _, _), (count, lon, lat) in former.items():
                self._put(exact, doubt, count, lon / count, lat / count)

    def _put(self, exact: bool, doubt: bool, count: int, lon: float, lat: float) -> None:
        key = (exact, doubt, round(lon / self.step), round(lat / self.step))
        rows, lons, lats = self.bins.get(key, (0, 0.0, 0.0))
        self.bins[key] = (rows + count, lons + lon * count, lats + lat * count)


@dataclass(slots=True)
class LandingTally:
    """Takes the reports of rows that would be saved, and tells where."""

    places: _PlaceBins = field(default_factory=_PlaceBins)
    areas: Counter[tuple[bool, str, str]] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, report: RowReport) -> None:
        in_doubt = report.outcome is RowOutcome.TO_REVIEW
        if not in_doubt and report.outcome not in SURE:
            return
        if report.lon is not None and report.lat is not None:
            self.places.add(LandingPlace(report.lon, report.lat, 1, True, in_doubt))
            self.counts["doubt" if in_doubt else "exact"] += 1
        elif report.territory:
            self.areas[in_doubt, report.precision, report.territory] += 1
            self.counts["doubt" if in_doubt else "area"] += 1
        elif in_doubt:
            self.counts["doubt_nowhere"] += 1
        else:
            is_national = report.precision == Precision.NATIONAL
            self.counts["country" if is_national else "nowhere"] += 1

    def told(self, connection: Connection) -> dict[str, Any]:
        """As the preview of a file keeps it, and `places_of` reads it."""
        communes = sorted({code for _, level, code in self.areas if level == Precision.COMMUNE})
        asked = list(self.areas)
        bound = {"levels": [level for _, level, _ in asked], "codes": [code for *_, code in asked]}
        for position, lon, lat in connection.execute(text(LABELS), bound):
            in_doubt, _, _ = key = asked[position - 1]
            self.places.add(LandingPlace(lon, lat, self.areas[key], False, in_doubt))
        bins: list[list[Any]] = [
            [round(lon / rows, 5), round(lat / rows, 5), rows, exact, doubt]
            for (exact, doubt, _, _), (rows, lon, lat) in self.places.bins.items()
        ]
        # The drawing leaves out what lies overseas beside metropolitan France.
        places = [LandingPlace(*one) for one in bins]
        drawn = sum(one.count for one in drawn_of(places))
        return {
            "places": bins,
            "communes": communes if len(communes) <= MOST_COMMUNES else [],
            "counts": dict(self.counts),
            "outside": sum(one.count for one in places) - drawn,
        }


def places_of(told: dict[str, Any]) -> list[LandingPlace]:
    """The places that a preview keeps."""
    return [LandingPlace(*one) for one in told.get("places", ())]


LABELS = """
SELECT asked.place, ST_X(territory.point), ST_Y(territory.point)
  FROM unnest(CAST(:levels AS text[]), CAST(:codes AS text[])) WITH ORDINALITY
       AS asked (level, code, place)
  JOIN territory ON territory.level = asked.level AND territory.code = asked.code"""
