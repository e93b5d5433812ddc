"""`mapservice serve` looks after its children: none ends unseen, none outlives it."""

import os
import socket
import sys
from pathlib import Path

import pytest

from mapservice import serve
from mapservice.errors import ConfigurationError
from mapservice.serve import Address, Service
from mapservice.settings import Settings

# Says that it is ready, then asks the service to stop.
WEB_SERVER = """
import http.server, os, signal
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        os.kill(os.getppid(), signal.SIGTERM)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Ready).serve_forever()
"""


def test_the_address_is_that_of_the_environment() -> None:
    assert Address.from_env({}).url == "http://127.0.0.1:8000"
    assert Address.from_env({"HOST": "::1", "PORT": "8123"}).url == "http://[::1]:8123"
    assert Address.from_env({"HOST": "0.0.0.0"}).url == "http://localhost:8000"


@pytest.mark.parametrize("port", ["0", "65536", "80x", "-1", "٨٠"])
def test_a_port_that_is_none_is_named(port: str) -> None:
    with pytest.raises(ConfigurationError, match="PORT must be a number from 1 to 65535"):
        Address.from_env({"PORT": port})


def test_a_taken_port_is_a_clear_message() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(ConfigurationError, match="Cannot listen on"):
            address.check_free()
    address.check_free()


def test_a_step_that_fails_is_named_with_its_code() -> None:
    service = Service(os.environ)
    with pytest.raises(ConfigurationError, match="Territories: failed with code 3"):
        service.run("Territories", [sys.executable, "-c", "raise SystemExit(3)"])


def test_a_child_that_ends_by_itself_is_noticed() -> None:
    service = Service(os.environ)
    service.start("worker", [sys.executable, "-c", "raise SystemExit(5)"])
    with pytest.raises(ConfigurationError, match=r"worker ended by itself \(code 5\)"):
        watch_without_end(service)


def watch_without_end(service: Service) -> None:
    while True:
        service.watch()


def test_stopping_reaches_the_children_of_the_children(tmp_path: Path) -> None:
    line = tmp_path / "line"
    os.mkfifo(line)
    service = Service(os.environ)
    service.start("shell", ["sh", "-c", f"exec 3>{line}; sleep 600 & echo ready >&3; wait"])
    with line.open() as reader:
        assert reader.readline() == "ready\n"
        service.stop()
        assert reader.read() == ""  # the end of the line: nobody holds it any more


def make_programs(folder: Path, **programs: str) -> None:
    for name, code in programs.items():
        (folder / name).write_text(f"#!{sys.executable}\n{code}\n")
        (folder / name).chmod(0o755)


@pytest.fixture
def service_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A service whose programs are those of `tmp_path`, on a free port, with a database named."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("PORT", str(free.getsockname()[1]))
    monkeypatch.setattr(serve, "_program", lambda name: str(tmp_path / name))
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
