"""An outside address API (addok's, or IGN's Géoplateforme) for points on streets.

Off unless `provider_url` is set. It may be slow, busy, broken or wrong: whatever it does, `points`
returns what could be learnt and raises nothing. Whether to believe it is up to the caller.
"""

import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import SplitResult, urlencode, urlsplit

import structlog
from sqlalchemy import Connection

from mapservice import __version__
from mapservice.errors import ConfigurationError
from mapservice.geocoding.provider.cache import AnswerCache, PointAnswer
from mapservice.geocoding.provider.circuit_breaker import CircuitBreaker
from mapservice.outgoing.way_out import OutgoingConnection, WayOut
from mapservice.settings import Settings

log = structlog.get_logger()

ATTEMPTS = 3
FIRST_WAIT = 0.25  # seconds; doubled at each attempt, then a random part of it
LONGEST_WAIT = 5.0  # where the provider asks for a longer one, the question is given up
PARALLEL = 4
MAX_BODY = 1_000_000
# What the Géoplateforme takes; a word of 60 letters is a 500 there.
SHORTEST_QUERY, LONGEST_QUERY, LONGEST_WORD = 3, 200, 50

_DICE = random.SystemRandom()

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": f"mapservice/{__version__}",
}
ANSWERED = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
WORTH_RETRYING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)})


@dataclass(frozen=True, slots=True)
class ProviderReply:
    """What came back: a status, the seconds to wait if it said so, and a body."""

    status: int
    retry_after: float | None
    body: bytes


class _Refused(Exception):
    """The provider will not answer this; asking again would not help."""


class _Failed(Exception):
    """The provider did not answer as it should; `wait` is how long it asked to be left alone."""

    def __init__(self, message: str, wait: float | None = None, *, retry: bool = True) -> None:
        super().__init__(message)
        self.wait = wait
        self.retry = retry


class AddressProvider:
    """One per process: its threads share the circuit breaker, all processes the cache."""

    def __init__(
        self,
        url: str,
        attribution: str,
        *,
        timeout: float = 2.0,
        cache_days: int = 30,
        breaker: CircuitBreaker | None = None,
        sleep: Callable[[float], None] = time.sleep,
        way: WayOut | None = None,
    ) -> None:
        """`timeout` in seconds, for one answer, from the first to the last byte.

        Raises ConfigurationError for an address that is not one of the web.
        """
        self._address = _address(url)
        self._attribution = attribution
        self._timeout = timeout
        self._cache = AnswerCache(url.rstrip("/"), cache_days)
        self._breaker = breaker or CircuitBreaker()
        self._sleep = sleep
        self._way = way or WayOut()

    @classmethod
    def of_settings(cls, settings: Settings) -> "AddressProvider | None":
        """None, and no request ever, unless an address is set."""
        if not settings.provider_url:
            return None
        return cls(
            settings.provider_url,
            settings.provider_attribution,
            timeout=settings.provider_timeout_ms / 1000,
            cache_days=settings.provider_cache_days,
            way=WayOut.parse(settings.outgoing_proxy),
        )

    def points(self, connection: Connection, asked: Sequence[str]) -> dict[str, PointAnswer | None]:
        """Its best answers by what was asked: None where it knows nothing.

        What could not be asked or was not answered is missing.
        """
        wanted = list(dict.fromkeys(one for one in asked if _query(one)))
        if not wanted:
            return {}
        known = self._cache.find(connection, wanted)
        missing = [one for one in wanted if one not in known]
        fetched: dict[str, PointAnswer | None] = {}
        if missing:
            with ThreadPoolExecutor(min(PARALLEL, len(missing))) as pool:
                for one, answer in zip(missing, pool.map(self._answer, missing), strict=True):
                    if answer:
                        fetched[one] = answer[0]
        self._cache.keep(connection, fetched)
        return known | fetched

    def _answer(self, one: str) -> tuple[PointAnswer | None] | None:
        """What it knows of a text, or None where it gives no answer."""
        try:
            return (self._search(_query(one)),)
        except _Refused as refusal:
            log.warning("provider_refused", reason=str(refusal))
        except _Failed as failure:
            log.warning("provider_failed", reason=str(failure))
        return None

    def _search(self, query: str) -> PointAnswer | None:
        """Asks until it answers, refuses, or has failed often enough."""
        for attempt in range(1, ATTEMPTS + 1):
            if not self._breaker.admits():
                raise _Failed("left alone for a while, as it failed too often")
            try:
                found = _best(self._body(query), self._attribution)
            except _Failed as failure:
                self._breaker.failed()
                if attempt == ATTEMPTS or not failure.retry:
                    raise
                wait = failure.wait
                if wait is None:
                    # Longer each time, and never in step with others.
                    wait = _DICE.uniform(0.5, 1) * FIRST_WAIT * 2 ** (attempt - 1)
                elif wait > LONGEST_WAIT:
                    self._breaker.hold(wait)
                    raise
                self._sleep(wait)
            else:
                self._breaker.succeeded()
                return found
        raise AssertionError("the last attempt returns or raises")

    def _body(self, query: str) -> bytes:
        """The body of one good answer. Raises _Refused or _Failed."""
        try:
            reply = self._get({"q": query, "limit": "1", "autocomplete": "0", "index": "address"})
        except (OSError, http.client.HTTPException) as error:
            raise _Failed(f"no answer: {error or type(error).__name__}") from None
        if reply.status in ANSWERED:
            if len(reply.body) > MAX_BODY:
                raise _Failed(f"the answer is longer than {MAX_BODY} bytes", retry=False)
            return reply.body
        if reply.status in WORTH_RETRYING:
            raise _Failed(f"status {reply.status}", reply.retry_after)
        if reply.status < HTTPStatus.BAD_REQUEST:
            raise _Failed(f"status {reply.status}: it may have moved", retry=False)
        self._breaker.succeeded()  # it is there, and only this question was not to its taste
        raise _Refused(f"status {reply.status}")

    def _get(self, parameters: Mapping[str, str]) -> ProviderReply:
        """One request on a connection of its own; no redirect is followed."""
        host, port = self._address.hostname or "", self._address.port
        scheme = self._address.scheme
        connection = OutgoingConnection(self._way, scheme, host, port, self._timeout)
        path = f"{self._address.path}/search?{urlencode(parameters)}"
        try:
            connection.connect()
            # Ends the connection then, however busily its other end sends a byte now and then.
            deadline = threading.Timer(self._timeout, _cut, (connection.sock,))
            deadline.daemon = True
            deadline.start()
            try:
                connection.request("GET", path, headers=HEADERS)
                response = connection.getresponse()
                body = response.read(MAX_BODY + 1)
            finally:
                deadline.cancel()
            if response.length and len(body) <= MAX_BODY:
                raise http.client.IncompleteRead(body, response.length)
            return ProviderReply(response.status, _seconds(response.getheader("Retry-After")), body)
        finally:
            connection.close()


def _address(url: str) -> SplitResult:
    try:
        address = urlsplit(url.rstrip("/"))
        sound = address.scheme in ("http", "https") and address.hostname and address.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ConfigurationError(f"MAPSERVICE_PROVIDER_URL is not an address: {url!r}")
    return address


def _cut(sock: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in either of its forms (RFC 9110); None without a readable one."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds())


def _query(asked: str) -> str:
    """What the API takes of a text, or "" when too little is left."""
    words = " ".join(word for word in asked.split() if len(word) <= LONGEST_WORD)
    start = next((i for i, sign in enumerate(words) if sign.isalnum()), len(words))
    query = words[start:][:LONGEST_QUERY].rstrip()
    return query if len(query) >= SHORTEST_QUERY else ""


def _best(body: bytes, attribution: str) -> PointAnswer | None:
    """The first feature of an answer, if it has any. Raises _Failed for any other body."""
    try:
        answer = json.loads(body)
        features = answer["features"]
        if not features:
            return None
        lon, lat = (float(degrees) for degrees in features[0]["geometry"]["coordinates"][:2])
        properties = features[0]["properties"]
        score = float(properties["score"])
        if not (abs(lon) <= 180 and abs(lat) <= 90 and score >= 0):
            raise ValueError("out of range")
        kind, citycode = str(properties["type"]), str(properties.get("citycode") or "")
        # Addok's answers name their sources; the Géoplateforme's do not.
        given = (answer.get(name) for name in ("attribution", "licence"))
        texts = (text.replace("\x00", "")[:200] for text in given if isinstance(text, str))
        credit = " – ".join(texts) or attribution
        return PointAnswer(lon, lat, min(score, 1.0), kind[:20], citycode[:5], credit)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        reason = f"an answer that cannot be read: {type(error).__name__}"
        raise _Failed(reason, retry=False) from None
