"""Gunicorn's own threaded worker, with a way of its own for the questions of operators.

Who reads slowly holds a thread until the last byte; 18 of them held all, and `/health/live` waited
20 s for one. So a request whose head is there and asks for health or metrics goes to two threads of
its own. A connection that has sent nothing yet waits with the poller rather than in a thread.

New connections go to the worker that has the fewest. Threads of one process take turns, so clients
that meet in one wait for each other while the others are idle: a proxy's few lasting connections,
too, which made a tile half as fast as two cores can. Where each client has a thread to itself, the
thread goes on with one that asks again at once: to hand it to the poller and back takes longer than
many an answer.
"""

import select
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

OWN_WAY = (b"GET /health/", b"HEAD /health/", b"GET /metrics ")
HEAD_BYTES = 2048
END_OF_HEAD = b"\r\n\r\n"
THREADS = 2
# For each connection that a worker has already, before it takes another one.
STEP_BACK_SECONDS, MOST_BACK_SECONDS = 0.001, 0.003
# So long a thread waits for the next request of its client.
NEXT_REQUEST_MS = 2


class OperatorsFirstWorker(ThreadWorker):
    """Named in `gunicorn_conf.py`."""

    def init_process(self) -> None:
        self.operators = ThreadPoolExecutor(THREADS, thread_name_prefix="operators")
        super().init_process()

    def accept(self, listener: Any) -> None:
        """All workers hear of a new connection; whoever comes late finds it taken."""
        if self.nr_conns:
            time.sleep(min(self.nr_conns * STEP_BACK_SECONDS, MOST_BACK_SECONDS))
        super().accept(listener)

    def enqueue_req(self, conn: Any) -> None:
        """By the main thread: new connections, and those on which something has come."""
        first = _first_bytes(conn.sock)
        if first is None and not conn.initialized:
            conn.timeout = time.monotonic() + self.cfg.keepalive
            self.pending_conns.append(conn)
            self.poller.register(
                conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn)
            )
            return
        # A head that breaks off would hold one of the two threads: it goes with all the others.
        asks = first is not None and first.startswith(OWN_WAY) and END_OF_HEAD in first
        done: Future[Any] = (
            self.operators.submit(super().handle, conn)
            if asks
            else self.tpool.submit(self.handle, conn)
        )
        done.add_done_callback(
            lambda future: self.method_queue.defer(self.finish_request, conn, future)
        )

    def handle(self, conn: Any) -> Any:
        kept = super().handle(conn)
        while kept is True and self._may_go_on() and _asks_again(conn.sock):
            kept = super().handle(conn)
        return kept

    def _may_go_on(self) -> bool:
        return bool(self.alive and self.nr_conns <= self.cfg.threads)


def _asks_again(sock: socket.socket) -> bool:
    waiting = select.poll()
    waiting.register(sock, select.POLLIN)
    return bool(waiting.poll(NEXT_REQUEST_MS))


def _first_bytes(sock: socket.socket) -> bytes | None:
    """What lies there to be read, left where it is; None where nothing has come yet."""
    try:
        return sock.recv(HEAD_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError:
        return b""
