"""A server on loopback that stands in for a source, and can do all that a source should not."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answering = Callable[["Handler"], None]


@dataclass
class StandIn:
    """`routes` say what becomes of a path, `asked` what was asked for, with its headers."""

    netloc: str
    routes: dict[str, Answering] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def base(self) -> str:
        return f"http://{self.netloc}"

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


class Handler(BaseHTTPRequestHandler):
    """A request to the stand-in; `give` answers it as a decent server does.

    `question` is what came by POST.
    """

    protocol_version = "HTTP/1.1"
    stand_in: StandIn
    question: bytes = b""

    def do_GET(self) -> None:
        self.stand_in.asked.append((self.path, dict(self.headers.items())))
        path = self.path.partition("?")[0]
        answering = self.stand_in.routes.get(path)
        self.close_connection = True
        try:
            if answering is None:
                self.give(b"no such thing", status=404)
            else:
                answering(self)
        except (BrokenPipeError, ConnectionResetError):
            return  # the client had enough

    def do_POST(self) -> None:
        self.question = self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def give(self, body: bytes, status: int = 200, **headers: str) -> None:
        """Names of headers as Python writes them: `retry_after="1"`."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: pytest shows what fails."""


@contextmanager
def standing_in() -> Iterator[StandIn]:
    stand_in = StandIn("")
    handler = type("OwnHandler", (Handler,), {"stand_in": stand_in})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    stand_in.netloc = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        stand_in.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
