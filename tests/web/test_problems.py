"""Errors: RFC 9457 for machines, a page for people, never cached, never a 500."""

from html import unescape

import pytest
from flask.testing import FlaskClient

# What the national address API says beside, for its clients.
ADDOK = {"code", "message", "description"}
LONG = "x" * 10_000_000


@pytest.mark.parametrize(
    ("address", "status", "field"),
    [
        ("/initiatives.geojson?theme=sport", 400, "theme"),
        ("/initiatives.csv?bbox=1,2,3", 400, "bbox"),
        ("/initiatives.csv?cursor=x", 400, "cursor"),
        ("/tiles/initiatives.json?near=x", 400, "near"),
        ("/tiles/initiatives/0/0/0.pbf?since=x", 400, "since"),
        ("/tiles/initiatives/0/0/0.geojson?territory=commune:00000", 400, "territory"),
        ("/tiles/territories.json?q=x", 400, "q"),
        ("/tiles/territories/0/0/0.pbf?q=x", 400, "q"),
        ("/tiles/initiatives/99/0/0.pbf", 404, None),
        ("/tiles/oceans/0/0/0.pbf", 404, None),
        ("/activity/region.json?bbox=1,2,3,4", 400, "bbox"),
        ("/activity/region.csv?limit=1", 400, "limit"),
        ("/activity/country.geojson", 404, None),
        ("/geocode/search", 400, "q"),
        ("/geocode/reverse?lat=1", 400, "lon"),
        ("/geocode/nothing", 404, None),
        ("/initiatives/01890a5d-ac96-774b-bcce-b302099a8057.geojson", 404, None),
        ("/vendor/maplibre-gl/package.json", 404, None),
        ("/nothing.json", 404, None),
        (f"/initiatives.geojson?q={LONG}", 400, "query"),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else None,
)
def test_a_problem_has_one_shape_at_every_machine_door(
    client: FlaskClient, address: str, status: int, field: str | None
) -> None:
    response = client.get(address)
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert "ETag" not in response.headers
    problem = response.get_json()
    names = {"type", "title", "status", "detail", "request_id"} | ({"field"} if field else set())
    also = ADDOK if address.startswith("/geocode/") else set()
    assert names <= set(problem) <= names | also
    assert problem["type"] == "about:blank"
    assert problem["title"] == {400: "Bad Request", 404: "Not Found"}[status]
    assert problem["status"] == status
    assert problem.get("field") == field
    assert problem["detail"].startswith(f"{field}: " if field else ("There", "A tile", "The"))
    assert len(problem["detail"]) < 500


def test_a_page_for_others_alone_and_none_are_told_alike(client: FlaskClient) -> None:
    for path in ("/importer", "/moderation", "/rien"):
        page = client.get(path)
        assert page.status_code == 404
        assert f'href="/connexion?suite={path}"' in page.text.replace("%2F", "/")


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/nowhere", 404, "Page introuvable"),
        ("/initiatives/not-a-uuid", 404, "Page introuvable"),
        ("/initiatives/01890a5d-ac96-774b-bcce-b302099a8057", 404, "Page introuvable"),
        ("/?theme=sport", 400, "En cause : « theme »."),
        ("/initiatives?bbox=1,2,3", 400, "En cause : « bbox »."),
        ("/initiatives?territory=commune:99999", 400, "En cause : « territory »."),
        ("/initiatives?limit=5000", 400, "En cause : « limit »."),
        ("/methode?x=1", 400, "En cause : « x »."),
        (f"/initiatives?q={LONG}", 400, "En cause : « query »."),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else None,
)
def test_people_get_a_page_in_french(
    client: FlaskClient, address: str, status: int, words: str
) -> None:
    response = client.get(address, headers={"Accept": "text/html,*/*;q=0.8"})
    assert response.status_code == status
    assert response.content_type == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert words in unescape(response.text).replace("\u00a0", " ").replace("\u202f", " ")
    assert " is " not in response.text.split('class="lead"')[1].split("</p>")[0]
    assert '<html lang="fr"' in response.text
    assert 'href="/initiatives"' in response.text
    assert "Traceback" not in response.text


def test_a_machine_at_a_page_may_ask_for_json(client: FlaskClient) -> None:
    response = client.get("/initiatives?theme=sport", headers={"Accept": "application/json"})
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/initiatives",
        "/initiatives.geojson",
        "/tiles/initiatives/0/0/0.pbf",
        "/activity/region.json",
        "/geocode/search?q=x",
        "/health/live",
    ],
)
def test_a_method_that_is_not_allowed_is_405_and_names_those_that_are(
    client: FlaskClient, method: str, address: str
) -> None:
    response = client.open(address, method=method)
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]
    assert response.headers["Cache-Control"] == "no-store"
