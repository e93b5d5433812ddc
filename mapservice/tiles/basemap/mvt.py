"""Looking into a Mapbox Vector Tile without drawing it: which layers, how many, what names.

Only the parts of the format that this needs are read (https://github.com/mapbox/vector-tile-spec).
"""

from collections.abc import Iterator
from dataclasses import dataclass

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LAYER = 3
NAME, FEATURE, KEY, VALUE = 1, 2, 3, 4
TAGS, STRING_VALUE = 2, 1


@dataclass(frozen=True, slots=True)
class MvtLayer:
    """A layer of one tile: how many features, and the texts that an attribute of theirs has."""

    name: str
    features: int
    attributes: tuple[dict[str, str], ...]

    def texts(self, key: str) -> list[str]:
        """What the features have under `key`, where that is a text that is not empty."""
        return [found[key] for found in self.attributes if found.get(key)]


def read_layers(tile: bytes) -> Iterator[MvtLayer]:
    """Raises ValueError for what is no tile."""
    for number, content in read_fields(tile):
        if number == LAYER and isinstance(content, memoryview):
            yield _layer(content)


def _layer(content: memoryview) -> MvtLayer:
    name, keys, values = "", [], []
    features: list[memoryview] = []
    for number, part in read_fields(content):
        if not isinstance(part, memoryview):
            continue
        if number == NAME:
            name = bytes(part).decode()
        elif number == KEY:
            keys.append(bytes(part).decode())
        elif number == VALUE:
            values.append(_text(part))
        elif number == FEATURE:
            features.append(part)
    return MvtLayer(name, len(features), tuple(_tags(one, keys, values) for one in features))


def _tags(feature: memoryview, keys: list[str], values: list[str]) -> dict[str, str]:
    for number, part in read_fields(feature):
        if number == TAGS and isinstance(part, memoryview):
            pairs = list(_varints(part))
            if len(pairs) % 2 or any(one >= len(keys) for one in pairs[::2]):
                raise ValueError("the attributes of a feature are damaged")
            if any(one >= len(values) for one in pairs[1::2]):
                raise ValueError("the attributes of a feature are damaged")
            return {
                keys[key]: values[value] for key, value in zip(pairs[::2], pairs[1::2], strict=True)
            }
    return {}


def _text(value: memoryview) -> str:
    """The text of a value; empty for numbers."""
    for number, part in read_fields(value):
        if number == STRING_VALUE and isinstance(part, memoryview):
            return bytes(part).decode()
    return ""


def read_fields(content: bytes | memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Numbers of fields with what they hold, in Protocol Buffers: a whole number, or bytes."""
    content = memoryview(content)
    at = 0
    while at < len(content):
        tag, at = _varint(content, at)
        kind = tag & 7
        if kind == VARINT:
            number, at = _varint(content, at)
            yield tag >> 3, number
            continue
        if kind == BYTES:
            length, at = _varint(content, at)
        elif kind in (FIXED32, FIXED64):
            length = 4 if kind == FIXED32 else 8
        else:
            raise ValueError(f"no field is of the kind {kind}")
        if at + length > len(content):
            raise ValueError("it ends too early")
        yield tag >> 3, content[at : at + length]
        at += length


def _varints(content: memoryview) -> Iterator[int]:
    at = 0
    while at < len(content):
        number, at = _varint(content, at)
        yield number


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(content) and shift < 70:
        octet = content[at]
        number |= (octet & 127) << shift
        at += 1
        if octet < 128:
            return number, at
        shift += 7
    raise ValueError("a number has no end")
