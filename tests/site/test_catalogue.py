"""The catalogue of data sets: whole, true to the data, and each of its addresses answers."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.app import create_app
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES
from tests.web.population import Made, insert

BASE = "http://map.test"
RENNES = "35238"
FIRST = Made(commune=RENNES, created_at="2024-02-03T12:00:00+00:00", source_licence="ODbL 1.0",
             source_platform="sentiers", title="Un sentier")  # fmt: skip
LAST = Made(commune=RENNES, created_at="2026-01-15T12:00:00+00:00", title="Un verger",
            source_licence="Licence Ouverte 2.0", source_platform="vergers")  # fmt: skip
HIDDEN = Made(commune=RENNES, created_at="2020-01-01T00:00:00+00:00", status="pending",
              source_platform="secret", source_licence="Autre")  # fmt: skip


@pytest.fixture
def client(engine: Engine, database_url: str) -> Any:
    app: Flask = create_app(
        Settings(database_url=database_url, public_url=BASE, contact_email="carte@example.org")
    )
    yield app.test_client()
    app.extensions[SERVICES].engine.dispose()


def catalogue(client: FlaskClient) -> Any:
    answer = client.get("/catalogue.jsonld")
    assert (answer.status_code, answer.mimetype) == (200, "application/ld+json")
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    return answer.get_json(force=True)


def nodes(part: Any) -> list[dict[str, Any]]:
    """All objects of a document."""
    if isinstance(part, list):
        return [node for one in part for node in nodes(one)]
    if not isinstance(part, dict):
        return []
    inner = [one for name, one in part.items() if name != "@context"]
    return [part, *(node for one in inner for node in nodes(one))]


def test_every_word_of_it_has_a_meaning(engine: Engine, client: FlaskClient) -> None:
    """JSON-LD: each name is a keyword, or one whose prefix the context explains."""
    told = catalogue(client)
    prefixes = told["@context"]
    assert all(address.startswith("http") for address in prefixes.values())
    for node in nodes(told):
        for name in node:
            assert name.startswith("@") or name.partition(":")[0] in prefixes, name
        for kind in [node["@type"]] if "@type" in node else []:
            assert kind.partition(":")[0] in prefixes
        if "@value" in node:
            assert set(node) <= {"@value", "@language", "@type"}
        elif "@id" in node:
            assert node["@id"].startswith(("http", "mailto:"))


def test_it_has_what_dcat_ap_asks_for(engine: Engine, client: FlaskClient) -> None:
    with engine.begin() as connection:
        insert(connection, (FIRST, LAST, HIDDEN))
    told = catalogue(client)
    assert told["@type"] == "dcat:Catalog"
    assert {"dct:title", "dct:description", "dct:publisher", "dct:modified"} <= set(told)
    datasets = told["dcat:dataset"]
    assert len(datasets) == 6
    assert len({one["@id"] for one in datasets}) == len(datasets)
    for one in datasets:
        assert one["@type"] == "dcat:Dataset"
        for name in ("dct:title", "dct:description", "dct:publisher", "dct:spatial", "dct:rights"):
            assert one[name]
        for distribution in one["dcat:distribution"]:
            assert distribution["@type"] == "dcat:Distribution"
            assert {"dcat:accessURL", "dcat:mediaType"} <= set(distribution)
            assert {"dct:license", "dct:rights"} & set(distribution)
    initiatives = datasets[0]
    assert initiatives["dct:temporal"]["dcat:startDate"]["@value"] == "2024-02-03"
    assert initiatives["dct:temporal"]["dcat:endDate"]["@value"] == "2026-01-15"
    rights = initiatives["dct:rights"]["rdfs:label"]["@value"]
    assert "ODbL 1.0 (1)" in rights
    assert "Licence Ouverte 2.0 (1)" in rights
    assert "dct:license" not in initiatives
    assert initiatives["dct:provenance"]["rdfs:label"]["@value"] == "Sources : sentiers, vergers"
    assert "secret" not in str(told)


def test_one_licence_of_all_is_told_by_its_address(engine: Engine, client: FlaskClient) -> None:
    with engine.begin() as connection:
        insert(connection, (LAST,))
    initiatives = catalogue(client)["dcat:dataset"][0]
    assert initiatives["dct:license"]["@id"].startswith("https://www.etalab.gouv.fr/")


def test_where_there_is_nothing_no_day_is_told(engine: Engine, client: FlaskClient) -> None:
    initiatives, events = catalogue(client)["dcat:dataset"][:2]
    for one in (initiatives, events):
        assert "dct:temporal" not in one
        assert "dct:modified" not in one


def test_each_address_answers_with_its_type(engine: Engine, client: FlaskClient) -> None:
    with engine.begin() as connection:
        insert(connection, (FIRST, LAST))
    for node in nodes(catalogue(client)):
        if node.get("@type") != "dcat:Distribution":
            continue
        address = node["dcat:accessURL"]["@id"]
        answer = client.get(address.removeprefix(BASE), buffered=True)
        assert answer.status_code == 200, address
        if "dcat:downloadURL" in node:
            assert node["dcat:mediaType"]["@id"].endswith(f"/{answer.mimetype}"), address
        service = node.get("dcat:accessService")
        if service:
            described = service["dcat:endpointDescription"]["@id"].removeprefix(BASE)
            assert client.get(described).status_code == 200


def test_examples_are_called_so(engine: Engine, client: FlaskClient) -> None:
    with engine.begin() as connection:
        insert(connection, (FIRST, replace(LAST, source_platform="sample")))
    told = catalogue(client)["dcat:dataset"][0]["dct:description"]["@value"]
    assert "1 d’entre elles sont des exemples inventés" in told
