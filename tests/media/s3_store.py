"""A stand-in for an S3 store: keeps files in memory, and lets in who signs what they ask.

It works the signature out by its own reading of AWS's description, from the request as it arrives.
"""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, unquote, urlsplit

KEY, SECRET, REGION = "AKIDEXAMPLE", "a secret/with+signs", "fr-par"
MOMENT = "2026-01-02T03:04:05.000Z"


@dataclass
class StandInStore:
    """`failures` are statuses with which the next requests are answered."""

    address: str = ""
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    failures: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    per_page: int = 2

    @property
    def setting(self) -> str:
        secret = SECRET.replace("/", "%2F").replace("+", "%2B").replace(" ", "%20")
        return f"s3://{KEY}:{secret}@Photos/some/where?endpoint={self.address}&region={REGION}"


@contextmanager
def serving() -> Iterator[StandInStore]:
    held = StandInStore()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(held))
    held.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(held: StandInStore) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            held.asked.append(f"{self.command} {self.path}")
            if held.failures:
                return self._answer(held.failures.pop(0))
            if not self._is_signed(body):
                return self._answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
            parts = urlsplit(self.path)
            path = unquote(parts.path)
            if not path.startswith("/Photos/"):
                return self._answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
            name = path.removeprefix("/Photos/")
            if self.command == "PUT":
                held.files[name] = (body, self.headers.get("Content-Type", ""))
                return self._answer(200)
            if self.command == "DELETE":
                held.files.pop(name, None)
                return self._answer(204)
            if not name:
                return self._answer(200, self._listed(dict(parse_qsl(parts.query))))
            if name not in held.files:
                return self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return self._answer(200, held.files[name][0])

        def _listed(self, query: dict[str, str]) -> bytes:
            names = sorted(one for one in held.files if one.startswith(query["prefix"]))
            first = int(query.get("continuation-token", "0"))
            last = first + held.per_page
            entries = "".join(
                f"<Contents><Key>{one}</Key><LastModified>{MOMENT}</LastModified></Contents>"
                for one in names[first:last]
            )
            more = last < len(names)
            following = f"<NextContinuationToken>{last}</NextContinuationToken>" if more else ""
            return (
                '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"<IsTruncated>{str(more).lower()}</IsTruncated>{following}{entries}"
                "</ListBucketResult>"
            ).encode()

        def _is_signed(self, body: bytes) -> bool:
            given = self.headers["Authorization"]
            scheme, _space, rest = given.partition(" ")
            told = dict(part.strip().split("=", 1) for part in rest.split(","))
            day, region, service, end = told["Credential"].split("/")[1:]
            assert (scheme, region, service) == ("AWS4-HMAC-SHA256", REGION, "s3")
            names = told["SignedHeaders"].split(";")
            assert {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names)
            if hashlib.sha256(body).hexdigest() != self.headers["x-amz-content-sha256"]:
                return False
            path, _mark, query = self.path.partition("?")
            lines = [self.command, path, "&".join(sorted(query.split("&")))]
            lines += [f"{name}:{self.headers[name]}" for name in names]
            lines += ["", ";".join(names), self.headers["x-amz-content-sha256"]]
            digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
            scope = f"{day}/{region}/{service}/{end}"
            text = f"{scheme}\n{self.headers['x-amz-date']}\n{scope}\n{digest}"
            key = b"AWS4" + SECRET.encode()
            for part in (day, region, service, end):
                key = hmac.new(key, part.encode(), hashlib.sha256).digest()
            wanted = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
            return hmac.compare_digest(wanted, told["Signature"])

        def _answer(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    for method in ("GET", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._serve)
    return Handler
