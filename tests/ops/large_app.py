"""Answers that fit into no buffer, and small ones."""

from collections.abc import Callable, Iterable
from typing import Any

LARGE = 64_000_000


def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    body = b"x" * LARGE if environ["PATH_INFO"] == "/large" else b"ok"
    start("200 OK", [("Content-Length", str(len(body)))])
    return [body]
