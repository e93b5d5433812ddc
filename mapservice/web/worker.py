"""A gunicorn worker that shares clients out, goes on with them, and says why one was refused.

Closing a connection on which data is still coming resets it, and the client sees a broken pipe
instead of the answer. So what it still sends is read and dropped first, within bounds (RFC 9112,
section 9.6).
"""

import contextlib
import json
import select
import socket
import time
from http import HTTPStatus
from typing import Any

from gunicorn.http.errors import LimitRequestLine
from gunicorn.workers.gthread import ThreadWorker

DRAINED_BYTES = 64 * 1024 * 1024
DRAINED_SECONDS = 10
BLOCK_BYTES = 256 * 1024
# So long a thread waits for the next request of its client.
NEXT_REQUEST_MS = 2
# For each connection that a worker has already, before it takes another one.
STEP_BACK_SECONDS, MOST_BACK_SECONDS = 0.001, 0.003


class DrainingWorker(ThreadWorker):
    """Threads as gunicorn's own; who connects, asks again or is refused is treated differently."""

    def accept(self, listener: socket.socket) -> None:
        """Lets a worker that has fewer connections take the new one first.

        Threads of one process take turns, so clients that meet in one wait for each other while
        the others are idle. All workers hear of a new connection; whoever comes late finds it gone.
        """
        if self.nr_conns:
            time.sleep(min(self.nr_conns * STEP_BACK_SECONDS, MOST_BACK_SECONDS))
        super().accept(listener)

    def handle(self, conn: Any) -> Any:
        """Goes on with a client that asks again at once, where each has a thread to itself.

        Else each request of a connection that is kept open goes from this thread to the one that
        waits for all, and back, which takes longer than many an answer.
        """
        kept = super().handle(conn)
        while kept is True and self._may_go_on(conn):
            kept = super().handle(conn)
        return kept

    def _may_go_on(self, conn: Any) -> bool:
        if not self.alive or self.nr_conns > self.cfg.threads:
            return False
        if conn.parser.unreader.buf.getvalue():
            return False  # part of a request came along with the last one: gunicorn knows how
        waiting = select.poll()
        waiting.register(conn.sock, select.POLLIN)
        return bool(waiting.poll(NEXT_REQUEST_MS))

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        if isinstance(exc, LimitRequestLine):
            with contextlib.suppress(OSError):
                client.sendall(_too_long(self.cfg.limit_request_line))
        else:
            super().handle_error(req, client, addr, exc)
        with contextlib.suppress(OSError):
            _drain(client)


def _too_long(limit: int) -> bytes:
    status = HTTPStatus.REQUEST_URI_TOO_LONG
    body = json.dumps(
        {
            "type": "about:blank",
            "title": status.phrase,
            "status": status,
            "detail": f"query: the address is longer than {limit} bytes",
            "field": "query",
        }
    ).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Content-Type: application/problem+json\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _drain(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)
    client.settimeout(1)
    end = time.monotonic() + DRAINED_SECONDS
    left = DRAINED_BYTES
    while left > 0 and time.monotonic() < end:
        block = client.recv(BLOCK_BYTES)
        if not block:
            return
        left -= len(block)
