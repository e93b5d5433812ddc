"""Signs of events and groups on drawn maps, as static/js/map-kinds.js draws them on live ones.

An event is a square that stands above its place, a group a hexagon that hangs below it; where
initiatives are shown too, as far from it as their signs reach: what shares one place stands in a
column of three. Only a true point has a tip that touches it; without one, a kind that is alone on
its map has its middle there.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from mapservice.i18n import number
from mapservice.static_maps.model import DARK, DrawingFrame, DrawingPalette, mercator
from mapservice.tiles.map_kinds import MapKind

# Fill and letters, light and dark: those of static/css/tokens.css; a test holds them together.
HUES = {
    MapKind.EVENTS: (("#bc3f18", "#ffffff"), ("#f58a63", "#1d0f09")),
    MapKind.GROUPS: (("#0f5b5e", "#ffffff"), ("#6cc9c4", "#06201f")),
}
# From this zoom on signs are large, as those of initiatives.
NEAR_ZOOM = 8
# Pixels by count: near, and farther out.
SIZES = ((1000, 38), (100, 32), (2, 26), (1, 22))
FAR_SIZES = ((1000, 34), (100, 28), (2, 22), (1, 14))
# How far a sign stands from its place, near and farther out; and where initiatives are shown too:
# half of what the signs of few of them measure.
TIPS = (6.0, 4.0)
TIPS_APART = (18.0, 15.0)
WIDEST_TIP = 5.0


class SpotStand(StrEnum):
    """Beside what a sign stands on its map: initiatives, the other kind, or nothing else."""

    APART = "apart"
    BESIDE = "beside"
    ALONE = "alone"

    @classmethod
    def of(cls, spots: int, *, has_initiatives: bool) -> "SpotStand":
        """On a map of so many kinds of signs."""
        return cls.APART if has_initiatives else cls.BESIDE if spots > 1 else cls.ALONE


@dataclass(frozen=True, slots=True)
class SpotMark:
    """A feature of a tile of events or groups, in pixels of the frame.

    `precision` is "" where those at the spot do not share one.
    """

    kind: MapKind
    x: float
    y: float
    count: int
    precision: str
    stand: SpotStand = SpotStand.ALONE

    @property
    def is_soft(self) -> bool:
        """Known to a territory alone."""
        return self.precision not in ("", "point")


def marks_of(
    frame: DrawingFrame, kind: MapKind, collection: str, stand: SpotStand
) -> Iterable[SpotMark]:
    """The marks of a GeoJSON tile (EPSG:4326)."""
    for one in json.loads(collection)["features"]:
        x, y = frame.place(*mercator(*one["geometry"]["coordinates"]))
        told = one["properties"]
        yield SpotMark(kind, x, y, told["count"], told.get("precision", ""), stand)


def box_of(frame: DrawingFrame, mark: SpotMark) -> tuple[float, float, float, float]:
    """The ground that a mark takes from names, in pixels."""
    size, tip = _size(frame, mark)
    if mark.stand is SpotStand.ALONE and mark.precision != "point":
        top = mark.y - size / 2
    elif mark.kind is MapKind.EVENTS:
        top = mark.y - tip - size
    else:
        top = mark.y + tip
    return (mark.x - size / 2, top, mark.x + size / 2, top + size)


def spot_svg(frame: DrawingFrame, palette: DrawingPalette, mark: SpotMark) -> str:
    fill, letters = HUES[mark.kind][palette is DARK]
    size, tip = _size(frame, mark)
    left, top, right, bottom = box_of(frame, mark)
    touches = mark.precision == "point"
    wide = min(tip * 0.8, WIDEST_TIP)
    if mark.kind is MapKind.EVENTS:
        shape = (
            f"M{left:.1f} {top:.1f}H{right:.1f}V{bottom:.1f}"
            + (f"H{mark.x + wide:.1f}L{mark.x:.1f} {mark.y:.1f}" if touches else "")
            + (f"L{mark.x - wide:.1f} {bottom:.1f}" if touches else "")
            + f"H{left:.1f}z"
        )
    else:
        quarter = size / 4
        shape = (
            f"M{left:.1f} {top + size / 2:.1f}L{left + quarter:.1f} {top:.1f}"
            + (f"H{mark.x - wide:.1f}L{mark.x:.1f} {mark.y:.1f}" if touches else "")
            + (f"L{mark.x + wide:.1f} {top:.1f}" if touches else "")
            + f"H{right - quarter:.1f}L{right:.1f} {top + size / 2:.1f}"
            f"L{right - quarter:.1f} {bottom:.1f}H{left + quarter:.1f}z"
        )
    paint = f'fill="{fill}" stroke="{palette.ring}" stroke-width="1.6"'
    if mark.is_soft:
        letters = fill
        paint = (
            f'fill="{palette.ring}" fill-opacity="0.92" stroke="{fill}" stroke-width="1.8"'
            ' stroke-dasharray="3.4 2.8"'
        )
    text = ""
    if mark.count > 1:
        told = f"{mark.count // 1000} k" if mark.count >= 10_000 else number(mark.count)
        text = (
            f'<text x="{mark.x:.1f}" y="{(top + bottom) / 2 + 4.2:.1f}" text-anchor="middle"'
            f' font-size="11.5" font-weight="600" fill="{letters}">{told}</text>'
        )
    told = f'data-kind="{mark.kind}" data-count="{mark.count}" data-precision="{mark.precision}"'
    return f'<g {told}><path d="{shape}" stroke-linejoin="round" {paint}/>{text}</g>'


def _size(frame: DrawingFrame, mark: SpotMark) -> tuple[float, float]:
    near = frame.zoom >= NEAR_ZOOM
    size = next(size for least, size in (SIZES if near else FAR_SIZES) if mark.count >= least)
    near_tip, far_tip = TIPS_APART if mark.stand is SpotStand.APART else TIPS
    return float(size), near_tip if near else far_tip
