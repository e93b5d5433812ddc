"""Reading the style or TileJSON that the operator's setting names, by the server itself.

Pages read it by themselves. Only `/tiles/style.json` and the command `basemap use` need it here.
"""

import json
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, TypeGuard
from urllib.parse import urljoin

from mapservice.errors import SourceError
from mapservice.outgoing.way_out import WayOut
from mapservice.tiles.basemap.model import TileSchema, origin_of, schema_of
from mapservice.tiles.basemap.remote import RemoteHost

TIMEOUT_SECONDS = 5.0
LARGEST_BYTES = 5_000_000
KEPT_SECONDS = 3600.0
# So long nobody waits again for a host that does not answer.
FAILED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class OutsideDocument:
    """A style of MapLibre (`layers`), or a TileJSON (`tiles`), at its address."""

    address: str
    content: dict[str, Any]

    @property
    def is_style(self) -> bool:
        return isinstance(self.content.get("layers"), list)

    @property
    def schema(self) -> TileSchema | None:
        """Of the tiles that a TileJSON tells of; None for raster tiles and unknown layers."""
        layers = self.content.get("vector_layers")
        found = layers if isinstance(layers, list) else []
        return schema_of([str(one.get("id")) for one in found if isinstance(one, dict)])

    @property
    def sources(self) -> dict[str, dict[str, Any]]:
        """The sources of a style, their addresses made absolute."""
        found = self.content.get("sources")
        sources = found if isinstance(found, dict) else {}
        return {
            name: self._absolute(source)
            for name, source in sources.items()
            if isinstance(source, dict)
        }

    @property
    def origins(self) -> list[str]:
        """Every origin that a map of it would ask, its own first: sources and sprites."""
        found = [self.address]
        for source in [*self.sources.values(), self._absolute(self.content)]:
            found += [one for one in (source.get("url"), source.get("data")) if _is_text(one)]
            found += source.get("tiles", [])
        found += self.sprites
        return list(dict.fromkeys(origin_of(one) for one in found if one.startswith("http")))

    @property
    def sprites(self) -> list[str]:
        sprite = self.content.get("sprite")
        several = sprite if isinstance(sprite, list) else []
        named = [one.get("url") for one in several if isinstance(one, dict)]
        return [self._resolved(one) for one in (*named, sprite) if _is_text(one)]

    def _absolute(self, source: dict[str, Any]) -> dict[str, Any]:
        made = dict(source)
        url = made.get("url")
        if _is_text(url):
            made["url"] = self._resolved(url)
        if isinstance(made.get("tiles"), list):
            made["tiles"] = [self._resolved(one) for one in made["tiles"] if _is_text(one)]
        return made

    def _resolved(self, address: str) -> str:
        # Not by urljoin alone: it would escape the braces of {z}.
        return address if "://" in address else urljoin(self.address, address)


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str)


def read_outside(address: str, way: WayOut) -> OutsideDocument:
    """Asks for the document, at no other host. Raises SourceError, within seconds of silence."""
    remote = RemoteHost(address, TIMEOUT_SECONDS, stay=True, way=way)
    try:
        answer = remote.get({"Accept": "application/json"})
        body = answer.read(LARGEST_BYTES + 1)
    except (OSError, HTTPException) as error:
        raise SourceError(f"{address} does not answer: {error}") from None
    finally:
        remote.close()
    if answer.status != HTTPStatus.OK:
        raise SourceError(f"{address} answers {answer.status} {answer.reason}")
    try:
        content = json.loads(body) if len(body) <= LARGEST_BYTES else None
    except ValueError:
        raise SourceError(f"{address} is no JSON") from None
    if not isinstance(content, dict) or not (content.get("layers") or content.get("tiles")):
        raise SourceError(f"{address} is neither a style of MapLibre nor a TileJSON")
    return OutsideDocument(remote.address, content)


class OutsideDocumentCache:
    """One document, read when it is needed and kept for an hour; a failure for a minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OutsideDocument | None = None
        self._until = 0.0

    def read(self, address: str, way: WayOut) -> OutsideDocument | None:
        """The document as it was read last, or None while it could never be had."""
        with self._lock:
            if time.monotonic() >= self._until:
                try:
                    self._found, lasts = read_outside(address, way), KEPT_SECONDS
                except SourceError:
                    lasts = FAILED_SECONDS
                self._until = time.monotonic() + lasts
            return self._found
