"""Makes, starts and stops the server of one private cluster, as a user who may run it.

Nothing here knows who else uses the cluster: `cluster.py` decides when to call.
"""

import contextlib
import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from mapservice.db.binaries import find_binaries
from mapservice.errors import ConfigurationError, MapserviceError

ROLE = "mapservice"  # owns the database, may create others, is no superuser
SUPERUSER = "postgres"
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 107  # bytes of sockaddr_un.sun_path, less its closing NUL
START_SECONDS = 300  # recovery after a crash replays up to max_wal_size
STOP_SECONDS = 60
ORPHAN_SECONDS = 15
LOG_BYTES = 5_000_000
FIRST_NORMAL_OID = 16384  # below are objects that come with PostgreSQL (access/transam.h)

Command = Sequence[str | Path]

# PostGIS needs a superuser, so it goes into the template: every later database has it, and the
# service's own role needs no such right. An empty line ends a statement (`postgres --single -j`).
BOOTSTRAP = f"""\
CREATE EXTENSION postgis;

CREATE ROLE {ROLE} LOGIN CREATEDB;

CREATE DATABASE {ROLE} OWNER {ROLE};

"""


class ClusterError(MapserviceError):
    """The private cluster cannot be made, started or stopped; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ClusterPaths:
    """Where one cluster lives. `folder` is real: links are already followed."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    @property
    def keep(self) -> Path:
        return self.folder / "keep"

    @property
    def run(self) -> Path:
        """The socket's folder: `run/`, unless the system could not bind so long a path."""
        inside = self.folder / "run"
        if len(os.fsencode(inside / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
            return inside
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path("/", "tmp", f"mapservice-{name}")

    def url(self, role: str = ROLE, database: str = ROLE) -> str:
        """As libpq and SQLAlchemy read it; SQLAlchemy also wants `postgresql+psycopg`."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.run))}"


# --- the server's user -----------------------------------------------------------------------


def server_user() -> pwd.struct_passwd:
    """Who runs the server: `postgres` for root, else the person. Raises ConfigurationError."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise ConfigurationError(
            "PostgreSQL refuses to run as root, and there is no user `postgres` here: "
            "run this as another user, make that one, or set DATABASE_URL"
        ) from None


def _as_server(command: Command, text: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a command as the server's user, free of the caller's PG* variables and locale."""
    user, root = server_user(), os.geteuid() == 0
    return subprocess.run(
        command,
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        start_new_session=True,  # Ctrl-C in the terminal must not reach a server that starts
        cwd="/",
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        user=user.pw_uid if root else None,
        group=user.pw_gid if root else None,
        extra_groups=os.getgrouplist(user.pw_name, user.pw_gid) if root else None,
    )


def _must(command: Command, failure: str, text: str = "") -> None:
    done = _as_server(command, text)
    if done.returncode != 0:
        raise ClusterError(f"{failure}:\n{done.stdout.strip()}")


def _give_to_server(folder: Path) -> Path:
    """Makes `folder` (mode 0700, the server's). Raises ClusterError if it is somebody else's."""
    user = server_user()
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        os.chown(folder, user.pw_uid, user.pw_gid)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user.pw_uid:
        raise ClusterError(f"{folder} exists and is no folder of {user.pw_name}: remove it")
    folder.chmod(0o700)
    return folder


# --- the folder ------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time makes or starts anything in this folder."""
    lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def place(home: Path) -> ClusterPaths:
    """The cluster's place under `home`, made if need be. Raises ClusterError if not writable."""
    link = home / "postgres"
    try:
        home.mkdir(parents=True, exist_ok=True)
        with locked(home):
            if not link.is_dir():
                link.unlink(missing_ok=True)  # a link whose target has gone
                link.mkdir(mode=0o711)
                enter: Command = ["/bin/sh", "-c", 'cd -- "$1"', "sh", link.resolve()]
                if _as_server(enter).returncode != 0:
                    # The server's user cannot reach this place: the folder stands behind a link.
                    link.rmdir()
                    elsewhere = Path(tempfile.mkdtemp(prefix="mapservice-", dir="/var/lib"))
                    elsewhere.chmod(0o711)
                    link.symlink_to(elsewhere)
    except PermissionError as error:
        raise ClusterError(
            f"{error.filename} cannot be written: run as the user that owns {home}, "
            "or set MAPSERVICE_HOME"
        ) from error
    return ClusterPaths(link.resolve())


def _make_data(at: ClusterPaths) -> None:
    """A new data folder, complete or absent: it gets its name when all is done."""
    binaries = find_binaries()
    tell(f"making a private PostgreSQL {binaries.major} cluster in {at.folder}")
    draft = at.folder / "data.draft"
    shutil.rmtree(draft, ignore_errors=True)
    _give_to_server(draft)
    initdb: Command = [binaries.folder / "initdb", "-D", draft, "-U", SUPERUSER]
    access: Command = ["--auth-local=peer", "--auth-host=reject"]
    locale: Command = ["--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
    _must([*initdb, *access, *locale], "initdb failed")

    # Modest values for a small machine that also runs the service; memory in megabytes.
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    # Containers often have a /dev/shm of 64 MB, which parallel index builds overflow.
    shared_memory = 0
    with contextlib.suppress(OSError):
        shared_memory = shutil.disk_usage(Path("/dev", "shm")).total // 2**20
    tuning = {
        "listen_addresses": "",
        "max_connections": "100",
        "shared_buffers": f"{min(max(memory // 8, 128), 1024)}MB",
        "effective_cache_size": f"{max(memory // 2, 512)}MB",
        "work_mem": "32MB",
        "maintenance_work_mem": f"{min(max(memory // 16, 64), 512)}MB",
        "max_wal_size": "4GB",
        "random_page_cost": "1.1",
        "jit": "off",  # costs more than it gains in queries of a few milliseconds
        "max_parallel_workers_per_gather": "1",
        "dynamic_shared_memory_type": "posix" if shared_memory >= 512 else "mmap",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] ",
    }
    # Written once, so that `ALTER SYSTEM` may override it later.
    with (draft / "postgresql.conf").open("a") as settings:
        settings.write("\n# Set by mapservice when it made this cluster.\n")
        settings.writelines(f"{name} = '{value}'\n" for name, value in tuning.items())
    (draft / "pg_hba.conf").write_text("local all all peer map=checkout\n")
    people = sorted({"root", server_user().pw_name})
    lines = [f'checkout "{who}" {role}\n' for who in people for role in (ROLE, SUPERUSER)]
    (draft / "pg_ident.conf").write_text("".join(lines))

    # What the server makes in single-user mode would be numbered as its own, and left out of dumps.
    number: Command = [binaries.folder / "pg_resetwal", "-o", str(FIRST_NORMAL_OID), "-D", draft]
    _must(number, "pg_resetwal failed")
    single: Command = [binaries.folder / "postgres", "--single", "-j", "-D", draft]
    _must([*single, "-c", "exit_on_error=on", "template1"], "the new cluster failed", BOOTSTRAP)
    draft.rename(at.data)


# --- the server ------------------------------------------------------------------------------


def is_running(at: ClusterPaths) -> bool:
    """Whether the server that wrote `postmaster.pid` still works in this data folder."""
    pid = postmaster_pid(at)
    if not Path("/proc/self/cwd").exists():
        return bool(_signallable(pid))
    return pid is not None and _stands_in(Path("/proc", str(pid)), at)


def postmaster_pid(at: ClusterPaths) -> int | None:
    try:
        return int((at.data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def processes(at: ClusterPaths) -> set[int]:
    """Every server process stands in its data folder: no recycled pid is taken for one."""
    if not Path("/proc/self/cwd").exists():
        return _signallable(postmaster_pid(at))
    entries = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return {int(entry.name) for entry in entries if _stands_in(entry, at)}


def _stands_in(entry: Path, at: ClusterPaths) -> bool:
    try:
        return (entry / "cwd").readlink() == at.data
    except OSError:
        return False


def _signallable(pid: int | None) -> set[int]:
    """Without /proc (macOS): the pid of the file, when some process of ours has it."""
    if pid is None:
        return set()
    try:
        os.kill(pid, 0)
    except OSError:
        return set()
    return {pid}


def start(at: ClusterPaths, options: str = "") -> None:
    """Starts the server, on new data if there are none. Raises ClusterError when it does not."""
    if not at.data.exists():
        _make_data(at)
    pg_ctl = _pg_ctl(at)
    _give_to_server(at.run)
    _settle_crash(at)
    # One former log is kept, so that the two stay within some megabytes.
    if at.log.exists() and at.log.stat().st_size > LOG_BYTES:
        at.log.replace(at.log.with_suffix(".log.1"))
    # `pg_ctl` hands its -o to a shell, then the server reads a list: quoted for both.
    listed = str(at.run).replace('"', '""')
    folders = "'" + f'"{listed}"'.replace("'", "'\\''") + "'"
    settings = f"{options} -c unix_socket_directories={folders}"
    command: Command = [pg_ctl, "start", "-D", at.data, "-l", at.log, "-w"]
    done = _as_server([*command, "-t", str(START_SECONDS), "-o", settings])
    if done.returncode != 0:
        tail = done.stdout
        with contextlib.suppress(OSError):
            tail = "\n".join(at.log.read_text(errors="replace").splitlines()[-12:]) or tail
        raise ClusterError(f"the private cluster does not start; {at.log} ends with:\n{tail}")


def _settle_crash(at: ClusterPaths) -> None:
    """After a killed server: waits for its orphans, then removes the pid files it left.

    PostgreSQL itself refuses to start while any process has the pid in them: one that got it
    since, or what is left of the old server where nobody has yet waited for it (a container).
    An orphan in the middle of a computation notices the server's end only when it is done, so it
    is told to quit at once; what it had not committed is lost, as in a crash.
    """
    begun, told = time.monotonic(), False
    while orphans := processes(at):
        if time.monotonic() > begun + ORPHAN_SECONDS:
            raise ClusterError(f"processes of a killed server remain in {at.data}: {orphans}")
        if time.monotonic() > begun + ORPHAN_SECONDS / 3 and not told:
            told = True
            for pid in orphans:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGQUIT)
        time.sleep(0.1)
    (at.data / "postmaster.pid").unlink(missing_ok=True)
    for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        (at.run / name).unlink(missing_ok=True)


def stop(at: ClusterPaths) -> None:
    """Fast shutdown, then immediate: the latter loses nothing but makes the next start slower."""
    # A start that was interrupted may not yet have written its pid.
    patience = time.monotonic() + ORPHAN_SECONDS
    while processes(at) and not is_running(at) and time.monotonic() < patience:
        time.sleep(0.05)
    command: Command = [_pg_ctl(at), "stop", "-D", at.data, "-w"]
    if _as_server([*command, "-m", "fast", "-t", str(STOP_SECONDS)]).returncode == 0:
        return
    if is_running(at):
        _must([*command, "-m", "immediate", "-t", "20"], "the private cluster does not stop")


def _pg_ctl(at: ClusterPaths) -> Path:
    """Of the version that made the data. Raises ConfigurationError when that one has gone."""
    made_by = int((at.data / "PG_VERSION").read_text())
    try:
        return find_binaries(major=made_by).folder / "pg_ctl"
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{at.data} was made by PostgreSQL {made_by}, which is not here with PostGIS.\n"
            f"Install PostgreSQL {made_by} with PostGIS again (pg_dump then moves the data to a "
            f"newer one), or move {at.folder} away to begin with an empty database.\n{error}"
        ) from None


def tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
