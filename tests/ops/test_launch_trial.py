"""The launch trial: what it asks for, how it reads answers, and what it calls a failure."""

import asyncio
import dataclasses
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest

from scripts.benchmarks.places import Place
from scripts.launch_trial import front, report
from scripts.launch_trial.keepalive import KeptConnections, Reply
from scripts.launch_trial.options import parse
from scripts.launch_trial.processes import CpuSample, family, sample
from scripts.launch_trial.visitors import Crowd, Told, tile_paths
from scripts.launch_trial.writers import Writes
from tests.outgoing.stand_in import Handler, StandIn, standing_in

Answer = TypeVar("Answer")

RENNES = Place("Rennes", "35000", 220_000, -1.68, 48.11)


def apart(work: Coroutine[Any, Any, Answer]) -> Answer:
    """In a thread of its own: in that of the tests a browser may have its loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def asked(stand_in: StandIn, *paths: str) -> list[Reply]:
    host, _, port = stand_in.netloc.partition(":")

    async def ask() -> list[Reply]:
        server = KeptConnections(host, int(port))
        found = [await server.get(path, "Accept: */*\r\n") for path in paths]
        server.close()
        return found

    return apart(ask())


def chunked(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    handler.close_connection = False


def cut_short(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "10")
    handler.end_headers()
    handler.wfile.write(b"abc")


def test_answers_are_read_to_their_end_and_connections_are_used_again() -> None:
    with standing_in() as server:
        server.routes["/chunked"] = chunked
        server.routes["/short"] = cut_short
        server.routes["/"] = lambda handler: handler.give(b"here", 503)
        found = asked(server, "/chunked", "/chunked", "/", "/", "/short", "/none")
    assert found == [
        Reply(200, 5),
        Reply(200, 5),
        Reply(503, 4),
        Reply(503, 4),
        Reply(0),
        Reply(404, 13),
    ]


def test_nobody_there_is_no_answer() -> None:
    with standing_in() as server:
        pass
    assert asked(server, "/") == [Reply(0)]


def test_an_open_is_a_page_a_style_twelve_tiles_and_a_list() -> None:
    with standing_in() as server:
        for path in ("/", "/tiles/style.json", "/initiatives", *tile_paths(RENNES)):
            server.routes[path] = lambda handler: handler.give(b"")
        host, _, port = server.netloc.partition(":")
        crowd = Crowd(KeptConnections(host, int(port)), [RENNES], ["35238"], 1)
        apart(crowd.open_maps(600, 0.2))
        paths = Counter(server.paths())
        languages = Counter(headers["Accept-Language"] for _, headers in server.asked)
        people = {headers["X-Forwarded-For"] for _, headers in server.asked}
    assert (crowd.told.begun, crowd.told.failed) == (2, {})
    assert len(set(tile_paths(RENNES))) == 12
    assert set(paths.values()) == {2}
    assert len(paths) == 15
    assert languages == {"fr": 15, "en": 15}
    assert len(people) == 2
    assert [len(found) for found in crowd.told.seconds.values()] == [2, 2, 24, 2]


def findings(told: Told) -> report.Findings:
    samples = [
        CpuSample({"nginx": 1.0, "gunicorn": 4.0}, 10, 20),
        CpuSample({"nginx": 2.0, "gunicorn": 12.0}, 29, 40),
    ]
    writes = Writes(1, "", [], 5)
    failures = Counter({"500 by the application": 1})
    return report.Findings(parse([]), 10.0, told, writes, samples, Counter(HIT=3, MISS=1), failures)


def test_what_is_slow_or_fails_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    told = Told(statuses={200: 98, 503: 1, 0: 1})
    told.seconds["page"] = [0.1] * 90 + [0.5] * 10
    found = findings(told)
    assert report.problems(found) == [
        "1 answers of status 503",
        "1 answers of status none",
        "page: p95 500 ms, more than 300",
    ]
    report.show(found)
    written = capsys.readouterr().out
    assert "| page | 100 | 100 | 500 | 500 | 500 |" in written
    assert "nginx's log tells of {'500 by the application': 1}" in written
    assert "| gunicorn | 0.80 | 42% |" in written
    assert "| all else on the machine | 1.00 | 53% |" in written
    assert "nginx had 75.0% of 4 tiles" in written
    assert "they saturate first; most of it by all else on the machine" in written


def test_a_generator_that_falls_behind_says_so() -> None:
    told = dataclasses.replace(Told(statuses={200: 1}), late=2.0)
    assert report.problems(findings(told)) == [
        "opens began up to 2.0 s late: the load generator was too slow"
    ]


def test_all_well_is_no_problem() -> None:
    assert report.problems(findings(Told(statuses={200: 5, 204: 2}))) == []


def test_the_processor_time_of_a_process_and_its_children_is_told() -> None:
    assert os.getpid() in family(os.getppid())
    found = sample({"ours": os.getpid()})
    assert found.parts["ours"] > 0
    assert 0 < found.busy < found.whole


def test_nginx_takes_our_configuration_with_places_of_this_machine(tmp_path: Path) -> None:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("no nginx on this machine")
    path = front.configured(tmp_path, 8159, 8158)
    done = subprocess.run([program, "-t", "-c", path], capture_output=True, text=True, check=False)
    assert "test is successful" in done.stderr, done.stderr
