"""Where the database is: its URL as libpq reads it.

One URL may name several servers (`postgresql://h1:5432,h2:5432/db`); they are tried in their order.
Engines, the queue of jobs, listeners and PostgreSQL's own programs all get what is read here, so
that none of them understands another address than the others.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg import Connection as Driver
from psycopg.conninfo import conninfo_to_dict

from mapservice.errors import ConfigurationError

# As SQLAlchemy writes it, too.
_SCHEME = re.compile(r"postgres(ql)?(\+psycopg)?://")

# For each server of the address, in seconds. Where there are several, the next one is soon tried.
CONNECT_SECONDS, CONNECT_SECONDS_OF_SEVERAL = 5, 2

DEFAULT_PORT = 5432

# A server that falls silent behind a network is given up after some 10 s, not after two hours.
NETWORK = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}


def connection_parameters(url: str) -> dict[str, Any]:
    """libpq's parameters of a URL, with deadlines where it says none.

    Of several servers one that takes writes is meant, unless the URL says otherwise.

    Raises ConfigurationError for a URL that is not PostgreSQL's; it never repeats a password.
    """
    found = _read(url)
    several = "," in str(found.get("host") or found.get("hostaddr") or "")
    given: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS_OF_SEVERAL if several else CONNECT_SECONDS,
        **NETWORK,
    }
    if several:
        given["target_session_attrs"] = "read-write"
    return given | found


def each_server(url: str, setting: str) -> dict[str, str]:
    """A URL of its own for each server of an address of several, by `host:port`.

    None is waited for longer than one of several, as another may be asked in its place.

    Raises ConfigurationError, which names the setting.
    """
    found = {"connect_timeout": CONNECT_SECONDS_OF_SEVERAL} | _read(url, setting)
    hosts, ports, addresses = (
        str(found.pop(name, None) or "").split(",") for name in ("host", "port", "hostaddr")
    )
    number = max(len(hosts), len(addresses))
    servers = {}
    for host, port, address in zip(
        _as_many(hosts, number), _as_many(ports, number), _as_many(addresses, number), strict=True
    ):
        own = {"host": host, "port": port or str(DEFAULT_PORT), "hostaddr": address}
        servers[f"{host or address}:{own['port']}"] = _url(
            found | {name: value for name, value in own.items() if value}
        )
    return servers


def _as_many(listed: list[str], number: int) -> list[str]:
    return listed if len(listed) == number else listed[:1] * number


def _read(url: str, setting: str = "DATABASE_URL") -> dict[str, Any]:
    scheme = _SCHEME.match(url)
    if not scheme:
        what = "must start with postgresql://" if "://" in url else "is not a database URL"
        raise ConfigurationError(f"{setting} {what}")
    try:
        found = conninfo_to_dict("postgresql://" + url[scheme.end() :])
    except psycopg.Error as error:
        # Other words of libpq may quote a part of the password.
        named = re.search(r'invalid URI query parameter: "\w+"', str(error))
        words = f": {named[0]}" if named else ""
        raise ConfigurationError(f"{setting} is not a database URL{words}") from None
    hosts, ports = (str(found.get(name) or "").split(",") for name in ("host", "port"))
    if len(ports) not in (1, len(hosts)):
        raise ConfigurationError(f"{setting} is not a database URL: each host has one port")
    for port in filter(None, ports):
        if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigurationError(f"{setting} is not a database URL: a port is no port")
    return {name: value for name, value in found.items() if value is not None}


def with_database(url: str, name: str) -> str:
    """The URL of another database of the same servers."""
    return _url(_read(url) | {"dbname": name})


def at_server_of(url: str, driver: Driver[Any]) -> str:
    """The URL of the very server that a connection leads to: it alone knows its snapshots."""
    info = driver.info
    there = {"host": info.host, "port": str(info.port)}
    if info.hostaddr and not info.host.startswith("/"):
        there["hostaddr"] = info.hostaddr
    rest = {name: value for name, value in _read(url).items() if name != "hostaddr"}
    return _url(rest | there)


def _url(parameters: Mapping[str, Any]) -> str:
    return "postgresql:///?" + urlencode(parameters, quote_via=quote)
