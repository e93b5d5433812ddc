"""The query string of `…/items`: which features, in which order, how many, in which CRS.

`read` turns its pairs into an `ItemsRequest`, or raises InvalidInput naming the parameter.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from mapservice.errors import InvalidInput
from mapservice.initiatives import filters as grammar
from mapservice.initiatives.filters import InitiativeFilters, ListingSort
from mapservice.ogc.cursors import ItemsCursor
from mapservice.ogc.expressions import FilterExpression, FilterLanguage
from mapservice.ogc.model import (
    CRS84,
    SYSTEMS,
    AttributeKind,
    FeatureAttribute,
    ItemsCollection,
    ReferenceSystem,
    SortKey,
)
from mapservice.ogc.moments import MomentSpan
from mapservice.territories.coordinates import BBox
from mapservice.web.parsing import parse_number

DEFAULT_LIMIT = 100
MAX_LIMIT = 10_000
MAX_TEXT = 1_000
ALL = InitiativeFilters()
# The order of initiatives in a box: along the grid of the tiles, whose ranges make it cheap.
CELL = FeatureAttribute("cell", AttributeKind.INTEGER, "Z-order code of its cell")
BY_PLACE = (SortKey(CELL.name), SortKey("id"))

STANDARD = frozenset(
    {"limit", "bbox", "bbox-crs", "datetime", "crs", "filter", "filter-lang", "filter-crs"}
    | {"sortby", "properties", "resultType", "cursor", "f"}
)


@dataclass(frozen=True, slots=True)
class ProjectedBox:
    """A rectangle in a projected CRS, in its units."""

    crs: ReferenceSystem
    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class AttributeEquals:
    """One attribute has one value."""

    attribute: FeatureAttribute
    value: Any


@dataclass(frozen=True, slots=True)
class ItemsRequest:
    """What one request for items asks for; `names` None means every property.

    `filters.bbox` holds a box in degrees, `box` one in a projected CRS. Without `shapes`, every
    geometry comes as null.
    """

    collection: ItemsCollection
    filters: InitiativeFilters = ALL
    box: ProjectedBox | None = None
    span: MomentSpan | None = None
    expression: FilterExpression | None = None
    equal: tuple[AttributeEquals, ...] = ()
    order: tuple[SortKey, ...] = ()
    names: tuple[str, ...] | None = None
    crs: ReferenceSystem = CRS84
    limit: int = DEFAULT_LIMIT
    cursor: ItemsCursor | None = None
    hits: bool = False
    shapes: bool = True

    @property
    def is_plain(self) -> bool:
        """Whether the filter grammar says it all."""
        return not (self.box or self.span or self.expression or self.equal)


def read(collection: ItemsCollection, pairs: Iterable[tuple[str, str]]) -> ItemsRequest:
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
        filters=replace(filters, bbox=in_degrees, sort=ListingSort.RECENT),
        box=box if isinstance(box, ProjectedBox) else None,
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


def system(texts: dict[str, str], name: str) -> ReferenceSystem:
    """The reference system that a parameter names by its URI; CRS84 when it is not given."""
    uri = texts.get(name)
    if uri is None:
        return CRS84
    found = next((one for one in SYSTEMS if one.uri == uri), None)
    if found is None:
        raise InvalidInput(name, f"is not one of {', '.join(one.uri for one in SYSTEMS)}")
    return found


def _clean(collection: ItemsCollection, name: str, text: str) -> str:
    attribute = collection.attribute(name)
    if name not in STANDARD and not (attribute and attribute.queryable):
        raise InvalidInput(name[:50], "is not a parameter of this address")
    if "\x00" in text:
        raise InvalidInput(name, "must not contain a null character")
    if len(text) > MAX_TEXT and name not in ("filter", "cursor"):
        raise InvalidInput(name, f"is longer than {MAX_TEXT} characters")
    return text


def _box(texts: dict[str, str]) -> BBox | ProjectedBox | None:
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
    return ProjectedBox(crs, *sides)


def _span(collection: ItemsCollection, texts: dict[str, str]) -> MomentSpan | None:
    """Features without a time are not told apart by one (OGC 17-069r4, 7.15.4)."""
    if "datetime" not in texts:
        return None
    span = MomentSpan.parse(texts["datetime"])
    return span if collection.temporal else None


def _expression(texts: dict[str, str]) -> FilterExpression | None:
    crs = system(texts, "filter-crs")
    text = texts.get("filter-lang", FilterLanguage.TEXT)
    if text not in tuple(FilterLanguage):
        raise InvalidInput("filter-lang", f"is not one of {', '.join(FilterLanguage)}")
    if "filter" not in texts:
        return None
    return FilterExpression.parse(texts["filter"], FilterLanguage(text), crs)


def _equals(collection: ItemsCollection, texts: dict[str, str]) -> Iterable[AttributeEquals]:
    for name, text in texts.items():
        attribute = collection.attribute(name)
        if name not in STANDARD and attribute:
            yield AttributeEquals(attribute, _VALUES[attribute.kind](name, text))


def _integer(name: str, text: str) -> int | float:
    number = parse_number(name, text)
    return int(number) if number.is_integer() and math.fabs(number) < 2**53 else number


def _boolean(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise InvalidInput(name, "must be true or false")
    return text == "true"


def _text(_name: str, text: str) -> str:
    return text


def _moment(name: str, text: str) -> MomentSpan:
    return MomentSpan.instant(text, name)


_VALUES: dict[AttributeKind, Callable[[str, str], Any]] = {
    AttributeKind.STRING: _text,
    AttributeKind.INTEGER: _integer,
    AttributeKind.NUMBER: _integer,
    AttributeKind.BOOLEAN: _boolean,
    AttributeKind.MOMENT: _moment,
}


def _order(
    collection: ItemsCollection, texts: dict[str, str], *, boxed: bool
) -> tuple[SortKey, ...]:
    if not texts.get("sortby", "").strip():
        return BY_PLACE if boxed and collection.level is None else collection.order
    order = tuple(_sort_key(collection, part) for part in texts["sortby"].split(","))
    if len({key.name for key in order}) < len(order):
        raise InvalidInput("sortby", "names a property twice")
    if collection.identifier not in {key.name for key in order}:
        order = (*order, SortKey(collection.identifier, order[-1].descending))
    return order


def _cursor(
    collection: ItemsCollection, texts: dict[str, str], order: tuple[SortKey, ...]
) -> ItemsCursor | None:
    """Where in that order the page begins."""
    if "cursor" not in texts:
        return None
    kinds = [collection.attribute(key.name) or CELL for key in order]
    return ItemsCursor.decode(texts["cursor"], kinds)


def _sort_key(collection: ItemsCollection, text: str) -> SortKey:
    # A "+" that was not escaped in an address arrives as a blank.
    name = text.strip().removeprefix("+")
    descending = name.startswith("-")
    name = name.removeprefix("-")
    attribute = collection.attribute(name)
    if attribute is None or not attribute.queryable:
        raise InvalidInput("sortby", f"{name[:40]!r} is not a property to sort by")
    return SortKey(name, descending)


def _names(collection: ItemsCollection, texts: dict[str, str]) -> tuple[str, ...] | None:
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
