"""The query string of `…/items`: which features, in which order, from where, in which CRS.

`read` turns its pairs into an `ItemsRequest`, or raises InvalidInput naming the parameter.
"""

import base64
import binascii
import json
import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from mapservice.db.engine import is_storable
from mapservice.errors import InvalidInput
from mapservice.initiatives import filters as grammar
from mapservice.initiatives.filters import InitiativeFilters, ListingSort, parse_moment
from mapservice.initiatives.kept_attributes import PREFIX
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


# More than the keys of any row take, as JSON in UTF-8.
LONGEST_CURSOR = 16_384
_BAD_CURSOR = "is not one that this service gave for this order"


@dataclass(frozen=True, slots=True)
class ItemsCursor:
    """Where a page of items begins: after the row with these values of its order.

    `values` are those of each sort key, the id among them; moments are datetimes. `text` has them
    compressed, as the texts among them can be long and an address cannot.
    """

    values: tuple[Any, ...]
    text: str

    @classmethod
    def after(cls, keys: Sequence[str | None]) -> Self:
        """From the texts that the database makes of a row's keys."""
        packed = zlib.compress(json.dumps(list(keys), ensure_ascii=False).encode(), level=9)
        return cls((), base64.urlsafe_b64encode(packed).decode().rstrip("="))

    @classmethod
    def decode(cls, text: str, attributes: Sequence[FeatureAttribute]) -> Self:
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            keys = json.loads(zlib.decompressobj().decompress(packed, LONGEST_CURSOR))
        except (ValueError, binascii.Error, zlib.error, RecursionError):
            raise InvalidInput("cursor", _BAD_CURSOR) from None
        if not isinstance(keys, list) or len(keys) != len(attributes):
            raise InvalidInput("cursor", _BAD_CURSOR)
        values = (_key_value(key, one) for key, one in zip(keys, attributes, strict=True))
        return cls(tuple(values), text)


def _key_value(key: Any, attribute: FeatureAttribute) -> Any:
    if key is None and attribute.nullable:
        return None
    if not isinstance(key, str) or not is_storable(key):
        raise InvalidInput("cursor", _BAD_CURSOR)
    if attribute.kind is AttributeKind.MOMENT:
        return parse_moment("cursor", key)
    if attribute.kind is AttributeKind.BOOLEAN:
        return key == "true"
    if attribute.kind not in (AttributeKind.INTEGER, AttributeKind.NUMBER):
        return key
    try:
        # No number that the database writes is longer than this.
        number = float(key) if len(key) <= len(repr(-math.pi)) + 8 else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidInput("cursor", _BAD_CURSOR)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


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
    # The filter grammar reads its own parameters; the others are checked one by one.
    own = {one.name for one in collection.grammar}
    ours: list[tuple[str, str]] = []
    texts: dict[str, str] = {}
    for name, text in pairs:
        attribute = collection.attribute(name)
        if name in own or (collection.is_initiatives and name.startswith(PREFIX)):
            ours.append((name, text))
        elif name in texts:
            raise InvalidInput(name, "is given more than once")
        elif name not in STANDARD and not (attribute and attribute.queryable):
            raise InvalidInput(name[:50], "is not a parameter of this address")
        elif "\x00" in text:
            raise InvalidInput(name, "must not contain a null character")
        elif len(text) > MAX_TEXT and name not in ("filter", "cursor"):
            raise InvalidInput(name, f"is longer than {MAX_TEXT} characters")
        else:
            texts[name] = text
    filters, _ = grammar.parse(ours)
    box = _box(texts)
    order = _order(collection, texts, boxed=isinstance(box, BBox))

    # A collection without a time is not narrowed by one (OGC 17-069r4, 7.15.4).
    span = MomentSpan.parse(texts["datetime"]) if "datetime" in texts else None
    span = span if collection.temporal else None

    expression = None
    filter_crs = system(texts, "filter-crs")
    language = texts.get("filter-lang", FilterLanguage.TEXT)
    if language not in tuple(FilterLanguage):
        raise InvalidInput("filter-lang", f"is not one of {', '.join(FilterLanguage)}")
    if "filter" in texts:
        expression = FilterExpression.parse(texts["filter"], FilterLanguage(language), filter_crs)

    equal: list[AttributeEquals] = []
    for name, text in texts.items():
        attribute = collection.attribute(name)
        if attribute and name not in STANDARD:
            equal.append(AttributeEquals(attribute, _value(attribute, text)))

    # Where in the order the page begins.
    cursor = None
    if "cursor" in texts:
        kinds = [collection.attribute(key.name) or CELL for key in order]
        cursor = ItemsCursor.decode(texts["cursor"], kinds)

    # In the order of the collection, whatever the order in which they are asked for.
    names = None
    if "properties" in texts:
        wanted = {part.strip() for part in texts["properties"].split(",")}
        unknown = sorted(name for name in wanted if collection.attribute(name) is None)
        if unknown:
            raise InvalidInput("properties", f"there is no property {unknown[0][:40]!r}")
        names = tuple(one.name for one in collection.attributes if one.name in wanted)

    crs = system(texts, "crs")
    # A limit above the maximum means the maximum
    # (OGC 17-069r4, /req/core/fc-limit-response-1).
    limit = texts.get("limit", str(DEFAULT_LIMIT))
    longest = len(str(10**18))
    if not limit.isascii() or not limit.isdigit() or len(limit) > longest or int(limit) < 1:
        raise InvalidInput("limit", f"must be a whole number from 1 to {MAX_LIMIT}")
    result_type = texts.get("resultType", "results")
    if result_type not in ("results", "hits"):
        raise InvalidInput("resultType", "must be results or hits")

    in_degrees = box if isinstance(box, BBox) else filters.bbox
    return ItemsRequest(
        collection,
        filters=replace(filters, bbox=in_degrees, sort=ListingSort.RECENT),
        box=box if isinstance(box, ProjectedBox) else None,
        span=span,
        expression=expression,
        equal=tuple(equal),
        order=order,
        cursor=cursor,
        names=names,
        crs=crs,
        limit=min(int(limit), MAX_LIMIT),
        hits=result_type == "hits",
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


def _value(attribute: FeatureAttribute, text: str) -> Any:
    """The value that a parameter named for an attribute asks for, in the attribute's own type."""
    if attribute.kind is AttributeKind.MOMENT:
        return MomentSpan.instant(text, attribute.name)
    if attribute.kind is AttributeKind.BOOLEAN:
        if text not in ("true", "false"):
            raise InvalidInput(attribute.name, "must be true or false")
        return text == "true"
    if attribute.kind is AttributeKind.STRING:
        return text
    number = parse_number(attribute.name, text)
    return int(number) if number.is_integer() and math.fabs(number) < 2**53 else number


def _order(
    collection: ItemsCollection, texts: dict[str, str], *, boxed: bool
) -> tuple[SortKey, ...]:
    if not texts.get("sortby", "").strip():
        return BY_PLACE if boxed and collection.is_initiatives else collection.order
    order: list[SortKey] = []
    for part in texts["sortby"].split(","):
        # A "+" that was not escaped in an address arrives as a blank.
        signed = part.strip().removeprefix("+")
        name = signed.removeprefix("-")
        attribute = collection.attribute(name)
        if attribute is None or not attribute.queryable:
            raise InvalidInput("sortby", f"{name[:40]!r} is not a property to sort by")
        order.append(SortKey(name, descending=signed.startswith("-")))
    if len({key.name for key in order}) < len(order):
        raise InvalidInput("sortby", "names a property twice")
    # The id ends every order, so that no two rows are equal in it.
    if collection.identifier not in {key.name for key in order}:
        order.append(SortKey(collection.identifier, order[-1].descending))
    return tuple(order)
