"""Asking another server, by HTTP or HTTPS, over one connection that is kept."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from mapservice import __version__
from mapservice.errors import SourceError
from mapservice.outgoing.way_out import OutgoingConnection, WayOut
from mapservice.tiles.basemap.model import origin_of

AGENT = f"mapservice/{__version__}"
MOST_REDIRECTS = 5
REDIRECTED = frozenset({301, 302, 303, 307, 308})


class BrokenOff(SourceError):
    """No answer, or half of one: it may come whole if it is asked for once more."""


@dataclass(slots=True)
class RemoteHost:
    """`address` becomes where redirections led to. Only its own host is asked if `stay`."""

    address: str
    timeout: float
    stay: bool = False
    way: WayOut = field(default_factory=WayOut)
    _connection: http.client.HTTPConnection | None = field(default=None, init=False)

    def get(self, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """The answer, its body unread. Raises SourceError when there is none."""
        for _ in range(MOST_REDIRECTS):
            answer = self._ask(headers)
            if answer.status not in REDIRECTED:
                return answer
            self._follow(answer.getheader("Location") or "")
        raise SourceError(f"{self.address} is redirected without end")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """Once more on a new connection, as the other side may have closed the one we kept."""
        fresh = self._connection is None
        try:
            return self._send(headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if fresh:
                raise BrokenOff(f"{self.address} does not answer: {error}") from None
        return self._ask(headers)

    def _send(self, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        parts = urlsplit(self.address)
        if self._connection is None:
            self._connection = self._connect(parts.scheme, parts.hostname or "", parts.port)
        path = parts.path or "/"
        sent = {"User-Agent": AGENT, **headers}
        self._connection.request(
            "GET", f"{path}?{parts.query}" if parts.query else path, None, sent
        )
        return self._connection.getresponse()

    def _connect(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme in ("https", "http"):
            return OutgoingConnection(self.way, scheme, host, port, self.timeout)
        raise SourceError(f"{self.address} is no address that starts with https:// or http://")

    def _follow(self, location: str) -> None:
        target = urljoin(self.address, location)
        if self.stay and origin_of(target) != origin_of(self.address):
            raise SourceError(f"{self.address} leads to {target}: name that address instead")
        self.close()
        self.address = target
