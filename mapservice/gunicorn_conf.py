"""Gunicorn's settings, of scripts/start and of the container: `python:mapservice.gunicorn_conf`.

The application is loaded once, before the workers are forked, so that they share the memory of
the geocoder's index.
"""

import contextlib
import gc
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mapservice.cli.supervisor import READY

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.base import Worker

_SHARED_MEMORY = Path("/dev", "shm")
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_HOST = os.environ.get("HOST") or "127.0.0.1"

wsgi_app = "mapservice.app:create_served_app()"
bind = f"{f'[{_HOST}]' if ':' in _HOST else _HOST}:{os.environ.get('PORT') or '8000'}"
workers = int(os.environ.get("WEB_CONCURRENCY") or min(max(2 * _CORES, 2), 8))
worker_class = "mapservice.web.gunicorn_worker.OperatorsFirstWorker"
threads = 4
preload_app = True

timeout = 60
graceful_timeout = 15
keepalive = 5
limit_request_line = 8190  # a longer one is refused before it reaches us

# A heartbeat on a slow disk makes healthy workers look dead.
worker_tmp_dir = str(_SHARED_MEMORY) if os.access(_SHARED_MEMORY, os.W_OK) else None
no_control_socket = True  # nobody uses it, and it would need a writable folder
accesslog = None  # `ServerLog` writes one of ours, without addresses
errorlog = "-"
logger_class = "mapservice.web.server_log.ServerLog"
# The scheme, too, is for the application to find out: MAPSERVICE_TRUSTED_PROXIES.
secure_scheme_headers: dict[str, str] = {}
loglevel = os.environ.get("LOG_LEVEL") or "warning"


SHARED_VALUES = "PROMETHEUS_MULTIPROC_DIR"


def metrics_folder() -> Path:
    """A folder for the values of all our processes, made before these; those of the dead go."""
    root = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    parent = root / f"mapservice-metrics-{os.geteuid()}"
    parent.mkdir(mode=0o700, exist_ok=True)
    for former in parent.iterdir():
        with contextlib.suppress(ValueError, PermissionError):
            try:
                os.kill(int(former.name), 0)
            except ProcessLookupError:
                shutil.rmtree(former, ignore_errors=True)
    own = parent / str(os.getpid())
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    return own


# Now, and not by `raw_env`: prometheus_client reads it when it is imported, as our log does.
os.environ[SHARED_VALUES] = str(metrics_folder())


def child_exit(server: object, worker: "Worker") -> None:
    """What a process held at this moment, it no longer holds; what it counted stays counted."""
    from prometheus_client.multiprocess import mark_process_dead

    del server
    mark_process_dead(worker.pid)


# The master that this one is to replace: after SIGUSR2 its parent.
_former_master = 0


def post_worker_init(worker: "Worker") -> None:
    """The first process that can answer says so; the former master then leaves, and its processes
    finish what they have begun."""
    del worker
    with contextlib.suppress(OSError):
        if os.environ.get(READY):
            os.write(int(os.environ[READY]), b".")
    if _former_master:
        with contextlib.suppress(ProcessLookupError):
            os.kill(_former_master, signal.SIGTERM)


def pre_fork(server: "Arbiter", worker: object) -> None:
    """Keeps the collector off what was loaded before: touched pages are no longer shared."""
    global _former_master
    del worker
    gc.freeze()
    _former_master = server.master_pid if server.master_pid == os.getppid() else 0
