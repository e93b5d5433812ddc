"""The cluster of deploy/cluster: its files can be read, and its primary may be killed."""

import shutil
import string
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mapservice.db.binaries import find_binaries
from mapservice.errors import ConfigurationError

FILES = "patroni.yml", "haproxy.cfg"
PROGRAMS = ("patroni", "etcd", "haproxy")


def filled(repository: Path, name: str) -> str:
    """With a port for whatever is to be filled in."""
    template = string.Template((repository / "deploy" / "cluster" / name).read_text())
    return template.substitute(dict.fromkeys(template.get_identifiers(), "5432"))


def test_what_was_acknowledged_is_on_two_nodes(repository: Path) -> None:
    node = yaml.safe_load(filled(repository, "patroni.yml"))
    settings = node["bootstrap"]["dcs"]
    assert settings["synchronous_mode"] is True
    # Patroni's own rule, without which a primary could outlive its lock.
    assert settings["loop_wait"] + 2 * settings["retry_timeout"] <= settings["ttl"]


def test_haproxy_reads_its_file(repository: Path, tmp_path: Path) -> None:
    if not shutil.which("haproxy"):
        pytest.skip("no haproxy on this machine")
    words = filled(repository, "haproxy.cfg")
    for number in (1, 2, 3):
        words = words.replace("server 5432 ", f"server node{number} ", 1)
    words = words.replace(" 5432:5432 ", " 127.0.0.1:5432 ").replace(
        "bind 5432:", "bind 127.0.0.1:"
    )
    (tmp_path / "haproxy.cfg").write_text(words)
    done = subprocess.run(
        ["haproxy", "-c", "-f", tmp_path / "haproxy.cfg"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_a_killed_primary_costs_seconds_and_no_write(repository: Path) -> None:
    if missing := [name for name in PROGRAMS if not shutil.which(name)]:
        pytest.skip(f"not on this machine: {', '.join(missing)}")
    try:
        find_binaries()
    except ConfigurationError:
        pytest.skip("no PostgreSQL with PostGIS on this machine")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "scripts.cluster_trial",
            "--faults",
            "postmaster",
            "--read-budget",
            "10",
        ],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 of them lost;" in done.stdout
    assert "nothing runs any more" in done.stdout
