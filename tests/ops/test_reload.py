"""New processes take over from those that serve, and nobody who asks meanwhile notices."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mapservice.cli.serve import program
from scripts.benchmarks.server import free_port
from tests.ops.running_site import REPOSITORY, Site, children, command_of, wait_for

pytestmark = pytest.mark.long

ASKERS = 3
RELOAD = """
from mapservice.cli import serve
from mapservice.cli.main import main
serve.PREPARATION = serve.PREPARATION[:1]
main()
"""


def reload(home: Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if "DATABASE_URL" not in name}
    return subprocess.run(
        [sys.executable, "-c", RELOAD, "reload"],
        cwd=REPOSITORY,
        env=environ | {"MAPSERVICE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def newest(site: Site, word: str) -> int:
    """Of the processes that it started with `word` in their commands."""
    return [pid for pid in children(site.process.pid) if word in command_of(pid)][-1]


class Askers:
    """Threads that ask all the time: on a new connection each, and on one that is kept."""

    def __init__(self, base: str, path: str) -> None:
        self.server, self.path = urlsplit(base).netloc, path
        self.statuses: list[int | str] = []
        self._ended = threading.Event()
        ways: list[Callable[[], None]] = [self._ask_anew] * ASKERS + [self._ask_on] * ASKERS
        self._threads = [threading.Thread(target=way) for way in ways]
        for thread in self._threads:
            thread.start()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.server, timeout=30)

    def _ask(self, client: http.client.HTTPConnection) -> None:
        client.request("GET", self.path)
        answer = client.getresponse()
        answer.read()
        self.statuses.append(answer.status)

    def _ask_anew(self) -> None:
        while not self._ended.wait(0.01):
            client = self._connect()
            try:
                self._ask(client)
            except (OSError, http.client.HTTPException) as error:
                self.statuses.append(repr(error))
            client.close()

    def _ask_on(self) -> None:
        """As each client of HTTP does: one that was kept may have been closed meanwhile."""
        client = self._connect()
        while not self._ended.wait(0.01):
            try:
                self._ask(client)
            except (OSError, http.client.HTTPException):
                client.close()
                try:
                    self._ask(client)
                except (OSError, http.client.HTTPException) as error:
                    self.statuses.append(repr(error))
        client.close()

    def close(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


@contextmanager
def asked(base: str, path: str = "/tiles/territories/5/15/11.pbf") -> Iterator[Askers]:
    askers = Askers(base, path)
    try:
        wait_for(lambda: len(askers.statuses) > 20 * ASKERS)
        yield askers
        so_far = len(askers.statuses)
        wait_for(lambda: len(askers.statuses) > so_far + 20 * ASKERS)
    finally:
        askers.close()


def test_a_reload_loses_no_request(own_site: Site, france_home: Path) -> None:
    before = own_site.child("gunicorn"), own_site.child("worker")
    download = http.client.HTTPConnection(urlsplit(own_site.base).netloc, timeout=60)
    download.request("GET", "/activity/commune.geojson")
    slow = download.getresponse()
    first = slow.read(10_000)
    with asked(own_site.base) as askers:
        done = reload(france_home)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "former processes finish what people download" in done.stdout
        after = newest(own_site, "gunicorn"), newest(own_site, "worker")
        assert not set(before) & set(after)
    assert set(askers.statuses) == {200}
    assert len(json.loads(first + slow.read())["features"]) > 30_000
    download.close()
    wait_for(lambda: not any(command_of(pid) for pid in before if pid))
    own_site.check_whole()
    assert (own_site.child("gunicorn"), own_site.child("worker")) == after


def test_where_the_new_processes_do_not_start_the_former_ones_go_on(
    own_site: Site,
    france_home: Path,
) -> None:
    before = own_site.child("gunicorn"), own_site.child("worker")
    broken = france_home / "basemap.json"
    broken.write_text("{")
    try:
        with asked(own_site.base) as askers:
            assert "basemap.json cannot be read" in reload(france_home).stderr
            os.kill(own_site.process.pid, signal.SIGUSR2)
            wait_for(lambda: "Not reloaded, the new gunicorn ended" in own_site.log.read_text())
    finally:
        broken.unlink()
    assert set(askers.statuses) == {200}
    assert (own_site.child("gunicorn"), own_site.child("worker")) == before
    assert reload(france_home).returncode == 0
    own_site.check_whole()
    assert own_site.child("gunicorn") not in (None, *before)


def test_where_nothing_runs_it_says_so(france_home: Path, tmp_path: Path) -> None:
    """Of another home, with the same server."""
    (tmp_path / "postgres").symlink_to((france_home / "postgres").resolve())
    done = reload(tmp_path)
    assert done.returncode == 1
    assert "no `mapservice serve` runs with this database" in done.stderr


def test_gunicorn_alone_gives_over_to_a_new_master(tmp_path: Path) -> None:
    """As others run it: SIGUSR2 to the master of the pid file, which then names the new one."""
    port, pid_file = free_port(), tmp_path / "pid"
    command = [program("gunicorn"), "-c", "python:mapservice.gunicorn_conf"]
    command += ["--pid", str(pid_file), "scripts.benchmarks.bare:app"]
    environ = os.environ | {"PORT": str(port), "HOST": "127.0.0.1", "WEB_CONCURRENCY": "2"}
    first = subprocess.Popen(command, cwd=REPOSITORY, env=environ, start_new_session=True)
    try:
        wait_for(pid_file.exists)
        assert int(pid_file.read_text()) == first.pid
        with asked(f"http://127.0.0.1:{port}", "/") as askers:
            first.send_signal(signal.SIGUSR2)
            assert first.wait(60) == 0
            wait_for(lambda: pid_file.exists() and pid_file.read_text() != f"{first.pid}\n")
        assert set(askers.statuses) == {200}
        second = int(pid_file.read_text())
        assert second != first.pid
        assert len(children(second)) == 2
    finally:
        os.killpg(first.pid, signal.SIGTERM)
        wait_for(lambda: not pid_file.exists())
