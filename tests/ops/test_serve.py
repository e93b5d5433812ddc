"""`mapservice serve` looks after its children: none ends unseen, none outlives it."""

import os
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mapservice.cli import serve
from mapservice.cli.serve import ListenAddress, StandIn
from mapservice.cli.supervisor import ProcessSupervisor, RestartBackoff
from mapservice.errors import ConfigurationError
from mapservice.mail import public_address
from mapservice.settings import Settings

# Listens where it is told to, says that it is ready, then asks the service to stop.
WEB_SERVER = """
import http.server, os, signal, socket, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        os.kill(os.getppid(), signal.SIGTERM)
server = http.server.HTTPServer(("", 0), Ready, bind_and_activate=False)
server.socket = socket.socket(fileno=int(sys.argv[-1].removeprefix("fd://")))
server.socket.setblocking(True)
server.serve_forever()
"""


def test_the_address_is_that_of_the_environment() -> None:
    assert ListenAddress.from_env({}).url == "http://127.0.0.1:8000"
    assert ListenAddress.from_env({"HOST": "::1", "PORT": "8123"}).url == "http://[::1]:8123"
    assert ListenAddress.from_env({"HOST": "0.0.0.0"}).url == "http://127.0.0.1:8000"
    assert ListenAddress.from_env({"HOST": "::"}).url == "http://[::1]:8000"


@pytest.mark.parametrize("port", ["0", "65536", "80x", "-1", "٨٠"])
def test_a_port_that_is_none_is_named(port: str) -> None:
    with pytest.raises(ConfigurationError, match="PORT must be a number from 1 to 65535"):
        ListenAddress.from_env({"PORT": port})


@pytest.mark.parametrize(("first", "second"), [("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1")])
def test_a_taken_port_is_a_clear_message(first: str, second: str) -> None:
    """Also one that was taken in another way: all addresses, or with SO_REUSEPORT."""
    with socket.create_server((first, 0), reuse_port=True) as taken:
        port = taken.getsockname()[1]
        for host in (first, second):
            with pytest.raises(ConfigurationError, match="Cannot listen on"):
                ListenAddress(host, port).listen()
    ListenAddress("127.0.0.1", port).listen().close()


def test_of_two_that_start_at_once_one_has_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = ListenAddress("127.0.0.1", free.getsockname()[1])

    def start() -> socket.socket | str:
        try:
            return address.listen()
        except ConfigurationError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _turn: start(), range(8)))
    winners = [one for one in results if isinstance(one, socket.socket)]
    assert len(winners) == 1
    winners[0].close()


def test_while_nothing_runs_whoever_asks_is_told_to_come_again() -> None:
    address = ListenAddress("127.0.0.1", 0)
    with address.listen() as listener:
        stand_in = StandIn(listener)
        with socket.create_connection(listener.getsockname()) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            stand_in.take()
            stand_in.answer()
            received = client.makefile("rb").read()
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n")
    assert f"Content-Length: {len(body)}".encode() in head


def test_a_step_that_fails_is_named_with_its_code() -> None:
    service = ProcessSupervisor(os.environ)
    with pytest.raises(ConfigurationError, match="Territories: failed with code 3"):
        service.run("Territories", [sys.executable, "-c", "raise SystemExit(3)"])


def test_each_failure_waits_longer_and_a_good_while_is_a_new_start() -> None:
    backoff = RestartBackoff(first=1, most=8, good=60)
    assert [backoff.failed(0.2) for _ in range(6)] == [1, 2, 4, 8, 8, 8]
    assert backoff.failed(59) == 8
    assert [backoff.failed(61), backoff.failed(0)] == [1, 2]
    assert RestartBackoff(failures=10_000).failed(0) == 8


def test_a_child_that_ends_by_itself_is_started_again(tmp_path: Path) -> None:
    told: list[str] = []
    service, starts = ProcessSupervisor(os.environ, told.append), tmp_path / "starts"
    starts.touch()
    code = f"open({str(starts)!r}, 'a').write('x'); raise SystemExit(5)"
    service.keep("worker", [sys.executable, "-c", code])
    while len(starts.read_text()) < 3:
        service.watch()
    service.stop()
    assert told[:2] == [
        "worker ended by itself (code 5): again in 0.5 s",
        "worker ended by itself (code 5): again in 1 s",
    ]


def test_what_a_killed_child_had_started_ends_before_it_is_started_again(tmp_path: Path) -> None:
    line, killed = tmp_path / "line", threading.Event()
    os.mkfifo(line)
    service = ProcessSupervisor(os.environ, lambda _text: killed.set())
    service.keep("shell", ["sh", "-c", f"exec 3>{line}; sleep 600 & echo ready >&3; kill -9 $$"])
    with line.open() as reader:
        assert reader.readline() == "ready\n"
        while not killed.is_set():
            service.watch()
        assert reader.read() == ""
    service.stop()


def test_stopping_reaches_the_children_of_the_children(tmp_path: Path) -> None:
    line = tmp_path / "line"
    os.mkfifo(line)
    service = ProcessSupervisor(os.environ)
    service.keep("shell", ["sh", "-c", f"exec 3>{line}; sleep 600 & echo ready >&3; wait"])
    with line.open() as reader:
        assert reader.readline() == "ready\n"
        service.stop()
        assert reader.read() == ""  # the end of the line: nobody holds it any more


def test_a_successor_takes_over_while_the_former_one_finishes(tmp_path: Path) -> None:
    """What it does not finish in time is ended, with all that it has started."""
    line = tmp_path / "line"
    os.mkfifo(line)
    service = ProcessSupervisor(os.environ)
    stubborn = f"trap '' TERM; exec 3>{line}; sleep 600 & echo ready >&3; wait; wait"
    service.keep("web", ["sh", "-c", stubborn])
    with line.open() as reader:
        assert reader.readline() == "ready\n"
        service.start_successor("web", ["sleep", "600"])
        assert service.successor_runs("web")
        service.hand_over("web", 0.5)
        assert service.has_retired("web")
        while service.has_retired("web"):
            service.watch()
        assert reader.read() == ""  # nobody holds the line any more
    assert service.runs("web")
    service.start_successor("web", ["sh", "-c", "exit 3"])
    while service.successor_runs("web"):
        service.watch()
    service.give_up_successor("web")
    assert service.runs("web")
    service.stop()
    assert not service.runs("web")


def make_programs(folder: Path, **programs: str) -> None:
    for name, code in programs.items():
        (folder / name).write_text(f"#!{sys.executable}\n{code}\n")
        (folder / name).chmod(0o755)


@pytest.fixture
def service_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A service whose programs are those of `tmp_path`, on a free port, with a database named."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("PORT", str(free.getsockname()[1]))
    monkeypatch.setattr(serve, "program", lambda name: str(tmp_path / name))
    return Settings(database_url="postgresql://db/mapservice", home=tmp_path / "var")


def test_asked_to_stop_it_ends_well(
    service_of: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = "import sys, time; time.sleep(600 if sys.argv[1] == 'worker' else 0)"
    make_programs(tmp_path, gunicorn=WEB_SERVER, mapservice=steps)
    assert serve.serve(service_of) == 0
    told = [line.partition("] ")[2] for line in capsys.readouterr().out.splitlines()]
    port = os.environ["PORT"]
    assert told == [
        "Database schema …",
        "Territories …",
        "Sample initiatives …",
        "Sample groups …",
        "Sample events …",
        "Starting …",
        f"Serving on http://127.0.0.1:{port} (Ctrl-C stops)",
        "Stopped (SIGTERM)",
    ]


def test_the_children_get_the_database_and_a_key_that_stays(
    service_of: Settings, tmp_path: Path
) -> None:
    names = "MAPSERVICE_DATABASE_URL", "MAPSERVICE_SECRET_KEY"
    told = tmp_path / "told"
    code = f"import os; print(*map(os.environ.get, {names}), file=open({str(told)!r}, 'a')); 1/0"
    make_programs(tmp_path, mapservice=code)
    assert serve.serve(service_of) == 1
    assert serve.serve(service_of) == 1
    first, second = told.read_text().splitlines()
    assert first == second
    url, key = first.split()
    assert url == "postgresql://db/mapservice"
    assert len(key) >= 32
    assert (service_of.home / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_migration_that_fails_stops_the_start(
    service_of: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_programs(tmp_path, mapservice="raise SystemExit(4)")
    assert serve.serve(service_of) == 1
    assert capsys.readouterr().err == "Database schema: failed with code 4\n"


def test_a_server_that_never_starts_stops_the_start(
    service_of: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = "import sys, time; time.sleep(600 if sys.argv[1] == 'worker' else 0)"
    make_programs(tmp_path, gunicorn="raise SystemExit(3)", mapservice=steps)
    assert serve.serve(service_of) == 1
    told = capsys.readouterr()
    assert told.err == "gunicorn ended by itself 3 times: stopping\n"
    assert "Serving on" not in told.out


def test_where_it_serves_is_known_while_it_does(tmp_path: Path) -> None:
    url = "postgresql://db/mapservice"
    assert public_address.address_of(tmp_path, url) is None
    with public_address.recorded(tmp_path, "http://127.0.0.1:8123", ["", url]):
        assert public_address.address_of(tmp_path, url) == "http://127.0.0.1:8123"
        assert public_address.address_of(tmp_path, "") == "http://127.0.0.1:8123"
        assert public_address.address_of(tmp_path, "postgresql://db/another") is None
        (kept,) = (tmp_path / "served").iterdir()
        left = kept.read_bytes()
    assert public_address.address_of(tmp_path, url) is None
    kept.write_bytes(left)  # as a killed process leaves it
    assert public_address.address_of(tmp_path, url) is None
