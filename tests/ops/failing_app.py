"""What gunicorn serves in a test of its log: fails when it is asked to."""

from collections.abc import Iterable
from typing import Any


def app(wsgi: dict[str, Any], start: Any) -> Iterable[bytes]:
    if wsgi["PATH_INFO"].startswith("/confirmer/"):
        raise RuntimeError("as asked")
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"here"]
