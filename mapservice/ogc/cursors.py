"""Where a page of items begins: after the row with these values of its order.

They are compressed, as the texts among them can be long and an address cannot.
"""

import base64
import binascii
import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from mapservice.db.text import is_storable
from mapservice.errors import InvalidInput
from mapservice.initiatives.filters import parse_moment
from mapservice.ogc.model import AttributeKind, FeatureAttribute

# More than the keys of any row take, as JSON in UTF-8.
LONGEST = 16_384
_REFUSAL = "is not one that this service gave for this order"


@dataclass(frozen=True, slots=True)
class ItemsCursor:
    """The value of each sort key of the last row, the id among them; moments are datetimes."""

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
            keys = json.loads(zlib.decompressobj().decompress(packed, LONGEST))
        except (ValueError, binascii.Error, zlib.error, RecursionError):
            raise InvalidInput("cursor", _REFUSAL) from None
        if not isinstance(keys, list) or len(keys) != len(attributes):
            raise InvalidInput("cursor", _REFUSAL)
        values = (_value(key, one) for key, one in zip(keys, attributes, strict=True))
        return cls(tuple(values), text)


def _value(key: Any, attribute: FeatureAttribute) -> Any:
    if key is None and attribute.nullable:
        return None
    if not isinstance(key, str) or not is_storable(key):
        raise InvalidInput("cursor", _REFUSAL)
    if attribute.kind is AttributeKind.MOMENT:
        return parse_moment("cursor", key)
    if attribute.kind is AttributeKind.BOOLEAN:
        return key == "true"
    if attribute.kind in (AttributeKind.INTEGER, AttributeKind.NUMBER):
        return _number(key)
    return key


def _number(key: str) -> float:
    try:
        number = float(key) if len(key) <= len(repr(-math.pi)) + 8 else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidInput("cursor", _REFUSAL)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
