"""Tiles of the web-mercator square, in XYZ order, and the grid that clusters follow."""

from dataclasses import dataclass
from typing import Self

from mapservice.errors import NotFound

# Cells of an initiative are Z-order codes at this zoom; see `grid_cell` in the schema.
CELL_ZOOM = 24
# A tile is divided into 8 x 8 cells, each of which holds one cluster at most.
GRID_STEPS = 3
# Nearer tiles would have cells finer than the codes tell apart.
MAX_ZOOM = CELL_ZOOM - 2 * GRID_STEPS


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: zoom, column from the west, row from the north."""

    z: int
    x: int
    y: int

    @classmethod
    def parse(cls, z: str, x: str, y: str) -> Self:
        """Raises NotFound for anything that is not a tile that can exist."""
        texts = (z, x, y)
        if not all(text.isascii() and text.isdigit() and len(text) <= 8 for text in texts):
            raise NotFound("A tile's address is zoom/column/row, three whole numbers.")
        tile = cls(int(z), int(x), int(y))
        if tile.z > MAX_ZOOM or max(tile.x, tile.y) >= 2**tile.z:
            raise NotFound(f"There is no tile {z}/{x}/{y}.")
        return tile

    def cells(self, zoom: int) -> tuple[int, int]:
        """The half-open range of Z-order codes, at a finer zoom, that lie in this tile."""
        shift = 2 * (zoom - self.z)
        first = interleave(self.x, self.y) << shift
        return first, first + (1 << shift)


def interleave(x: int, y: int) -> int:
    """The Z-order (Morton) code: bits of x at even places, of y at odd ones."""
    code = 0
    for bit in range(CELL_ZOOM):
        code |= (x >> bit & 1) << 2 * bit | (y >> bit & 1) << 2 * bit + 1
    return code


def deinterleave(code: int) -> tuple[int, int]:
    """The inverse of `interleave`."""
    x = y = 0
    for bit in range(CELL_ZOOM):
        x |= (code >> 2 * bit & 1) << bit
        y |= (code >> 2 * bit + 1 & 1) << bit
    return x, y


# Whose data are shown, under which licence; the licences of initiatives differ.
TERRITORIES_CREDIT = "Territoires : INSEE, IGN (Licence Ouverte 2.0)"
INITIATIVES_CREDIT = "Initiatives : sources et licences diverses, propres à chacune"
EVENTS_CREDIT = "Événements : proposés ici par leurs organisateurs"
GROUPS_CREDIT = "Groupes : présentés ici par leurs organisateurs"
FIGURES_CREDIT = (
    "Territoires : INSEE, IGN (Licence Ouverte 2.0) ; comptes faits ici d’initiatives de sources"
    " et de licences diverses"
)
