"""Drawn maps: SVG where a live map cannot be, PNG as the picture of a shared link."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from uuid import UUID

from flask import Blueprint, Response, request
from sqlalchemy import Connection

from mapservice.errors import InvalidInput, NotFound
from mapservice.geocoding.model import Precision
from mapservice.i18n import gettext as _
from mapservice.i18n import ngettext, number, theme_label
from mapservice.initiatives import near_areas
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filter_words import filter_words
from mapservice.initiatives.filters import InitiativeFilters, ListingSort, PageRequest, parse
from mapservice.initiatives.grid import Tile
from mapservice.initiatives.model import Theme
from mapservice.initiatives.params import with_known_places
from mapservice.initiatives.place_words import precision_words
from mapservice.initiatives.queries import Initiative
from mapservice.rollups import queries as activity
from mapservice.static_maps import drawing, listing, place_cards, spot_signs
from mapservice.static_maps.card_photos import CardPhotos
from mapservice.static_maps.drawing import DrawnLayers
from mapservice.static_maps.model import (
    CARD_HEIGHT,
    CARD_MAP,
    LIGHT,
    PALETTES,
    DrawingFrame,
    DrawingMark,
    DrawingPalette,
    DrawingShape,
    card,
    card_map_height,
    document,
    inset_places,
    inset_svg,
    mercator,
    picture,
)
from mapservice.static_maps.names import names_svg, place_names
from mapservice.static_maps.png import png
from mapservice.territories import queries as territories
from mapservice.territories.coordinates import LonLat
from mapservice.territories.model import OVERSEAS, Level, TerritoryRef, of_territory
from mapservice.territories.queries import TerritorySummary
from mapservice.tiles.basemap.archive import ServedArchive
from mapservice.tiles.basemap.service import Basemap
from mapservice.tiles.live_map import FRANCE, bounds_of
from mapservice.tiles.map_kinds import MapKind
from mapservice.web import edge
from mapservice.web.edge import only_parameters, services
from mapservice.web.parsing import parse_number

blueprint = Blueprint("drawings", __name__, url_prefix="/dessins")

SVG = "image/svg+xml"
PNG = "image/png"
WIDTH, HEIGHT = 640, 480
FRESH_SECONDS = 3600
# Outlines change once a year.
PLACE_CARD_SECONDS = 86_400
# As long as the tiles of the live map that takes its place.
LISTING_SECONDS = 60
# Sizes of the map of the home page on a phone, a laptop and a wide screen, so that drawing and live
# map choose tiles of one zoom.
SHAPES = {"petite": (390, 272), "carree": (840, 654), "large": (1200, 820)}
# Pixels left around, as by static/js/base-map.js.
PADDINGS = {"petite": 12, "carree": 28, "large": 28}
# Around a place, the circle fills most of the frame.
MOST_RADIUS = 1_000_000.0
AROUND_SHOWN = 2_000
# Up to so many points stand one by one; more are put together by squares of so many pixels.
AROUND_ALONE = 60
AROUND_CELL = 34.0
# Of what the rollups cannot tell, no more is counted.
COUNTED_UP_TO = 5_000


def make_ready(connection: Connection) -> None:
    """Reads what the home page's drawings share, so that nobody waits for it."""
    for shape, size in SHAPES.items():
        frame = DrawingFrame.of_live_map(FRANCE, size, PADDINGS[shape])
        drawing.ground(connection, frame)
        place_names(connection, frame)


@blueprint.get("/france.svg")
def france_svg() -> Response:
    palette = asked_palette()
    with services().autocommit.connect() as connection:
        frame = DrawingFrame.around(FRANCE, WIDTH, HEIGHT, 0.02)
        drawn = drawing.france(connection, frame, archive_at_hand())
        insets = _insets(connection, frame, palette)
        count = activity.total(connection, InitiativeFilters())
    return svg_answer(frame, palette, drawn, _("Carte de France"), _count(count), insets)


@blueprint.get("/carte.svg")
def listing_svg_of_filter() -> Response:
    """What the live map of a filter shows first: its extent, its marks, its colours.

    `cadre=seul`: nothing outside the box of the filter, as in a frame of another site.
    """
    if request.args.get("cadre", "seul") != "seul":
        raise InvalidInput("cadre", "must be seul")
    only_box = "cadre" in request.args
    own = (*DRAWN_BY, "cadre")
    asked, paging = parse(
        (name, value) for name, value in request.args.items(multi=True) if name not in own
    )
    if paging != PageRequest():
        raise InvalidInput("limit", "a drawing has no pages")
    with services().autocommit.connect() as connection:
        filters = with_known_places(connection, asked)
        return drawn_listing(connection, filters, only_box=only_box)


# What a drawing of a listing is told beside its filter.
DRAWN_BY = ("teinte", "forme")
# Makes the GeoJSON tile of a kind, EPSG:4326.
SpotTiles = Callable[[Connection, Tile], str]


def drawn_listing(
    connection: Connection,
    filters: InitiativeFilters,
    *,
    only_box: bool = False,
    has_initiatives: bool = True,
    spots: Mapping[MapKind, SpotTiles] | None = None,
    title: str = "",
) -> Response:
    """The drawing of a filter as the request asks for it (`DRAWN_BY`): initiatives, and spots of
    other kinds by the tiles of each.

    Raises InvalidInput for a shape or a tint that there is none of.
    """
    palette = asked_palette(*request.args)
    shape = request.args.get("forme", "carree")
    if shape not in SHAPES:
        raise InvalidInput("forme", f"must be one of {', '.join(SHAPES)}")
    frame = DrawingFrame.of_live_map(bounds_of(filters), SHAPES[shape], PADDINGS[shape])
    archive = archive_at_hand()
    shown = filters if only_box else replace(filters, bbox=None)
    ground, marks = listing.listing(
        connection, frame, shown, archive, has_initiatives=has_initiatives
    )
    stand = spot_signs.SpotStand.of(len(spots or {}), has_initiatives=has_initiatives)
    others = [
        mark
        for kind, tile_of in (spots or {}).items()
        for tile in listing.tiles_of(frame)
        for mark in spot_signs.marks_of(frame, kind, tile_of(connection, tile), stand)
    ]
    boxes = listing.boxes_of(frame, marks, others)
    names = place_names(connection, frame, boxes, archive=archive)
    inside = listing.listing_svg(frame, palette, ground, marks, names_svg(names, palette), others)
    told = [_count(sum(mark.count for mark in marks))] if has_initiatives else []
    for kind in spots or {}:
        count = sum(mark.count for mark in others if mark.kind is kind)
        told.append(
            ngettext("%(count)s date", "%(count)s dates", count, count=number(count))
            if kind is MapKind.EVENTS
            else ngettext("%(count)s groupe", "%(count)s groupes", count, count=number(count))
        )
    whole = document(frame, inside, title or _("Carte des initiatives"), " · ".join(told))
    return edge.whole_answer(whole, SVG, LISTING_SECONDS)


@blueprint.get("/france.png")
def france_png() -> Response:
    only_parameters()
    with services().autocommit.connect() as connection:
        frame = DrawingFrame.around(FRANCE, CARD_MAP, CARD_HEIGHT, 0.02)
        drawn = drawing.france(connection, frame, archive_at_hand())
        insets = _insets(connection, frame, LIGHT)
        count = activity.total(connection, InitiativeFilters())
    title, told = _("Ce qui se fait en France"), _count(count)
    return _card(frame, drawn, _("Initiatives locales"), title, told, insets)


@blueprint.get("/carte.png")
def listing_png() -> Response:
    """The card of a filter: what it finds and nothing else, where it finds it."""
    asked, paging = parse(request.args.items(multi=True))
    if paging != PageRequest():
        raise InvalidInput("limit", "a drawing has no pages")
    with services().autocommit.connect() as connection:
        filters = with_known_places(connection, asked)
        bounds = bounds_of(filters)
        frame = DrawingFrame.around(bounds, CARD_MAP, CARD_HEIGHT, 0.02 if bounds == FRANCE else 0)
        inside = _listing(connection, frame, filters)
        if bounds == FRANCE:
            inside += _listing_insets(connection, frame, filters)
        counts = activity.facets(connection, filters, COUNTED_UP_TO)
    count = sum(counts[theme] for theme in filters.theme or counts)
    told = _count(count) if count else _("Aucune initiative")
    if not filters.counted and sum(counts.values()) >= COUNTED_UP_TO:
        told = _("Plus de %(count)s initiatives", count=number(count))
    hue = listing.HUES[filters.theme[0]][0] if len(filters.theme) == 1 else ""
    name = services().settings.site_name
    title = filter_words(filters)
    title = title[:1].upper() + title[1:]
    drawn = card(inside, LIGHT, _("Initiatives locales"), title, told, name, hue=hue)
    return edge.whole_answer(png(drawn), PNG, FRESH_SECONDS)


@blueprint.get("/<level>/<code>.svg")
def territory_svg(level: str, code: str) -> Response:
    palette = asked_palette()
    with services().autocommit.connect() as connection:
        found = _territory(connection, level, code)
        frame = DrawingFrame.around(found.bounds, WIDTH, HEIGHT)
        drawn, total = _drawn(connection, frame, found)
    title = _("Carte %(of_place)s", of_place=of_territory(found.level, found.name, found.article))
    return svg_answer(frame, palette, drawn, title, _count(total))


@blueprint.get("/<level>/<code>.png")
def territory_png(level: str, code: str) -> Response:
    only_parameters()
    with services().autocommit.connect() as connection:
        found = _territory(connection, level, code)
        frame = DrawingFrame.around(found.bounds, CARD_MAP, CARD_HEIGHT)
        drawn, total = _drawn(connection, frame, found)
    return _card(frame, drawn, _("Initiatives locales"), found.name, _count(total))


@blueprint.get("/initiatives/<identifier>.svg")
def initiative_svg(identifier: str) -> Response:
    palette = asked_palette()
    with services().autocommit.connect() as connection:
        initiative = _initiative(connection, identifier)
        point = _point(initiative)
        frame, drawn = placed(connection, initiative.territory, point, WIDTH, HEIGHT)
    title = _("Carte du lieu : %(place)s", place=precision_words(initiative))
    return svg_answer(frame, palette, drawn, title, initiative.title)


@blueprint.get("/initiatives/<identifier>.png")
def initiative_png(identifier: str) -> Response:
    only_parameters()
    with services().autocommit.connect() as connection:
        initiative = _initiative(connection, identifier)
        photo = services().of(CardPhotos).of(connection, initiative.id)
        height = card_map_height(photo)
        point = _point(initiative)
        frame, drawn = placed(connection, initiative.territory, point, CARD_MAP, height)
    inside = picture(
        frame, LIGHT, drawn.shapes, drawn.marks, names_svg(drawn.names, LIGHT), drawn.credit
    )
    words = precision_words(initiative)
    whole = card(
        inside,
        LIGHT,
        theme_label(initiative.theme),
        initiative.title,
        words[:1].upper() + words[1:],
        services().settings.site_name,
        hue=listing.HUES[initiative.theme][0],
        photo=photo,
    )
    return edge.whole_answer(png(whole), PNG, FRESH_SECONDS)


@blueprint.get("/vignettes/<kind>/<where>/<theme>.svg")
def place_card(kind: str, where: str, theme: str) -> Response:
    """The small drawing of a place, for lists: one for all initiatives of a theme known to it."""
    only_parameters()
    if theme not in tuple(Theme):
        raise NotFound("There is no such theme.")
    with services().autocommit.connect() as connection:
        made = place_cards.document(connection, kind, where, Theme(theme))
    response = edge.whole_answer(made, SVG, PLACE_CARD_SECONDS)
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return response


@blueprint.get("/autour/<position>.svg")
def around_svg(position: str) -> Response:
    """A circle of `radius` metres: true points in it, and the communes that hold others.

    The filter is that of the page. No cache keeps the answer, which tells where somebody is.
    """
    here = LonLat.parse(position, "position")
    radius = parse_number("radius", request.args.get("radius", ""))
    if not 0 < radius <= MOST_RADIUS or abs(here.lat) > 80:
        raise InvalidInput("radius", "must be a circle on the map, in metres")
    pairs = [pair for pair in request.args.items(multi=True) if pair[0] not in ("teinte", "radius")]
    filters, _paging = parse([*pairs, ("near", str(here)), ("radius", repr(radius))])
    palette = asked_palette(*(name for name, _value in pairs), "radius")
    reach = radius / 111_000  # degrees of latitude
    wide = min(1.5 * reach, 90)
    south, north = max(here.lat - reach, -84), min(here.lat + reach, 84)
    bounds = (here.lon - wide, south, here.lon + wide, north)
    marks = []
    with services().autocommit.connect() as connection:
        frame = DrawingFrame.around(bounds, WIDTH, HEIGHT, 0.02)
        counts = near_areas.around(connection, filters)
        codes = [one.area.code for one in counts.communes]
        drawn = drawing.ground(connection, frame, codes, archive=archive_at_hand())
        # True points, one by one where they are few, else together with those beside them.
        exact = replace(filters, precision=(Precision.POINT,), sort=ListingSort.NEAR)
        found: Sequence[Initiative] = ()
        if counts.point_count:
            found = initiatives.find_page(connection, exact, AROUND_SHOWN).items
    side = 1.0 if len(found) <= AROUND_ALONE else AROUND_CELL
    cells: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    for one in found:
        if one.lon is not None and one.lat is not None:
            x, y = frame.place(*mercator(one.lon, one.lat))
            cells[int(x // side), int(y // side)].append((x, y))
    for places in cells.values():
        x, y = (fmean(values) for values in zip(*places, strict=True))
        marks.append(DrawingMark(x, y, len(places), True))
    # How many are known to each commune alone, on its ground in the circle.
    for area in counts.communes:
        if area.mark:
            x, y = frame.place(*mercator(*area.mark))
            marks.append(DrawingMark(x, y, area.count(counts.themes), False))
    # The circle as two arcs: on a map this small it stays one.
    x, y = frame.place(*mercator(here.lon, here.lat))
    _x, top = frame.place(*mercator(here.lon, min(here.lat + radius / 111_195, 84)))
    size = y - top
    arc = f"A{size:.1f} {size:.1f} 0 1 0"
    path = f"M{x - size:.1f} {y:.1f}{arc} {x + size:.1f} {y:.1f}{arc} {x - size:.1f} {y:.1f}Z"
    circle = DrawingShape("circle", path)
    told = _("La liste dit ce qui s’y trouve.")
    with services().autocommit.connect() as connection:
        names = place_names(connection, frame, drawing.boxes_of(marks), archive=archive_at_hand())
    shown = DrawnLayers((*drawn.shapes, circle), tuple(marks), names, drawn.credit)
    response = svg_answer(frame, palette, shown, _("Le cercle choisi"), told)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def archive_at_hand() -> ServedArchive | None:
    """What of the base map a drawing can be made from: our archive, no other host."""
    return services().of(Basemap).served()


def asked_palette(*beside: str) -> DrawingPalette:
    only_parameters("teinte", *beside)
    tint = request.args.get("teinte", "claire")
    if tint not in PALETTES:
        raise InvalidInput("teinte", f"must be one of {', '.join(PALETTES)}")
    return PALETTES[tint]


def _territory(connection: Connection, level: str, code: str) -> TerritorySummary:
    found = None
    if level in tuple(Level) and len(code) <= 9 and "\x00" not in code:
        found = territories.find(connection, TerritoryRef(Level(level), code))
    if found is None:
        raise NotFound("There is no such territory.")
    return found


def _drawn(
    connection: Connection, frame: DrawingFrame, found: TerritorySummary
) -> tuple[DrawnLayers, int]:
    ref = TerritoryRef(found.level, found.code)
    total = activity.total(connection, InitiativeFilters(territory=(ref,)))
    return drawing.territory(connection, frame, ref, total, archive_at_hand()), total


def _initiative(connection: Connection, identifier: str) -> Initiative:
    try:
        found = initiatives.find(connection, UUID(identifier))
    except ValueError:
        found = None
    if found is None:
        raise NotFound("There is no such initiative, or it is not public.")
    return found


def placed(
    connection: Connection,
    ref: TerritoryRef | None,
    point: tuple[float, float] | None,
    width: int,
    height: int,
) -> tuple[DrawingFrame, DrawnLayers]:
    """The map of one place: its territory, and a mark if there truly is a point (EPSG:4326)."""
    place = territories.find(connection, ref) if ref else None
    frame = DrawingFrame.around(place.bounds if place else FRANCE, width, height)
    mark = mercator(*point) if point else None
    return frame, drawing.place(connection, frame, ref, mark, archive_at_hand())


def _point(initiative: Initiative) -> tuple[float, float] | None:
    if initiative.lon is None or initiative.lat is None:
        return None
    return initiative.lon, initiative.lat


def _insets(connection: Connection, frame: DrawingFrame, palette: DrawingPalette) -> str:
    """The overseas régions, beside metropolitan France."""
    refs = (TerritoryRef(Level.REGION, code) for code in OVERSEAS)
    found = [place for ref in refs if (place := territories.find(connection, ref))]
    named = [(place.name, place.bounds) for place in found]
    return "".join(
        inset_svg(
            one.x, one.y, one.frame,
            picture(one.frame, palette, one.drawn.shapes, one.drawn.marks), one.name, palette,
        )
        for one in drawing.insets(connection, frame, named)
    )  # fmt: skip


def _listing(connection: Connection, frame: DrawingFrame, filters: InitiativeFilters) -> str:
    """What a filter finds, as its live map would show it; nothing else."""
    archive = archive_at_hand()
    ground, marks = listing.listing(connection, frame, filters, archive)
    names = place_names(connection, frame, listing.boxes_of(frame, marks), archive=archive)
    return listing.listing_svg(frame, LIGHT, ground, marks, names_svg(names, LIGHT))


def _listing_insets(connection: Connection, frame: DrawingFrame, filters: InitiativeFilters) -> str:
    """What it finds overseas, which a map of metropolitan France would leave out."""
    refs = (TerritoryRef(Level.REGION, code) for code in OVERSEAS)
    found = [place for ref in refs if (place := territories.find(connection, ref))]
    size, places = inset_places(frame, len(found))
    drawn = []
    for place, (x, y) in zip(found, places, strict=True):
        own = DrawingFrame.around(place.bounds, size, size, 0.1)
        ground, marks = listing.listing(connection, own, filters)
        # One mark for all that is there, in the middle.
        inside = [mark for mark in marks if 0 <= mark.x <= size and 0 <= mark.y <= size]
        whole = listing.together(own, inside)
        drawn.append(
            inset_svg(x, y, own, listing.listing_svg(own, LIGHT, ground, whole), place.name, LIGHT)
        )
    return "".join(drawn)


def svg_answer(
    frame: DrawingFrame,
    palette: DrawingPalette,
    drawn: DrawnLayers,
    title: str,
    told: str,
    insets: str = "",
) -> Response:
    inside = (
        picture(
            frame, palette, drawn.shapes, drawn.marks, names_svg(drawn.names, palette), drawn.credit
        )
        + insets
    )
    return edge.whole_answer(document(frame, inside, title, told), SVG, FRESH_SECONDS)


def _card(
    frame: DrawingFrame, drawn: DrawnLayers, eyebrow: str, title: str, words: str, insets: str = ""
) -> Response:
    inside = (
        picture(
            frame, LIGHT, drawn.shapes, drawn.marks, names_svg(drawn.names, LIGHT), drawn.credit
        )
        + insets
    )
    name = services().settings.site_name
    return edge.whole_answer(
        png(card(inside, LIGHT, eyebrow, title, words, name)), PNG, FRESH_SECONDS
    )


def _count(count: int) -> str:
    if not count:
        return _("Aucune initiative encore")
    return ngettext("%(count)s initiative", "%(count)s initiatives", count, count=number(count))
