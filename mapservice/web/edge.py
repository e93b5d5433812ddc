"""The edge that every request passes: proxies, language, limits, headers, errors, compression.

It knows no feature. One file, since each request goes through all of it:
- `Services`: the settings, the database, and what rooms hold for all requests;
- errors become answers here, once: RFC 9457 for machines, a page for people;
- French is what everybody gets who asks for nothing, crawlers among them, so the bare address of a
  page is its French one and `?lang=en` its English one. Machine endpoints answer in French alone:
  their words are those of the initiatives, and their answers need not vary;
- each proxy appends the address it was asked from to `X-Forwarded-For`. Read from the right, the
  first that is no proxy of ours is the visitor; what a visitor wrote stands left of it;
- a form carries a signed token made for its holder (a session, a moderator, or "" for nobody), and
  browsers say which site a POST comes from;
- a route names a part of its path that lets in whoever knows it `<secret:…>`; no log may hold it;
- a view that is `framed` is shown within pages of other sites: it has a policy of its own, and
  neither sets nor reads a cookie.
"""

import contextlib
import hashlib
import hmac
import ipaddress
import math
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from http import HTTPStatus
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ParamSpec, TypeVar, cast
from urllib.parse import quote, unquote_plus, urlencode, urlsplit

import structlog
from flask import (
    Blueprint,
    Flask,
    Request,
    Response,
    current_app,
    g,
    has_request_context,
    jsonify,
    make_response,
    render_template,
    request,
    send_from_directory,
    url_for,
)
from flask.sessions import NullSession, SessionInterface, SessionMixin
from flask.templating import Environment
from flask_babel import Babel
from flask_compress import Compress
from itsdangerous import BadSignature, URLSafeTimedSerializer
from jinja2 import pass_context
from jinja2.runtime import Context
from psycopg import Error as DriverError
from psycopg import errors as postgres
from sqlalchemy import Connection, Engine, event
from sqlalchemy import text as sql_text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.datastructures import Headers, ImmutableMultiDict, LanguageAccept
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_accept_header, parse_cookie
from werkzeug.routing import Rule, UnicodeConverter
from werkzeug.sansio.utils import get_current_url

from mapservice.db.address import each_server
from mapservice.db.engine import Blocks, is_storable, make_engine
from mapservice.errors import (
    ConfigurationError,
    InvalidInput,
    MapserviceError,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
)
from mapservice.i18n import LANGUAGE, LOCALES, catalogue, quoted
from mapservice.i18n import gettext as _
from mapservice.settings import Settings, vendor_folder
from mapservice.web import request_log
from mapservice.web.replicas import Replicas, ServerEngines
from mapservice.web.request_log import request_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


# --- What every route may use ------------------------------------------------------------------

SERVICES = "mapservice"
log = structlog.get_logger()
Held = TypeVar("Held")
Arguments = ParamSpec("Arguments")
Answered = TypeVar("Answered")


@dataclass(frozen=True, slots=True)
class Services:
    """`engine` leads to the primary. The others are for reading, and may lead to a standby.

    `autocommit` is the engine without transactions: each statement sees its own moment.
    `generic_plan` is the same on connections of its own, which plan a prepared statement once. With
    `snapshot` all statements of a page see one moment: its figures agree, and no other territories
    come in between. `held` is filled by `app.py`: what a room keeps for all requests, by its class.
    """

    settings: Settings
    held: Mapping[type, object]
    primary: ServerEngines = field(init=False)
    replicas: Replicas | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "primary", _engines_of(self.settings, PRIMARY))
        object.__setattr__(self, "replicas", _replicas_of(self.settings))

    @property
    def engine(self) -> Engine:
        if self.replicas is not None:
            _hold_to_primary()
        return self.primary.engine

    @property
    def autocommit(self) -> Engine:
        return self.reading().autocommit

    @property
    def snapshot(self) -> Engine:
        return self.reading().snapshot

    @property
    def generic_plan(self) -> Engine:
        return self.reading().generic_plan

    def reading(self) -> ServerEngines:
        """The server that the present request reads from; outside of any, the primary."""
        if self.replicas is None or not has_request_context():
            return self.primary
        return _reads_of_request(self.primary, self.replicas).server

    def reader(self, *, generic_plan: bool) -> Engine:
        """For one statement: on connections that plan it once, or for its values."""
        return self.generic_plan if generic_plan else self.autocommit

    def of(self, kind: type[Held]) -> Held:
        """The one object of a class that a room above holds: `services().of(Geocoders)`."""
        found = self.held[kind]
        assert isinstance(found, kind)
        return found

    def dispose(self) -> None:
        """Closes all connections: none must be shared by two processes."""
        self.primary.dispose()
        if self.replicas is not None:
            self.replicas.dispose()


def _engines_of(
    settings: Settings, name: str, url: str = "", is_given_up: Callable[[], bool] | None = None
) -> ServerEngines:
    """Two pools as the settings have them: for all, and for statements planned once."""
    both = []
    for is_generic in (False, True):
        engine = make_engine(
            url or settings.database_url,
            pool_size=settings.pool_size,
            pool_wait_ms=settings.pool_wait_ms,
            statement_timeout_ms=(
                settings.tile_timeout_ms if is_generic else settings.statement_timeout_ms
            ),
            plan_once=is_generic,
            autocommit=is_generic,
            is_given_up=is_given_up,
        )
        event.listen(engine, "checkout", _count_checkout)
        event.listen(engine, "checkin", _count_checkin)
        both.append(engine)
    return ServerEngines.of(name, *both)


def _replicas_of(settings: Settings) -> Replicas | None:
    if not settings.replica_url:
        return None
    return Replicas(
        settings.database_url,
        each_server(settings.replica_url, "MAPSERVICE_REPLICA_URL"),
        settings.replica_delay_ms / 1000,
        partial(_engines_of, settings),
    )


def _count_checkout(_driver: object, record: Any, _proxy: object) -> None:
    record.record_info["counted"] = True
    request_log.POOL.inc()


def _count_checkin(_driver: object, record: Any) -> None:
    """Also comes for a connection that could not be opened, and was never given out."""
    if record.record_info.pop("counted", False):
        request_log.POOL.dec()


def services() -> Services:
    """Those of the application that serves the present request."""
    found = current_app.extensions[SERVICES]
    assert isinstance(found, Services)
    return found


# --- Which server a request reads from -----------------------------------------------------------
#
# A standby may answer whoever is not signed in, and has sent no form of late, as long as the view
# reads by `autocommit`, `snapshot` or `generic_plan`: what may be late. Everything else goes to the
# primary; so does all that follows once a view has asked for `engine`, as it may have written.

PRIMARY = "primary"
# Under this name of the WSGI environment the tile cache says of how many changes and forms this
# machine has heard; None: it does not know.
HEARD_OF = "mapservice.heard_of"
# Says for as long as a standby may be behind, and some seconds more, that a form was sent.
SENT_COOKIE, SENT_MORE_SECONDS = "envoi", 5
# Classes of errors (PostgreSQL, appendix A) by which a server is none for now: its connection, its
# means, its shutdown. A statement that recovery cancels (40001, 57014) is not among them.
SERVER_IS_LOST = ("08", "53", "57P")
READING, CHANGING = frozenset({"GET", "HEAD"}), frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(slots=True)
class RequestReads:
    """`is_held`: no other server may be asked, nor the view be run again."""

    server: ServerEngines
    is_held: bool
    begun: float = field(default_factory=time.monotonic)
    tried: set[str] = field(default_factory=set)


def _reads_of_request(primary: ServerEngines, replicas: Replicas) -> RequestReads:
    reads: RequestReads | None = g.get("reads")
    if reads is None:
        replicas.start(os.getpid())
        reads = g.reads = RequestReads(primary, is_held=not _may_be_late())
        if not reads.is_held:
            found = replicas.fit_for(request.environ.get(HEARD_OF, 0))
            if found is None and replicas.is_primary_silent:
                found = replicas.last_resort()
                if found is not None:
                    _keep_nothing()
            reads.server = found or primary
    return reads


def _hold_to_primary() -> None:
    if has_request_context():
        primary = services().primary
        reads: RequestReads | None = g.get("reads")
        if reads is None:
            g.reads = RequestReads(primary, is_held=True)
        else:
            reads.server, reads.is_held = primary, True


def _may_be_late() -> bool:
    """Not for anybody signed in, who has just sent a form, or who was mailed the address."""
    if request.method not in READING or "HTTP_AUTHORIZATION" in request.environ:
        return False
    if request.url_rule is not None and "<secret:" in request.url_rule.rule:
        return False
    return not any(name == SENT_COOKIE or name.endswith(SESSION_COOKIE) for name in request.cookies)


def _keep_nothing() -> None:
    """The tile cache keeps no answer that may be late, nor a page that says the same to all."""
    request.environ.pop(CACHE_MARK, []).clear()


def _another_server_reads(error: Exception) -> bool:
    """Whether the view is to be run again, on another server than the one that failed.

    A view that may have written is not. A standby's error counts for nothing, but for a statement
    that took all its time: the primary would take as long.
    """
    held, reads = services(), cast("RequestReads | None", g.get("reads"))
    if held.replicas is None or reads is None or reads.is_held:
        return False
    cause = getattr(error, "orig", None) or error
    seconds = time.monotonic() - reads.begun
    most_ms = min(held.settings.tile_timeout_ms, held.settings.statement_timeout_ms)
    if isinstance(cause, postgres.QueryCanceled) and seconds * 1000 >= most_ms > 0:
        return False
    is_lost = isinstance(cause, postgres.OperationalError) and (
        cause.sqlstate is None or cause.sqlstate.startswith(SERVER_IS_LOST)
    )
    former = reads.server
    if former is held.primary and not is_lost:
        return False
    if former is not held.primary and is_lost:
        held.replicas.give_up(former.name)
    reads.tried.add(former.name)
    found: ServerEngines | None = held.primary
    if held.primary.name in reads.tried:
        found = held.replicas.last_resort(reads.tried)
        _keep_nothing()
    if found is None:
        return False
    reason = "lost" if is_lost else type(cause).__name__
    request_log.READS_MOVED.labels(former.name, reason).inc()
    log.warning(
        "read_moved",
        server=former.name,
        to=found.name,
        reason=reason,
        request=request_id(request.environ),
    )
    reads.server, reads.begun = found, time.monotonic()
    return True


def _count_reads() -> None:
    reads: RequestReads | None = g.get("reads")
    if reads is not None and not reads.is_held:
        request_log.READS.labels(reads.server.name).inc()


def sent_cookie_seconds(settings: Settings) -> int:
    return math.ceil(settings.replica_delay_ms / 1000) + SENT_MORE_SECONDS


def _remember_sent(response: Response) -> Response:
    """Who has sent a form reads from the primary until every standby that is asked knows of it."""
    replicas = services().replicas
    if replicas is None or request.method not in CHANGING or is_framed():
        return response
    if "HTTP_AUTHORIZATION" not in request.environ:
        response.set_cookie(
            SENT_COOKIE, "1", max_age=sent_cookie_seconds(services().settings),
            secure=is_https(), httponly=True, samesite="Lax",
        )  # fmt: skip
    return response


# --- Reading a request -------------------------------------------------------------------------


def only_parameters(*allowed: str) -> None:
    """For addresses outside the grammar. Raises InvalidInput for any other parameter."""
    for name in request.args:
        if name not in allowed:
            raise InvalidInput(name[:50], "is not a parameter of this address")


def json_object() -> dict[str, Any]:
    """The object that is the body of the request. Raises InvalidInput, also for endless depth."""
    try:
        body = request.get_json(silent=True, force=True)
    except RecursionError:
        body = None
    if not isinstance(body, dict):
        raise InvalidInput("body", "must be a JSON object")
    return body


def base_url() -> str:
    """The address that links start with, without a slash at its end."""
    told = services().settings.public_url
    return (told or _address_of(request.scheme, request.host, request.root_path)).rstrip("/")


_address_of = lru_cache(maxsize=64)(get_current_url)


# What may stand in a query (RFC 3986, 3.4), and what is escaped already.
_QUERY_SIGNS = "!$&'()*+,;=:@/?%~-._"
# All that may stay as it was written.
_WRITTEN = "".join(map(chr, range(0x21, 0x7F)))


def query_without(*names: str) -> str:
    """The query string of the present request as it was written, less some of its parameters.

    Written anew it could become longer than what was accepted. What no query may hold is escaped.
    """
    parts = request.query_string.decode("latin-1").split("&")
    kept = [part for part in parts if part and unquote_plus(part.partition("=")[0]) not in names]
    return quote("&".join(kept).encode("latin-1"), safe=_QUERY_SIGNS)


# --- Pages in frames of other sites ------------------------------------------------------------

_framed_views: set[str] = set()


def framed(view: Callable[Arguments, Answered]) -> Callable[Arguments, Answered]:
    """Marks a view whose pages other sites may frame. Nothing in them may act for anybody."""
    _framed_views.add(_name_of(view))
    return view


def may_be_framed(view: Callable[..., Any]) -> bool:
    return _name_of(view) in _framed_views


def is_framed() -> bool:
    """Whether the present request is answered by such a view."""
    view = current_app.view_functions.get(request.endpoint or "")
    return view is not None and may_be_framed(view)


def _name_of(view: Callable[..., Any]) -> str:
    return f"{view.__module__}.{view.__qualname__}"


# --- Secrets in paths --------------------------------------------------------------------------

HIDDEN_PART = "…"
REDACTIONS = "mapservice_secret_paths"


class SecretConverter(UnicodeConverter):
    """As `string`: one part of a path, which is a link's secret or its signature."""


def register_secret_paths(app: Flask) -> None:
    """Before any blueprint: its routes may then use the converter."""
    app.url_map.converters["secret"] = SecretConverter


def secret_rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if "<secret:" in rule.rule]


def redacted(app: Flask, path: str) -> str:
    """The path as it may be written down, whether or not it is one of a route."""
    patterns: list[re.Pattern[str]] | None = app.extensions.get(REDACTIONS)
    if patterns is None:
        patterns = [_secret_pattern(rule.rule) for rule in secret_rules(app)]
        app.extensions[REDACTIONS] = patterns
    for pattern in patterns:
        if found := pattern.match(path):
            return f"{found[1]}{HIDDEN_PART}"
    return path


def _secret_pattern(rule: str) -> re.Pattern[str]:
    """All up to the secret, which hides what follows too."""
    before = rule.partition("<secret:")[0]
    parts = re.split(r"<[^>]*>", before)
    return re.compile("(" + "[^/]*".join(re.escape(part) for part in parts) + ")")


# --- Errors as answers -------------------------------------------------------------------------


RETRY_AFTER_SECONDS = 5
DRAINED_BYTES, DRAINED_SECONDS = 64 * 1024 * 1024, 10
API_PREFIXES = (
    "/tiles/",
    "/basemap/",
    "/activity/",
    "/geocode/",
    "/ogc",
    "/health/",
    "/metrics",
    "/oembed",
    "/vendor/",
    "/api/",
    "/photos/",
    "/dessins/vignettes/",
    "/federation/",
    "/.well-known/webfinger",
    "/.well-known/nodeinfo",
)
API_SUFFIXES = (
    ".geojson",
    ".geojsonl",
    ".geojsons",
    ".json",
    ".csv",
    ".pbf",
    ".atom",
    ".ics",
    ".xlsx",
    ".ods",
    ".jsonld",
)


def register_problems(app: Flask) -> None:
    """Turns every error of a request into an answer."""
    app.register_error_handler(MapserviceError, _domain_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(PoolTimeout, _busy)
    app.register_error_handler(DBAPIError, lambda error: _database_error(error.orig))
    app.register_error_handler(postgres.Error, _database_error)
    app.register_error_handler(Exception, _unexpected)
    app.jinja_env.globals["request_id"] = lambda: request_id(request.environ)


def is_api_request() -> bool:
    """Whether a machine asks: by the path, or because it takes JSON and no HTML."""
    if is_machine_path(request.path):
        return True
    if request.is_json:
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json" and not request.accept_mimetypes.accept_html


def is_machine_path(path: str) -> bool:
    return path.startswith(API_PREFIXES) or path.endswith(API_SUFFIXES)


def _domain_error(error: MapserviceError) -> Response:
    field = error.field if isinstance(error, InvalidInput) else None
    response = _answer(error.status, str(error), field)
    if isinstance(error, ServiceUnavailable):
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(error.wait)
    return response


def _http_error(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        drain_body()
    response = _answer(status, error.description or status.phrase)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def drain_body() -> None:
    """Reads and drops what is still being sent, within bounds.

    Closing a connection on which data is coming resets it, and the client sees a broken pipe
    instead of the answer (RFC 9112, section 9.6).
    """
    body, left = request.environ["wsgi.input"], DRAINED_BYTES
    end = time.monotonic() + DRAINED_SECONDS
    while left > 0 and time.monotonic() < end:
        block = body.read(min(left, 256 * 1024))
        if not block:
            return
        left -= len(block)


def _busy(_error: PoolTimeout) -> Response:
    request_log.POOL_REFUSALS.inc()
    return _domain_error(
        ServiceUnavailable("Every database connection is in use; please try again.")
    )


def _database_error(error: BaseException | None) -> Response:
    """A statement over its time limit, or a database that is away, is not the client's fault."""
    if isinstance(error, postgres.QueryCanceled):
        return _domain_error(
            ServiceUnavailable("This took too long; ask for less, or try again later.")
        )
    # What was the primary, and is none any more, takes no writes.
    if isinstance(error, postgres.OperationalError | postgres.ReadOnlySqlTransaction):
        log.error("database_unavailable", error=str(error), request=request_id(request.environ))
        return _domain_error(ServiceUnavailable("The database does not answer; please try again."))
    return _unexpected(error)


def _unexpected(_error: BaseException | None) -> Response:
    log.exception(
        "unexpected_error",
        path=redacted(current_app, request.path),
        request=request_id(request.environ),
    )
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side.")


def _answer(status: HTTPStatus, detail: str, field: str | None = None) -> Response:
    if is_api_request():
        return problem(status, detail, field)
    title, words = _error_words(status)
    # Details are written for programs, in English: other pages name what is at fault, and no more.
    shown = words
    if field:
        shown = f"{words} ({detail})" if LANGUAGE.get() == "en" else f"{words} {_at_fault(field)}"
    template = "error_framed.html" if is_framed() else "error.html"
    page = render_template(
        template,
        status=int(status),
        title=title,
        detail=shown,
        # The same for what is not there and for what is there for others alone.
        sign_in_for=request.path if status == HTTPStatus.NOT_FOUND and not session_secret() else "",
    )
    response = make_response(page, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _at_fault(field: str) -> str:
    return _("En cause : %(name)s.", name=quoted(field))


def problem(status: HTTPStatus, detail: str, field: str | None = None) -> Response:
    """A problem document of RFC 9457, which no cache keeps."""
    body = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    if field is not None:
        body["field"] = field
    body["request_id"] = request_id(request.environ)
    response = jsonify(body)
    response.status_code = status
    response.content_type = "application/problem+json"
    response.headers["Cache-Control"] = "no-store"
    return response


def _error_words(status: HTTPStatus) -> tuple[str, str]:
    if status is HTTPStatus.NOT_FOUND:
        return _("Page introuvable"), _("Cette page n’existe pas, ou n’est plus publique.")
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return _("Envoi trop lourd"), _("Ce que vous envoyez est trop lourd pour ce service.")
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        return (
            _("Service momentanément indisponible"),
            _("Merci de réessayer dans quelques instants."),
        )
    if status is HTTPStatus.TOO_MANY_REQUESTS:
        return _("Trop de demandes"), _(
            "Vous avez beaucoup demandé en peu de temps. Réessayez plus tard."
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _("Une erreur de notre côté"), _("Elle est notée ; merci de réessayer plus tard.")
    return _("Demande incomprise"), _("L’adresse demandée contient une erreur.")


# --- Language ----------------------------------------------------------------------------------

FRENCH, ENGLISH = "fr", "en"
LANGUAGES = (FRENCH, ENGLISH)
LANGUAGE_PARAMETER = "lang"
LANGUAGE_COOKIE = "langue"
YEAR_SECONDS = 31_536_000


def register_language(app: Flask) -> None:
    """Flask-Babel words dates and numbers. Phrases come from `i18n`: Flask-Babel looks up its
    domain, its request and its locale for each, of which a page has two hundred."""
    Babel(app, locale_selector=lambda: LOCALES[chosen()])
    words: Any = app.jinja_env  # an extension of which adds what follows
    words.install_gettext_callables(
        lambda message: catalogue(LANGUAGE.get()).gettext(message),
        lambda one, several, number: catalogue(LANGUAGE.get()).ngettext(one, several, number),
        newstyle=True,
    )
    # Else the short name is an alias that looks it up at each call.
    words.globals["_"] = words.globals["gettext"] = _with_kept_phrases(words.globals["gettext"])
    app.before_request(_choose_language)
    app.after_request(_remember_language)
    app.teardown_request(_forget_language)
    app.context_processor(
        lambda: {
            "lang": chosen(),
            "in_language": in_language,
            "has_languages": not is_machine_path(request.path) if request else False,
        }
    )


def _with_kept_phrases(gettext: Callable[..., str]) -> Callable[..., str]:
    """Jinja's own, which makes safe text of each phrase anew: those without values are kept."""
    known: dict[tuple[str, str, bool], str] = {}

    @pass_context
    def phrase(context: Context, message: str, **values: object) -> str:
        if values:
            return gettext(context, message, **values)
        key = LANGUAGE.get(), message, bool(context.eval_ctx.autoescape)
        if key not in known:
            known[key] = gettext(context, message)
        return known[key]

    return phrase


def chosen() -> str:
    """That of the present request."""
    return str(g.get("language", FRENCH)) if g else FRENCH


def asked_language() -> str:
    """That which the address of the present request names, "" where it names none."""
    return str(g.get("language_asked", ""))


def in_language(language: str) -> str:
    """The address of this page in a language, as a switch links it."""
    pairs = [*request.args.items(multi=True), (LANGUAGE_PARAMETER, language)]
    return f"{request.path}?{urlencode(pairs)}"


def _choose_language() -> None:
    """Sets the language, and takes the parameter away before the routes read theirs."""
    LANGUAGE.set(FRENCH)
    if is_machine_path(request.path):
        return
    asked = request.args.get(LANGUAGE_PARAMETER)
    if asked is not None and asked not in LANGUAGES:
        raise InvalidInput(LANGUAGE_PARAMETER, f"must be one of {', '.join(LANGUAGES)}")
    if asked:
        others = ((k, v) for k, v in request.args.items(multi=True) if k != LANGUAGE_PARAMETER)
        request.args = ImmutableMultiDict(others)
        g.language_asked = asked
    kept = None if is_framed() else _remembered()
    g.language = asked or kept or request.accept_languages.best_match(LANGUAGES, FRENCH)
    LANGUAGE.set(g.language)


def _remembered() -> str | None:
    kept = request.cookies.get(LANGUAGE_COOKIE)
    return kept if kept in LANGUAGES else None


def _remember_language(response: Response) -> Response:
    if is_machine_path(request.path):
        return response
    response.vary.add("Accept-Language")
    response.headers.setdefault("Content-Language", chosen())
    if is_framed():
        return response
    response.vary.add("Cookie")
    asked = g.get("language_asked")
    if asked and response.status_code < 400:
        response.set_cookie(
            LANGUAGE_COOKIE, asked, max_age=YEAR_SECONDS, secure=request.is_secure, httponly=True,
            samesite="Lax",
        )  # fmt: skip
    return response


def _forget_language(_error: Any) -> None:
    """Threads outlive requests."""
    LANGUAGE.set(FRENCH)


# --- Trusted proxies ---------------------------------------------------------------------------

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# What a list may say instead of addresses.
NAMED_NETWORKS = {
    "loopback": ("127.0.0.0/8", "::1/128"),
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
}


def read_networks(listed: str) -> tuple[Network, ...]:
    """Addresses and CIDR networks between commas or spaces; `loopback` and `private` are some.

    Raises ConfigurationError for what is neither.
    """
    words = listed.replace(",", " ").split()
    found: list[Network] = []
    for word in (text for each in words for text in NAMED_NETWORKS.get(each, (each,))):
        try:
            found.append(ipaddress.ip_network(word, strict=False))
        except ValueError:
            raise ConfigurationError(
                f"MAPSERVICE_TRUSTED_PROXIES: {word!r} is no address and no network"
            ) from None
    return tuple(found)


@lru_cache(maxsize=4096)
def read_address(text: str) -> Address | None:
    """None for what is none. An IPv4 address mapped into IPv6 is the former; ports are cut off."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


class TrustedProxies:
    """Those that the setting lists; see `read_networks`."""

    def __init__(self, listed: str) -> None:
        self._trusted = read_networks(listed)
        self._warned = False

    def see_through(self, wsgi: "WSGIEnvironment") -> None:
        """Sets `REMOTE_ADDR` and the scheme as they tell; the headers go no further."""
        chain = wsgi.pop("HTTP_X_FORWARDED_FOR", "")
        scheme = wsgi.pop("HTTP_X_FORWARDED_PROTO", "")
        self.name_request(wsgi)
        peer = read_address(wsgi.get("REMOTE_ADDR", ""))
        if peer is not None and self._is_trusted(peer):
            wsgi["REMOTE_ADDR"] = str(self._visitor(peer, chain))
            # The nearest proxy's word, the last where several added theirs.
            told = scheme.rpartition(",")[2].strip().lower()
            if told in ("http", "https"):
                wsgi["wsgi.url_scheme"] = told
        elif chain and not self._warned and peer is not None and peer.is_private:
            self._warned = True
            log.warning(
                "forwarded_header_ignored",
                hint="a proxy that stands in front must be named in MAPSERVICE_TRUSTED_PROXIES,"
                " else all its visitors look like one",
            )

    def name_request(self, wsgi: "WSGIEnvironment") -> None:
        """Takes over the id that a proxy of ours gave the request; before the address is changed.

        Anybody else would make two requests look like one.
        """
        given = wsgi.pop("HTTP_X_REQUEST_ID", "")
        if given:
            peer = read_address(wsgi.get("REMOTE_ADDR", ""))
            if peer is not None and self._is_trusted(peer):
                request_log.take_request_id(wsgi, given)

    def _visitor(self, peer: Address, chain: str) -> Address:
        """The nearest address that is no proxy of ours; where all are, the farthest.

        What is no address ends the chain: who wrote it cannot be believed further.
        """
        seen = peer
        for text in reversed(chain.split(",") if chain else ()):
            address = read_address(text)
            if address is None:
                break
            seen = address
            if not self._is_trusted(address):
                break
        return seen

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


# --- Visitors and forms ------------------------------------------------------------------------

FORM_SECONDS = 12 * 3600
FORM_FIELD = "token"
# Its value is the secret of a session, whose person `accounts` knows.
SESSION_COOKIE = "personne"
MAX_SECRET_LENGTH = 100


def client_address() -> str:
    """Of the visitor, as `TrustedProxies` found it out."""
    return request.remote_addr or ""


def network_of(address: str) -> str:
    """The address itself; of IPv6 the network of 64 bits, which is one household's or machine's."""
    found = read_address(address)
    if found is None:
        return ""
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False).network_address)


def is_https() -> bool:
    """Whether people reach this service by TLS, wherever that ends."""
    return request.is_secure or services().settings.public_url.startswith("https://")


def session_cookie() -> str:
    """Behind TLS under a name that browsers take from this very host alone, never from a subdomain
    or an unencrypted answer (RFC 6265bis, 4.1.3.2)."""
    return f"__Host-{SESSION_COOKIE}" if is_https() else SESSION_COOKIE


def session_secret() -> str:
    """The secret of the present session, or "" where there is none."""
    return request.cookies.get(session_cookie(), "")[:MAX_SECRET_LENGTH]


def session_holder() -> str:
    """Whom the forms of this browser are made for, without a look at the database."""
    secret = session_secret()
    return f"session {hashlib.sha256(secret.encode()).hexdigest()[:32]}" if secret else ""


def make_token(holder: str) -> str:
    """What a form carries to show that it is ours, made for this holder."""
    return str(_signer().dumps(holder))


def is_own_form(holder: str) -> bool:
    """Whether the present POST comes from a form of ours that was made for this holder."""
    if not _is_same_origin():
        return False
    try:
        found = _signer().loads(request.form.get(FORM_FIELD, ""), max_age=FORM_SECONDS)
    except BadSignature:
        return False
    return isinstance(found, str) and hmac.compare_digest(found.encode(), holder.encode())


def secret_key() -> bytes:
    """The key of this service, for what else has to be signed or hashed."""
    key = current_app.secret_key
    assert key, "create_app makes one when none is set"
    return key.encode() if isinstance(key, str) else key


def secret_keys() -> list[bytes]:
    """The key of this service, and before it the former one where it was changed: what that signed
    still holds, nothing new is signed by it."""
    former = services().settings.former_secret_key
    return [*([former.encode()] if former else []), secret_key()]


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_keys(), salt="form")


def _is_same_origin() -> bool:
    """Browsers say where a POST comes from; what says nothing is none, and has the token alone."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


# --- Headers -----------------------------------------------------------------------------------

FIXED_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("Permissions-Policy", "geolocation=(self), camera=(), microphone=()"),
)
FRAMED_HEADERS = (
    *FIXED_HEADERS[:2],
    ("Permissions-Policy", "geolocation=(), camera=(), microphone=()"),
)
LONGEST_QUERY, LONGEST_CURSOR = 4_000, 4_000
ESCAPED_LENGTH = len("%FF")
EXPOSED_HEADERS = "Link, ETag, Content-Crs, OGC-NumberMatched, Retry-After, X-Request-ID"
OPEN_HEADERS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", EXPOSED_HEADERS),
)


def register_security(app: Flask, origins: Iterable[str], ancestors: str) -> None:
    """`ancestors` are the sites that may frame what is `framed`, as a policy names them."""
    outside = tuple(origins)
    page = [*FIXED_HEADERS, ("Content-Security-Policy", content_policy(outside))]
    frame = [*FRAMED_HEADERS, ("Content-Security-Policy", framed_policy(outside, ancestors))]
    app.before_request(_refuse_endless_queries)
    app.before_request(_refuse_unstorable_texts)
    app.after_request(lambda response: _add_headers(response, frame if is_framed() else page))


def content_policy(origins: Iterable[str] = ()) -> str:
    """Nothing but our own files, and the origins of an outside base map if one is set."""
    outside = "".join(f" {origin}" for origin in origins)
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data: blob:{outside}",
            f"connect-src 'self'{outside}",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "font-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    )


def framed_policy(origins: Iterable[str], ancestors: str) -> str:
    """For what other sites frame: less than any page of ours may do, and no form at all."""
    outside = "".join(f" {origin}" for origin in origins)
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data: blob:{outside}",
            f"connect-src 'self'{outside}",
            "worker-src 'self' blob:",
            "font-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            f"frame-ancestors {ancestors}",
        )
    )


# An origin (RFC 6454), or all hosts below a name, as policies write them (CSP 3, 2.3.1).
_ORIGIN = re.compile(r"https?://(\*\.)?[a-z0-9.-]+(:[0-9]{1,5})?")
ANY_SITE, NO_SITE = "*", "none"


def read_ancestors(listed: str) -> str:
    """The sites that a setting names between commas or spaces, for `frame-ancestors`.

    Empty: all; `none`: this service alone. Raises ConfigurationError for what is no origin.
    """
    words = listed.replace(",", " ").lower().split()
    if not words:
        return ANY_SITE
    for word in words:
        if word != NO_SITE and not _ORIGIN.fullmatch(word):
            raise ConfigurationError(
                f"MAPSERVICE_EMBED_ORIGINS: {word!r} is no origin such as https://journal.example"
            )
    return " ".join(["'self'", *(word for word in words if word != NO_SITE)])


def has_frames() -> bool:
    """Whether any other site may frame what is `framed`."""
    return services().settings.embed_origins.strip().lower() != NO_SITE


def _refuse_endless_queries() -> None:
    """What our own links add, to lead to another page or form, does not count.

    So each of them can be followed: `LONGEST_QUERY` and the longest cursor fit into the longest
    request line that gunicorn takes, and nginx by default.
    """
    longest = min(services().settings.max_query_bytes, LONGEST_QUERY)
    written = len(request.query_string)
    if written * ESCAPED_LENGTH > longest and len(query_without("f", "cursor")) > longest:
        raise InvalidInput("query", f"the query string is longer than {longest} bytes")
    if written > longest + LONGEST_CURSOR:
        raise InvalidInput("cursor", "is not one that this service gave")


def _refuse_unstorable_texts() -> None:
    """No text of ours has a null character, and PostgreSQL cannot even be asked for one.

    Once for all routes, so that none has to think of it; forms and bodies are cleaned by who reads
    them. Bytes that are no UTF-8 have become U+FFFD by now. Nor may a bare line break pass, which
    a redirect would have to write into a header.
    """
    if not is_storable(request.path):
        raise NotFound("There is no such address.")
    if not {0x0A, 0x0D}.isdisjoint(request.query_string):
        raise InvalidInput("query", "must not contain a bare line break")
    for name, text in request.args.items(multi=True):
        if not is_storable(name) or not is_storable(text):
            raise InvalidInput(name[:50], "must not contain a null character")


def _add_headers(response: Response, fixed: Sequence[tuple[str, str]]) -> Response:
    headers = response.headers
    _name_request(headers)
    if request.is_secure:
        headers["Strict-Transport-Security"] = f"max-age={YEAR_SECONDS}"
    if request.endpoint == "static" and "v" not in request.args:
        headers["Cache-Control"] = "no-cache"  # modules import each other by bare addresses
    wanted = [*fixed]
    if is_api_request():
        wanted += OPEN_HEADERS
    else:
        # A page of a session is for that person alone; what a device keeps for offline is not.
        is_personal = g.get("own_roles") or session_secret()
        wanted.append(("Cache-Control", "private, no-cache" if is_personal else "no-cache"))
        response.vary.update(("Accept", "Accept-Language"))
    # Werkzeug looks through all of them for each one that is set.
    present = {name.lower() for name, _ in headers}
    headers.extend([pair for pair in wanted if pair[0].lower() not in present])
    return response


def _name_request(headers: Headers) -> None:
    """Tells the log which route it was, and the client by which id we know the request."""
    environ, rule = request.environ, request.url_rule
    headers[request_log.HEADER] = environ[request_log.REQUEST_ID]
    if rule is not None:
        environ[request_log.ROUTE] = rule.rule
    if rule is None or "<secret:" in rule.rule:
        environ[request_log.TOLD_PATH] = redacted(current_app, request.path)


# --- Answers -----------------------------------------------------------------------------------

GEOJSON = "application/geo+json"
MVT = "application/vnd.mapbox-vector-tile"
MOSAIC = "application/vnd.mapservice.mosaic"
CSV = "text/csv; charset=utf-8"
JSON = "application/json"

# Under this name of the WSGI environment the tile cache asks what an answer may be kept by.
CACHE_MARK = "mapservice.kept_tile"
# What a page says there: it is the same for everybody who is not signed in.
SAME_FOR_ALL = "page"
# A tile or a list may be that old; clients then ask again with its ETag.
FRESH_SECONDS = 60


def same_for_all(where: object = SAME_FOR_ALL) -> None:
    """For a page that does not depend on the visitor, but for what their session says.

    A visitor without one may be given a page that was made for another, up to five seconds ago; or
    before any change there, where `where` is what the tile cache knows answers by. A page whose
    form must be its own each time must not say so.
    """
    request.environ.get(CACHE_MARK, []).append(where)


def asked_of_all(wsgi: "WSGIEnvironment") -> tuple[str, ...] | None:
    """What tells two pages `same_for_all` apart, beside the address; None where there is a session.

    Language is that which a page is written in, as far as a cookie or the browser chooses it.
    """
    cookies = parse_cookie(wsgi.get("HTTP_COOKIE", ""))
    if any(name.endswith(SESSION_COOKIE) for name in cookies) or "HTTP_AUTHORIZATION" in wsgi:
        return None
    accepted = parse_accept_header(wsgi.get("HTTP_ACCEPT_LANGUAGE", ""), LanguageAccept)
    kept = str(cookies.get(LANGUAGE_COOKIE))
    told = ("HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING", "HTTP_HOST", "HTTP_X_FORWARDED_PROTO")
    return (
        kept if kept in LANGUAGES else str(accepted.best_match(LANGUAGES, FRENCH)),
        str(wsgi.get("wsgi.url_scheme", "")),
        *(str(wsgi.get(name, "")) for name in told),
    )


def whole_answer(body: str | bytes, content_type: str, max_age: int = FRESH_SECONDS) -> Response:
    """A body that is at hand: with a strong ETag, 304 when the client has it already."""
    content = body.encode() if isinstance(body, str) else body
    return tagged_answer(content, etag_of(content), content_type, max_age)


def tagged_answer(content: bytes, tag: str, content_type: str, max_age: int) -> Response:
    """A body with this strong ETag, or 304."""
    headers = {"ETag": f'"{tag}"', "Cache-Control": f"public, max-age={max_age}"}
    response = Response(content, headers=headers, content_type=content_type)
    return _compared(response)


# What a request names when it has a copy already (RFC 9110, 13.1), as WSGI writes it.
CONDITIONS = frozenset(
    f"HTTP_IF_{name}" for name in ("MATCH", "NONE_MATCH", "MODIFIED_SINCE", "UNMODIFIED_SINCE")
)


def _compared(response: Response) -> Response:
    """304 where the client has it. Who names no copy need not wait for Werkzeug's comparison."""
    if not CONDITIONS.isdisjoint(request.environ):
        response.make_conditional(request)
    return response


def etag_of(*parts: bytes) -> str:
    """What an ETag knows a body by. Processors have instructions of their own for SHA-256."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()[:32]


def secret_answer(response: Response) -> Response:
    """For pages whose addresses hold secrets, or say what somebody cares for."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def tile_answer(
    body: str | bytes,
    content_type: str,
    where: object | None,
    max_age: int = FRESH_SECONDS,
) -> Response:
    """A tile, which may be kept until something changes there; an empty vector tile is a 204.

    `where` is a tile, or whatever the tile cache in front knows answers by; None for what is not to
    be kept there: another hour would answer otherwise, though nothing has changed.
    """
    if where is not None:
        request.environ.get(CACHE_MARK, []).append(where)
    if body:
        return whole_answer(body, content_type, max_age)
    return Response(status=204, headers={"Cache-Control": f"public, max-age={max_age}"})


def stream_answer(
    content_type: str, filename: str, rows: Callable[[Connection], Blocks]
) -> Response:
    """A body of any length, sent as the database yields it, in constant memory.

    The first block is read before anything is sent, so that an early error is still an answer.
    """
    stack = contextlib.ExitStack()
    with stack:
        connection = stack.enter_context(services().engine.connect())
        most = services().settings.stream_timeout_ms
        connection.execute(sql_text(f"SET LOCAL statement_timeout = {most:d}"))
        blocks = stack.enter_context(contextlib.closing(rows(connection)))
        first = next(blocks, b"")
        held = stack.pop_all()
    response = Response(chain([first], blocks), content_type=content_type)
    response.call_on_close(held.close)
    response.headers["Cache-Control"] = "public, no-cache"
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


# --- Compression -------------------------------------------------------------------------------

# What we send that is text or like it; images, fonts and archives are compressed by themselves.
COMPRESSED_TYPES = [
    "application/activity+json",
    "application/atom+xml",
    "application/geo+json",
    "application/geo+json-seq",
    "application/jrd+json",
    "application/json",
    "application/ld+json",
    "application/manifest+json",
    "application/problem+json",
    "application/schema+json",
    "application/vnd.mapbox-vector-tile",
    MOSAIC,
    "application/vnd.oai.openapi+json",
    "application/xml",
    "image/svg+xml",
    "text/calendar",
    "text/css",
    "text/csv",
    "text/html",
    "text/javascript",
    "text/plain",
]


def register_compression(app: Flask) -> None:
    """To be called before whatever else looks at answers: the first to come is the last to look."""
    app.config.update(
        COMPRESS_MIMETYPES=COMPRESSED_TYPES,
        COMPRESS_ALGORITHM=["zstd", "br", "gzip"],
        COMPRESS_ALGORITHM_STREAMING=["zstd", "gzip"],
        COMPRESS_LEVEL=5,
        COMPRESS_REGISTER=False,
        COMPRESS_EVALUATE_CONDITIONAL_REQUEST=False,
    )
    compress = Compress(app)

    def smaller(response: Response) -> Response:
        # A part of something cannot be compressed by itself.
        if response.status_code == HTTPStatus.PARTIAL_CONTENT:
            return response
        response = compress.after_request(response)
        # Each coding has an ETag of its own.
        return _compared(response) if "ETag" in response.headers else response

    app.after_request(smaller)


# --- Files for browsers ------------------------------------------------------------------------

assets_blueprint = Blueprint("assets", __name__)

STATIC = Path(__file__).resolve().parent.parent / "static"
# What pages may load from node_modules, by the first part of its address.
VENDORED = {
    "maplibre-gl": "maplibre-gl/dist",
    "atkinson": "@fontsource-variable/atkinson-hyperlegible-next",
}
VENDOR_SUFFIXES = (".js", ".mjs", ".css", ".woff2", ".map")
ASSET_SECONDS = 31_536_000
STYLESHEET = "text/css; charset=utf-8"


def asset(name: str) -> str:
    """The address of one of our static files, with the digest that makes it cacheable."""
    return _asset_address(request.script_root, name)


@lru_cache(maxsize=4096)
def _asset_address(script_root: str, name: str) -> str:
    """Made once: a page names fifty, and Flask puts each together anew."""
    del script_root  # which `url_for` puts before it
    digest = hashlib.blake2b((STATIC / name).read_bytes(), digest_size=6).hexdigest()
    return url_for("static", filename=name, v=digest)


def stylesheet(names: str) -> str:
    """The address of one stylesheet that holds those of `static/css` with these names, in order.

    A page shows nothing before its stylesheets are there: one answer is sooner there than four.
    """
    return _stylesheet_address(request.script_root, "+".join(names.split()))


@lru_cache(maxsize=256)
def _stylesheet_address(script_root: str, names: str) -> str:
    del script_root  # which `url_for` puts before it
    version = etag_of(joined_stylesheet(names).encode())[:12]
    return url_for("assets.joined", names=names, v=version)


@lru_cache(maxsize=256)
def joined_stylesheet(names: str) -> str:
    """The text of the stylesheets named `a+b+c`; 404 where one does not exist or comes twice."""
    known = {path.stem: path for path in (STATIC / "css").glob("*.css")}
    parts = names.split("+")
    if not known.keys() >= set(parts) or len(set(parts)) < len(parts):
        raise NotFound(f"There is no /styles/{names}.css.")
    return "".join(known[part].read_text(encoding="utf-8") for part in parts)


@assets_blueprint.get("/styles/<names>.css")
def joined(names: str) -> Response:
    """Stylesheets of ours in one answer; kept for a year by an address with its digest."""
    age = ASSET_SECONDS if "v" in request.args else FRESH_SECONDS
    return whole_answer(joined_stylesheet(names), STYLESHEET, age)


@assets_blueprint.get("/vendor/<package>/<path:name>")
def vendor(package: str, name: str) -> Response:
    if package not in VENDORED or not name.endswith(VENDOR_SUFFIXES):
        raise NotFound(f"There is no /vendor/{package}/{name}.")
    response = send_from_directory(vendor_folder() / VENDORED[package], name, max_age=86_400)
    if name.endswith(".mjs"):
        response.content_type = "text/javascript; charset=utf-8"
    return response


# --- The application ----------------------------------------------------------------------


class BoundedFile:
    """A file that is being uploaded: on the disk, no longer than `most` bytes and one.

    What comes after is read and dropped, so that the rest of its form can be read too.
    """

    def __init__(self, folder: Path, most: int) -> None:
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        usable = folder.is_dir() and os.access(folder, os.W_OK)
        number, name = tempfile.mkstemp(dir=folder if usable else None)
        Path(name).unlink()  # so it is gone with whoever has it open, however that ends
        self._file = os.fdopen(number, "w+b")
        self._left = most + 1

    def write(self, data: bytes) -> int:
        kept = data[: self._left]
        self._left -= len(kept)
        self._file.write(kept)
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class MapserviceRequest(Request):
    """`file_bytes` bounds each file of its form, where a route sets it before it reads that."""

    file_bytes: int | None = None
    _bounded: tuple[BoundedFile, ...] = ()

    def close(self) -> None:
        """Also of a form that was refused half-way, whose files nobody knows."""
        super().close()
        for file in self._bounded:
            file.close()

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if self.file_bytes is None:
            return super()._get_file_stream(
                total_content_length, content_type, filename, content_length
            )
        folder = services().settings.home / "media" / "incoming"
        made = BoundedFile(folder, self.file_bytes)
        self._bounded = (*self._bounded, made)
        return cast("IO[bytes]", made)


class NoSession(SessionInterface):
    """In place of Flask's own, which nobody uses, and which would be opened at each request."""

    def open_session(self, app: Flask, request: Request) -> NullSession:
        del app, request
        return NullSession()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Flask never asks for this: a null session is not kept."""


def _escape_query(wsgi: "WSGIEnvironment") -> None:
    """Bytes that nobody escaped, of which some may be no UTF-8: Werkzeug would fail on these."""
    query = wsgi.get("QUERY_STRING", "")
    if not query.isascii():
        wsgi["QUERY_STRING"] = quote(query.encode("latin-1", "replace"), safe=_WRITTEN)


class PageTemplates(Environment):
    """Templates that are loaded once all that they may call is registered."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """As one dictionary: Jinja's chain of two is walked through for each of the forty parts of
        a page, which takes a tenth of it."""
        return {**self.globals, **(d or {})}


class MapserviceFlask(Flask):
    """Flask behind the proxies in front of it.

    It does not ask of each function at each request whether it is a coroutine: none is.
    """

    proxies: TrustedProxies
    has_standbys = False
    request_class = MapserviceRequest
    jinja_environment = PageTemplates

    def wsgi_app(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        self.proxies.see_through(environ)
        if request_log.REQUEST_ID not in environ:
            environ[request_log.REQUEST_ID] = os.urandom(request_log.ID_BYTES).hex()
        _escape_query(environ)
        return super().wsgi_app(environ, start_response)

    def dispatch_request(self) -> Any:
        """The view, and once more where the server that it read from could not end it."""
        if not self.has_standbys:
            return super().dispatch_request()
        while True:
            try:
                answer = super().dispatch_request()
            except (DBAPIError, DriverError, PoolTimeout) as error:
                if not _another_server_reads(error):
                    raise
            else:
                _count_reads()
                return answer

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def register(app: MapserviceFlask, held: Services, origins: Iterable[str] = ()) -> None:
    """Puts the edge around an application, in the order in which requests pass it.

    `origins` are all that pages may ask besides this service.
    """
    app.session_interface = NoSession()
    app.extensions[SERVICES] = held
    register_secret_paths(app)
    register_language(app)
    app.has_standbys = held.replicas is not None
    if app.has_standbys:
        app.after_request(_remember_sent)
    # The first to come is the last to look at answers.
    register_compression(app)
    register_problems(app)
    register_security(app, origins, read_ancestors(held.settings.embed_origins))
