"""A home for clusters of their own, a service on one, and made-up PostgreSQL installations."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from mapservice.db.binaries import find_binaries
from mapservice.db.cluster import ClusterLease
from mapservice.errors import ConfigurationError
from tests.ops.running_site import Site, serving

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="module")
def cluster_home() -> Iterator[Path]:
    """An initialised home, stopped; in /var/tmp since the server's user must enter it."""
    try:
        find_binaries()
    except ConfigurationError:
        pytest.skip("no PostgreSQL with PostGIS on this machine")
    home = Path(tempfile.mkdtemp(prefix="mapservice-test-", dir="/var/tmp"))
    home.chmod(0o711)
    ClusterLease(home, options="-F").release()
    yield home
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def france_home(cluster_home: Path, server_url: str, france_template: str) -> Path:
    """A home whose cluster has all territories, stopped."""
    programs = find_binaries().folder
    source = psycopg.conninfo.make_conninfo(server_url, dbname=france_template)
    hold = ClusterLease(cluster_home, options="-F")
    try:
        ours = ["--extension=unaccent", "--extension=pg_trgm", "--exclude-table=spatial_ref_sys"]
        command: list[str | Path] = [programs / "pg_dump", "-Fc", "-Z0", *ours, "-d", source]
        restore: list[str | Path] = [
            programs / "pg_restore",
            "--no-owner",
            "-e",
            "-d",
            hold.place.url(),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as dump:
            subprocess.run(restore, stdin=dump.stdout, check=True)
        assert dump.returncode == 0
    finally:
        hold.release()
    return cluster_home


@pytest.fixture(scope="module")
def own_site(france_home: Path) -> Iterator[Site]:
    """On a private cluster, which it holds."""
    with serving(france_home) as site:
        yield site


@pytest.fixture
def made_up_postgres(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of programs that say they are `version`, with `postgis` or without."""

    def make(version: str, postgis: str | None) -> Path:
        bin_folder = tmp_path / version / "bin"
        bin_folder.mkdir(parents=True)
        for program in ("postgres", "initdb", "pg_ctl"):
            script = bin_folder / program
            script.write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n")
            script.chmod(0o755)
        extension = tmp_path / version / "share" / "extension"
        extension.mkdir(parents=True)
        if postgis:
            (extension / "postgis.control").write_text(f"default_version = '{postgis}'\n")
        return bin_folder

    return make
