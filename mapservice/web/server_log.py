"""Gunicorn's own log, without addresses of visitors and pages; and a line for each request.

Gunicorn writes `Invalid request from ip=…` with what was asked, and the path of a request that
failed, in which the secret of a mailed link may stand.
"""

import logging
import re
from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger

from mapservice.web import request_log
from mapservice.web.logging import json_lines

# "Invalid request from ip=192.0.2.7: Invalid HTTP request line: 'GET /confirmer/… …'"
REFUSED = re.compile(r"(?s)\bfrom ip=.*")


class ServerLog(Logger):
    """Named in `gunicorn_conf.py`."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.addFilter(without_visitors)
        for handler in self.error_log.handlers:
            handler.setFormatter(json_lines())

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Called for every request, once its answer is sent or its client has gone."""
        del req
        request_log.tell(environ, str(resp.status), resp.sent or 0, request_time.total_seconds())


def without_visitors(record: logging.LogRecord) -> bool:
    """A filter: rewrites the record, never drops it."""
    if isinstance(record.msg, str):
        record.msg = REFUSED.sub("", record.msg).rstrip()
    if isinstance(record.args, tuple):
        record.args = tuple(
            "…"
            if isinstance(one, str) and one.startswith("/")
            else type(one).__name__
            if isinstance(one, Exception)
            else one
            for one in record.args
        )
    return True
