"""The private cluster: who may use it, who stops it, and what it survives."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from mapservice.db import cluster
from mapservice.db.cluster import ClusterLease, running
from mapservice.db.postmaster import ClusterError, ClusterPaths, is_running, place, postmaster_pid
from mapservice.errors import ConfigurationError


def ask(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question.encode()).fetchone()
    return row[0] if row else None


def test_the_role_is_no_superuser_yet_every_new_database_has_postgis(cluster_home: Path) -> None:
    with running(cluster_home) as url:
        assert ask(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE another")
        other = place(cluster_home).url(database="another")
        assert ask(other, "SELECT st_astext(st_point(2.36, 48.97, 4326))") == "POINT(2.36 48.97)"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP DATABASE another")


def test_its_dumps_bring_the_extension_along(cluster_home: Path) -> None:
    """`pg_dump` takes objects of a number below 16384 for PostgreSQL's own."""
    with running(cluster_home) as url:
        question = "SELECT min(oid::bigint) FROM pg_extension WHERE extname = 'postgis'"
        lowest = ask(url, question)
    assert isinstance(lowest, int)
    assert lowest >= 16384


def test_it_listens_on_a_socket_of_a_private_folder_only(cluster_home: Path) -> None:
    with running(cluster_home) as url:
        assert ask(url, "SHOW listen_addresses") == ""
        assert place(cluster_home).run.stat().st_mode & 0o777 == 0o700


def test_the_last_of_two_holders_stops_it(cluster_home: Path) -> None:
    first, second = ClusterLease(cluster_home), ClusterLease(cluster_home)
    first.release()
    assert is_running(second.place)
    second.release()
    assert not is_running(second.place)


def test_a_holder_that_was_killed_does_not_keep_it_up(cluster_home: Path) -> None:
    code = "import sys; from pathlib import Path; from mapservice.db.cluster import ClusterLease; "
    code += "hold = ClusterLease(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, cluster_home], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        other.kill()
    assert is_running(place(cluster_home))
    ClusterLease(cluster_home).release()
    assert not is_running(place(cluster_home))


def test_a_forked_child_does_not_give_back_its_parents_hold(cluster_home: Path) -> None:
    with running(cluster_home):
        hold = ClusterLease(cluster_home)
        child = os.fork()
        if child == 0:
            hold.release()
            os._exit(0)
        os.waitpid(child, 0)
        code = "import sys; from pathlib import Path; from mapservice.db.cluster import stop; "
        code += "stop(Path(sys.argv[1]))"
        asked = subprocess.run(
            [sys.executable, "-c", code, cluster_home], capture_output=True, check=False
        )
        assert b"the cluster is in use" in asked.stderr
        assert is_running(hold.place)
        hold.release()


def test_started_by_hand_it_runs_until_stopped_by_hand(cluster_home: Path) -> None:
    cluster.start(cluster_home)
    ClusterLease(cluster_home).release()
    assert cluster.status(cluster_home).startswith("running, pid ")
    cluster.stop(cluster_home)
    assert cluster.status(cluster_home).startswith("stopped;")


def test_stopping_it_under_somebody_is_refused(cluster_home: Path) -> None:
    with (
        running(cluster_home),
        pytest.raises(ClusterError, match="in use: it stops when its last user has ended"),
    ):
        cluster.stop(cluster_home)


def test_what_was_written_survives_a_killed_server(cluster_home: Path) -> None:
    with running(cluster_home) as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 'Pierrefitte-sur-Seine' AS name")
        kill(postmaster_pid(place(cluster_home)))
    with running(cluster_home) as url:
        assert ask(url, "SELECT name FROM kept") == "Pierrefitte-sur-Seine"


def kill(pid: int | None) -> None:
    """Returns when it is dead."""
    assert pid is not None
    end = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    select.select([end], [], [])
    os.close(end)


def test_a_pid_given_to_another_process_since_is_not_taken_for_the_server(
    cluster_home: Path,
) -> None:
    at = place(cluster_home)
    (at.data / "postmaster.pid").write_text(f"{os.getpid()}\n{at.data}\n")
    assert not is_running(at)
    with running(cluster_home) as url:
        assert ask(url, "SELECT 1") == 1


def test_data_of_a_version_that_has_gone_are_left_alone_with_a_clear_message(
    cluster_home: Path,
) -> None:
    version = place(cluster_home).data / "PG_VERSION"
    made_by = version.read_text()
    version.write_text("99\n")
    try:
        with pytest.raises(ConfigurationError, match="was made by PostgreSQL 99, which is not"):
            ClusterLease(cluster_home)
    finally:
        version.write_text(made_by)


def test_a_home_that_the_servers_user_may_not_enter_gets_a_link(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root runs the server as another user")
    tmp_path.chmod(0o700)
    at = place(tmp_path / "var")
    try:
        assert (tmp_path / "var" / "postgres").is_symlink()
        assert at.folder.parent == Path("/var/lib")
        assert at == place(tmp_path / "var")
    finally:
        at.folder.rmdir()


def test_a_deep_folder_has_its_socket_in_a_short_one() -> None:
    deep = ClusterPaths(Path("/srv") / ("a" * 90))
    assert deep.run.parent == Path("/tmp")
    assert len(str(deep.run / ".s.PGSQL.5432")) <= 107
    assert ClusterPaths(Path("/srv/var")).run == Path("/srv/var/run")


def test_a_throwaway_cluster_ends_with_its_command(cluster_home: Path) -> None:
    code = "import os; print(os.environ['MAPSERVICE_TEST_DATABASE_URL'])"
    command = [sys.executable, "-m", "mapservice.db.cluster", "throwaway", "--"]
    done = subprocess.run(
        [*command, sys.executable, "-c", f"{code}; raise SystemExit(7)"],
        stdout=subprocess.PIPE,
        check=False,
    )
    assert done.returncode == 7
    folder = Path(done.stdout.decode().strip().partition("host=")[2])
    assert folder.name == "run"
    assert not folder.exists()
