"""A drawn map on paper: its frame, its colours, its elements as SVG text."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import asinh, atan, degrees, log2, log10, pi, radians, sinh, tan
from typing import Self

import shapely

HALF_METRES = 20037508.342789244
FONT = "Atkinson Hyperlegible Next, Atkinson Hyperlegible Next Variable, sans-serif"


@dataclass(frozen=True, slots=True)
class DrawingPalette:
    """Colours of one tint, those of static/css/tokens.css."""

    water: str
    abroad: str
    land: str
    chosen: str
    line: str
    border: str
    ink: str
    quiet: str
    initiative: str
    initiative_ink: str
    ring: str
    river: str
    road: str
    label: str
    halo: str


LIGHT = DrawingPalette(
    water="#d9e6ea",
    abroad="#e7e6df",
    land="#efece4",
    chosen="#fffdf8",
    line="#cfd3d0",
    border="#97a3a8",
    ink="#1b2a33",
    quiet="#53626a",
    initiative="#bc3f18",
    initiative_ink="#ffffff",
    ring="#ffffff",
    river="#bcd4dc",
    road="#d5cdbb",
    label="#33434c",
    halo="#faf8f2",
)
DARK = DrawingPalette(
    water="#0a1114",
    abroad="#141b1f",
    land="#1b262b",
    chosen="#2a3941",
    line="#3a4951",
    border="#536670",
    ink="#ece8de",
    quiet="#a3b2b8",
    initiative="#f58a63",
    initiative_ink="#1d0f09",
    ring="#10181c",
    river="#121b20",
    road="#46555d",
    label="#d9d8d0",
    halo="#1f2b31",
)
PALETTES = {"claire": LIGHT, "sombre": DARK}


@dataclass(frozen=True, slots=True)
class DrawingFrame:
    """What of the map is drawn (west, south, east, north in EPSG:3857) and its size in pixels."""

    west: float
    south: float
    east: float
    north: float
    width: int
    height: int

    @classmethod
    def around(cls, bounds: Sequence[float], width: int, height: int, margin: float = 0.06) -> Self:
        """The smallest frame of that shape around bounds in degrees, with a margin on each side.

        Never narrower than two kilometres or so: a point alone must show where it is.
        """
        (west, south), (east, north) = mercator(*bounds[:2]), mercator(*bounds[2:])
        middle_x, middle_y = (west + east) / 2, (south + north) / 2
        scale = max((east - west) / width, (north - south) / height, 3000 / width)
        scale *= 1 + 2 * margin
        half_x, half_y = scale * width / 2, scale * height / 2
        return cls(
            middle_x - half_x, middle_y - half_y, middle_x + half_x, middle_y + half_y,
            width, height,
        )  # fmt: skip

    @classmethod
    def of_live_map(cls, bounds: Sequence[float], box: tuple[int, int], padding: int) -> Self:
        """What a live map of the size `box` shows of bounds in degrees, `padding` pixels around.

        The frame goes on beyond the box: to the sides where its height bounds the scale, else above
        and below. So a window of another shape, which covers itself with the drawing, has the
        scale of its live map too.
        """
        (west, south), (east, north) = mercator(*bounds[:2]), mercator(*bounds[2:])
        room = [side - 2 * padding for side in box]
        scales = (east - west) / room[0], (north - south) / room[1]
        is_wide = scales[0] > scales[1]
        canvas = (box[0], round(1.6 * box[1])) if is_wide else (round(1.6 * box[0]), box[1])
        scale = max(*scales, 3000 / box[0])
        half_x, half_y = scale * canvas[0] / 2, scale * canvas[1] / 2
        middle_x, middle_y = (west + east) / 2, (south + north) / 2
        return cls(
            middle_x - half_x, middle_y - half_y, middle_x + half_x, middle_y + half_y, *canvas
        )

    @property
    def degrees(self) -> tuple[float, float, float, float]:
        """West, south, east, north, EPSG:4326."""
        west, south = _degrees(self.west, self.south)
        east, north = _degrees(self.east, self.north)
        return west, south, east, north

    @property
    def scale(self) -> float:
        """Pixels for a unit of EPSG:3857."""
        return self.width / (self.east - self.west)

    @property
    def zoom(self) -> float:
        """That of XYZ tiles of 512 pixels, as maps count."""
        return log2(2 * HALF_METRES * self.scale / 512)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a position in EPSG:3857 comes to lie, in pixels from the upper left."""
        return ((x - self.west) * self.scale, (self.north - y) * self.scale)

    def position(self, x: float, y: float) -> tuple[float, float]:
        """Longitude and latitude of a place in pixels, EPSG:4326."""
        return _degrees(self.west + x / self.scale, self.north - y / self.scale)

    def cells(self, zoom: int) -> tuple[range, range]:
        """Columns and rows of the grid of that zoom that the frame touches."""
        size = 2 * HALF_METRES / 2**zoom
        last = 2**zoom - 1

        def among(low: float, high: float) -> range:
            first, end = int(low // size), int(high // size)
            return range(min(max(first, 0), last), min(max(end, 0), last) + 1)

        return (
            among(self.west + HALF_METRES, self.east + HALF_METRES),
            among(HALF_METRES - self.north, HALF_METRES - self.south),
        )


def mercator(lon: float, lat: float) -> tuple[float, float]:
    """EPSG:4326 to EPSG:3857."""
    return lon / 180 * HALF_METRES, asinh(tan(radians(lat))) / pi * HALF_METRES


def _degrees(x: float, y: float) -> tuple[float, float]:
    return x / HALF_METRES * 180, degrees(atan(sinh(y / HALF_METRES * pi)))


@dataclass(frozen=True, slots=True)
class DrawingShape:
    """One outline, its path already in pixels. `role` is what the drawing makes of it."""

    role: str
    path: str


@dataclass(frozen=True, slots=True)
class DrawingMark:
    """Initiatives at one place, in pixels. `exact`: a true point, or several in a cluster."""

    x: float
    y: float
    count: int
    exact: bool


def path_of(frame: DrawingFrame, shape: shapely.Geometry, fine: float = 0.0) -> str:
    """A geometry in EPSG:3857 as the path of an SVG, in pixels, without what no eye could see.

    `fine`: in whole pixels, without what is finer than that.
    """
    path, digits = "", 0 if fine else 1
    for part in shapely.get_parts(shape):
        for one in shapely.get_parts(part):
            rings = (one.exterior, *one.interiors) if isinstance(one, shapely.Polygon) else (one,)
            for ring in rings:
                plain = shapely.get_coordinates(shapely.simplify(ring, (fine or 0.4) / frame.scale))
                placed = (frame.place(x, y) for x, y in plain)
                line = "L".join(f"{x:.{digits}f} {y:.{digits}f}" for x, y in placed)
                if line:
                    path += f"M{line}" + ("Z" if isinstance(one, shapely.Polygon) else "")
    return path


def inset_places(frame: DrawingFrame, count: int) -> tuple[int, list[tuple[float, float]]]:
    """Side of squares beside metropolitan France, and where each is: at the left of a wide frame,
    along the foot of another; nothing of France lies there."""
    gap = 6
    if frame.width > 1.2 * frame.height:
        size = min(frame.height // 6, 74)
        start = (frame.height - count * (size + gap)) / 2
        return size, [(gap, start + number * (size + gap)) for number in range(count)]
    size = frame.height // 9
    return size, [
        (gap + number * (size + gap), frame.height - size - gap) for number in range(count)
    ]


def inset_svg(
    x: float, y: float, frame: DrawingFrame, inside: str, name: str, palette: DrawingPalette
) -> str:
    """A small drawing in its box, with its name at the foot."""
    size = frame.width
    return (
        f'<svg x="{x:.0f}" y="{y:.0f}" width="{size}" height="{size}">{inside}'
        f'<rect x="0.5" y="0.5" width="{size - 1}" height="{size - 1}" fill="none"'
        f' stroke="{palette.border}"/><text x="{size / 2:.1f}" y="{size - 4}" text-anchor="middle"'
        f' font-family="{FONT}" font-size="10" fill="{palette.ink}" stroke="{palette.water}"'
        f' stroke-width="2.5" paint-order="stroke">{escape(name)}</text></svg>'
    )


def shape_svg(shape: DrawingShape, palette: DrawingPalette) -> str:
    fill, stroke, width = {
        "land": (palette.land, "none", 0.0),
        "line": ("none", palette.line, 0.7),
        "border": ("none", palette.border, 1.1),
        "abroad": (palette.abroad, "none", 0.0),
        "lake": (palette.river, "none", 0.0),
        "river-1": ("none", palette.river, 1.8),
        "river-2": ("none", palette.river, 1.4),
        "river-3": ("none", palette.river, 1.0),
        "river-4": ("none", palette.river, 0.7),
        "sea": (palette.water, "none", 0.0),
        "road-1": ("none", palette.road, 2.0),
        "road-2": ("none", palette.road, 1.2),
        "road-3": ("none", palette.road, 0.7),
        "chosen": (palette.chosen, "none", 0.0),
        "inner": ("none", palette.line, 0.8),
        "shaded": (palette.initiative, palette.initiative, 1.2),
        "edge": ("none", palette.ink, 1.8),
        "outlined": ("none", palette.initiative, 1.5),
        "circle": ("none", palette.ink, 1.5),
    }[shape.role]
    more = ' fill-opacity="0.14" stroke-opacity="0.7"' if shape.role == "shaded" else ""
    more += ' stroke-dasharray="6 4"' if shape.role == "circle" else ""
    line = f' stroke="{stroke}" stroke-width="{width}" stroke-linejoin="round"' if width else ""
    return f'<path d="{shape.path}" fill="{fill}"{line}{more}/>'


def radius_of(mark: DrawingMark) -> float:
    return 5.0 if mark.count == 1 else min(6 + 3 * log10(mark.count), 19)


def mark_svg(mark: DrawingMark, palette: DrawingPalette) -> str:
    """A filled dot for what is exact or counted; a dashed, softer one for a commune."""
    radius = radius_of(mark)
    at = f'cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{radius:.1f}"'
    if mark.exact:
        dot = f'<circle {at} fill="{palette.initiative}" stroke="{palette.ring}" stroke-width="2"/>'
        colour = palette.initiative_ink
    else:
        dot = (
            f'<circle {at} fill="{palette.ring}" fill-opacity="0.85" stroke="{palette.initiative}"'
            ' stroke-width="1.6" stroke-dasharray="3 2.4"/>'
        )
        colour = palette.initiative if mark.count > 1 else ""
    return dot + (count_svg(mark, radius, colour) if mark.count > 1 else "")


def count_svg(mark: DrawingMark, radius: float, colour: str) -> str:
    text = str(mark.count) if mark.count < 10_000 else f"{mark.count // 1000}k"
    size = min(13.0, 2.1 * radius / max(len(text), 2) + 2)
    return (
        f'<text x="{mark.x:.1f}" y="{mark.y + 0.35 * size:.1f}" text-anchor="middle"'
        f' font-size="{size:.1f}" font-weight="700" fill="{colour}">{text}</text>'
    )


def picture(
    frame: DrawingFrame,
    palette: DrawingPalette,
    shapes: Sequence[DrawingShape],
    marks: Sequence[DrawingMark],
    names: str = "",
    credit: str = "",
) -> str:
    """The inside of the drawing, from the water up to the initiatives, cut at its frame.

    `credit` names who made the ground, where that is not we.
    """
    largest_first = sorted(marks, key=lambda mark: -mark.count)
    return "".join(
        (
            f'<rect width="{frame.width}" height="{frame.height}" fill="{palette.water}"/>',
            *(shape_svg(shape, palette) for shape in shapes),
            names,
            f'<g font-family="{FONT}">',
            *(mark_svg(mark, palette) for mark in largest_first),
            "</g>",
            credit_svg(frame, palette, credit),
        )
    )


def credit_svg(frame: DrawingFrame, palette: DrawingPalette, credit: str) -> str:
    """In the lower right corner; nothing for an empty one."""
    if not credit:
        return ""
    return (
        f'<text class="credit" x="{frame.width - 6}" y="{frame.height - 6}" text-anchor="end"'
        f' font-family="{FONT}" font-size="9" fill="{palette.quiet}" stroke="{palette.halo}"'
        f' stroke-width="2.5" paint-order="stroke">{escape(credit)}</text>'
    )


def document(frame: DrawingFrame, inside: str, title: str, description: str) -> str:
    """A whole SVG document, told to people who do not see it by its title and description."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {frame.width} {frame.height}"'
        f' width="{frame.width}" height="{frame.height}" role="img" aria-labelledby="t d">'
        f'<title id="t">{escape(title)}</title><desc id="d">{escape(description)}</desc>'
        f"{inside}</svg>"
    )


# A card for links that others share: words at the left, the map at the right.
CARD_WIDTH = 1200
CARD_HEIGHT = 630
CARD_MAP = 660
CARD_LINES = 4
CARD_PLACE_LINES = 2
CARD_MARGIN = 56
# Of the bold letters of the family, in ems, a little wide; others are as wide as "n".
_NARROW = {**dict.fromkeys("'’,.:;!|ijlî \u00a0\u202f()", 0.33), **dict.fromkeys("fr-tI1/", 0.43)}
_WIDE = {
    **dict.fromkeys("ABCDGHKNOQRUVXY0&wÀÂÇÔÛ", 0.76),
    **dict.fromkeys("mMWŒœ…—@", 0.95),
    "%": 1.05,
}
_LETTERS = _NARROW | _WIDE
# Above the map of a card that has a photo.
CARD_PHOTO_HEIGHT = 400


@dataclass(frozen=True, slots=True)
class CardPhoto:
    """A picture of somebody's: JPEG, PNG, GIF or WebP.

    `focus` is the point that stays in sight where it is cut: shares of width and height.
    """

    content: bytes
    media_type: str
    focus: tuple[float, float] = (0.5, 0.5)


def card_map_height(photo: CardPhoto | None) -> int:
    return CARD_HEIGHT - CARD_PHOTO_HEIGHT if photo else CARD_HEIGHT


def card(
    inside: str,
    palette: DrawingPalette,
    eyebrow: str,
    title: str,
    words: str,
    name: str,
    *,
    hue: str = "",
    photo: CardPhoto | None = None,
) -> str:
    """A document of 1200 x 630: `inside` is a picture of CARD_MAP x `card_map_height`.

    `eyebrow` is what it is about, with a disc of `hue` before it where a theme has one.
    """
    left = CARD_WIDTH - CARD_MAP
    map_height = card_map_height(photo)
    # A long title has smaller letters.
    room = left - 2 * CARD_MARGIN + 24
    size = next((size for size in (56, 46) if len(_wrapped(title, room / size)) < CARD_LINES), 42)
    lines = _lines(title, room / size, CARD_LINES)
    top = 250 - (len(lines) - 1) * size * 0.42
    titles = "".join(
        f'<text x="{CARD_MARGIN}" y="{top + n * size * 1.08:.0f}" font-size="{size}"'
        f' font-weight="700">{escape(line)}</text>'
        for n, line in enumerate(lines)
    )
    below = top + len(lines) * size * 1.08
    places = "".join(
        f'<text x="{CARD_MARGIN}" y="{below + 8 + 36 * n:.0f}" font-size="30"'
        f' fill="{palette.initiative}" font-weight="700">{escape(line)}</text>'
        for n, line in enumerate(_lines(words, room / 30, CARD_PLACE_LINES))
    )
    above = top - size - 18
    disc = (
        f'<circle cx="{CARD_MARGIN + 12}" cy="{above - 9:.0f}" r="12" fill="{hue}"/>' if hue else ""
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{CARD_WIDTH}" height="{CARD_HEIGHT}"'
        f' viewBox="0 0 {CARD_WIDTH} {CARD_HEIGHT}">'
        f'<rect width="{CARD_WIDTH}" height="{CARD_HEIGHT}" fill="#f7f5f0"/>'
        f"{_photo_svg(photo, left) if photo else ''}"
        f'<svg x="{left}" y="{CARD_HEIGHT - map_height}" width="{CARD_MAP}" height="{map_height}">'
        f"{inside}</svg>"
        f'<rect x="{left}" width="4" height="{CARD_HEIGHT}" fill="{palette.ink}"/>'
        f'<g font-family="{FONT}" fill="{palette.ink}">{disc}'
        f'<text x="{CARD_MARGIN + (36 if hue else 0)}" y="{above:.0f}" font-size="28"'
        f' fill="{palette.quiet}">{escape(eyebrow)}</text>{titles}{places}'
        f'<text x="{CARD_MARGIN}" y="{CARD_HEIGHT - 52}" font-size="28" font-weight="700">'
        f"{escape(name)}</text></g></svg>"
    )


def ems(text: str) -> float:
    """How wide bold letters stand beside each other, in ems."""
    return sum(_LETTERS.get(letter, 0.63) for letter in text)


def _lines(text: str, width: float, most: int) -> list[str]:
    """So many lines no wider than so many ems; what does not fit ends in an ellipsis."""
    lines = _wrapped(text, width)
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while ems(f"{last}…") > width:
        last = last[:-1]
    return [*lines[: most - 1], f"{last.rstrip()}…"]


def _wrapped(text: str, width: float) -> list[str]:
    """Broken between words, and within what is too long for a line by itself."""
    lines = [""]
    for word in filter(None, text.split(" ")):  # never at a space that holds
        longer = f"{lines[-1]} {word}".strip()
        if ems(longer) <= width:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if ems(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return lines


def _photo_svg(photo: CardPhoto, left: int) -> str:
    """Cut to its box, by thirds around its focus."""
    across, down = (("Min", "Mid", "Max")[min(int(3 * share), 2)] for share in photo.focus)
    data = base64.b64encode(photo.content).decode()
    return (
        f'<svg x="{left}" width="{CARD_MAP}" height="{CARD_PHOTO_HEIGHT}"><image'
        f' width="{CARD_MAP}" height="{CARD_PHOTO_HEIGHT}"'
        f' preserveAspectRatio="x{across}Y{down} slice"'
        f' href="data:{photo.media_type};base64,{data}"/></svg>'
    )
