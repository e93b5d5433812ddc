"""Who is taken for the visitor, whatever stands in the headers."""

from typing import Any

import pytest

from mapservice.errors import ConfigurationError
from mapservice.web.edge import TrustedProxies, read_networks

VISITOR, FORGED = "81.2.69.160", "1.2.3.4"
NGINX, TLS_PROXY = "172.30.57.3", "10.9.8.7"
TRUSTED = "172.30.57.0/24, 10.9.8.7"


def seen(
    peer: str, chain: str | None = None, proto: str | None = None, trusted: str = TRUSTED
) -> tuple[str, str]:
    """Address and scheme as the application gets them."""
    wsgi: dict[str, Any] = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"}
    if chain is not None:
        wsgi["HTTP_X_FORWARDED_FOR"] = chain
    if proto is not None:
        wsgi["HTTP_X_FORWARDED_PROTO"] = proto
    TrustedProxies(trusted).see_through(wsgi)
    assert "HTTP_X_FORWARDED_FOR" not in wsgi, "nobody behind may read it again"
    return wsgi["REMOTE_ADDR"], wsgi["wsgi.url_scheme"]


@pytest.mark.parametrize(
    ("peer", "chain", "address"),
    [
        (VISITOR, None, VISITOR),
        (VISITOR, FORGED, VISITOR),
        (NGINX, VISITOR, VISITOR),
        (NGINX, f"{VISITOR}, {TLS_PROXY}", VISITOR),
        (NGINX, f"{FORGED}, {VISITOR}, {TLS_PROXY}", VISITOR),
        (NGINX, f"{FORGED}, {TLS_PROXY}, {VISITOR}", VISITOR),
        (NGINX, f"nonsense, {VISITOR}", VISITOR),
        (NGINX, f"{VISITOR}, nonsense", NGINX),
        (NGINX, f"{FORGED}, unknown, {TLS_PROXY}", TLS_PROXY),
        (NGINX, None, NGINX),
        (NGINX, "", NGINX),
        (NGINX, f"{VISITOR}:50123", VISITOR),
        (NGINX, "[2001:db8::5]:443", "2001:db8::5"),
        (NGINX, "2001:db8::5", "2001:db8::5"),
        (f"::ffff:{NGINX}", VISITOR, VISITOR),
        (NGINX, f"::ffff:{VISITOR}", VISITOR),
        ("127.0.0.1", VISITOR, "127.0.0.1"),
    ],
)
def test_the_nearest_that_is_no_proxy_of_ours(peer: str, chain: str | None, address: str) -> None:
    assert seen(peer, chain)[0] == address


def test_without_a_setting_nobody_is_believed() -> None:
    assert seen(NGINX, VISITOR, "https", trusted="") == (NGINX, "http")


@pytest.mark.parametrize(
    ("peer", "told", "scheme"),
    [
        (NGINX, "https", "https"),
        (NGINX, "http, https", "https"),
        (NGINX, "HTTPS", "https"),
        (NGINX, "javascript", "http"),
        (VISITOR, "https", "http"),
    ],
)
def test_the_scheme_of_a_trusted_proxy(peer: str, told: str, scheme: str) -> None:
    assert seen(peer, VISITOR, told)[1] == scheme


def test_what_a_list_may_say() -> None:
    assert [str(one) for one in read_networks("loopback 192.0.2.7,2001:db8::/48")] == [
        "127.0.0.0/8",
        "::1/128",
        "192.0.2.7/32",
        "2001:db8::/48",
    ]
    with pytest.raises(ConfigurationError, match=r"MAPSERVICE_TRUSTED_PROXIES: 'nginx'"):
        read_networks("127.0.0.1 nginx")
