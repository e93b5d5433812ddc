"""A way to a PostgreSQL server by TCP on the loopback, which can stand still or be cut."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mapservice.db.address import connection_parameters


class Relay:
    """As a machine whose server is stopped: while `still`, all that comes is taken, and no answer
    goes back; new connections are taken, too."""

    def __init__(self, url: str) -> None:
        found = connection_parameters(url)
        host, port = str(found["host"]), int(found.get("port") or 5432)
        self._unix = ""
        if host.startswith("/"):
            self._unix = f"{host}/.s.PGSQL.{port}"
        self._host, self._server_port = host, port
        self.still = threading.Event()
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._peers: dict[socket.socket, socket.socket] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self._listener, selectors.EVENT_READ)
            while not self._ended.wait(0):
                for key, _events in ready.select(0.05):
                    if key.fileobj is self._listener:
                        self._take(ready)
                    elif self.still.is_set():
                        self._ended.wait(0.01)
                    else:
                        assert isinstance(key.fileobj, socket.socket)
                        self._pass_on(ready, key.fileobj)

    def _take(self, ready: selectors.BaseSelector) -> None:
        client, _ = self._listener.accept()
        if self._unix:
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._unix)
        else:
            server = socket.create_connection((self._host, self._server_port))
        self.connections += 1
        for one, other in ((client, server), (server, client)):
            self._peers[one] = other
            ready.register(one, selectors.EVENT_READ)

    def _pass_on(self, ready: selectors.BaseSelector, one: socket.socket) -> None:
        if one not in self._peers:
            return
        block = b""
        with contextlib.suppress(OSError):
            block = one.recv(65536)
            if block:
                self._peers[one].sendall(block)
                return
        for each in (one, self._peers[one]):
            ready.unregister(each)
            del self._peers[each]
            each.close()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._listener.close()
        for each in self._peers:
            each.close()


@contextmanager
def relay(url: str) -> Iterator[Relay]:
    made = Relay(url)
    try:
        yield made
    finally:
        made.close()
