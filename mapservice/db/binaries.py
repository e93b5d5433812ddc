"""Which PostgreSQL of this machine can carry the service: 15 or later, with PostGIS 3.3 or later.

A machine may hold several; the one on the PATH is often not the one that has PostGIS. A version
counts only if its own extension folder has `postgis.control`.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mapservice.errors import ConfigurationError

POSTGRES_MINIMUM = 15
POSTGIS_MINIMUM = (3, 3)
PROGRAMS = ("postgres", "initdb", "pg_ctl")
CLIENT_PROGRAMS = ("pg_dump", "pg_restore", "psql")

# Where Debian, Red Hat (PGDG), Alpine, Homebrew and Postgres.app put several versions side by side.
LAYOUTS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/libexec/postgresql*",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)

INSTALL_HINT = """\
PostgreSQL >= 15 with PostGIS >= 3.3 is needed. Either install it:
  Debian, Ubuntu   apt-get install postgresql-17 postgresql-17-postgis-3
                   (or the version that `apt-cache search postgis-3` shows)
  Fedora           dnf install postgresql-server postgis
  macOS            brew install postgresql@17 postgis
or set DATABASE_URL to a server that has it, such as postgresql://user:password@host/database"""


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """One usable installation; `postgis` is the version its extension folder would create."""

    folder: Path
    major: int
    postgis: str


def find_binaries(
    folders: Iterable[Path] | None = None, major: int | None = None
) -> PostgresBinaries:
    """The newest usable installation, or that of `major`. Raises ConfigurationError."""
    found = list(map(inspect, installed() if folders is None else folders))
    usable = [each for each in found if isinstance(each, PostgresBinaries)]
    wanted = [each for each in usable if major in (None, each.major)]
    if wanted:
        return max(wanted, key=lambda each: each.major)
    reasons = [f"\nFound, but not usable: {each}" for each in found if isinstance(each, str)]
    raise ConfigurationError(INSTALL_HINT + "".join(reasons))


def find_clients(major: int) -> Path:
    """The folder of `pg_dump`, `pg_restore` and `psql` for a server of that version.

    Those of its own version, else of the next later one: an older pg_dump refuses a newer server,
    and what a newer one writes an older server may not understand. Raises ConfigurationError.
    """
    root = Path("/")
    folders = [folder for layout in LAYOUTS for folder in root.glob(layout.lstrip("/"))]
    on_path = map(shutil.which, CLIENT_PROGRAMS)
    folders += [Path(path).parent for path in on_path if path]
    versions: dict[int, Path] = {}
    for folder in folders:
        if all((folder / program).is_file() for program in CLIENT_PROGRAMS):
            told = re.search(r"\) (\d+)", _output(folder / "pg_dump", "--version"))
            if told:
                versions.setdefault(int(told[1]), folder)
    usable = sorted(version for version in versions if version >= major)
    if usable:
        return versions[usable[0]]
    found = ", ".join(map(str, sorted(versions))) or "none"
    raise ConfigurationError(
        f"pg_dump, pg_restore and psql of PostgreSQL {major} or later are needed (found: {found}): "
        f"apt-get install postgresql-client-{major}"
    )


def installed() -> Iterator[Path]:
    """Program folders of every PostgreSQL here, each once: known layouts, then the PATH."""
    root = Path("/")
    folders = [folder for layout in LAYOUTS for folder in root.glob(layout.lstrip("/"))]
    on_path = map(shutil.which, ("postgres", "pg_ctl"))
    folders += [Path(path).resolve().parent for path in on_path if path]
    if pg_config := shutil.which("pg_config"):
        folders.append(Path(_output(Path(pg_config), "--bindir") or "/nonexistent"))
    seen: set[Path] = set()
    for folder in folders:
        if (folder / "postgres").is_file() and folder.resolve() not in seen:
            seen.add(folder.resolve())
            yield folder


def inspect(folder: Path) -> PostgresBinaries | str:
    """The installation in `folder`, or the reason why it cannot serve, for a person to read."""
    missing = [program for program in PROGRAMS if not (folder / program).is_file()]
    if missing:
        return f"{folder}: {', '.join(missing)} missing"
    version = re.search(r"(\d+)", _output(folder / "postgres", "--version"))
    if version is None or int(version[1]) < POSTGRES_MINIMUM:
        return f"{folder}: PostgreSQL {version[1] if version else 'of unknown version'} is too old"
    major = int(version[1])
    postgis = _postgis_version(folder, major)
    if postgis is None:
        return f"{folder}: PostgreSQL {major} without PostGIS"
    if tuple(int(part) for part in postgis.split(".")[:2]) < POSTGIS_MINIMUM:
        return f"{folder}: PostgreSQL {major} with PostGIS {postgis}, too old"
    return PostgresBinaries(folder, major, postgis)


def _postgis_version(folder: Path, major: int) -> str | None:
    """The version of `postgis.control` in the extension folder of this installation."""
    shares = [folder.parent / "share", folder.parent / "share" / "postgresql"]
    if (folder / "pg_config").is_file() and (share := _output(folder / "pg_config", "--sharedir")):
        shares = [Path(share)]
    elif folder.is_relative_to("/usr/lib/postgresql"):
        # Debian's server package has no `pg_config`: its layout is known.
        shares = [Path(f"/usr/share/postgresql/{major}")]
    for share_folder in shares:
        control = share_folder / "extension" / "postgis.control"
        if control.is_file():
            version = re.search(r"default_version\s*=\s*'(\d+\.\d+[^']*)'", control.read_text())
            return version[1] if version else None
    return None


def _output(program: Path, option: str) -> str:
    try:
        done = subprocess.run([program, option], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
