"""Each connector of events on its fixture: what it tells, what is gone, what is not public."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from mapservice.errors import SourceError
from mapservice.events.incoming.record_reading import read_records
from mapservice.imports.connectors.catalogue import CONNECTORS
from mapservice.imports.connectors.model import RecordKind
from mapservice.outgoing.guarded_client import FetchFailed, FetchRefused
from tests.events.incoming.services import (
    DecidimService,
    MobilizonService,
    OpenAgendaService,
    give_data,
)
from tests.imports.connectors.harvesting import Harvesting
from tests.outgoing.stand_in import Handler, StandIn, standing_in

FIXTURES = Path(__file__).with_name("fixtures")
CSV = "/meetings.csv"
# A connector reads one shape or two: each is tried.
SHAPES = {
    "openagenda": ("openagenda", OpenAgendaService.path),
    "mobilizon": ("mobilizon", MobilizonService.path),
    "decidim-meetings": ("decidim-meetings", DecidimService.path),
    "decidim-meetings CSV": ("decidim-meetings", CSV),
}
ATELIER, DISTANCE = (f"5f0c2f5e-0000-4000-8000-{one:012d}" for one in (1, 2))


@pytest.fixture
def source() -> Iterator[StandIn]:
    with standing_in() as stand_in:
        OpenAgendaService(stand_in, fixture("openagenda"))
        yield stand_in


@pytest.fixture
def harvest(source: StandIn, tmp_path: Path) -> Harvesting:
    return Harvesting(source, tmp_path)


def fixture(name: str) -> list[Any]:
    found: list[Any] = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def serve(source: StandIn, shape: str) -> tuple[str, str]:
    """Has the stand-in serve a shape; returns its connector and path."""
    connector, path = SHAPES[shape]
    if path == CSV:
        body = (FIXTURES / "decidim-meetings.csv").read_bytes()
        source.routes[CSV] = lambda handler: handler.give(body)
    elif connector == "mobilizon":
        MobilizonService(source, fixture("mobilizon"))
    elif connector == "decidim-meetings":
        DecidimService(source, fixture("decidim-meetings"))
    return connector, path


def test_every_connector_of_events_has_its_fixture() -> None:
    events = {one.name for one in CONNECTORS.values() if one.kind is RecordKind.EVENT}
    assert {connector for connector, _ in SHAPES.values()} | {"icalendar"} == events


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_told_can_be_read(source: StandIn, harvest: Harvesting, shape: str) -> None:
    connector, path = serve(source, shape)
    found = harvest(connector, path)
    assert harvest.last is not None
    digest = harvest.last.digest
    read = read_records(harvest.last.path)
    told = {one.main.uid: one.main for one in read.series}
    assert told.keys() == found.keys()
    assert all(one.is_withheld or not one.rejected for one in told.values())
    live = [one for one in told.values() if one.begins]
    assert len(live) >= 2
    assert all(one.texts.title and one.licence for one in live)
    # The same once more is the same.
    harvest(connector, path)
    assert harvest.last.digest == digest


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "body",
    [
        *("", "[]x", "<html>Sorry</html>", "[]", '{"events": {}}', '{"data": null}', "a,b\n1,2\n"),
        *('{"data": {"events": null}}', '{"errors": [{"message": "no"}], "data": {}}', "[[["),
        *('{"events": [3], "total": 1}', '{"data": {"events": {"elements": [3]}}}'),
    ],
)
def test_what_is_of_another_shape_is_refused(
    source: StandIn, harvest: Harvesting, shape: str, body: str
) -> None:
    """Never taken for a source that has nothing any more."""
    connector, path = SHAPES[shape]
    source.routes[path] = lambda handler: handler.give(body.encode())
    with pytest.raises((SourceError, FetchFailed)):
        harvest(connector, path)


def test_openagenda(source: StandIn, harvest: Harvesting) -> None:
    found = harvest("openagenda", OpenAgendaService.path, licence="Licence Ouverte", key="secret")
    assert found.keys() == {"50976230", "2", "3", "4"}
    assert found["50976230"] == {
        "external_id": "50976230",
        "title": "Marché aux plants",
        "description": "Plants et graines du pays.\n\n**Venez tôt.**\n\nOn échange aussi.\n\n"
        "Entrée libre",
        "categories": "jardin, graines",
        "place": "Halle du port, 1 quai de la Préfecture, 79000 Niort",
        "postcode": "79000",
        "city": "Niort",
        "citycode": "79191",
        "lat": "46.3258",
        "lon": "-0.4649",
        "attendance": "place",
        "page": "https://agenda.example/marche-aux-plants",
        "registration_url": "https://inscription.example/plants",
        "zone": "Europe/Paris",
        "dates": [
            ["2026-10-24T09:00:00+0200", "2026-10-24T12:00:00+0200"],
            ["2026-10-31T09:00:00+0100", "2026-10-31T13:00:00+0100"],
        ],
        "updated_at": "2026-07-11T13:49:59.024Z",
        "licence": "Licence Ouverte",
    }
    evening = found["2"]
    assert (evening["attendance"], evening["online_url"]) == (
        "online",
        "https://salon.example/veillee",
    )
    assert evening["note"] == "Complet, dit sa source."
    assert (found["3"]["status"], found["4"]["status"]) == ("postponed", "cancelled")
    # By the clock of each, however its moments are written; the second date ends an hour later.
    assert harvest.last is not None
    read = {one.main.uid: one.main for one in read_records(harvest.last.path).series}
    market = read["50976230"]
    assert market.begins is not None
    assert (market.begins.local.isoformat(), market.begins.french) == (
        "2026-10-24T09:00:00",
        "Europe/Paris",
    )
    (later,) = market.added
    assert later.ends is not None
    assert (later.begins.local.hour, later.ends.local.hour) == (9, 13)
    evening_time = read["2"].begins
    assert evening_time is not None
    assert (evening_time.local.hour, evening_time.french) == (18, "Indian/Reunion")


def test_openagenda_gets_its_key_in_a_header_alone(source: StandIn, harvest: Harvesting) -> None:
    with structlog.testing.capture_logs() as logs:
        source.routes[OpenAgendaService.path] = _busy_once(OpenAgendaService(source, []).answer)
        harvest("openagenda", OpenAgendaService.path, key="un-secret")
    assert harvest.waits == [3.0]
    assert {headers.get("key") for _, headers in source.asked} == {"un-secret"}
    assert not any("un-secret" in path for path in source.paths())
    assert logs
    assert "un-secret" not in repr(logs)


def _busy_once(then: Callable[[Handler], None]) -> Callable[[Handler], None]:
    tried = iter((False,))

    def answer(handler: Handler) -> None:
        if next(tried, True):
            then(handler)
        else:
            handler.give(b"", status=429, retry_after="3")

    return answer


def test_openagenda_pages_by_its_cursor(source: StandIn, harvest: Harvesting) -> None:
    events = [
        {"uid": one, "title": "x", "state": 2, "updatedAt": f"2026-07-01T{one:02d}:00:00.000Z"}
        for one in range(7)
    ]
    service = OpenAgendaService(source, events, most=3)
    assert len(harvest("openagenda", f"{service.path}?relative[]=current&relative[]=upcoming")) == 7
    assert len(source.asked) == 3
    assert "after%5B%5D=0&after%5B%5D=3" in source.paths()[1]
    # What an operator asked for in the address is asked for on every page.
    assert all(path.count("relative%5B%5D=") == 2 for path in source.paths())
    service.total = 8
    with pytest.raises(SourceError, match="8 records, and gave 7"):
        harvest("openagenda", service.path)
    same = json.dumps({"total": 9, "events": events[:3], "after": ["0", "0"]}).encode()
    source.routes[service.path] = lambda handler: handler.give(same)
    with pytest.raises(SourceError, match="same records again"):
        harvest("openagenda", service.path)


def test_mobilizon(source: StandIn, harvest: Harvesting) -> None:
    serve(source, "mobilizon")
    found = harvest("mobilizon", "/api")
    assert list(found) == [one["uuid"] for one in fixture("mobilizon")]
    atelier = found[ATELIER]
    assert atelier == {
        "external_id": ATELIER,
        "title": "Atelier vélo",
        "description": "<p>On répare <strong>ensemble</strong>.</p>"
        "<ul><li>Outils fournis</li></ul>",
        "categories": "vélo, réparation, MEETING",
        "place": "Maison des associations, 12 rue Joseph Cugnot",
        "postcode": "79000",
        "city": "Niort",
        "lat": "46.3301",
        "lon": "-0.4532",
        "attendance": "place",
        "page": f"https://mobilizon.example/events/{ATELIER}",
        "registration_url": "https://inscription.example/velo",
        "zone": "Europe/Paris",
        "dates": [["2026-11-04T17:30:00Z", "2026-11-04T19:30:00Z"]],
        "updated_at": "2026-10-01T08:00:00Z",
        "licence": "Licence de l’essai",
    }
    distance = found[DISTANCE]
    assert (distance["attendance"], distance["status"]) == ("online", "tentative")
    assert distance["online_url"] == "https://visio.example/salle"
    *_, called_off, private = found.values()
    assert called_off["status"] == "cancelled"
    # Of what is not for the public nothing is kept but that.
    assert private == {
        "external_id": private["external_id"],
        "withheld": "is not for the public (PRIVATE)",
        "licence": "Licence de l’essai",
    }
    assert harvest.last is not None
    assert harvest.last.is_whole is False
    (read,) = [one for one in read_records(harvest.last.path).series if one.main.uid == ATELIER]
    assert read.main.texts.description.startswith("On répare")
    assert read.main.begins is not None
    assert read.main.begins.local.isoformat() == "2026-11-04T18:30:00"


def test_mobilizon_pages(source: StandIn, harvest: Harvesting) -> None:
    many = [{**fixture("mobilizon")[0], "uuid": f"u{one}"} for one in range(120)]
    service = MobilizonService(source, many)
    assert len(harvest("mobilizon", "/api")) == 120
    service.total = 121
    with pytest.raises(SourceError, match="121 records, and gave 120"):
        harvest("mobilizon", "/api")
    source.routes["/api"] = lambda handler: give_data(
        handler, {"events": {"total": 9, "elements": many[:1]}}
    )
    with pytest.raises(SourceError, match="same records again"):
        harvest("mobilizon", "/api")


def test_graphql_that_redirects_is_not_followed(source: StandIn, harvest: Harvesting) -> None:
    source.routes["/api"] = lambda handler: handler.give(b"", status=308, location="/graphql")
    with pytest.raises(FetchRefused, match="/graphql"):
        harvest("mobilizon", "/api")
    assert source.paths() == ["/api"]


def test_graphql_that_names_an_error_gives_nothing(source: StandIn, harvest: Harvesting) -> None:
    answer = {"errors": [{"message": "events_max_limit_reached"}], "data": {"events": None}}
    source.routes["/api"] = lambda handler: handler.give(json.dumps(answer).encode())
    with pytest.raises(SourceError, match="events_max_limit_reached"):
        harvest("mobilizon", "/api")


@pytest.mark.parametrize("shape", ["decidim-meetings", "decidim-meetings CSV"])
def test_decidim_meetings(source: StandIn, harvest: Harvesting, shape: str) -> None:
    """By both doors the same meetings, under the same ids."""
    found = harvest(*serve(source, shape))
    assert [one for one, said in found.items() if "withheld" not in said] == ["21", "24"]
    meeting = found["21"]
    told = {
        "title": "Réunion publique",
        "place": "Salle du conseil, Place Martin Bastard 79000 Niort",
        "lat": "46.3235",
        "lon": "-0.4645",
        "attendance": "both",
        "online_url": "https://visio.example/plan-velo",
        "page": "https://participer.example/meetings/21",
    }
    assert meeting.items() >= told.items()
    assert found["24"]["attendance"] == "place"
    assert harvest.last is not None
    assert harvest.last.is_whole
    read = {one.main.uid: one.main for one in read_records(harvest.last.path).series}
    times = [read[one].begins for one in ("21", "24")]
    assert [one and one.on("Europe/Paris").hour for one in times] == [18, 18]
    assert read["21"].texts.description == "Le plan vélo."


def test_decidim_is_asked_for_what_it_knows(source: StandIn, harvest: Harvesting) -> None:
    service = DecidimService(source, fixture("decidim-meetings"))
    found = harvest("decidim-meetings", "/api")
    assert found["23"]["withheld"] == "is not for the public (private meeting)"
    asked = service.queries[-1]
    assert "withdrawnAt" in asked
    assert "locationHints" not in asked
    # The first asks what it knows, the second for components; two components, one of two pages.
    assert len(service.queries) == 5
