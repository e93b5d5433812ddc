"""A stand-in for the outside address API, on the loopback, that does as it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Behaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class StandIn:
    """Takes its behaviours in turn, the last one for ever; remembers what it was asked."""

    url: str = ""
    behaviours: list[Behaviour] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def does(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        query = parse_qs(urlsplit(handler.path).query)
        self.queries.append({name: values[0] for name, values in query.items()})
        behaviour = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
        behaviour(handler)

    def hang(self, handler: BaseHTTPRequestHandler) -> None:
        """Says nothing until the test is over."""
        self.released.wait()

    def drip(self, handler: BaseHTTPRequestHandler) -> None:
        """Sends a byte of its answer now and then, each sooner than a read would time out."""
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        try:
            while not self.released.wait(0.01):
                handler.wfile.write(b" ")
        except OSError:
            return


def feature(
    lon: float, lat: float, citycode: str, kind: str = "housenumber", score: float = 0.96
) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {"type": kind, "score": score, "citycode": citycode, "label": "…"},
    }


def answers(*features: dict[str, Any], **more: Any) -> Behaviour:
    return sends(json.dumps({"type": "FeatureCollection", "features": features, **more}).encode())


def sends(body: bytes, status: int = 200, promised: int | None = None, **headers: str) -> Behaviour:
    """`promised` is the length it announces; names of headers with _ for -."""

    def behaviour(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(promised or len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return behaviour


@contextmanager
def stand_in() -> Iterator[StandIn]:
    told = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.serve(self)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            del code, size

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/geocodage"
    try:
        yield told
    finally:
        told.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
