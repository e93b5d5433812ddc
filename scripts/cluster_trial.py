"""`scripts/cluster-trial`: what deploy/cluster does when its primary is lost under writers.

Everything runs on this machine, in a folder of its own under /var/tmp, and is ended by the ids that
were noted when it was started. Of root each node has a network namespace, so that its network can
be cut; else all stand on the loopback, and no network is cut.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import string
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import Error as DriverError
from psycopg import sql
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mapservice.db.address import each_server
from mapservice.db.binaries import find_binaries
from mapservice.db.engine import make_engine
from mapservice.db.postmaster import server_user
from mapservice.errors import ConfigurationError, MapserviceError
from mapservice.web.replicas import Replicas, ServerEngines
from scripts import cluster_throughput
from scripts.benchmarks.server import free_port
from scripts.cluster_network import HOST, Loopback, Machines, Namespaces, can_be_cut

CONFIGURATION = Path(__file__).resolve().parents[1] / "deploy" / "cluster"
NODES = 3
SECRET = "for-the-loopback-alone"
PROGRAMS = ("patroni", "etcd", "haproxy")
WHOLE_SECONDS, END_SECONDS = 120, 30
WRITERS, PROXY_WRITERS, READERS = 4, 2, 2
MULTI_HOST, PROXY, READS, STANDBYS = "multi-host", "HAProxy", "any server", "standbys"
WAYS = {MULTI_HOST: WRITERS, PROXY: PROXY_WRITERS, READS: READERS, STANDBYS: READERS}
# Seconds without writes that each fault may cost, and without reads by standbys.
BUDGETS = {
    "postmaster": 10,
    "node": 30,
    "stopped": 30,
    "etcd": 10,
    "synchronous": 10,
    # Patroni's `ttl`: after an outage of etcd a standby may hear late that the lock is free, since
    # what it watches etcd by is dead until then.
    "switchover": 20,
    "partition": 30,
    "peers": 30,
}
CUTS = {"partition", "peers"}
READ_BUDGET = 1.0  # of a machine that has time for it
PAUSE = 0.05
DELAY_SECONDS = 10.0
ETCD_SECONDS = 40  # of loss: twice what a lock of the primary holds without it


def tell(words: str) -> None:
    print(words, flush=True)


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise ConfigurationError(f"{what}: not within {seconds:g} s")
        time.sleep(0.2)


def children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def signal_all(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


# --- the cluster -----------------------------------------------------------------------------


@dataclass(slots=True)
class Node:
    """One Patroni, and the server that it keeps."""

    number: int
    folder: Path
    address: str
    port: int = field(default_factory=free_port)
    rest_port: int = field(default_factory=free_port)
    patroni: "subprocess.Popen[bytes] | None" = None

    @property
    def name(self) -> str:
        return f"node{self.number}"

    @property
    def postmaster(self) -> int | None:
        with contextlib.suppress(OSError, ValueError):
            return int((self.folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
        return None

    def processes(self) -> list[int]:
        """Patroni, the postmaster and its children, whoever of them lives."""
        master = self.postmaster
        found = [self.patroni.pid] if self.patroni else []
        found += [master, *children(master)] if master else []
        return [pid for pid in found if is_alive(pid)]


class Cluster:
    """Three etcd, three nodes and HAProxy, from the files of deploy/cluster."""

    def __init__(self, folder: Path, machines: Machines) -> None:
        self.folder, self.user, self.machines = folder, server_user(), machines
        self.started: list[subprocess.Popen[bytes]] = []
        self.noted: set[int] = set()  # servers that Patroni started
        self.etcd: dict[str, tuple[list[str], subprocess.Popen[bytes]]] = {}
        self.proxy_port = free_port()
        self.nodes = [
            Node(number, folder / f"node{number}", machines.address(number))
            for number in range(1, NODES + 1)
        ]
        for node in self.nodes:
            node.folder.mkdir(mode=0o700)
            os.chown(node.folder, self.user.pw_uid, self.user.pw_gid)

    def start(self) -> None:
        clients = [free_port() for _ in range(NODES)]
        peers = [free_port() for _ in range(NODES)]
        members = ",".join(
            f"etcd{node.number}=http://{node.address}:{port}"
            for node, port in zip(self.nodes, peers, strict=True)
        )
        for node, client, peer in zip(self.nodes, clients, peers, strict=True):
            served, other = f"http://{node.address}:{client}", f"http://{node.address}:{peer}"
            name = f"etcd{node.number}"
            words = ["--name", name, "--data-dir", str(self.folder / name)]
            words += ["--listen-client-urls", served, "--advertise-client-urls", served]
            words += ["--listen-peer-urls", other, "--initial-advertise-peer-urls", other]
            words += ["--initial-cluster", members, "--initial-cluster-state", "new"]
            command = self.machines.within(node.number, ["etcd", *words], None)
            self.etcd[name] = command, self._run(name, command)
        values = {
            "address": HOST,
            "network": self.machines.network,
            "etcd_hosts": ",".join(
                f"{node.address}:{port}" for node, port in zip(self.nodes, clients, strict=True)
            ),
            "programs": str(find_binaries().folder),
            "superuser_password": SECRET,
            "replication_password": SECRET,
        }
        for number, node in enumerate(self.nodes, 1):
            own = {"node": node.name, "folder": str(node.folder), "address": node.address}
            own |= {"port": str(node.port), "rest_port": str(node.rest_port)}
            self._write(node.folder / "patroni.yml", "patroni.yml", values | own)
            values |= {f"node{number}": node.name, f"address{number}": node.address}
            values |= {f"port{number}": str(node.port), f"rest_port{number}": str(node.rest_port)}
            self.start_node(node)
        values["proxy_port"] = str(self.proxy_port)
        self._write(self.folder / "haproxy.cfg", "haproxy.cfg", values)
        self._run("haproxy", ["haproxy", "-db", "-f", str(self.folder / "haproxy.cfg")])

    def lose_etcd(self, count: int) -> None:
        for _, process in list(self.etcd.values())[:count]:
            process.kill()
            process.wait()

    def start_etcd(self) -> None:
        """Whatever of it has ended; each remembers whom it belongs to."""
        for name, (command, process) in self.etcd.items():
            if process.poll() is not None:
                self.etcd[name] = command, self._run(name, command)

    def switch_over(self) -> None:
        """As an operator does it: to the synchronous standby. Raises OSError if Patroni refuses."""
        wanted = {"leader": self.leader().name, "candidate": self.synchronous().name}
        asked = urllib.request.Request(
            f"http://{self.leader().address}:{self.leader().rest_port}/switchover",
            json.dumps(wanted).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=30):
            pass

    def start_node(self, node: Node) -> None:
        user = self.user if os.geteuid() == 0 else None
        words = ["patroni", str(node.folder / "patroni.yml")]
        node.patroni = self._run(node.name, self.machines.within(node.number, words, user))

    def _write(self, path: Path, name: str, values: dict[str, str]) -> None:
        words = string.Template((CONFIGURATION / name).read_text(encoding="utf-8"))
        path.write_text(words.substitute(values), encoding="utf-8")
        path.chmod(0o644)

    def _run(self, name: str, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        self.started.append(process)
        return process

    def members(self) -> list[dict[str, object]]:
        """As whichever Patroni answers first has them."""
        for node in self.nodes:
            with contextlib.suppress(OSError, ValueError):
                address = f"http://{node.address}:{node.rest_port}/cluster"
                with urllib.request.urlopen(address, timeout=2) as answer:
                    return list(json.load(answer)["members"])
        return []

    def is_whole(self) -> bool:
        found = self.members()
        for node in self.nodes:
            self.noted |= {pid for pid in [node.postmaster] if pid}
        leaders = sum(one["role"] == "leader" and one["state"] == "running" for one in found)
        streaming = sum(one["state"] == "streaming" for one in found)
        synchronous = sum(one["role"] == "sync_standby" for one in found)
        return (leaders, streaming, synchronous) == (1, NODES - 1, 1)

    def leader(self) -> Node:
        (name,) = [one["name"] for one in self.members() if one["role"] == "leader"]
        return next(node for node in self.nodes if node.name == name)

    def synchronous(self) -> Node:
        (name,) = [one["name"] for one in self.members() if one["role"] == "sync_standby"]
        return next(node for node in self.nodes if node.name == name)

    def url(self, way: str) -> str:
        if way == PROXY:
            hosts = f"{HOST}:{self.proxy_port}"
        else:
            hosts = ",".join(f"{node.address}:{node.port}" for node in self.nodes)
        more = "?target_session_attrs=any&load_balance_hosts=random" if way == READS else ""
        return f"postgresql://mapservice:{SECRET}@{hosts}/mapservice{more}"

    def url_of(self, node: Node) -> str:
        return f"postgresql://mapservice:{SECRET}@{node.address}:{node.port}/mapservice"

    def prepare(self) -> None:
        """The role, the database and the ledger, as the superuser at the primary."""
        leader = self.leader()
        root = f"postgresql://postgres:{SECRET}@{leader.address}:{leader.port}"
        with psycopg.connect(f"{root}/postgres", autocommit=True) as server:
            role = "CREATE ROLE mapservice LOGIN PASSWORD {}"
            server.execute(sql.SQL(role).format(sql.Literal(SECRET)))
            server.execute("CREATE DATABASE mapservice OWNER mapservice")
        with psycopg.connect(f"{root}/mapservice", autocommit=True) as server:
            server.execute("CREATE EXTENSION postgis")
            server.execute("CREATE TABLE ledger (id uuid PRIMARY KEY)")
            server.execute("ALTER TABLE ledger OWNER TO mapservice")

    def end(self) -> list[int]:
        """Ends all; returns the ids of what would not end kindly."""
        for node in self.nodes:
            self.noted |= set(node.processes())
        for process in reversed(self.started):
            process.terminate()
        patience = time.monotonic() + END_SECONDS
        for process in self.started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(patience - time.monotonic(), 0.1))
        pids = {process.pid for process in self.started} | self.noted
        while any(map(is_alive, pids)) and time.monotonic() < patience:
            time.sleep(0.1)
        left = [pid for pid in pids if is_alive(pid) and self._is_ours(pid)]
        signal_all(left, signal.SIGKILL)
        for process in self.started:
            process.wait()
        return left

    def _is_ours(self, pid: int) -> bool:
        """No process that was given the id of one of ours since."""
        with contextlib.suppress(OSError):
            stands_in = Path(f"/proc/{pid}/cwd").readlink().is_relative_to(self.folder)
            return stands_in or any(process.pid == pid for process in self.started)
        return False


# --- who writes and reads --------------------------------------------------------------------


class Ledger:
    """Writes by several ways at once, each row once and with an id of its own; and reads."""

    def __init__(self, cluster: Cluster) -> None:
        self.acknowledged: set[str] = set()
        self.in_doubt: set[str] = set()
        self.moments: dict[str, list[float]] = {way: [] for way in WAYS}
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._engines = {
            way: make_engine(cluster.url(way), pool_size=WRITERS, statement_timeout_ms=8000)
            for way in self.moments
            if way != STANDBYS
        }
        self._standbys = standbys_of(cluster)
        self._threads = [
            threading.Thread(target=self._read_standbys)
            if way == STANDBYS
            else threading.Thread(target=self._work, args=(way, self._engines[way]))
            for way, count in WAYS.items()
            for _ in range(count)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        self.wait_until_it_grows(WHOLE_SECONDS)

    def _work(self, way: str, engine: Engine) -> None:
        while not self._ended.wait(PAUSE):
            one = str(uuid4())
            try:
                if way == READS:
                    with engine.connect() as connection:
                        connection.execute(text("SELECT count(*) FROM ledger"))
                else:
                    with engine.begin() as connection:
                        connection.execute(text("INSERT INTO ledger VALUES (:id)"), {"id": one})
            except (DBAPIError, PoolTimeout):
                with self._lock:
                    self.in_doubt.add(one)
                continue
            with self._lock:
                self.moments[way].append(time.monotonic())
                if way != READS:
                    self.acknowledged.add(one)

    def _read_standbys(self) -> None:
        """As a request of the service does: one that is fit, else the primary, else any."""
        self._standbys.start(os.getpid())
        while not self._ended.wait(PAUSE):
            tried: set[str] = set()
            found = self._standbys.fit_for(0)
            for _ in range(NODES):
                engine = found.autocommit if found else self._engines[MULTI_HOST]
                try:
                    with engine.connect() as connection:
                        connection.execute(text("SELECT count(*) FROM ledger"))
                except (DBAPIError, DriverError, PoolTimeout):
                    if found:
                        tried.add(found.name)
                        self._standbys.give_up(found.name)
                    found = self._standbys.last_resort(tried)
                else:
                    with self._lock:
                        self.moments[STANDBYS].append(time.monotonic())
                    break

    def wait_until_it_grows(self, seconds: float) -> None:
        since = time.monotonic()
        for way in self.moments:
            wait_for(partial(self._grows, way, since), seconds, way)

    def _grows(self, way: str, since: float) -> bool:
        with self._lock:
            return sum(moment > since for moment in self.moments[way]) > 10

    def rest(self, way: str, since: float) -> float:
        """The longest time without an answer from then on."""
        with self._lock:
            after = [moment for moment in self.moments[way] if moment > since]
        return max(b - a for a, b in zip([since, *after], after, strict=False))

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            if thread.ident:
                thread.join()
        for engine in self._engines.values():
            engine.dispose()
        self._standbys.dispose()

    def problems(self, cluster: Cluster) -> list[str]:
        engine = make_engine(cluster.url(MULTI_HOST))
        with engine.connect() as connection:
            kept = {str(one) for one in connection.execute(text("SELECT id FROM ledger")).scalars()}
        engine.dispose()
        lost, strange = self.acknowledged - kept, kept - self.acknowledged - self.in_doubt
        tell(
            f"{len(self.acknowledged)} writes acknowledged, {len(lost)} of them lost;"
            f" {len(kept - self.acknowledged)} done that were not acknowledged"
        )
        found = [f"{len(lost)} acknowledged writes are lost"] * bool(lost)
        return found + [f"{len(strange)} rows are of nobody"] * bool(strange)


def standbys_of(cluster: Cluster) -> Replicas:
    """The service's own choice of standbys, with every node named, whoever is the primary."""

    def make(name: str, url: str, is_given_up: Callable[[], bool]) -> ServerEngines:
        engine = make_engine(
            url, pool_size=READERS, statement_timeout_ms=8000, is_given_up=is_given_up
        )
        return ServerEngines.of(name, engine, engine)

    url = cluster.url(MULTI_HOST)
    return Replicas(url, each_server(url, "the trial"), DELAY_SECONDS, make)


# --- faults ----------------------------------------------------------------------------------


def strike(cluster: Cluster, fault: str) -> list[int]:
    """Strikes, most often the primary; returns the ids of what is to be let go on afterwards."""
    if fault == "etcd":
        cluster.lose_etcd(NODES - 1)
        return []
    if fault == "switchover":
        cluster.switch_over()
        return []
    node = cluster.synchronous() if fault == "synchronous" else cluster.leader()
    if fault == "partition":
        cluster.machines.cut_off(node.number)
        return []
    if fault == "peers":
        cluster.machines.cut_from_peers(node.number)
        return []
    master = node.postmaster
    assert master is not None, "the primary runs"
    if fault == "postmaster":
        os.kill(master, signal.SIGKILL)
        return []
    if fault in ("node", "synchronous"):
        assert node.patroni is not None, "it was started"
        signal_all([node.patroni.pid, *children(master), master], signal.SIGKILL)
        node.patroni.wait()
        return []
    stopped = node.processes()
    signal_all(stopped, signal.SIGSTOP)
    return stopped


def tried(cluster: Cluster, ledger: Ledger, fault: str, read_budget: float) -> list[str]:
    wait_for(cluster.is_whole, WHOLE_SECONDS, "three nodes")
    ledger.wait_until_it_grows(WHOLE_SECONDS)
    begun, former = time.monotonic(), cluster.leader().name
    stopped = strike(cluster, fault)
    try:
        lasts = ETCD_SECONDS if fault == "etcd" else 1
        wait_for(lambda: time.monotonic() > begun + lasts, lasts + 10, "its time")
        ledger.wait_until_it_grows(2 * BUDGETS[fault])
    finally:
        signal_all(stopped, signal.SIGCONT)
        cluster.machines.heal()
        cluster.start_etcd()
    for node in cluster.nodes:
        if node.patroni is not None and node.patroni.poll() is not None:
            cluster.start_node(node)
    wait_for(cluster.is_whole, WHOLE_SECONDS, "three nodes again")
    rests = {way: ledger.rest(way, begun) for way in ledger.moments}
    said = ", ".join(f"{way} {seconds:.1f} s" for way, seconds in rests.items())
    tell(
        f"{fault}: without an answer {said}; whole after {time.monotonic() - begun:.0f} s,"
        f" {former} → {cluster.leader().name}"
    )
    return [
        f"{fault}: no write by {way} for {rests[way]:.1f} s, more than {BUDGETS[fault]}"
        for way in (MULTI_HOST, PROXY)
        if rests[way] > BUDGETS[fault]
    ] + [f"{fault}: no read by {STANDBYS} for {rests[STANDBYS]:.1f} s"] * (
        rests[STANDBYS] > read_budget
    )


def _need_programs() -> None:
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        raise ConfigurationError(
            f"not here: {', '.join(missing)}."
            " apt-get install patroni etcd-server python3-etcd haproxy"
        )


def run(faults: Sequence[str], keep: Path | None, read_budget: float) -> bool:
    _need_programs()
    folder = Path(tempfile.mkdtemp(prefix="mapservice-cluster-", dir="/var/tmp"))
    folder.chmod(0o711)
    problems: list[str] = []
    machines = _machines(faults)
    cluster = Cluster(folder, machines)
    try:
        begun = time.monotonic()
        cluster.start()
        wait_for(cluster.is_whole, WHOLE_SECONDS, "three nodes")
        tell(f"three nodes stream after {time.monotonic() - begun:.0f} s")
        cluster.prepare()
        ledger = Ledger(cluster)
        try:
            ledger.start()
            for fault in faults:
                problems += tried(cluster, ledger, fault, read_budget)
        finally:
            ledger.stop()
        problems += ledger.problems(cluster)
    finally:
        left = cluster.end()
        machines.end()
        problems += [f"process {pid} did not end when it was asked to" for pid in left]
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            for log in folder.glob("*.log"):
                shutil.copy(log, keep)
        shutil.rmtree(folder)
    for words in problems:
        tell(f"NO  {words}")
    if not problems:
        tell("ok  nothing acknowledged was lost, and nothing runs any more")
    return not problems


def _machines(faults: Sequence[str]) -> Machines:
    """Namespaces only where they are needed: whoever runs it need not be root for the rest."""
    if not CUTS & set(faults):
        return Loopback()
    machines = Namespaces(NODES)
    try:
        machines.make()
    except BaseException:
        machines.end()
        raise
    return machines


def throughput(asked: argparse.Namespace) -> bool:
    """Tiles and items a second by one node, and with one and two standbys beside it."""
    _need_programs()
    folder = Path(tempfile.mkdtemp(prefix="mapservice-cluster-", dir="/var/tmp"))
    folder.chmod(0o711)
    cluster = Cluster(folder, Loopback())
    try:
        cluster.start()
        wait_for(cluster.is_whole, WHOLE_SECONDS, "three nodes")
        cluster.prepare()
        leader = cluster.leader()
        primary = cluster.url_of(leader)
        if asked.source:
            cluster_throughput.copy(asked.source, primary)
        else:
            cluster_throughput.fill(primary, asked.throughput)
        others = [cluster.url_of(node) for node in cluster.nodes if node is not leader]
        problems = cluster_throughput.measure(primary, others, asked.seconds, asked.rounds, tell)
    finally:
        try:
            left = cluster.end()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    problems += [f"process {pid} did not end when it was asked to" for pid in left]
    for words in problems:
        tell(f"NO  {words}")
    return not problems


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/cluster-trial", description=__doc__)
    possible = [one for one in BUDGETS if one not in CUTS or can_be_cut()]
    parser.add_argument("--faults", default=",".join(possible), help="of: %(default)s")
    parser.add_argument("--keep", type=Path, help="a folder for the logs")
    parser.add_argument(
        "--read-budget",
        type=float,
        default=READ_BUDGET,
        help="seconds that reads by standbys may rest; %(default)s on a machine that has time",
    )
    parser.add_argument(
        "--throughput",
        type=int,
        metavar="COUNT",
        help="no fault: so many made-up initiatives, and how fast one, two and three nodes read",
    )
    parser.add_argument(
        "--seconds", type=int, default=10, help="a load of --throughput; default: %(default)s"
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=2,
        help="of --throughput, in turns: other work falls on all alike; default: %(default)s",
    )
    parser.add_argument(
        "--from",
        dest="source",
        default="",
        metavar="URL",
        help="a database whose content --throughput copies, instead of making its own",
    )
    asked = parser.parse_args(words)
    faults = asked.faults.split(",")
    if unknown := set(faults) - set(possible):
        parser.error(f"no such fault here: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        if asked.throughput:
            return 0 if throughput(asked) else 1
        return 0 if run(faults, asked.keep, asked.read_budget) else 1
    except MapserviceError as error:
        tell(f"NO  {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
