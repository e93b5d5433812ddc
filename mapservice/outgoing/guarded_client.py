"""Fetches what an address gives: from public hosts alone, and never more than was allowed for.

Each request has bounds of its own: bytes as they come and as they are unpacked, and seconds to the
last byte, however slowly these drip (the look-up of a name ends when the resolver gives up).
Redirects are followed a few times, and each goes through the same checks as the first address.
"""

import http.client
import io
import socket
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import IO, Any, cast
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

from mapservice import __version__
from mapservice.errors import InvalidInput, MapserviceError
from mapservice.outgoing.connection import NotPublic, connect
from mapservice.outgoing.public_hosts import check_address
from mapservice.outgoing.way_out import ProxyRefused, WayOut

MIB = 1024 * 1024
ADDRESS_LENGTH = 2_000
MAX_REDIRECTS = 5
PIECE = 64 * 1024
WAIT_SECONDS = 20.0  # for a connection, and for each piece
REDIRECTS = frozenset({301, 302, 303, 307, 308})
WORTH_RETRYING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
SERVER_ERRORS = range(500, 600)
# Signs that an address may hold as they are; all others are spelt in percents.
ADDRESS_SIGNS = "/%:@!$&'()*+,;=-._~?"


class FetchRefused(MapserviceError):
    """An address that may not be asked, or an answer that trying again would not change."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Address refused"


class FetchFailed(MapserviceError):
    """No whole answer came; another try may do. `wait`: the seconds that the server asked for."""

    status = HTTPStatus.BAD_GATEWAY
    title = "Source out of reach"

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one answer may take: `body_bytes` as they come and as they are unpacked alike."""

    body_bytes: int = 128 * MIB
    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells whether an answer is as before (RFC 9110, section 8.8); empty where not told."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class FetchedAnswer:
    """What came: `length` bytes, unpacked, or none where it `is_unchanged` by its validators.

    `address` is the last one asked, after redirects; `content_type` is "" where none was told.
    """

    address: str
    content_type: str
    validators: Validators
    length: int
    is_unchanged: bool = False


@dataclass(frozen=True, slots=True)
class PostedAnswer:
    """What became of a body that was sent; `wait`: the seconds that the server asked for."""

    status: int
    wait: float | None


@dataclass(frozen=True, slots=True)
class GuardedClient:
    """`allowed` are `host:port` of stand-ins, which may be asked although not public or https."""

    allowed: frozenset[str] = frozenset()
    limits: FetchLimits = field(default_factory=FetchLimits)
    way: WayOut = field(default_factory=WayOut)

    def fetch(
        self,
        address: str,
        target: IO[bytes],
        *,
        accept: str = "*/*",
        headers: Mapping[str, str] | None = None,
        known: Validators | None = None,
        limits: FetchLimits | None = None,
        question: bytes | None = None,
    ) -> FetchedAnswer:
        """Writes the body to `target`. `headers` (a key, say) are for the first host alone.

        With a `question` it is asked by POST, and whatever redirects is refused: a question is not
        put to an address that nobody named.

        Raises FetchRefused and FetchFailed; what was written by then is no answer.
        """
        bounds = limits or self.limits
        deadline = time.monotonic() + bounds.seconds
        asked = {"Accept": accept, "Accept-Encoding": "gzip", "User-Agent": USER_AGENT}
        if known is not None:
            named = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
            asked |= {name: value for name, value in named.items() if value}
        own = dict(headers or {})
        address = spelt(address)
        first = urlsplit(address)
        for _ in range(MAX_REDIRECTS + 1):
            here = urlsplit(address)
            is_first = (here.scheme, here.netloc) == (first.scheme, first.netloc)
            sent = asked | (own if is_first else {})
            answer = self._ask(address, sent, target, deadline, bounds.body_bytes, question)
            if isinstance(answer, FetchedAnswer):
                return answer
            if question is not None:
                raise FetchRefused(
                    f"{here.netloc} redirects to {answer[:200]!r}: name that address"
                )
            address = spelt(_joined(address, answer))
        raise FetchRefused(f"{first.netloc} redirects more than {MAX_REDIRECTS} times")

    def get(
        self,
        address: str,
        *,
        accept: str = "*/*",
        headers: Mapping[str, str] | None = None,
        limits: FetchLimits | None = None,
        question: bytes | None = None,
    ) -> tuple[FetchedAnswer, bytes]:
        """The same with the body in memory."""
        body = io.BytesIO()
        answer = self.fetch(
            address, body, accept=accept, headers=headers, limits=limits, question=question
        )
        return answer, body.getvalue()

    def post(self, address: str, body: bytes, headers: Mapping[str, str]) -> PostedAnswer:
        """Sends a body once; redirects are not followed, and what is answered is not read.

        Raises FetchRefused for an address that may not be asked, FetchFailed without an answer.
        """
        deadline = time.monotonic() + self.limits.seconds
        to = self._checked(address)
        connection: http.client.HTTPConnection | None = None
        try:
            connection = connect(to, self.allowed, min(WAIT_SECONDS, _left(deadline)), self.way)
            connection.sock = cast("socket.socket", _BoundedLine(connection.sock, deadline))
            sent = {"User-Agent": USER_AGENT} | dict(headers)
            connection.request("POST", _target(to), body, sent)
            with connection.getresponse() as response:
                wait = retry_after(response.headers.get("Retry-After", ""))
                return PostedAnswer(response.status, wait)
        except NotPublic as error:
            raise FetchRefused(f"{to.netloc} {error}") from None
        except ProxyRefused as error:
            raise FetchRefused(str(error)) from None
        except (OSError, http.client.HTTPException) as error:
            raise FetchFailed(f"{to.netloc} did not answer: {type(error).__name__}") from None
        finally:
            if connection is not None:
                connection.close()

    def _checked(self, address: str) -> SplitResult:
        try:
            return check_address(address, self.allowed, field="address", most=ADDRESS_LENGTH)
        except InvalidInput as error:
            raise FetchRefused(f"{address[:200]!r} {error.reason}") from None

    def _ask(
        self,
        address: str,
        headers: Mapping[str, str],
        target: IO[bytes],
        deadline: float,
        most: int,
        question: bytes | None,
    ) -> FetchedAnswer | str:
        """The answer, or where it redirects to."""
        to = self._checked(address)
        connection: http.client.HTTPConnection | None = None
        try:
            connection = connect(to, self.allowed, min(WAIT_SECONDS, _left(deadline)), self.way)
            connection.sock = cast("socket.socket", _BoundedLine(connection.sock, deadline))
            method = "GET" if question is None else "POST"
            connection.request(method, _target(to), question, dict(headers))
            with connection.getresponse() as response:
                leads_to = response.headers.get("Location", "")
                if response.status in REDIRECTS and leads_to:
                    return _as_written(leads_to)
                return _answer(address, response, target, most)
        except NotPublic as error:
            raise FetchRefused(f"{to.netloc} {error}") from None
        except ProxyRefused as error:
            raise FetchRefused(str(error)) from None
        except (OSError, http.client.HTTPException) as error:
            words = str(error) or type(error).__name__
            raise FetchFailed(f"{to.netloc} did not answer as a whole: {words[:200]}") from None
        finally:
            if connection is not None:
                connection.close()


USER_AGENT = f"mapservice/{__version__}"


def _target(to: SplitResult) -> str:
    """What a request line asks for."""
    return f"{to.path or '/'}{'?' if to.query else ''}{to.query}"


def _answer(
    address: str, response: http.client.HTTPResponse, target: IO[bytes], most: int
) -> FetchedAnswer:
    host = urlsplit(address).netloc
    given = response.headers
    answer = FetchedAnswer(
        address=address,
        content_type=given.get_content_type() if "Content-Type" in given else "",
        validators=Validators(given.get("ETag", "")[:300], given.get("Last-Modified", "")[:100]),
        length=0,
        is_unchanged=response.status == HTTPStatus.NOT_MODIFIED,
    )
    if answer.is_unchanged:
        return answer
    if response.status in WORTH_RETRYING or response.status in SERVER_ERRORS:
        wait = retry_after(given.get("Retry-After", ""))
        raise FetchFailed(f"{host} answers {response.status}", wait)
    if response.status != HTTPStatus.OK:
        raise FetchRefused(f"{host} answers {response.status}")
    if (response.length or 0) > most:
        raise FetchRefused(f"{host} gives more than {most} bytes")
    length = 0
    for piece in _unpacked(response, host, most):
        length += len(piece)
        if length > most:
            raise FetchRefused(f"{host} gives more than {most} bytes")
        target.write(piece)
    return replace(answer, length=length)


def _unpacked(response: http.client.HTTPResponse, host: str, most: int) -> Iterator[bytes]:
    """The body, piece by piece, none of which is unpacked beyond PIECE bytes at once."""
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        yield from _pieces(response, host, most)
        return
    if coding not in ("gzip", "x-gzip"):
        raise FetchRefused(f"{host} packs its answer as {coding[:40]!r}, which was not asked for")
    unpack = zlib.decompressobj(wbits=31)
    try:
        for piece in _pieces(response, host, most):
            rest = piece
            while rest:
                yield unpack.decompress(rest, PIECE)
                rest = unpack.unconsumed_tail
                if unpack.eof and unpack.unused_data:
                    rest, unpack = unpack.unused_data, zlib.decompressobj(wbits=31)
        while rest := unpack.decompress(b"", PIECE):
            yield rest
    except zlib.error as error:
        raise FetchFailed(f"{host} gives what cannot be unpacked: {error}") from None
    if not unpack.eof:
        raise FetchFailed(f"{host} broke off within its packed answer")


def _pieces(response: http.client.HTTPResponse, host: str, most: int) -> Iterator[bytes]:
    length = 0
    while piece := response.read(PIECE):
        length += len(piece)
        if length > most:
            raise FetchRefused(f"{host} gives more than {most} bytes")
        yield piece
    # `read` of a part does not tell of an end before its time.
    if response.length:
        raise FetchFailed(f"{host} broke off {response.length} bytes before the end")


class _BoundedLine:
    """A socket for http.client, each of whose waits ends at the deadline of the whole."""

    def __init__(self, line: socket.socket, deadline: float) -> None:
        self._line = line
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._line.settimeout(min(WAIT_SECONDS, _left(self._deadline)))
        self._line.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb", "http.client reads answers so"
        return io.BufferedReader(_BoundedReader(self._line, self._deadline), PIECE)

    def close(self) -> None:
        self._line.close()


class _BoundedReader(io.RawIOBase):
    """Keeps the socket open for as long as it is read, as http.client gives it up before."""

    def __init__(self, line: socket.socket, deadline: float) -> None:
        self._line = line
        self._raw = line.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._line.settimeout(min(WAIT_SECONDS, _left(self._deadline)))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _as_written(header: str) -> str:
    """A header as UTF-8, where it is that: http.client reads ISO 8859-1."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header


def _joined(address: str, leads_to: str) -> str:
    """Raises FetchRefused."""
    try:
        return urljoin(address, leads_to)
    except ValueError:
        raise FetchRefused(f"{leads_to[:200]!r} is not an address") from None


def _left(deadline: float) -> float:
    """The seconds until then. Raises TimeoutError where there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("takes longer than allowed")
    return left


def spelt(address: str) -> str:
    """The address without a fragment, its signs beyond ASCII in percents and its host in IDNA.

    Raises FetchRefused.
    """
    try:
        parts = urlsplit(address.strip())
        netloc = parts.netloc
        if not netloc.isascii():
            netloc = netloc.encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        raise FetchRefused(f"{address[:200]!r} is not an address") from None
    path, query = (quote(one, safe=ADDRESS_SIGNS) for one in (parts.path, parts.query))
    return urlunsplit((parts.scheme.lower(), netloc, path, query, ""))


def retry_after(text: str) -> float | None:
    """Seconds of a Retry-After header, which gives them or a date (RFC 9110, section 10.2.3)."""
    if not text:
        return None
    try:
        if text.strip().isdigit():
            return float(text)
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None
