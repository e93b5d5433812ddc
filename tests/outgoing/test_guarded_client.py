"""What the guarded client refuses to ask, and to take; what it gives is whole."""

import gzip
import io
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from mapservice.outgoing.guarded_client import (
    FetchFailed,
    FetchLimits,
    FetchRefused,
    GuardedClient,
    Validators,
    retry_after,
)
from mapservice.outgoing.public_hosts import is_public_address
from tests.outgoing.stand_in import Handler, StandIn, standing_in

MOST = 100_000
BOUNDS = FetchLimits(body_bytes=MOST, seconds=1.5)
# However slow or endless a source is: well below what a person would call hung.
PATIENCE = 6.0


@pytest.fixture
def source() -> Iterator[StandIn]:
    with standing_in() as stand_in:
        yield stand_in


@pytest.fixture
def client(source: StandIn) -> GuardedClient:
    return GuardedClient(frozenset({source.netloc}), BOUNDS)


def giving(body: bytes, status: int = 200, **headers: str) -> Callable[[Handler], None]:
    return lambda handler: handler.give(body, status, **headers)


def leading(to: str, status: int = 302) -> Callable[[Handler], None]:
    return giving(b"", status, Location=to)


@pytest.fixture
def nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.create_connection", lambda *_: pytest.fail("was asked"))


@pytest.mark.parametrize(
    "address",
    [
        "http://www.data.gouv.fr/liste.csv",
        "ftp://www.data.gouv.fr/liste.csv",
        "file:///etc/passwd",
        "www.data.gouv.fr/liste.csv",
        "https://www.data.gouv.fr:8443/liste.csv",
        "https://qui:quoi@www.data.gouv.fr/liste.csv",
        "https://localhost/",
        "https://db.internal/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0.0.0.0/",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.100.100.200/",
        "https://198.18.0.1/",
        "https://240.0.0.1/",
        "https://255.255.255.255/",
        "https://[::]/",
        "https://[::1]/",
        "https://[::7f00:1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[64:ff9b::10.0.0.1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001::7f00:1]/",
        "https://[fe80::1]/",
        "https://[fd00:ec2::254]/",
        "https://[ff02::1]/",
        "https://" + "a" * 2_000 + ".fr/",
    ],
)
def test_only_public_hosts_are_asked_by_https(
    client: GuardedClient, nobody_is_asked: None, address: str
) -> None:
    with pytest.raises(FetchRefused):
        client.get(address)


def test_without_the_setting_a_stand_in_is_not_asked(source: StandIn) -> None:
    with pytest.raises(FetchRefused):
        GuardedClient().get(f"{source.base}/")
    assert source.asked == []


@pytest.mark.parametrize("inside", ["10.0.0.8", "127.0.0.1", "::1", "fd00::1", "169.254.169.254"])
def test_a_name_that_leads_inside_is_not_asked(
    client: GuardedClient, monkeypatch: pytest.MonkeyPatch, nobody_is_asked: None, inside: str
) -> None:
    """Be it by one of several addresses, and last."""
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
        for address in ("93.184.215.14", inside)
    ]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    with pytest.raises(FetchRefused, match="not public"):
        client.get("https://rebound.example.org/")


def test_the_address_that_was_checked_is_the_one_that_is_asked(
    client: GuardedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers otherwise the second time (rebinding) gets no second time."""
    answers = iter(["93.184.215.14", "127.0.0.1", "127.0.0.1"])
    asked: list[object] = []

    def looked_up(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), 443))]

    def connect(address: object, *_: object) -> None:
        asked.append(address)
        raise OSError("out of reach")

    monkeypatch.setattr("socket.getaddrinfo", looked_up)
    monkeypatch.setattr("socket.create_connection", connect)
    with pytest.raises(FetchFailed):
        client.get("https://rebound.example.org/")
    assert asked == [("93.184.215.14", 443)]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("64:ff9b::5db8:d70e", True),
        ("::ffff:93.184.215.14", True),
        ("::ffff:0:127.0.0.1", False),
        ("2001:db8::1", False),
        ("192.0.2.1", False),
        ("224.0.0.1", False),
        ("fe80::1%eth0", False),
        ("100::1", False),
    ],
)
def test_addresses_of_the_internet_are_told_from_others(address: str, public: bool) -> None:
    assert is_public_address(address) is public


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1:1/",
        "https://169.254.169.254/latest/meta-data/",
        "//10.0.0.1/",
        "http://www.data.gouv.fr/",
        "file:///etc/passwd",
        "https://[::1]/",
        "https://[",
        "https://www.data.gouv.fr:99999/",
    ],
)
def test_redirects_are_checked_like_the_first_address(
    source: StandIn, client: GuardedClient, to: str
) -> None:
    source.routes["/"] = leading(to)
    with pytest.raises(FetchRefused):
        client.get(f"{source.base}/")
    assert source.paths() == ["/"]


def test_a_redirect_is_followed_and_the_last_address_told(
    source: StandIn, client: GuardedClient
) -> None:
    source.routes |= {"/alt": leading("neu%20é.csv#x"), "/neu%20%C3%A9.csv": giving(b"a,b\n")}
    answer, body = client.get(f"{source.base}/alt")
    assert body == b"a,b\n"
    assert answer.address == f"{source.base}/neu%20%C3%A9.csv"


def test_a_source_that_leads_in_circles_is_left(source: StandIn, client: GuardedClient) -> None:
    source.routes["/"] = leading("/")
    with pytest.raises(FetchRefused, match="redirects more than"):
        client.get(f"{source.base}/")
    assert len(source.asked) == 6


def test_a_key_stays_with_the_host_that_it_is_for(source: StandIn) -> None:
    with standing_in() as other:
        source.routes["/"] = leading(f"{other.base}/")
        other.routes["/"] = giving(b"{}")
        client = GuardedClient(frozenset({source.netloc, other.netloc}), BOUNDS)
        client.get(f"{source.base}/", headers={"x-api-key": "secret"})
        assert [headers.get("x-api-key") for _, headers in source.asked] == ["secret"]
        assert [headers.get("x-api-key") for _, headers in other.asked] == [None]


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65_536)


def slow_body(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "50000")
    handler.end_headers()
    while not handler.stand_in.ended.wait(0.1):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def slow_head(handler: Handler) -> None:
    for sign in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1_000:
        handler.wfile.write(bytes([sign]))
        handler.wfile.flush()
        if handler.stand_in.ended.wait(0.1):
            return


def silent(handler: Handler) -> None:
    handler.stand_in.ended.wait(30)


@pytest.mark.parametrize("answering", [slow_body, slow_head, silent])
def test_a_slow_source_is_left_in_time(
    source: StandIn, client: GuardedClient, answering: Callable[[Handler], None]
) -> None:
    source.routes["/"] = answering
    begun = time.monotonic()
    with pytest.raises(FetchFailed):
        client.get(f"{source.base}/")
    assert time.monotonic() - begun < PATIENCE


def test_an_endless_body_is_left(source: StandIn, client: GuardedClient) -> None:
    source.routes["/"] = endless
    target = io.BytesIO()
    with pytest.raises(FetchRefused, match="more than 100000 bytes"):
        client.fetch(f"{source.base}/", target)
    assert len(target.getvalue()) <= MOST


def test_a_body_that_says_that_it_is_too_long_is_not_begun(
    source: StandIn, client: GuardedClient
) -> None:
    source.routes["/"] = giving(b"x" * (MOST + 1))
    target = io.BytesIO()
    with pytest.raises(FetchRefused, match="more than"):
        client.fetch(f"{source.base}/", target)
    assert target.getvalue() == b""


def test_a_packed_body_that_grows_beyond_measure_is_left(
    source: StandIn, client: GuardedClient
) -> None:
    """100 MB in 100 kB."""
    bomb = gzip.compress(bytes(60_000_000))
    assert len(bomb) < MOST
    source.routes["/"] = giving(bomb, Content_Encoding="gzip")
    target = io.BytesIO()
    with pytest.raises(FetchRefused, match="more than"):
        client.fetch(f"{source.base}/", target)
    assert len(target.getvalue()) <= MOST


def test_a_packed_body_is_unpacked(source: StandIn, client: GuardedClient) -> None:
    text = b"titre,ville\n" * 5_000
    halves = gzip.compress(text[:30_000]) + gzip.compress(text[30_000:])
    source.routes["/"] = giving(halves, Content_Encoding="gzip")
    answer, body = client.get(f"{source.base}/")
    assert body == text
    assert answer.length == len(text)


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip"])
def test_a_packing_that_was_not_asked_for_is_refused(
    source: StandIn, client: GuardedClient, coding: str
) -> None:
    source.routes["/"] = giving(b"xyz", Content_Encoding=coding)
    with pytest.raises(FetchRefused, match="was not asked for"):
        client.get(f"{source.base}/")


def cut(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"x" * 500)


def cut_chunk(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"100\r\n" + b"x" * 100)


def cut_pack(handler: Handler) -> None:
    handler.give(gzip.compress(b"titre\n" * 5_000)[:-20], Content_Encoding="gzip")


@pytest.mark.parametrize("answering", [cut, cut_chunk, cut_pack])
def test_half_an_answer_is_none(
    source: StandIn, client: GuardedClient, answering: Callable[[Handler], None]
) -> None:
    source.routes["/"] = answering
    with pytest.raises(FetchFailed):
        client.get(f"{source.base}/")


def test_what_is_as_before_is_not_sent_again(source: StandIn, client: GuardedClient) -> None:
    def answer(handler: Handler) -> None:
        known = handler.headers.get("If-None-Match") == '"1"'
        since = handler.headers.get("If-Modified-Since")
        assert known is bool(since)
        handler.give(b"" if known else b"a", 304 if known else 200, ETag='"1"', Last_Modified="Mo")

    source.routes["/"] = answer
    first, body = client.get(f"{source.base}/")
    assert (body, first.validators) == (b"a", Validators('"1"', "Mo"))
    second = client.fetch(f"{source.base}/", io.BytesIO(), known=first.validators)
    assert second.is_unchanged


def test_a_busy_source_says_how_long_to_wait(source: StandIn, client: GuardedClient) -> None:
    source.routes["/"] = giving(b"", 429, Retry_After="7")
    with pytest.raises(FetchFailed, match="answers 429") as failure:
        client.get(f"{source.base}/")
    assert failure.value.wait == 7
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("bientôt") is None


@pytest.mark.parametrize("status", [204, 206, 300, 401, 403, 404, 410])
def test_what_no_second_try_would_change_is_refused(
    source: StandIn, client: GuardedClient, status: int
) -> None:
    source.routes["/"] = giving(b"" if status == 204 else b"no", status)
    with pytest.raises(FetchRefused, match=f"answers {status}"):
        client.get(f"{source.base}/")


def test_a_question_goes_by_post_and_to_no_other_address(source: StandIn) -> None:
    heard: list[tuple[bytes, str | None]] = []

    def answer(handler: Handler) -> None:
        heard.append((handler.question, handler.headers.get("Content-Type")))
        handler.give(b'{"data": {}}')

    source.routes["/api"] = answer
    source.routes["/old"] = lambda handler: handler.give(b"", status=307, location="/api")
    client = GuardedClient(frozenset({source.netloc}))
    headers = {"Content-Type": "application/json"}
    _, body = client.get(f"{source.base}/api", headers=headers, question=b"{}")
    assert body == b'{"data": {}}'
    assert heard == [(b"{}", "application/json")]
    with pytest.raises(FetchRefused, match="/api"):
        client.get(f"{source.base}/old", headers=headers, question=b"{}")
    assert len(heard) == 1
