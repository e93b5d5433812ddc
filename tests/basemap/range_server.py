"""A web server that answers ranges of files, or refuses to in the ways that servers do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BLOCK = 16_384


@dataclass(slots=True)
class ServerBehaviour:
    """`left`: bytes of bodies till the line goes dead, `each` of one body; `asked`: every range."""

    kind: str = "ranges"
    left: int = 1 << 60
    each: int = 1 << 60
    tag: str = '"one"'
    asked: list[tuple[int, int]] = field(default_factory=list)
    sent: int = 0


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, ServerBehaviour]]:
    """The address of a server of the folder's files, and how it behaves from now on."""
    behaviour = ServerBehaviour()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            path = folder / self.path.lstrip("/").partition("?")[0]
            asked = self.headers.get("Range")
            if behaviour.kind == "moved":
                self._told(302, {"Location": f"/{path.name}.there"})
            elif behaviour.kind == "busy":
                behaviour.kind = "ranges"
                self._told(503, {})
            elif behaviour.kind == "none":
                self._told(404, {})
            elif behaviour.kind == "416":
                self._told(416, {"Content-Range": f"bytes */{path.stat().st_size}"})
            elif behaviour.kind == "whole" or asked is None:
                self._send(path, 0, path.stat().st_size, 200, {})
            else:
                first, last = (int(part) for part in asked.removeprefix("bytes=").split("-"))
                behaviour.asked.append((first, last))
                size = path.stat().st_size
                told = {"Content-Range": f"bytes {first}-{last}/{size}", "ETag": behaviour.tag}
                self._send(path, first, last + 1 - first, 206, told)

        def _told(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            is_script = self.path.partition("?")[0].endswith(("js", ".mjs"))
            kind = "text/javascript" if is_script else "text/html"
            told = {"Content-Length": "0", "Content-Type": kind}
            for name, value in {**told, **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def _send(
            self, path: Path, start: int, length: int, status: int, headers: dict[str, str]
        ) -> None:
            if behaviour.left <= 0:
                self.close_connection = True
                return
            self._told(status, {"Content-Length": str(length), **headers})
            with path.open("rb") as file:
                file.seek(start)
                here = behaviour.each
                while length:
                    block = file.read(min(length, BLOCK, behaviour.left, here))
                    try:
                        self.wfile.write(block)
                    except OSError:
                        return
                    behaviour.left -= len(block)
                    behaviour.sent += len(block)
                    length -= len(block)
                    here -= len(block)
                    if length and (behaviour.left <= 0 or here <= 0):
                        self.close_connection = True
                        return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", behaviour
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
