"""The service with federation on, and a peer that it may ask."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from mapservice.app import create_app
from mapservice.publishing.activitypub import keys, service
from mapservice.publishing.activitypub.remote import sending_client_of
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.publishing.activitypub.peer import BASE, Peer, running_peer

TABLES = (
    "federation_key, federation_follower, federation_block, federation_seen, federation_change,"
    " federation_note, federation_told, federation_delivery, procrastinate_jobs"
)


@pytest.fixture(scope="session")
def one_peer() -> Iterator[Peer]:
    with running_peer() as peer:
        yield peer


@pytest.fixture(scope="session")
def federated_settings(database_url: str, one_peer: Peer) -> Settings:
    return Settings(
        database_url=database_url,
        public_url=BASE,
        secret_key="a key of tests",
        federation=1,
        source_hosts=one_peer.netloc,
    )


@pytest.fixture(scope="session")
def federated_app(federated_settings: Settings) -> Iterator[Flask]:
    app = create_app(federated_settings)
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


@pytest.fixture
def federated(federated_app: Flask, engine: Engine) -> Iterator[Flask]:
    """With nobody who follows, and a key."""
    federated_app.test_client().get("/federation/actors/france", base_url=BASE)
    yield federated_app
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {TABLES} CASCADE"))


@pytest.fixture
def peer(one_peer: Peer) -> Iterator[Peer]:
    yield one_peer
    one_peer.forget()


@dataclass(frozen=True)
class FederationWorker:
    """Does what the job does; `hasten` makes all that waits due."""

    engine: Engine
    settings: Settings

    def work(self) -> None:
        client = sending_client_of(self.settings)
        service.work(self.engine, client, keys.box_of(self.settings))

    def hasten(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(text("UPDATE federation_delivery SET next_try_at = now()"))

    def count(self, table: str) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@pytest.fixture
def worker(engine: Engine, federated_settings: Settings) -> FederationWorker:
    return FederationWorker(engine, federated_settings)
