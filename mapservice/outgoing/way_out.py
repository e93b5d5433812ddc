"""How a connection leaves: straight, or through the proxy of MAPSERVICE_OUTGOING_PROXY.

The proxy is asked for a tunnel (`CONNECT`, RFC 9110, section 9.3.6), whatever is spoken in it:
HTTP, TLS, SMTP or IMAP. It looks names up itself, as a machine whose only way out it is may know no
name of the internet.
"""

import http.client
import re
import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from mapservice.errors import ConfigurationError

PROXY_PORT = 3128
# Of an answer to CONNECT: more is no proxy's.
LONGEST_HEAD = 16_384
STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
TUNNEL, REFUSALS = range(200, 300), (401, 403, 405, 407)


class ProxyRefused(OSError):
    """The proxy lets nothing through to there: trying again does not help, an operator does."""


@dataclass(frozen=True, slots=True)
class WayOut:
    """Straight where no `proxy` is named; no request then goes anywhere but through it."""

    proxy: str = ""
    port: int = PROXY_PORT

    @classmethod
    def parse(cls, told: str) -> "WayOut":
        """Of the setting `outgoing_proxy`. Raises ConfigurationError for what is no `http://host:port`."""
        if not told:
            return cls()
        try:
            parts = urlsplit(told)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or port == 0 or told.rstrip("/") != f"http://{parts.netloc}" or "@" in told:
            raise ConfigurationError(
                f"MAPSERVICE_OUTGOING_PROXY must be like http://outgoing:3128, not {told!r}"
            )
        return cls(host, port or PROXY_PORT)

    @property
    def is_straight(self) -> bool:
        return not self.proxy

    def reach(self, host: str, port: int, seconds: float) -> socket.socket:
        """A line to there, within `seconds` but for looking names up.

        Raises ProxyRefused and OSError.
        """
        if self.is_straight:
            return socket.create_connection((host, port), seconds)
        target = _target(host, port)
        until = time.monotonic() + seconds
        line = socket.create_connection((self.proxy, self.port), seconds)
        try:
            self._ask_for(line, target, until)
            line.settimeout(seconds)
        except BaseException:
            line.close()
            raise
        return line

    def reach_by_tls(
        self, host: str, port: int, seconds: float, context: ssl.SSLContext
    ) -> ssl.SSLSocket:
        line = self.reach(host, port, seconds)
        try:
            return context.wrap_socket(line, server_hostname=host)
        except BaseException:
            line.close()
            raise

    def _ask_for(self, line: socket.socket, target: str, until: float) -> None:
        line.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode("ascii"))
        head = bytearray()
        # Byte by byte: what follows is of the other end, which may speak first (SMTP, IMAP).
        while not head.endswith(b"\r\n\r\n"):
            line.settimeout(max(until - time.monotonic(), 0.001))
            byte = line.recv(1)
            if not byte or len(head) > LONGEST_HEAD:
                raise OSError(f"the outgoing proxy broke off when it was asked for {target}")
            head += byte
        found = STATUS_LINE.match(head)
        status = int(found[1]) if found else 0
        if status in REFUSALS:
            raise ProxyRefused(
                f"the outgoing proxy lets nothing through to {target}:"
                " its rules are those of `mapservice outgoing hosts` (MAPSERVICE_OUTGOING_HOSTS)"
            )
        if status not in TUNNEL:
            raise OSError(f"the outgoing proxy does not reach {target} ({status or 'no HTTP'})")


def _target(host: str, port: int) -> str:
    try:
        return f"[{host}]:{port}" if ":" in host else f"{host.encode('idna').decode()}:{port}"
    except UnicodeError:
        raise OSError(f"{host[:100]!r} is no name that a host can have") from None


STRAIGHT = WayOut()


class OutgoingConnection(http.client.HTTPConnection):
    """A connection of http.client by that way; each that it makes anew goes by it too."""

    def __init__(
        self, way: WayOut, scheme: str, host: str, port: int | None, timeout: float
    ) -> None:
        """`scheme` is http or https, `timeout` in seconds."""
        self._context = ssl.create_default_context() if scheme == "https" else None
        if scheme == "https":
            # Also what the Host header leaves out.
            self.default_port = http.client.HTTPS_PORT
        super().__init__(host, port, timeout=timeout)
        self._way, self._seconds = way, timeout

    def connect(self) -> None:
        if self._context is None:
            self.sock = self._way.reach(self.host, self.port, self._seconds)
        else:
            self.sock = self._way.reach_by_tls(self.host, self.port, self._seconds, self._context)
