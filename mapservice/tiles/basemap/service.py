"""The base map in use: what the setting says, as far as it can be had.

What cannot be used is told in the log, and maps are drawn as if there were none.
"""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from mapservice.errors import ConfigurationError, SourceError
from mapservice.outgoing.way_out import WayOut
from mapservice.settings import Settings
from mapservice.tiles.basemap.archive import ServedArchive, open_served
from mapservice.tiles.basemap.model import (
    NOTHING,
    BasemapKind,
    OutsideBasemap,
    is_address,
    outside,
)

log = structlog.get_logger()


@dataclass(slots=True)
class ArchiveFile:
    """The archive at a path, opened anew when another file has taken its place."""

    path: Path
    _state: object = "never looked at"
    _served: ServedArchive | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def current(self) -> ServedArchive | None:
        """The archive, or None while there is none that can be used: the log tells why, once.

        While a new file is not whole yet, the former one serves on.
        """
        state = self._look()
        if state == self._state:
            return self._served
        with self._lock:
            if state == self._state:
                return self._served
            try:
                self._served = open_served(self.path)
            except SourceError as error:
                former = self._served if state is not None else None
                self._served = former
                log.warning("basemap_unusable", reason=str(error), former_kept=former is not None)
            self._state = state
            return self._served

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


@dataclass(frozen=True, slots=True)
class Basemap:
    """`outside` and `file` are never both there; with neither, maps have our own ground alone."""

    outside: OutsideBasemap | None = None
    file: ArchiveFile | None = None
    way: WayOut = field(default_factory=WayOut)

    @classmethod
    def of_settings(cls, settings: Settings) -> "Basemap":
        """Tells in the log what of the settings cannot be used."""
        try:
            found = outside_of(settings)
        except ConfigurationError as error:
            log.warning("basemap_unusable", reason=str(error), former_kept=False)
            return cls()
        if found is not None:
            return cls(outside=found, way=WayOut.parse(settings.outgoing_proxy))
        path = archive_path(settings)
        return cls(file=ArchiveFile(path)) if path else cls()

    def served(self) -> ServedArchive | None:
        """The archive that is served now, if any."""
        return self.file.current() if self.file else None

    def page_config(self, root: str) -> dict[str, Any] | None:
        """What scripts of a page need to draw it; `root` is the address of our routes for it.

        `kind` says what else there is: vector has the address of our style (`{theme}` is light or
        dark), raster a source of MapLibre, style an address on another host, and what it may name.
        """
        if self.outside is None:
            served = self.served()
            style = f"{root}/style.json?theme={{theme}}"
            if served is None:
                return None
            return {"kind": BasemapKind.VECTOR, "style": f"{style}&v={served.version}"}
        if self.outside.kind == BasemapKind.RASTER:
            return {"kind": BasemapKind.RASTER, "source": self.outside.raster_source}
        return {
            "kind": BasemapKind.STYLE,
            "address": self.outside.address,
            "attribution": self.outside.attribution,
            "origins": list(self.outside.origins),
            "layers": f"{root}/styles/{{schema}}.json?theme={{theme}}",
        }


def outside_of(settings: Settings) -> OutsideBasemap | None:
    """The base map on other hosts that the settings name. Raises ConfigurationError."""
    named = settings.basemap.strip()
    if is_address(named):
        return outside(named, settings.basemap_attribution, settings.basemap_hosts)
    if named in NOTHING and named != "none" and settings.basemap_url:
        # The setting that there was for raster tiles alone.
        return outside(settings.basemap_url, settings.basemap_attribution)
    return None


def archive_path(settings: Settings) -> Path | None:
    """The file that the settings name, if it is one."""
    named = settings.basemap.strip()
    return None if named in NOTHING or is_address(named) else Path(named).expanduser()


def origins_of(settings: Settings) -> tuple[str, ...]:
    """All origins outside that pages may ask: of the base map that the settings name, no other."""
    try:
        found = outside_of(settings)
    except ConfigurationError:
        return ()
    return found.origins if found else ()
