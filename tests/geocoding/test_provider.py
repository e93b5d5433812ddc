"""The outside provider, against a stand-in that answers, hangs, is busy, breaks off and lies."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from mapservice.errors import ConfigurationError
from mapservice.geocoding.model import GeocodeQuery, Precision
from mapservice.geocoding.provider.cache import AnswerCache, PointAnswer
from mapservice.geocoding.provider.circuit_breaker import CircuitBreaker
from mapservice.geocoding.provider.client import AddressProvider
from mapservice.geocoding.service import Locator, Placement, PlaceQuestion, record
from mapservice.imports.service import ImportOptions, import_file
from mapservice.settings import Settings
from tests.geocoding.stand_in import StandIn, answers, feature, sends, stand_in

CREDIT = "Base Adresse Nationale"
# 3 place de la Mairie, Rennes, and the same in Nantes and in Cesson-Sévigné, which touches Rennes.
RENNES, NANTES, CESSON = (-1.6794, 48.1113), (-1.5536, 47.2184), (-1.6033, 48.1214)
ADDRESS = "3 place de la mairie 35000 Rennes"
POINT = PointAnswer(*RENNES, 0.96, "housenumber", "35238", CREDIT)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def service() -> Iterator[StandIn]:
    with stand_in() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def provider(service: StandIn, waits: list[float], connection: Connection) -> AddressProvider:
    """Its waits are noted instead of waited for; nothing is in the cache."""
    connection.execute(text("DELETE FROM provider_answer"))
    return make(service, waits)


def make(service: StandIn, waits: list[float], **options: Any) -> AddressProvider:
    return AddressProvider(service.url, CREDIT, sleep=waits.append, **({"timeout": 20.0} | options))


@pytest.fixture
def place(locator: Locator, provider: AddressProvider, connection: Connection) -> Any:
    refined = Locator(locator.geocoder, locator.epcis, provider)

    def place(words: str, **parts: str) -> Placement:
        return refined.place(connection, [PlaceQuestion(GeocodeQuery(text=words, **parts))])[0]

    return place


# What it answers


def test_an_answer_is_read_and_asked_for_only_once(
    service: StandIn, provider: AddressProvider, connection: Connection
) -> None:
    service.does(answers(feature(*RENNES, "35238")))
    assert provider.points(connection, [ADDRESS, ADDRESS]) == {ADDRESS: POINT}
    assert provider.points(connection, [ADDRESS]) == {ADDRESS: POINT}
    assert service.queries == [
        {"q": ADDRESS, "limit": "1", "autocomplete": "0", "index": "address"}
    ]


def test_credit_in_the_answer_goes_before_ours(
    service: StandIn, provider: AddressProvider, connection: Connection
) -> None:
    service.does(answers(feature(*RENNES, "35238"), attribution="BAN", licence="ODbL"))
    assert provider.points(connection, [ADDRESS]) == {
        ADDRESS: replace(POINT, attribution="BAN – ODbL")
    }


def test_knowing_nothing_is_an_answer_and_kept(
    service: StandIn, provider: AddressProvider, connection: Connection
) -> None:
    service.does(answers())
    assert provider.points(connection, [ADDRESS]) == {ADDRESS: None}
    assert provider.points(connection, [ADDRESS]) == {ADDRESS: None}
    assert len(service.queries) == 1


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (f"rue {'x' * 60} de Paris", "rue de Paris"),
        ("— 12 rue de Paris", "12 rue de Paris"),
        ("rue " * 100, ("rue " * 50).strip()),
    ],
)
def test_only_what_the_api_takes_is_sent(
    service: StandIn, provider: AddressProvider, connection: Connection, asked: str, sent: str
) -> None:
    service.does(answers())
    provider.points(connection, [asked])
    assert [query["q"] for query in service.queries] == [sent]


def test_nothing_is_sent_of_next_to_nothing(
    service: StandIn, provider: AddressProvider, connection: Connection
) -> None:
    assert provider.points(connection, ["", "a", "— ?", "x" * 60]) == {}
    assert service.queries == []


# How it fails


def test_a_hanging_provider_is_given_up(
    service: StandIn, connection: Connection, waits: list[float]
) -> None:
    service.does(service.hang)
    provider = make(service, waits, timeout=0.1)
    assert provider.points(connection, [ADDRESS]) == {}
    assert len(service.queries) == 3
    assert 0.125 <= waits[0] <= 0.25 <= waits[1] <= 0.5


def test_a_provider_that_drips_is_given_up_as_a_hanging_one(
    service: StandIn, connection: Connection, waits: list[float]
) -> None:
    service.does(service.drip)
    assert make(service, waits, timeout=0.1).points(connection, [ADDRESS]) == {}
    assert len(service.queries) == 3


def test_a_busy_provider_is_asked_again_when_it_said(
    service: StandIn, provider: AddressProvider, connection: Connection, waits: list[float]
) -> None:
    service.does(sends(b"", 429, Retry_After="3"), answers(feature(*RENNES, "35238")))
    assert provider.points(connection, [ADDRESS]) == {ADDRESS: POINT}
    assert waits == [3.0]


def test_a_day_of_the_past_means_at_once(
    service: StandIn, provider: AddressProvider, connection: Connection, waits: list[float]
) -> None:
    busy = sends(b"", 503, Retry_After="Wed, 01 Jan 2025 00:00:00 GMT")
    service.does(busy, answers(feature(*RENNES, "35238")))
    assert provider.points(connection, [ADDRESS]) == {ADDRESS: POINT}
    assert waits == [0.0]


def test_a_long_wait_is_not_waited_for_and_nothing_is_asked_till_then(
    service: StandIn, waits: list[float], connection: Connection
) -> None:
    clock = Clock()
    provider = make(service, waits, breaker=CircuitBreaker(clock=clock), cache_days=0)
    service.does(sends(b"", 429, Retry_After="600"), answers(feature(*RENNES, "35238")))
    assert provider.points(connection, [ADDRESS]) == {}
    clock.now += 599
    assert provider.points(connection, [ADDRESS]) == {}
    assert (len(service.queries), waits) == (1, [])
    clock.now += 1
    assert provider.points(connection, [ADDRESS]) == {ADDRESS: POINT}


@pytest.mark.parametrize(
    "fault",
    [
        sends(b'{"features": [', promised=1000),
        sends(b"", 500),
        sends(b"", 502),
    ],
    ids=["breaks off", "500", "502"],
)
def test_a_passing_fault_is_tried_again(
    service: StandIn, provider: AddressProvider, connection: Connection, fault: Any
) -> None:
    service.does(fault, fault, answers(feature(*RENNES, "35238")))
    assert provider.points(connection, [ADDRESS]) == {ADDRESS: POINT}


@pytest.mark.parametrize(
    "answer",
    [
        sends(b"<html>Bienvenue"),
        sends(b"\xff\xfe\x00"),
        sends(b"[" * 100_000),
        sends(b"[]"),
        sends(b"null"),
        sends(b'{"features": 3}'),
        sends(b'{"features": {"0": 1}}'),
        sends(b'{"features": [{"geometry": null, "properties": {}}]}'),
        answers(feature(float("nan"), 48.1, "35238")),
        answers(feature(*RENNES, "35238", score=float("nan"))),
        answers(feature(2000.0, 48.1, "35238")),
        sends(b" " * 1_100_000),
        sends(b"", 301, Location="http://127.0.0.1:9/"),
        sends(b'{"code": 400, "message": "Failed parsing query"}', 400),
        sends(b"", 404),
    ],
)
def test_what_cannot_be_used_is_no_answer_and_not_asked_for_again(
    service: StandIn, provider: AddressProvider, connection: Connection, answer: Any
) -> None:
    service.does(answer)
    assert provider.points(connection, [ADDRESS]) == {}
    assert len(service.queries) == 1
    assert connection.execute(text("SELECT count(*) FROM provider_answer")).scalar_one() == 0


def test_nobody_listening_is_no_answer(waits: list[float], connection: Connection) -> None:
    with stand_in() as gone:
        pass
    assert make(gone, waits).points(connection, [ADDRESS]) == {}


@pytest.mark.parametrize("url", ["geopf", "ftp://x/", "http://", "http://x:nine/", "http://[x"])
def test_an_address_that_is_none_is_told_at_the_start(url: str) -> None:
    with pytest.raises(ConfigurationError, match="MAPSERVICE_PROVIDER_URL"):
        AddressProvider(url, CREDIT)


# The circuit breaker


def test_the_circuit_opens_after_failures_in_a_row_and_one_probe_closes_it() -> None:
    clock = Clock()
    breaker = CircuitBreaker(failures=2, pause=30, clock=clock)
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.admits()
    breaker.failed()
    assert not breaker.admits()
    clock.now += 30
    assert [breaker.admits(), breaker.admits()] == [True, False]
    breaker.succeeded()
    assert [breaker.admits(), breaker.admits()] == [True, True]


def test_a_failed_probe_opens_it_for_another_pause() -> None:
    clock = Clock()
    breaker = CircuitBreaker(failures=1, pause=30, clock=clock)
    breaker.failed()
    clock.now += 30
    assert breaker.admits()
    breaker.failed()
    clock.now += 29
    assert not breaker.admits()
    clock.now += 1
    assert breaker.admits()


def test_a_broken_provider_is_soon_left_alone(
    service: StandIn, waits: list[float], connection: Connection
) -> None:
    provider = make(service, waits, breaker=CircuitBreaker(failures=4))
    service.does(sends(b"", 500))
    for number in range(10):
        assert provider.points(connection, [f"{number} rue de Paris 35000 Rennes"]) == {}
    assert len(service.queries) == 4


def test_a_refusal_is_no_failure(
    service: StandIn, waits: list[float], connection: Connection
) -> None:
    provider = make(service, waits, breaker=CircuitBreaker(failures=1))
    service.does(sends(b"", 400))
    for number in range(3):
        provider.points(connection, [f"{number} rue de Paris 35000 Rennes"])
    assert len(service.queries) == 3


# The cache


def test_workers_share_the_cache_and_it_ages(engine: Engine) -> None:
    cache = AnswerCache("http://a", days=30)
    with engine.begin() as one:
        one.execute(text("DELETE FROM provider_answer"))
        cache.keep(one, {"rue": POINT, "place": None})
    with engine.begin() as other:
        assert cache.find(other, ["rue", "place", "quai"]) == {"rue": POINT, "place": None}
        assert AnswerCache("http://b", days=30).find(other, ["rue"]) == {}
        other.execute(text("UPDATE provider_answer SET fetched_at = now() - interval '31 days'"))
        assert cache.find(other, ["rue", "place"]) == {}
        cache.keep(other, {"quai": POINT})
        assert _kept(other) == 1


def test_the_cache_is_bounded(engine: Engine) -> None:
    cache = AnswerCache("http://a", days=30, most=2)
    for name in ("rue", "place", "quai"):
        with engine.begin() as connection:
            cache.keep(connection, {name: POINT})
    with engine.connect() as connection:
        assert set(cache.find(connection, ["rue", "place", "quai"])) == {"place", "quai"}


def test_an_address_is_not_kept(engine: Engine) -> None:
    with engine.begin() as connection:
        AnswerCache("http://a", days=30).keep(connection, {"3 rue du Secret": POINT})
        rows = connection.execute(text("SELECT provider_answer::text FROM provider_answer"))
        assert not any("Secret" in row for row in rows.scalars())


def _kept(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM provider_answer")).scalar_one())


# Whether it is believed


def test_a_point_in_the_commune_named_is_a_pin_with_its_credit(
    service: StandIn, place: Any
) -> None:
    service.does(answers(feature(*RENNES, "35238")))
    placement = place("MJC, chez Mme Martin, 3 place de la Mairie, 35000 Rennes")
    assert (placement.precision, placement.code) == (Precision.POINT, "35238")
    assert (placement.lon, placement.lat, placement.to_review) == (*RENNES, False)
    kept = record(placement)
    assert (kept["method"], kept["attribution"], kept["review"]) == ("provider", CREDIT, "none")
    assert kept["reason"] == "point of a housenumber, score 0.96"
    assert [query["q"] for query in service.queries] == [ADDRESS]  # and nobody's name


def test_a_number_with_a_bis_is_asked_for_whole(service: StandIn, place: Any) -> None:
    service.does(answers(feature(*RENNES, "35238")))
    place("12 bis rue de Paris, 35000 Rennes")
    assert [query["q"] for query in service.queries] == ["12 bis rue de paris 35000 Rennes"]


def test_a_point_elsewhere_waits_for_a_person(service: StandIn, place: Any) -> None:
    service.does(answers(feature(*NANTES, "44109")))
    placement = place("3 place de la Mairie, 35000 Rennes")
    assert (placement.precision, placement.code) == (Precision.COMMUNE, "35238")
    assert (placement.lon, placement.to_review) == (None, True)
    assert placement.reason == "the provider's point lies in 44109, the words say 35238"
    kept = record(placement)
    assert kept["attribution"] == ""
    told = {name: kept["candidates"][-1][name] for name in ("commune", "method", "lon", "lat")}
    assert told == {"commune": "44109", "method": "provider", "lon": NANTES[0], "lat": NANTES[1]}
    assert placement.match.commune == "35238"


def test_a_point_that_belies_its_own_commune_code_waits(service: StandIn, place: Any) -> None:
    service.does(answers(feature(*NANTES, "35238")))
    assert place("3 place de la Mairie, 35000 Rennes").to_review


def test_a_point_at_sea_waits(service: StandIn, place: Any) -> None:
    service.does(answers(feature(0.0, 0.0, "35238")))
    placement = place("3 place de la Mairie, 35000 Rennes")
    assert placement.reason == "the provider's point lies in no commune, the words say 35238"


def test_a_point_over_the_border_is_believed_if_it_names_the_same_commune(
    service: StandIn, place: Any
) -> None:
    service.does(answers(feature(*CESSON, "35238")))
    placement = place("3 place de la Mairie, 35000 Rennes")
    assert (placement.precision, placement.code) == (Precision.POINT, "35238")


def test_the_like_street_of_a_neighbour_waits(service: StandIn, place: Any) -> None:
    service.does(answers(feature(*CESSON, "35051")))
    placement = place("3 place de la Mairie, 35000 Rennes")
    assert (placement.precision, placement.to_review) == (Precision.COMMUNE, True)


@pytest.mark.parametrize(
    ("words", "point", "citycode", "commune"),
    [
        ("10 rue de Rivoli, 75004 Paris", (2.36041, 48.8555), "75104", "75056"),
        ("1 rue de Paris, 93380 Pierrefitte-sur-Seine", (2.3610, 48.9655), "93059", "93066"),
    ],
)
def test_arrondissements_and_former_communes_are_the_commune_of_today(
    service: StandIn,
    place: Any,
    words: str,
    point: tuple[float, float],
    citycode: str,
    commune: str,
) -> None:
    service.does(answers(feature(*point, citycode)))
    placement = place(words)
    assert (placement.precision, placement.code) == (Precision.POINT, commune)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            feature(*RENNES, "35238", kind="municipality"),
            "the provider knows no such street: its answer is a municipality",
        ),
        (
            feature(*NANTES, "44109", score=0.62),
            "the provider knows no such street: its best has a score of 0.62",
        ),
        (None, "the provider knows no such street"),
    ],
)
def test_no_better_place_is_no_contradiction(
    service: StandIn, place: Any, answer: Any, reason: str
) -> None:
    service.does(answers(*([answer] if answer else [])))
    placement = place("3 place de la Mairie, 35000 Rennes")
    assert (placement.precision, placement.to_review) == (Precision.COMMUNE, False)
    assert placement.reason == reason


def test_a_provider_away_leaves_the_commune_and_says_so(service: StandIn, place: Any) -> None:
    service.does(sends(b"", 500))
    placement = place("3 place de la Mairie, 35000 Rennes")
    assert (placement.precision, placement.to_review) == (Precision.COMMUNE, False)
    assert placement.reason == "the provider did not answer"


@pytest.mark.parametrize(
    "words", ["Rennes", "35000 Rennes", "3 place de la Mairie", "Saint-Denis", "rue de Nowhere"]
)
def test_without_a_street_in_a_sure_commune_nothing_is_sent(
    service: StandIn, place: Any, words: str
) -> None:
    place(words)
    assert service.queries == []


def test_a_row_with_its_own_point_is_not_sent(
    service: StandIn, locator: Locator, provider: AddressProvider, connection: Connection
) -> None:
    refined = Locator(locator.geocoder, locator.epcis, provider)
    asked = PlaceQuestion(GeocodeQuery(text="3 place de la Mairie, 35000 Rennes"), *RENNES)
    assert refined.place(connection, [asked])[0].match.method != "provider"
    assert service.queries == []


def test_an_import_keeps_the_point_and_whom_it_is_owed_to(
    service: StandIn, provider: AddressProvider, engine: Engine, locator: Locator, tmp_path: Path
) -> None:
    service.does(answers(feature(*RENNES, "35238")))
    path = tmp_path / "rows.csv"
    path.write_text("titre,adresse\nVerger,3 place de la Mairie 35000 Rennes\n", encoding="utf-8")
    refined = Locator(locator.geocoder, locator.epcis, provider)
    assert [
        row.precision for row in import_file(engine, refined, path, ImportOptions()).reports
    ] == ["point"]
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT method, attribution FROM location_match")).one()
    assert tuple(kept) == ("provider", CREDIT)


def test_no_provider_unless_it_is_set() -> None:
    assert AddressProvider.of_settings(Settings()) is None
    assert AddressProvider.of_settings(Settings(provider_url="http://127.0.0.1:9")) is not None
