"""Each connector on its fixture, by a stand-in: what becomes a field, an attribute, or is gone."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mapservice.errors import SourceError
from mapservice.imports.connectors import visits
from mapservice.imports.connectors.catalogue import CONNECTORS
from mapservice.imports.connectors.model import RecordKind
from mapservice.imports.sources.model import forbids_reuse
from mapservice.outgoing.guarded_client import FetchFailed
from tests.imports.connectors.harvesting import Harvesting
from tests.outgoing.stand_in import Handler, StandIn, standing_in

FIXTURES = Path(__file__).with_name("fixtures")
# The fixture of each connector, and under which path the stand-in gives it.
FILES = {
    "gogocarto": ("gogocarto-full.json", "/api/elements.json"),
    "france-services": ("france-services.csv", "/liste-fs.csv"),
    "data-inclusion": ("data-inclusion.csv", "/structures.csv"),
    "api-engagement": ("api-engagement.json", "/v0/mission"),
    "openfairdb": ("openfairdb.json", "/v0/entries/recently-changed"),
    "decidim": ("decidim.csv", "/proposals.csv"),
    "schema-org": ("schema-org.html", "/lieux"),
}


@pytest.fixture
def source() -> Iterator[StandIn]:
    with standing_in() as stand_in:
        yield stand_in


@pytest.fixture
def harvest(source: StandIn, tmp_path: Path) -> Harvesting:
    return Harvesting(source, tmp_path)


def giving(name: str) -> Callable[[Handler], None]:
    return lambda handler: handler.give((FIXTURES / name).read_bytes())


def paging(
    records: list[Any], wrap: Callable[[list[Any]], Any], start: str, size: str
) -> Callable[[Handler], None]:
    """`start` names the parameter that skips records, or counts pages from 1 on."""

    def answer(handler: Handler) -> None:
        query = parse_qs(urlsplit(handler.path).query)
        first, most = int(query[start][0]), int(query[size][0])
        first = (first - 1) * most if start == "page" else first
        handler.give(json.dumps(wrap(records[first : first + most])).encode())

    return answer


def fixture(name: str) -> list[Any]:
    found: list[Any] = json.loads((FIXTURES / name).read_text(encoding="utf-8"))
    return found


def route(connector: str) -> Callable[[Handler], None]:
    name, _ = FILES[connector]
    if connector == "api-engagement":
        records = fixture(name)
        return paging(
            records, lambda data: {"ok": True, "data": data, "total": len(records)}, "skip", "limit"
        )
    if connector == "openfairdb":
        return paging(fixture(name), lambda data: data, "offset", "limit")
    return giving(name)


def test_every_connector_has_its_fixture() -> None:
    """Those of events are tried where events are (`tests/events/incoming`)."""
    about_initiatives = {
        one.name for one in CONNECTORS.values() if one.kind is RecordKind.INITIATIVE
    }
    assert FILES.keys() == about_initiatives
    assert all(one.kind is RecordKind.EVENT for one in CONNECTORS.values() if one.name not in FILES)


@pytest.mark.parametrize("connector", FILES)
def test_every_record_has_an_id_a_title_and_a_licence(
    source: StandIn, harvest: Harvesting, connector: str
) -> None:
    path = FILES[connector][1]
    source.routes[path] = route(connector)
    found = harvest(connector, path)
    assert len(found) >= 2
    assert "" not in found
    for one in found.values():
        assert one["title"]
        assert one["licence"]
        assert not forbids_reuse(one["licence"])
        assert None not in one.values()
    assert harvest.last is not None
    # The same once more is the same.
    digest = harvest.last.digest
    harvest(connector, path)
    assert harvest.last.digest == digest


@pytest.mark.parametrize("connector", FILES)
@pytest.mark.parametrize(
    "body",
    ["", "[]x", '{"data": {"a": 1}}', "<html>Sorry</html>", "[[[", '{"a": []}', "a,b\n1,2\n"],
)
def test_what_is_of_another_shape_is_refused(
    source: StandIn, harvest: Harvesting, connector: str, body: str
) -> None:
    """Never taken for a source that has nothing any more."""
    path = FILES[connector][1]
    source.routes[path] = lambda handler: handler.give(body.encode())
    with pytest.raises((SourceError, FetchFailed)):
        harvest(connector, path)


def test_gogocarto_full(source: StandIn, harvest: Harvesting) -> None:
    source.routes["/api/elements.json"] = giving("gogocarto-full.json")
    found = harvest("gogocarto", "/")
    assert source.paths() == ["/api/elements.json"]
    assert found.keys() == {"c4", "c5", "c6"}
    verger = found["c4"]
    assert verger == {
        "external_id": "c4",
        "title": "Le verger du Moulin",
        "summary": "Un verger ouvert à tous.",
        "description": "Un verger ouvert à tous.\n\nOn y plante chaque hiver.",
        "theme": "Jardin partagé, Alimentation",
        "address": "5 rue du Moulin",
        "postcode": "79000",
        "city": "Niort",
        "lat": "46.3252",
        "lon": "-0.4644",
        "created_on": "2021-03-05T10:12:00+01:00",
        "updated_on": "2024-11-02T09:00:00+01:00",
        "licence": "Licence de l’essai",
        "Catégories": "Jardin partagé, Alimentation",
        "Horaires": "Mo 09:00-12:00; We 14:00-18:00",
        "Source d’origine": "Transiscope",
        "website": "https://verger.example",
        "email": "verger@example.org",
        "telephone": "05 49 00 00 00",
        "accueil_pmr": True,
    }
    assert found["c5"]["theme"] == "Réemploi"
    assert found["c6"]["status"] == "en attente"


def test_gogocarto_compact(source: StandIn, harvest: Harvesting) -> None:
    source.routes["/api/elements"] = giving("gogocarto-compact.json")
    found = harvest("gogocarto", "/api/elements?ontology=gogocompact")
    assert {one: (said["title"], said["lat"]) for one, said in found.items()} == {
        "c4": ("Le verger du Moulin", "46.3252"),
        "c5": ("La recyclerie", "48.1147"),
    }


def test_gogocarto_json_ld(source: StandIn, harvest: Harvesting) -> None:
    source.routes["/api/elements.jsonld"] = giving("gogocarto.jsonld")
    found = harvest("gogocarto", "/api/elements.jsonld")
    assert list(found) == ["https://carto.example/#c4"]
    assert found["https://carto.example/#c4"]["city"] == "Niort"


def test_france_services(source: StandIn, harvest: Harvesting) -> None:
    source.routes["/liste-fs.csv"] = giving("france-services.csv")
    found = harvest("france-services", "/liste-fs.csv")
    house, bus = found["1"], found["2"]
    assert (house["title"], house["citycode"]) == ("France services de Valserhône", "01033")
    assert house["postcode"] == "01200"
    assert house["Horaires"] == "lundi 8h30-12h; mardi 9h-17h"
    assert house["groupe"] == "a"
    assert bus["Itinérance"] == "Oui"
    assert "lat" not in bus
    assert CONNECTORS["france-services"].licence == "Licence Ouverte 2.0"


def test_data_inclusion_of_a_file(source: StandIn, harvest: Harvesting) -> None:
    source.routes["/structures.csv"] = giving("data-inclusion.csv")
    found = harvest("data-inclusion", "/structures.csv")
    assert found.keys() == {"dora--7", "mednum--8"}
    assert found["dora--7"]["SIRET"] == "12345678901234"
    assert found["dora--7"]["url"] == "https://dora.example/7"
    assert found["mednum--8"]["address"] == "1 rue de Saint-Malo Bâtiment B"
    assert found["mednum--8"]["RNA"] == "W791234567"


def test_data_inclusion_of_the_api(
    source: StandIn, harvest: Harvesting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mapservice.imports.connectors.data_inclusion.PAGE_SIZE", 2)
    records = fixture("data-inclusion-api.json")
    source.routes["/api/v1/structures"] = paging(
        records, lambda items: {"items": items, "total": len(records)}, "page", "size"
    )
    found = harvest("data-inclusion", "/api/v1/structures?departement=79", key="secret")
    assert found.keys() == {"dora--7", "mednum--8", "mednum--9"}
    assert {dict(headers)["Authorization"] for _, headers in source.asked} == {"Bearer secret"}
    assert all("departement=79" in path for path in source.paths())


def test_api_engagement(
    source: StandIn, harvest: Harvesting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mapservice.imports.connectors.api_engagement.PAGE_SIZE", 2)
    source.routes["/v0/mission"] = route("api-engagement")
    found = harvest("api-engagement", "/v0/mission", key="secret")
    assert {dict(headers)["x-api-key"] for _, headers in source.asked} == {"secret"}
    # What is deleted, or was refused, is none.
    assert found.keys() == {"66a1", "66a2", "66a3"}
    one = found["66a1"]
    assert (one["city"], one["address"], one["lat"]) == ("Niort", "3 rue Thiers", "46.3249")
    assert one["tasks"] == ["lire", "compter"]
    # Two places are neither of them, nor the middle.
    several = found["66a2"]
    assert several["departement"] == "35"
    assert several["Lieux"] == "35000 Rennes; 35400 Saint-Malo"
    assert {"lat", "lon", "city", "postcode"}.isdisjoint(several)
    assert found["66a3"]["city"] == "Nantes"


def test_openfairdb_is_a_window(source: StandIn, harvest: Harvesting) -> None:
    source.routes["/v0/entries/recently-changed"] = route("openfairdb")
    found = harvest("openfairdb", "/v0/entries/recently-changed")
    assert {one: said["licence"] for one, said in found.items()} == {
        "e1": "CC0-1.0",
        "e2": "ODbL-1.0",
    }
    assert found["e1"]["created_on"] == "2023-11-14"
    assert harvest.last is not None
    assert (harvest.last.is_whole, harvest.last.tombstones) == (False, frozenset({"e3", "e4"}))
    assert any("forbids" in problem for problem in harvest.last.problems)


def test_decidim(source: StandIn, harvest: Harvesting) -> None:
    source.routes["/proposals.csv"] = giving("decidim.csv")
    found = harvest("decidim", "/proposals.csv")
    assert found.keys() == {"11", "12", "13"}
    assert found["12"]["title"] == "A repair café"
    assert found["13"]["status"] == "rejected"
    assert found["11"]["theme"] == "Mobilité"


def test_schema_org(source: StandIn, harvest: Harvesting) -> None:
    source.routes["/lieux"] = giving("schema-org.html")
    found = harvest("schema-org", "/lieux")
    assert found.keys() == {"https://lieux.example/#tiers", "https://lieux.example/asso"}
    place, organisation = found.values()
    assert (place["city"], place["lat"], place["Horaires"]) == (
        "Niort",
        "46.3251",
        "Mo-Fr 09:00-18:00",
    )
    assert (organisation["city"], organisation["Type"]) == ("Rennes", "NGO, Organization")
    assert organisation["licence"] == "https://creativecommons.org/licenses/by/4.0/"


def test_an_answer_that_breaks_off_is_asked_for_again(source: StandIn, harvest: Harvesting) -> None:
    whole = (FIXTURES / "gogocarto-full.json").read_bytes()
    answers = iter([whole[:400], b"", whole])

    def answer(handler: Handler) -> None:
        body = next(answers)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(whole)))
        handler.end_headers()
        handler.wfile.write(body)

    source.routes["/api/elements.json"] = answer
    assert len(harvest("gogocarto", "/")) == 3
    assert len(harvest.waits) == 2
    assert 0.5 <= harvest.waits[0] <= 1.0 <= harvest.waits[1] <= 2.0


def test_a_busy_source_is_waited_for_as_it_asks(source: StandIn, harvest: Harvesting) -> None:
    answers = iter([429, 503])

    def answer(handler: Handler) -> None:
        status = next(answers, 200)
        if status == 200:
            giving("gogocarto-full.json")(handler)
        else:
            handler.give(b"", status, Retry_After="3")

    source.routes["/api/elements.json"] = answer
    assert len(harvest("gogocarto", "/")) == 3
    assert harvest.waits == [3.0, 3.0]


@pytest.mark.parametrize(
    ("status", "after", "asked"), [(500, "", 4), (429, "5", 4), (429, "86400", 1), (404, "", 1)]
)
def test_a_source_that_stays_away_is_left(
    source: StandIn, harvest: Harvesting, status: int, after: str, asked: int
) -> None:
    headers = {"Retry_After": after} if after else {}
    source.routes["/api/elements.json"] = lambda handler: handler.give(b"", status, **headers)
    with pytest.raises(Exception, match=str(status)):
        harvest("gogocarto", "/")
    assert len(source.asked) == asked


def missions(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"_id": f"m{one}", "title": f"Mission {one}"} for one in range(start, start + count)]


def test_a_total_that_was_not_given_is_no_whole(source: StandIn, harvest: Harvesting) -> None:
    source.routes["/v0/mission"] = paging(
        missions(7), lambda data: {"data": data, "total": 10}, "skip", "limit"
    )
    with pytest.raises(SourceError, match="says that it has 10 records, and gave 7"):
        harvest("api-engagement", "/v0/mission")


def test_a_total_that_is_too_small_ends_nothing_before_its_time(
    source: StandIn, harvest: Harvesting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mapservice.imports.connectors.api_engagement.PAGE_SIZE", 3)
    source.routes["/v0/mission"] = paging(
        missions(7), lambda data: {"data": data, "total": 2}, "skip", "limit"
    )
    assert len(harvest("api-engagement", "/v0/mission")) == 7
    assert harvest.last is not None
    assert harvest.last.problems == ("the source says that it has 2 records: it gave 7",)


def test_pages_smaller_than_asked_for_are_all_read(source: StandIn, harvest: Harvesting) -> None:
    def answer(handler: Handler) -> None:
        skip = int(parse_qs(urlsplit(handler.path).query)["skip"][0])
        handler.give(json.dumps({"data": missions(7)[skip : skip + 2], "total": 7}).encode())

    source.routes["/v0/mission"] = answer
    assert len(harvest("api-engagement", "/v0/mission")) == 7


def test_the_same_page_for_ever_is_refused(source: StandIn, harvest: Harvesting) -> None:
    page = json.dumps({"data": missions(3)}).encode()
    source.routes["/v0/mission"] = lambda handler: handler.give(page)
    with pytest.raises(SourceError, match="the same records again"):
        harvest("api-engagement", "/v0/mission")
    assert len(source.asked) == 2


def test_a_source_without_end_is_left(
    source: StandIn, harvest: Harvesting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visits, "MAX_PAGES", 5)
    monkeypatch.setattr("mapservice.imports.connectors.api_engagement.PAGE_SIZE", 2)

    def answer(handler: Handler) -> None:
        skip = int(parse_qs(urlsplit(handler.path).query)["skip"][0])
        handler.give(json.dumps({"data": missions(2, skip)}).encode())

    source.routes["/v0/mission"] = answer
    with pytest.raises(SourceError, match="more than 5 pages"):
        harvest("api-engagement", "/v0/mission")


@pytest.mark.parametrize(
    ("licence", "forbidden"),
    [
        ("CC BY-NC 4.0", True),
        ("CC BY-NC-SA 3.0 FR", True),
        ("cc-by-nd-4.0", True),
        ("https://creativecommons.org/licenses/by-nc/4.0/", True),
        ("Usage non commercial", True),
        ("Tous droits réservés", True),
        ("CC BY-SA 4.0", False),
        ("Licence Ouverte 2.0", False),
        ("ODbL 1.0", False),
        ("https://opendatacommons.org/licenses/odbl/summary/", False),
        ("CC0-1.0", False),
        ("Etalab 2.0, ANCT", False),
    ],
)
def test_licences_that_forbid_reuse_are_known(licence: str, forbidden: bool) -> None:
    assert forbids_reuse(licence) is forbidden
