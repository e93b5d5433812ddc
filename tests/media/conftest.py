"""The service with a store of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.app import create_app
from mapservice.media.storage import FolderStore
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.conftest import REPOSITORY, temporary_database, wait_until_ready


@dataclass
class RunningService:
    """Gunicorn with two processes, on a database of its own, and where its photos lie."""

    port: int
    master: subprocess.Popen[bytes]
    url: str
    folder: Path

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def processes(self) -> list[int]:
        """Those that answer, without what they started."""
        listed = Path(f"/proc/{self.master.pid}/task/{self.master.pid}/children").read_text()
        return [int(one) for one in listed.split()]


MakeApp = Callable[..., Flask]


@pytest.fixture(scope="session")
def media_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture
def store(media_folder: Path) -> FolderStore:
    return FolderStore(media_folder)


@pytest.fixture(scope="session")
def make_app(database_url: str, media_folder: Path) -> Iterator[MakeApp]:
    """Further settings may be given by their names."""
    made: list[Flask] = []

    def make(**more: Any) -> Flask:
        settings = Settings(
            database_url=database_url,
            public_url="http://map.test",
            home=media_folder / "home",
            secret_key="so that two applications know one another's keys",
            **{"media": str(media_folder), "max_photo_bytes": 3_000_000, **more},
        )
        made.append(create_app(settings))
        return made[-1]

    yield make
    for app in made:
        services: Services = app.extensions[SERVICES]
        services.dispose()


@pytest.fixture(scope="session")
def app(make_app: MakeApp) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask, engine: Engine) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def running(
    server_url: str, france_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("running") / "media"
    with temporary_database(server_url, "photos", france_template) as url:
        environ = os.environ | {
            "DATABASE_URL": url,
            "MAPSERVICE_DATABASE_URL": url,
            "MAPSERVICE_MEDIA": str(folder),
            "MAPSERVICE_HOME": str(folder.parent / "home"),
            "MAPSERVICE_SECRET_KEY": "one for all processes",
            # Each picture comes from a network of its own, so that no limit is met.
            "MAPSERVICE_TRUSTED_PROXIES": "loopback",
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "WEB_CONCURRENCY": "2",
        }
        command = [sys.executable, "-m", "gunicorn", "-c", "python:mapservice.gunicorn_conf"]
        master = subprocess.Popen(command, cwd=REPOSITORY, env=environ)
        try:
            wait_until_ready(master, f"http://127.0.0.1:{port}")
            yield RunningService(port, master, url, folder)
        finally:
            master.terminate()
            master.wait()
