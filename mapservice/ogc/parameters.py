"""The query string of `…/items`: which features, in which order, how many, in which CRS.

`read` turns its pairs into an `ItemsRequest`, or raises InvalidInput naming the parameter.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from mapservice.errors import InvalidInput
from mapservice.initiatives import filters as grammar
from mapservice.initiatives.filters import Filters, Sort
from mapservice.ogc.cursors import Cursor
from mapservice.ogc.expressions import Expression, Language
from mapservice.ogc.model import CRS84, SYSTEMS, Attribute, Collection, Crs, Kind, SortKey
from mapservice.ogc.moments import Span
from mapservice.territories.coordinates import BBox
from mapservice.web.parsing import parse_number

DEFAULT_LIMIT = 100
MAX_LIMIT = 10_000
MAX_TEXT = 1_000
ALL = Filters()
# The order of initiatives in a box: along the grid of the tiles, whose ranges make it cheap.
CELL = Attribute("cell", Kind.INTEGER, "Z-order code of its cell")
BY_PLACE = (SortKey(CELL.name), SortKey("id"))

STANDARD = frozenset(
    {"limit", "bbox", "bbox-crs", "datetime", "crs", "filter", "filter-lang", "filter-crs"}
    | {"sortby", "properties", "resultType", "cursor", "f"}
)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in a projected CRS, in its units."""

    crs: Crs
    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Equal:
    """One attribute has one value."""

    attribute: Attribute
    value: Any


@dataclass(frozen=True, slots=True)
class ItemsRequest:
    """What one request for items asks for; `names` None means every property.

    `filters.bbox` holds a box in degrees, `box` one in a projected CRS. Without `shapes`, every
    geometry comes as null.
    """

    collection: Collection
    filters: Filters = ALL
    box: Box | None = None
    span: Span | None = None
    expression: Expression | None = None
    equal: tuple[Equal, ...] = ()
    order: tuple[SortKey, ...] = ()
    names: tuple[str, ...] | None = None
    crs: Crs = CRS84
    limit: int = DEFAULT_LIMIT
    cursor: Cursor | None = None
    hits: bool = False
    shapes: bool = True

    @property
    def is_plain(self) -> bool:
        """Whether the filter grammar says it all."""
        return not (self.box or self.span or self.expression or self.equal)


def read(collection: Collection, pairs: Iterable[tuple[str, str]]) -> ItemsRequest:
    """Raises InvalidInput for what is unknown, repeated or malformed."""
    own = {one.name for one in collection.grammar}
    ours: list[tuple[str, str]] = []
    texts: dict[str, str] = {}
    for name, text in pairs:
        if name in own:
            ours.append((name, text))
        elif name in texts:
            raise InvalidInput(name, "is given more than once")
        else:
            texts[name] = _clean(collection, name, text)
    filters, _ = grammar.parse(ours)
    box = _box(texts)
    in_degrees = box if isinstance(box, BBox) else filters.bbox
    order = _order(collection, texts, boxed=isinstance(box, BBox))
    return ItemsRequest(
        collection,
        filters=replace(filters, bbox=in_degrees, sort=Sort.RECENT),
        box=box if isinstance(box, Box) else None,
        span=_span(collection, texts),
        expression=_expression(texts),
        equal=tuple(_equals(collection, texts)),
        order=order,
        cursor=_cursor(collection, texts, order),
        names=_names(collection, texts),
        crs=system(texts, "crs"),
        limit=_limit(texts),
        hits=_hits(texts),
    )


def system(texts: dict[str, str], name: str) -> Crs:
    """The reference system that a parameter names by its URI; CRS84 when it is not given."""
    uri = texts.get(name)
    if uri is None:
        return CRS84
    found = next((one for one in SYSTEMS if one.uri == uri), None)
    if found is None:
        raise InvalidInput(name, f"is not one of {', '.join(one.uri for one in SYSTEMS)}")
    return found


def _clean(collection: Collection, name: str, text: str) -> str:
    attribute = collection.attribute(name)
    if name not in STANDARD and not (attribute and attribute.queryable):
        raise InvalidInput(name[:50], "is not a parameter of this address")
    if "\x00" in text:
        raise InvalidInput(name, "must not contain a null character")
    if len(text) > MAX_TEXT and name not in ("filter", "cursor"):
        raise InvalidInput(name, f"is longer than {MAX_TEXT} characters")
    return text


def _box(texts: dict[str, str]) -> BBox | Box | None:
    crs = system(texts, "bbox-crs")
    if "bbox" not in texts:
        return None
    sides = [parse_number("bbox", part) for part in texts["bbox"].split(",")]
    if len(sides) == len(("x", "y", "z")) * 2:
        del sides[5], sides[2]  # heights: everything here lies on the ground
    if len(sides) != len(("x", "y")) * 2:
        raise InvalidInput("bbox", "must have four numbers, or six with heights")
    if crs.north_first:
        sides = [sides[1], sides[0], sides[3], sides[2]]
    if crs.geographic:
        return BBox.parse(",".join(map(repr, sides)))
    if sides[0] > sides[2] or sides[1] > sides[3]:
        raise InvalidInput("bbox", "must give its lower corner first")
    return Box(crs, *sides)


def _span(collection: Collection, texts: dict[str, str]) -> Span | None:
    """Features without a time are not told apart by one (OGC 17-069r4, 7.15.4)."""
    if "datetime" not in texts:
        return None
    span = Span.parse(texts["datetime"])
    return span if collection.temporal else None


def _expression(texts: dict[str, str]) -> Expression | None:
    crs = system(texts, "filter-crs")
    text = texts.get("filter-lang", Language.TEXT)
    if text not in tuple(Language):
        raise InvalidInput("filter-lang", f"is not one of {', '.join(Language)}")
    if "filter" not in texts:
        return None
    return Expression.parse(texts["filter"], Language(text), crs)


def _equals(collection: Collection, texts: dict[str, str]) -> Iterable[Equal]:
    for name, text in texts.items():
        attribute = collection.attribute(name)
        if name not in STANDARD and attribute:
            yield Equal(attribute, _VALUES[attribute.kind](name, text))


def _integer(name: str, text: str) -> int | float:
    number = parse_number(name, text)
    return int(number) if number.is_integer() and math.fabs(number) < 2**53 else number


def _boolean(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise InvalidInput(name, "must be true or false")
    return text == "true"


def _text(_name: str, text: str) -> str:
    return text


def _moment(name: str, text: str) -> Span:
    return Span.instant(text, name)


_VALUES: dict[Kind, Callable[[str, str], Any]] = {
    Kind.STRING: _text,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _integer,
    Kind.BOOLEAN: _boolean,
    Kind.MOMENT: _moment,
}


def _order(collection: Collection, texts: dict[str, str], *, boxed: bool) -> tuple[SortKey, ...]:
    if not texts.get("sortby", "").strip():
        return BY_PLACE if boxed and collection.level is None else collection.order
    order = tuple(_sort_key(collection, part) for part in texts["sortby"].split(","))
    if len({key.name for key in order}) < len(order):
        raise InvalidInput("sortby", "names a property twice")
    if collection.identifier not in {key.name for key in order}:
        order = (*order, SortKey(collection.identifier, order[-1].descending))
    return order


def _cursor(
    collection: Collection, texts: dict[str, str], order: tuple[SortKey, ...]
) -> Cursor | None:
    """Where in that order the page begins."""
    if "cursor" not in texts:
        return None
    kinds = [collection.attribute(key.name) or CELL for key in order]
    return Cursor.decode(texts["cursor"], kinds)


def _sort_key(collection: Collection, text: str) -> SortKey:
    # A "+" that was not escaped in an address arrives as a blank.
    name = text.strip().removeprefix("+")
    descending = name.startswith("-")
    name = name.removeprefix("-")
    attribute = collection.attribute(name)
    if attribute is None or not attribute.queryable:
        raise InvalidInput("sortby", f"{name[:40]!r} is not a property to sort by")
    return SortKey(name, descending)


def _names(collection: Collection, texts: dict[str, str]) -> tuple[str, ...] | None:
    if "properties" not in texts:
        return None
    wanted = {part.strip() for part in texts["properties"].split(",")}
    unknown = sorted(name for name in wanted if collection.attribute(name) is None)
    if unknown:
        raise InvalidInput("properties", f"there is no property {unknown[0][:40]!r}")
    return tuple(one.name for one in collection.attributes if one.name in wanted)


def _limit(texts: dict[str, str]) -> int:
    """More than the maximum is taken for it (OGC 17-069r4, /req/core/fc-limit-response-1)."""
    text = texts.get("limit", str(DEFAULT_LIMIT))
    if not text.isascii() or not text.isdigit() or len(text) > len(str(10**18)) or int(text) < 1:
        raise InvalidInput("limit", f"must be a whole number from 1 to {MAX_LIMIT}")
    return min(int(text), MAX_LIMIT)


def _hits(texts: dict[str, str]) -> bool:
    kind = texts.get("resultType", "results")
    if kind not in ("results", "hits"):
        raise InvalidInput("resultType", "must be results or hits")
    return kind == "hits"
