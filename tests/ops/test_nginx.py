"""Our nginx as it runs: whom it believes, what it writes down, and where it puts what is large.

Addresses of visitors are those of the loopback; before it stands another nginx, as a proxy for TLS
would.
"""

import gzip
import json
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from flask import Flask

from mapservice.web.edge import HIDDEN_PART, TrustedProxies, redacted, secret_rules

ANN, BOB, FORGED = "127.0.0.2", "127.0.0.3", "203.0.113.9"
TLS_PROXY = "127.0.0.9"
SECRET = "kQ0Zb3f_9-qWvT7Lr2NxY8cPdE1uHsJa"
LARGE = 8_000_000
PROXIES = TrustedProxies("127.0.0.1")


class Quiet(WSGIRequestHandler):
    def log_request(self, *_: Any) -> None:
        pass


TILE = b"a tile of the base map " * 99


def packed_tile(wsgi: dict[str, Any], start: Any) -> list[bytes]:
    """As the application gives a tile of the base map: by gzip to whom asks for that."""
    assert wsgi["HTTP_ACCEPT_ENCODING"] == "gzip"
    headers = [
        ("Content-Type", "application/vnd.mapbox-vector-tile"),
        ("Content-Encoding", "gzip"),
        ("Cache-Control", "public, max-age=60"),
        ("Vary", "Accept-Encoding"),
    ]
    start("200 OK", headers)
    return [gzip.compress(TILE)]


def echo(wsgi: dict[str, Any], start: Any) -> list[bytes]:
    """Who asks, by which scheme; or a tile, or a large answer."""
    PROXIES.see_through(wsgi)
    if wsgi["PATH_INFO"].startswith("/basemap/"):
        return packed_tile(wsgi, start)
    start("200 OK", [("Content-Type", "application/json")])
    if wsgi["PATH_INFO"].startswith("/large"):
        return [b"x" * LARGE]
    told = {"address": wsgi["REMOTE_ADDR"], "scheme": wsgi["wsgi.url_scheme"]}
    return [json.dumps(told).encode()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Chain:
    """`near` is our nginx, `far` the proxy before it; `folder` is all that our nginx may write."""

    near: int
    far: int
    folder: Path

    def ask(
        self, visitor: str, port: int, path: str = "/", **headers: str
    ) -> tuple[int, dict[str, str]]:
        connection = HTTPConnection("127.0.0.1", port, timeout=20, source_address=(visitor, 0))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers=named)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, json.loads(body) if body.startswith(b"{") else {}

    def log(self) -> str:
        return (self.folder / "access.log").read_text() + (self.folder / "error.log").read_text()


@pytest.fixture(scope="module")
def nginx_program() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        pytest.skip("no nginx on this machine")
    return found


def configured(repository: Path, folder: Path, ports: dict[str, int]) -> Path:
    """`deploy/nginx.conf` with places and ports of this machine, as the compose file runs it."""
    trusted = subprocess.run(
        ["sh", repository / "deploy" / "trusted-proxies.sh"],
        env={"TRUSTED_PROXIES": f"{TLS_PROXY}, 2001:db8::/32"},
        capture_output=True,
        text=True,
        check=True,
    )
    (folder / "tmp").mkdir()
    (folder / "cache").mkdir()
    (folder / "tmp" / "trusted-proxies.conf").write_text(trusted.stdout)
    text = (repository / "deploy" / "nginx.conf").read_text()
    for there, here in {
        "/tmp/": f"{folder}/tmp/",
        "/var/cache/nginx": f"{folder}/cache",
        "/dev/stdout": f"{folder}/access.log",
        "error_log stderr": f"error_log {folder}/error.log",
        "server app:8000": f"server 127.0.0.1:{ports['app']}",
        "listen 8080;": f"listen 127.0.0.1:{ports['near']};",
        "listen [::]:8080;": "",
        "worker_processes auto": "worker_processes 1",
    }.items():
        assert there in text
        text = text.replace(there, here)
    path = folder / "nginx.conf"
    path.write_text(text)
    return path


FAR = """
pid {folder}/far.pid;
error_log {folder}/far-error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/far-body;
    proxy_temp_path {folder}/far-proxy;
    fastcgi_temp_path {folder}/far-fastcgi;
    uwsgi_temp_path {folder}/far-uwsgi;
    scgi_temp_path {folder}/far-scgi;
    server {{
        listen 127.0.0.1:{far};
        location / {{
            proxy_pass http://127.0.0.1:{near};
            proxy_bind {proxy};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto https;
        }}
    }}
}}
"""


@pytest.fixture(scope="module")
def chain(
    nginx_program: str, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chain]:
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o777)
    ports = {name: free_port() for name in ("app", "near", "far")}
    far = folder / "far.conf"
    far.write_text(FAR.format(folder=folder, proxy=TLS_PROXY, **ports))
    with ExitStack() as stack:
        server: WSGIServer = make_server("127.0.0.1", ports["app"], echo, handler_class=Quiet)
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for configuration in (configured(repository, folder, ports), far):
            command = [nginx_program, "-c", str(configuration), "-g", "daemon off; user root;"]
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        for name in ("near", "far"):
            until_it_listens(ports[name])
        yield Chain(ports["near"], ports["far"], folder)


def until_it_listens(port: int) -> None:
    patience = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < patience, f"nothing listens on {port}"
            time.sleep(0.05)


def test_behind_two_proxies_two_people_are_two(chain: Chain) -> None:
    for visitor in (ANN, BOB):
        assert chain.ask(visitor, chain.far)[1] == {"address": visitor, "scheme": "https"}


def test_whoever_forges_stays_who_they_are(chain: Chain) -> None:
    forged = {"X_Forwarded_For": f"{FORGED}, {TLS_PROXY}", "X_Forwarded_Proto": "https"}
    assert chain.ask(ANN, chain.far, **forged)[1]["address"] == ANN
    assert chain.ask(ANN, chain.near, **forged)[1] == {"address": ANN, "scheme": "http"}
    assert chain.ask(ANN, chain.near, X_Forwarded_For="nonsense")[1]["address"] == ANN


def test_nothing_secret_and_no_address_is_written_down(chain: Chain, app: Flask) -> None:
    paths = [
        re.sub(r"<uuid:[^>]*>", "0" * 8 + "-0000-4000-8000-" + "0" * 12, rule.rule)
        for rule in secret_rules(app)
    ]
    paths = [re.sub(r"<secret:[^>]*>", SECRET, path) for path in paths]
    assert len(set(paths)) >= 4
    for path in paths:
        hidden = redacted(app, path)
        assert SECRET not in hidden
        assert hidden.endswith(HIDDEN_PART)
        for asked in (path, f"/{path}", f"{path}?lieu=chez%20moi", path.replace("/c", "/%63")):
            chain.ask(ANN, chain.far, asked)
            chain.ask(BOB, chain.near, asked, X_Forwarded_For=FORGED)
    # What makes nginx write an error line: too large a body, and a line that is no request.
    with socket.create_connection(("127.0.0.1", chain.near)) as line:
        line.sendall(f"GET /confirmer/{SECRET} HTTP/9.9\r\n\r\n".encode())
        assert line.recv(1000)
    with socket.create_connection(("127.0.0.1", chain.near)) as body:
        head = f"POST /confirmer/{SECRET} HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
        body.sendall(head.encode())
        assert b" 413 " in body.recv(1000)
    written = chain.log()
    assert "/confirmer/…" in written
    for secret in (SECRET, ANN, BOB, FORGED, TLS_PROXY, "chez"):
        assert secret not in written


def test_every_secret_path_of_the_application_is_known_to_nginx(
    repository: Path, app: Flask
) -> None:
    text = (repository / "deploy" / "nginx.conf").read_text()
    patterns = re.findall(r"^ *~\^\(\?<told>(.*)\) \$told…;$", text, re.M)
    for rule in secret_rules(app):
        sample = re.sub(r"<secret:.*", SECRET, re.sub(r"<uuid:[^>]*>", "1234", rule.rule))
        assert any(re.match(pattern, sample) for pattern in patterns), rule.rule


def test_a_tile_of_the_base_map_is_kept_packed_and_unpacked_for_whom_needs_it(
    chain: Chain,
) -> None:
    kept = []
    for encoding in ("gzip", "identity", "br, gzip", "identity"):
        connection = HTTPConnection("127.0.0.1", chain.near, timeout=20)
        connection.request("GET", "/basemap/1/0/0.pbf?v=1", headers={"Accept-Encoding": encoding})
        answer = connection.getresponse()
        body = answer.read()
        packed = answer.getheader("Content-Encoding") == "gzip"
        assert packed == ("gzip" in encoding)
        assert (gzip.decompress(body) if packed else body) == TILE
        kept.append(answer.getheader("X-Cache"))
        connection.close()
    assert kept == ["MISS", "HIT", "HIT", "HIT"]


def test_the_page_makes_a_file_for_nginx_without_docker(repository: Path, tmp_path: Path) -> None:
    page = (repository / "docs" / "settings.md").read_text()
    commands = re.search(r"```sh\n(  install -d .+?)```", page, re.S)
    assert commands
    script = commands[1].replace("/etc/nginx", str(tmp_path)).replace("/var/cache", str(tmp_path))
    script = script.replace("-o www-data ", "").partition("  nginx -t")[0]
    subprocess.run(["bash", "-euc", script], cwd=repository, check=True)
    made = (tmp_path / "nginx.conf").read_text()
    assert "server 127.0.0.1:8000" in made
    assert f"include {tmp_path}/trusted-proxies.conf;" in made
    assert "pid /run/nginx.pid;" in made
    for word in ("server app:", "/tmp/trusted", "/tmp/nginx.pid", "/dev/stdout"):
        assert word not in made, word
    assert (tmp_path / "trusted-proxies.conf").exists()


def test_what_may_grow_lies_on_the_disk(repository: Path) -> None:
    """/tmp is memory in the compose file, and a memory limit counts it."""
    text = (repository / "deploy" / "nginx.conf").read_text()
    for name in ("client_body_temp_path", "proxy_temp_path", "proxy_cache_path"):
        assert re.search(rf"{name}\s+/var/cache/nginx/", text), name


def test_an_unfinished_upload_and_a_slow_download_wait_on_the_disk(chain: Chain) -> None:
    head = (
        "POST /geocode/search/csv HTTP/1.1\r\nHost: x\r\n"
        f"Content-Length: {LARGE * 2}\r\nContent-Type: text/csv\r\n\r\n"
    ).encode()
    with (
        socket.create_connection(("127.0.0.1", chain.near)) as upload,
        socket.create_connection(("127.0.0.1", chain.near)) as download,
    ):
        upload.sendall(head + b"x" * LARGE)
        download.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        # The one is not sent whole, the other is not read: all but what sockets hold is in files.
        for name, part in (("body", 0.9), ("answers", 0.2)):
            patience = time.monotonic() + 20
            while bytes_open_in(chain.folder / "cache" / name) < LARGE * part:
                assert time.monotonic() < patience, f"what waits is not in {name}"
                time.sleep(0.05)
        assert bytes_open_in(chain.folder / "tmp") < 100_000


def bytes_open_in(folder: Path) -> int:
    """Also of files that were unlinked when they were made, as nginx does."""
    sizes: dict[str, int] = {}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            target = str(link.readlink())
            if target.startswith(f"{folder}/"):
                sizes[target] = link.stat().st_size
    return sum(sizes.values())


def order(chain: Chain, visitor: str) -> int:
    connection = HTTPConnection("127.0.0.1", chain.near, timeout=20, source_address=(visitor, 0))
    connection.request("POST", "/exports", body=b"{}")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_who_orders_without_end_is_held_back_and_nobody_else(chain: Chain) -> None:
    greedy = [order(chain, ANN) for _ in range(60)]
    assert greedy[:20] == [200] * 20
    assert greedy.count(429) > 20
    assert order(chain, BOB) == 200
    assert chain.ask(ANN, chain.near, "/")[0] == 200  # reading goes on


def test_a_request_has_one_id_in_the_log_and_for_its_client(chain: Chain) -> None:
    connection = HTTPConnection("127.0.0.1", chain.near, timeout=20)
    names = []
    for _ in range(2):
        connection.request("GET", "/basemap/2/0/0.pbf?v=1", headers={"X-Request-ID": "forged"})
        answer = connection.getresponse()
        answer.read()
        names.append(answer.headers.get_all("X-Request-ID"))
    connection.close()
    assert [len(one or ()) for one in names] == [1, 1]
    assert names[0] != names[1]
    # nginx writes its line once an answer has gone.
    told: list[str] = []
    for _ in range(100):
        lines = (chain.folder / "access.log").read_text().splitlines(keepends=True)
        written = [json.loads(line) for line in lines if line.endswith("\n")]
        told = [one["id"] for one in written if one["path"] == "/basemap/2/0/0.pbf"]
        if len(told) == len(names):
            break
        time.sleep(0.1)
    assert [[one] for one in told] == names
