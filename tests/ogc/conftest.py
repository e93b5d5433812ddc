"""The service to be judged: any by its URL in MAPSERVICE_OGC_URL, else our own on the sample."""

import os
from datetime import UTC, datetime

import pytest

from mapservice.db.engine import make_engine
from mapservice.events.fixtures import load_sample as load_sample_events
from mapservice.groups.fixtures import load_sample as load_sample_groups
from tests.ogc.web import Service


@pytest.fixture(scope="session")
def ogc(request: pytest.FixtureRequest) -> Service:
    """The address of the landing page; no database is touched when another server is named."""
    elsewhere = os.environ.get("MAPSERVICE_OGC_URL")
    if elsewhere:
        return Service(elsewhere)
    # Every collection has items.
    engine = make_engine(request.getfixturevalue("sample_url"))
    with engine.begin() as connection:
        for load_sample in (load_sample_events, load_sample_groups):
            load_sample(connection, request.getfixturevalue("locator"), datetime.now(UTC))
    engine.dispose()
    return Service(f"{request.getfixturevalue('live_server')}/ogc")


@pytest.fixture(scope="session")
def names(ogc: Service) -> list[str]:
    """The ids of all its collections."""
    return [one["id"] for one in ogc.get("/collections").json["collections"]]


@pytest.fixture(scope="session")
def features(ogc: Service, names: list[str]) -> str:
    """A collection that has items with a geometry."""
    for name in names:
        found = ogc.items(name, limit="50").json["features"]
        if any(feature["geometry"] for feature in found):
            return name
    pytest.fail("no collection has an item with a geometry")


@pytest.fixture(scope="session")
def outlines(ogc: Service, names: list[str]) -> str:
    """A collection of areas."""
    for name in names:
        found = ogc.items(name, limit="1").json["features"]
        if found and (found[0]["geometry"] or {}).get("type") in ("Polygon", "MultiPolygon"):
            return name
    pytest.skip("this service has no collection of areas")
