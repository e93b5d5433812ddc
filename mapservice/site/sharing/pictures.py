"""The picture that stands for a page where its address is shared: drawn, 1200 x 630 pixels."""

from uuid import UUID

from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.params import query_string
from mapservice.territories.model import TerritoryRef


def initiative_picture(identifier: UUID) -> str:
    return f"/dessins/initiatives/{identifier}.png"


def territory_picture(ref: TerritoryRef) -> str:
    return f"/dessins/{ref.level}/{ref.code}.png"


def listing_picture(filters: InitiativeFilters) -> str:
    """Of what the filter finds; of all France, or of one territory, that which its page has."""
    plain = InitiativeFilters(territory=filters.territory[:1], sort=filters.sort)
    if filters == plain and not filters.territory:
        return "/dessins/france.png"
    if filters == plain:
        return territory_picture(filters.territory[0])
    # The order of a list is not seen on a map.
    return "/dessins/carte.png" + query_string(filters, sort=None)
