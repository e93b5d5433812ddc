"""As little of an HTTP/1.1 client as the load needs: its own share of the cores must be small."""

import asyncio
from dataclasses import dataclass, field

PATIENCE = 30.0
HEAD_END, LINE_END = b"\r\n\r\n", b"\r\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """`status` is 0 where no whole answer came; `size` is that of the body as it came, in bytes."""

    status: int
    size: int = 0


class ClosedMeanwhile(Exception):
    """Before any answer: of a connection that was kept, nothing may have been asked."""


@dataclass(slots=True)
class KeptConnections:
    """Connections to one server, used again in turn, as the proxy for TLS before nginx would."""

    host: str
    port: int
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def get(self, path: str, headers: str) -> Reply:
        """Once more on a new connection where a kept one has been closed meanwhile."""
        request = f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\n{headers}\r\n".encode()
        while True:
            was_kept = bool(self._idle)
            try:
                async with asyncio.timeout(PATIENCE):
                    return await self._ask(request)
            except ClosedMeanwhile:
                if not was_kept:
                    return Reply(0)
                self.close()
            except (OSError, asyncio.IncompleteReadError, ValueError):
                return Reply(0)  # cut short, or not within PATIENCE

    async def _ask(self, request: bytes) -> Reply:
        if self._idle:
            reader, writer = self._idle.pop()
        else:
            reader, writer = await asyncio.open_connection(self.host, self.port)
        is_whole = False
        try:
            writer.write(request)
            try:
                head = (await reader.readuntil(HEAD_END)).lower()
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                raise ClosedMeanwhile from error
            size = await _body(reader, head)
            is_whole = b"connection: close" not in head
            return Reply(int(head[9:12]), size)
        finally:
            if is_whole:
                self._idle.append((reader, writer))
            else:
                writer.close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop()[1].close()


async def _body(reader: asyncio.StreamReader, head: bytes) -> int:
    if b"\r\ntransfer-encoding: chunked" in head:
        size = 0
        while length := int((await reader.readuntil(LINE_END)).strip(), 16):
            await reader.readexactly(length + 2)
            size += length
        await reader.readexactly(2)
        return size
    _, found, rest = head.partition(b"\r\ncontent-length: ")
    length = int(rest.partition(LINE_END)[0]) if found else 0
    await reader.readexactly(length)
    return length
