"""A real Squid on the loopback, its rules written from the settings: the only way out."""

import ast
import contextlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mapservice.errors import ConfigurationError
from mapservice.geocoding.provider.client import AddressProvider
from mapservice.mail.transport import MailServerUnreachable, transport_of
from mapservice.media.storage import store_of
from mapservice.operations.outgoing_rules import outgoing_hosts, squid_rules
from mapservice.outgoing.guarded_client import FetchFailed, FetchRefused, GuardedClient
from mapservice.outgoing.way_out import OutgoingConnection, ProxyRefused, WayOut
from mapservice.settings import REPOSITORY, Settings
from mapservice.tiles.basemap.remote import BrokenOff, RemoteHost
from tests.mail.post_office import PostOffice
from tests.ops.test_nginx import free_port
from tests.outgoing.stand_in import StandIn, standing_in

# A free port may be somebody's local one a moment later.
PORTS_TRIED = 5


@pytest.fixture(scope="module")
def squid_program() -> str:
    found = shutil.which("squid") or shutil.which("squid", path="/usr/sbin")
    if found is None:
        pytest.skip("no squid on this machine")
    return found


@contextlib.contextmanager
def squid(program: str, settings: Settings) -> Iterator[WayOut]:
    """It runs by the rules of these settings, and knows two names besides."""
    # Of root it becomes a user who cannot enter the folders of pytest.
    with tempfile.TemporaryDirectory(prefix="squid-") as made:
        folder = Path(made)
        folder.chmod(0o777)
        yield from _running(program, folder, settings)


def _running(program: str, folder: Path, settings: Settings) -> Iterator[WayOut]:
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 localhost within.example.org\n::1 six.example.org\n")
    path = folder / "squid.conf"
    more = f"hosts_file {hosts}\ndns_nameservers 127.0.0.1\ndns_timeout 1 second\n"
    for _ in range(PORTS_TRIED):
        port = free_port()
        path.write_text(squid_rules(settings, port).replace("/dev/stdout", f"{folder}/told") + more)
        with (folder / "errors").open("w") as errors:
            process = subprocess.Popen([program, "-N", "-f", path], stderr=errors)
        try:
            if not is_listening(port, process):
                continue
            yield WayOut("127.0.0.1", port)
            return
        finally:
            process.kill()  # it would take seconds to end, and keeps nothing
            process.wait(30)
    raise AssertionError(f"squid does not start: {(folder / 'errors').read_text()}")


def is_listening(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Waits for it; not where the process ended: another took its port before it could."""
    patience = time.monotonic() + 60
    while process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        assert time.monotonic() < patience, f"nothing listens on {port}"
        time.sleep(0.05)
    return False


@pytest.fixture
def source() -> Iterator[StandIn]:
    with standing_in() as stand_in:
        stand_in.routes["/"] = lambda handler: handler.give(b"here")
        yield stand_in


def test_a_host_of_the_settings_is_asked_and_no_other(squid_program: str, source: StandIn) -> None:
    with (
        standing_in() as other,
        squid(squid_program, Settings(source_hosts=source.netloc)) as way,
    ):
        client = GuardedClient(frozenset({source.netloc, other.netloc}), way=way)
        assert client.get(f"{source.base}/")[1] == b"here"
        with pytest.raises(
            FetchRefused, match=f"nothing through to {other.netloc}.*OUTGOING_HOSTS"
        ):
            client.get(f"{other.base}/")
        assert other.asked == []
        assert source.asked[0][1]["Host"] == source.netloc


def test_a_redirect_leads_nowhere_else(squid_program: str, source: StandIn) -> None:
    with (
        standing_in() as other,
        squid(squid_program, Settings(source_hosts=source.netloc)) as way,
    ):
        source.routes["/"] = lambda one: one.give(b"", 302, Location=f"{other.base}/")
        client = GuardedClient(frozenset({source.netloc, other.netloc}), way=way)
        with pytest.raises(FetchRefused, match="nothing through"):
            client.get(f"{source.base}/")
        assert other.asked == []


@pytest.fixture(scope="module")
def way_to_all(squid_program: str) -> Iterator[WayOut]:
    with squid(squid_program, Settings(outgoing_hosts="*")) as way:
        yield way


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "within.example.org", "six.example.org", "::1", "10.1.2.3", "fd00::1"]
)
def test_of_every_public_host_none_is_within(way_to_all: WayOut, host: str) -> None:
    """The proxy looks names up, where the client otherwise does."""
    with pytest.raises(ProxyRefused):
        way_to_all.reach(host, 443, 10)


def test_of_a_public_host_no_other_port_is_let_through(way_to_all: WayOut) -> None:
    with pytest.raises(ProxyRefused):
        way_to_all.reach("data.example.org", 22, 10)


def test_photos_addresses_and_a_base_map_pass_it(squid_program: str, source: StandIn) -> None:
    source.routes["/photos/a.jpg"] = lambda handler: handler.give(b"pixels")
    settings = Settings(
        media=f"s3://key:secret@photos?endpoint={source.base}",
        provider_url=source.base,
        basemap=f"{source.base}/style.json",
    )
    assert [one.purpose for one in outgoing_hosts(settings)] == [
        "street addresses",
        "photos",
        "base map",
    ]
    with squid(squid_program, settings) as way:
        behind = replace(settings, outgoing_proxy=f"http://{way.proxy}:{way.port}")
        assert store_of(behind).get("a.jpg") == b"pixels"
        provider = AddressProvider.of_settings(behind)
        assert provider is not None
        assert provider._answer("3 rue de Nantes") is None  # refused, as it was asked
        remote = RemoteHost(f"{source.base}/", 5, way=way)
        assert remote.get({}).read() == b"here"
        assert remote.get({}).read() == b"here"  # on a new connection: the first was closed
        remote.close()
    assert "/search" in "".join(source.paths())
    seen = len(source.asked)
    # Without the proxy nothing goes round it.
    with pytest.raises(BrokenOff):
        RemoteHost(f"{source.base}/", 5, way=way).get({})
    with pytest.raises(FetchFailed):
        GuardedClient(frozenset({source.netloc}), way=way).get(f"{source.base}/")
    assert len(source.asked) == seen


def test_mail_passes_it(squid_program: str) -> None:
    """The server speaks first, as soon as the tunnel stands."""
    with PostOffice() as office:
        settings = Settings(smtp_url=office.url)
        with squid(squid_program, settings) as way:
            behind = replace(settings, outgoing_proxy=f"http://{way.proxy}:{way.port}")
            with transport_of(behind)():
                assert office.reached
        with pytest.raises(MailServerUnreachable), transport_of(behind)():
            pytest.fail("went round the proxy")


def test_what_is_no_proxy_is_an_error(source: StandIn) -> None:
    """Neither one that answers with nonsense, nor one that ends at once."""
    host, _, port = source.netloc.partition(":")
    with pytest.raises(OSError, match="does not reach"):
        WayOut(host, int(port)).reach("data.example.org", 443, 5)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        WayOut("127.0.0.1", silent.getsockname()[1]).reach("data.example.org", 443, 0.3)


def test_a_name_that_no_host_has_is_no_failure_of_ours() -> None:
    with pytest.raises(OSError, match="no name"):
        WayOut("127.0.0.1", 9).reach("a..example.org", 443, 1)


@pytest.mark.parametrize(
    "told", ["outgoing:3128", "https://outgoing", "http://a:b@c", "http://x:0", "http://x/y"]
)
def test_a_proxy_that_is_none_names_the_setting(told: str) -> None:
    with pytest.raises(ConfigurationError, match="MAPSERVICE_OUTGOING_PROXY"):
        WayOut.parse(told)


@pytest.mark.parametrize("told", ["10.0.0.1", "https://data.example.org", "db", "*.lan", "a\nb;"])
def test_a_host_that_is_not_public_names_the_setting(told: str) -> None:
    with pytest.raises(ConfigurationError, match="MAPSERVICE_OUTGOING_HOSTS"):
        outgoing_hosts(Settings(outgoing_hosts=told))


def test_each_setting_that_names_a_host_is_listed() -> None:
    settings = Settings(
        smtp_url="smtp://u:p@mail.example.org:587?starttls=1",
        imap_url="imaps://u%40example.org:p@in.example.org/INBOX",
        outgoing_hosts="data.example.org *.example.net",
        federation=1,
    )
    assert [str(one) for one in outgoing_hosts(settings)] == [
        "mail.example.org:587",
        "in.example.org:993",
        "data.example.org:443",
        "*.example.net:443",
        "*:443",
    ]
    rules = squid_rules(settings)
    assert "acl own0 dstdomain -n mail.example.org\n" in rules
    assert "acl public1 dstdomain -n .example.net\n" in rules
    assert rules.endswith("http_access deny all\n")
    assert rules.index("allow own1") < rules.index("deny not_public") < rules.index("allow public0")


def test_a_connection_by_tls_is_to_the_name(source: StandIn) -> None:
    """The Host header leaves the port of https out; a plain answer is no TLS."""
    host, _, port = source.netloc.partition(":")
    assert OutgoingConnection(WayOut(), "https", "data.example.org", None, 1).port == 443
    with pytest.raises(ssl.SSLError):
        OutgoingConnection(WayOut(), "https", host, int(port), 5).connect()


def test_without_a_proxy_the_way_is_straight() -> None:
    assert WayOut.parse("").is_straight
    assert WayOut.parse("http://outgoing:8888/") == WayOut("outgoing", 8888)


OPENERS = {
    "HTTPConnection", "HTTPSConnection", "urlopen", "build_opener", "create_connection",
    "SMTP", "SMTP_SSL", "IMAP4", "IMAP4_SSL",
}  # fmt: skip
# Whoever asks our own service on this machine, or is the way out itself.
OF_THE_WAY = {"outgoing/connection.py", "outgoing/way_out.py", "cli/serve.py", "cli/supervisor.py"}


def test_nothing_opens_a_line_of_its_own() -> None:
    """Whoever does goes round the proxy: `WayOut` opens it."""
    found = set()
    for path in (REPOSITORY / "mapservice").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            name = getattr(called, "attr", getattr(called, "id", ""))
            if name in OPENERS:
                found.add(path.relative_to(REPOSITORY / "mapservice").as_posix())
    assert found <= OF_THE_WAY, sorted(found - OF_THE_WAY)
