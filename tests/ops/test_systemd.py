"""The units of deploy/systemd: hardened, and calling what there is."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = ("mapservice", "mapservice-backup", "mapservice-verify")
# Of ten, as `systemd-analyze security` counts; "OK" ends at 4.
MOST_EXPOSED = 2


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_hardened(repository: Path, name: str) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd on this machine")
    done = subprocess.run(
        [
            "systemd-analyze",
            "security",
            "--offline=true",
            f"--threshold={MOST_EXPOSED * 10}",
            "--no-pager",
            repository / "deploy" / "systemd" / f"{name}.service",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-300:] + done.stderr[-300:]


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_calls_what_the_checkout_has(repository: Path, name: str) -> None:
    text = (repository / "deploy" / "systemd" / f"{name}.service").read_text()
    (called,) = re.findall(r"^ExecStart=/opt/mapservice/(\S+)", text, re.M)
    assert called == ".venv/bin/mapservice" or (repository / called).stat().st_mode & 0o111
    # Photos are read in a process with limits of its own, which it has to be able to set.
    assert "@resources" not in text


def test_the_script_of_backups_makes_tries_and_tidies(repository: Path, tmp_path: Path) -> None:
    """With a `mapservice` that says what it was asked."""
    program = tmp_path / "mapservice"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    script, folder = repository / "deploy" / "backup.sh", tmp_path / "kept"

    def run(*words: str) -> list[str]:
        environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "MAPSERVICE_BACKUP_DAYS": "9"}
        done = subprocess.run(
            [script, *words], env=environ, capture_output=True, text=True, check=False
        )
        return done.stdout.splitlines()

    made, tidied = run("create", str(folder))
    assert re.fullmatch(rf"backup create {folder}/\d{{4}}-\d\d-\d\dT\d{{6}}", made)
    assert tidied == f"backup prune {folder} --days 9"
    assert run("verify", str(folder)) == [f"backup verify --newest {folder}"]
