"""Tiles and pages that were made before, answered before the application is asked.

A route says what its answer depends on (`tile_answer`, `same_for_all`); the whole answer is then
kept, headers and compression included, until something changes there
(`tiles/tile_cache/changes.py`). Pages of one commune that tell of nothing but its initiatives are
forgotten as tiles are. Others go after five seconds in any case, and with each form that is sent:
they tell of more than changes are told of.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import structlog
from werkzeug.http import parse_etags

from mapservice.settings import Settings
from mapservice.tiles.tile_cache.changes import TileChangeListener
from mapservice.tiles.tile_cache.store import (
    AnswerExtent,
    CachedAnswer,
    ChangeExtent,
    TileCache,
)
from mapservice.web import request_log
from mapservice.web.edge import (
    CACHE_MARK,
    CHANGING,
    HEARD_OF,
    TrustedProxies,
    asked_of_all,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.get_logger()

HIT, MISS = (request_log.TILES.labels(result) for result in ("hit", "miss"))
PAGE_HIT, PAGE_MISS = (request_log.PAGES.labels(result) for result in ("hit", "miss"))

# The file or its folder: tiles are then made each time.
UNUSABLE = (sqlite3.Error, OSError)
PATHS = ("/tiles/", "/ogc/")
# What is never a page for everybody; an address with a full stop is a file.
NO_PAGES = (*PATHS, "/api/", "/static/", "/health", "/metrics")
KEPT_STATUS = ("200", "204")
MOST_KEY_CHARACTERS = 2000
# Headers of a whole answer that one saying "you have it already" repeats (RFC 9110, 15.4.5), and
# those that every answer of ours has.
NOT_OF_304 = frozenset({"content-type", "content-length", "content-encoding"})


class TileCacheMiddleware:
    """WSGI: answers from the cache, else from the application, whose answer it may keep."""

    def __init__(
        self,
        application: "WSGIApplication",
        settings: Settings,
        proxies: TrustedProxies | None = None,
    ) -> None:
        """`proxies` are those that may say by which id a request is known."""
        self._application, self._settings = application, settings
        self._proxies = proxies or TrustedProxies("")
        name = blake2b(settings.database_url.encode(), digest_size=8).hexdigest()
        path = settings.home / "kept" / f"tiles-{name}.sqlite"
        self.cache = TileCache(path, settings.tile_cache_bytes)
        self._changes: TileChangeListener | None = None
        self._has_standbys = bool(settings.replica_url)
        self._process = 0
        self._starting = threading.Lock()

    def __call__(self, wsgi: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if wsgi["REQUEST_METHOD"] in CHANGING:
            return self._changed(wsgi, start_response)
        key, is_page = _tile_key(wsgi), False
        if key is None:
            key, is_page = _page_key(wsgi), True
        if key is None or not self._settings.tile_cache_bytes or not self._heard_of().is_live:
            self._say_what_was_heard_of(wsgi)
            return self._application(wsgi, start_response)
        try:
            found = self.cache.find(key)
            moment = 0 if found else self.cache.moment()
        except UNUSABLE as error:
            log.warning("tile_cache_unusable", error=str(error))
            wsgi[HEARD_OF] = None
            return self._application(wsgi, start_response)
        wsgi[HEARD_OF] = moment
        if found:
            wsgi[request_log.ROUTE] = request_log.KEPT_PAGE if is_page else request_log.KEPT_TILE
            self._proxies.name_request(wsgi)
            (PAGE_HIT if is_page else HIT).inc()
            return _sent(found, wsgi, start_response)
        if is_page:
            return self._made_page(wsgi, start_response, key, moment)
        MISS.inc()
        return self._made_tile(wsgi, start_response, key, moment)

    def stop(self) -> None:
        if self._changes:
            self._changes.stop()

    def _changed(self, wsgi: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Whoever sent a form and looks sees what it did: pages go before the answer does."""
        answer = self._application(wsgi, start)
        if not self._settings.tile_cache_bytes:
            return answer
        try:
            self.cache.forget_pages()
            changes = self._heard_of()
            if changes.is_live and not changes.catch_up():
                self.cache.forget_communes(None)
        except UNUSABLE as error:
            log.warning("tile_cache_unusable", error=str(error))
        return answer

    def _say_what_was_heard_of(self, wsgi: "WSGIEnvironment") -> None:
        """For a standby: it answers only where it knows of that."""
        if self._has_standbys:
            self._heard_of()
            try:
                wsgi[HEARD_OF] = self.cache.moment()
            except UNUSABLE:
                wsgi[HEARD_OF] = None

    def _made_tile(
        self, wsgi: "WSGIEnvironment", start: "StartResponse", key: str, moment: int
    ) -> Iterable[bytes]:
        """Asks the application for the whole answer, conditions aside: those are for us."""
        marked: list[AnswerExtent] = []
        asked = {name: value for name, value in wsgi.items() if name != "HTTP_IF_NONE_MATCH"}
        asked[CACHE_MARK] = marked
        answer = _whole(self._application, asked)
        # The id is that of this request alone; so is what the log is told of it.
        for name in (request_log.REQUEST_ID, request_log.ROUTE, request_log.TOLD_PATH):
            if name in asked:
                wsgi[name] = asked[name]
        if marked:
            self._keep(key, marked[0], moment, answer)
        return _sent(answer, wsgi, start)

    def _made_page(
        self, wsgi: "WSGIEnvironment", start: "StartResponse", key: str, moment: int
    ) -> Iterable[bytes]:
        """Keeps what says that it is the same for all; all else goes on as it comes."""
        marked: list[str | AnswerExtent] = []
        held: list[tuple[str, list[tuple[str, str]]]] = []
        written: list[bytes] = []

        def begin(
            status: str, headers: list[tuple[str, str]], *error: Any
        ) -> Callable[[bytes], object]:
            if not marked:
                return start(status, headers, *error)
            held.append((status, headers))
            return written.append

        wsgi[CACHE_MARK] = marked
        body = self._application(wsgi, begin)
        if not held:
            return body
        PAGE_MISS.inc()
        with contextlib.ExitStack() as stack:
            stack.callback(getattr(body, "close", bool))
            answer = CachedAnswer(
                held[-1][0], _without_id(held[-1][1]), b"".join((*written, *body))
            )
        where = marked[-1]
        self._keep(key, ChangeExtent.PAGE if isinstance(where, str) else where, moment, answer)
        return _sent(answer, wsgi, start)

    def _keep(self, key: str, where: AnswerExtent, moment: int, answer: CachedAnswer) -> None:
        if not _may_be_kept(answer):
            return
        try:
            self.cache.keep(key, where, moment, answer)
        except UNUSABLE as error:
            log.warning("tile_not_kept", error=str(error))

    def _heard_of(self) -> TileChangeListener:
        """The listener of this process: one made before a fork is not ours."""
        if self._process != os.getpid():
            with self._starting:
                if self._process != os.getpid():
                    self._changes = TileChangeListener(self._settings.database_url, self.cache)
                    self._changes.start()
                    self._process = os.getpid()
        assert self._changes is not None, "made just now or before"
        return self._changes


def _whole(application: "WSGIApplication", wsgi: "WSGIEnvironment") -> CachedAnswer:
    """All of an answer. The application writes into this very environment what the log is to know:
    werkzeug's `Response.from_app` would give it a copy."""
    begun: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def begin(
        status: str, headers: list[tuple[str, str]], *error: Any
    ) -> Callable[[bytes], object]:
        del error  # nothing has been sent yet: what is begun anew takes its place
        begun[:] = [(status, headers)]
        return written.append

    body = application(wsgi, begin)
    with contextlib.ExitStack() as stack:
        stack.callback(getattr(body, "close", bool))
        parts = [*body]
    status, headers = begun[0]
    return CachedAnswer(status, _without_id(headers), b"".join((*written, *parts)))


def _tile_key(wsgi: "WSGIEnvironment") -> str | None:
    """What tells answers apart; None for what is no tile."""
    path: str = wsgi.get("PATH_INFO", "")
    if not path.startswith(PATHS) or wsgi["REQUEST_METHOD"] != "GET":
        return None
    if path.startswith("/ogc/") and "/tiles/WebMercatorQuad/" not in path:
        return None
    parts = (
        path,
        wsgi.get("QUERY_STRING", ""),
        wsgi.get("HTTP_ACCEPT_ENCODING", ""),
        wsgi.get("HTTP_ACCEPT", "") if path.startswith("/ogc/") else "",
        wsgi.get("HTTP_HOST", ""),
    )
    return _key_of(*parts)


def _page_key(wsgi: "WSGIEnvironment") -> str | None:
    """None for what is surely no page, or asked for by somebody who is signed in."""
    path: str = wsgi.get("PATH_INFO", "")
    if wsgi["REQUEST_METHOD"] != "GET" or path.startswith(NO_PAGES) or "." in path:
        return None
    told = asked_of_all(wsgi)
    return _key_of("page", path, wsgi.get("QUERY_STRING", ""), *told) if told else None


def _key_of(*parts: str) -> str | None:
    key = "\n".join(parts)
    return key if len(key) <= MOST_KEY_CHARACTERS else None


def _without_id(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without that of the request: it is of this one alone."""
    return [one for one in headers if one[0] != request_log.HEADER]


def _may_be_kept(answer: CachedAnswer) -> bool:
    names = {name.lower() for name, _ in answer.headers}
    return answer.status[:3] in KEPT_STATUS and "set-cookie" not in names


def _sent(answer: CachedAnswer, wsgi: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
    named = (request_log.HEADER, request_log.request_id(wsgi))
    wanted = wsgi.get("HTTP_IF_NONE_MATCH")
    if wanted and _is_known(answer, wanted):
        start(
            "304 NOT MODIFIED",
            [*(one for one in answer.headers if one[0].lower() not in NOT_OF_304), named],
        )
        return ()
    start(answer.status, [*answer.headers, named])
    return (answer.body,)


def _is_known(answer: CachedAnswer, wanted: str) -> bool:
    tag = next((value for name, value in answer.headers if name.lower() == "etag"), "")
    return bool(tag) and parse_etags(wanted).contains_raw(tag)
