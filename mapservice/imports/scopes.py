"""Whether a row lies in the territories of whoever imports it."""

from collections.abc import Mapping
from dataclasses import dataclass

from mapservice.accounts.roles.model import TerritoryScope
from mapservice.geocoding.model import Precision
from mapservice.geocoding.service import Placement

LEVELS = (Precision.EPCI, Precision.DEPARTEMENT, Precision.REGION)


@dataclass(frozen=True, slots=True)
class TerritoryParents:
    """EPCI, département and région of each territory, by level and code."""

    parents: Mapping[tuple[str, str], tuple[str | None, ...]]

    def covers(self, scope: TerritoryScope, placement: Placement) -> bool:
        """Whether the place is sure to lie in the scope; an unknown one lies nowhere."""
        if scope.everywhere:
            return True
        is_point = placement.precision is Precision.POINT
        level = str(Precision.COMMUNE if is_point else placement.precision)
        code = placement.code
        if code is None:
            return False
        return self._holds(scope, level, code)

    def may_cover(self, scope: TerritoryScope, placement: Placement) -> bool:
        """Whether a place that a person is to look at is thought to lie in the scope: the likeliest
        commune does."""
        best = placement.match.best
        return (
            placement.to_review
            and best is not None
            and self._holds(scope, str(Precision.COMMUNE), best.place.commune)
        )

    def _holds(self, scope: TerritoryScope, level: str, code: str) -> bool:
        above = self.parents.get((level, code), ())
        held = {(level, code)}
        held |= {(str(name), one) for name, one in zip(LEVELS, above, strict=False) if one}
        return any((str(ref.level), ref.code) in held for ref in scope.territories)
