"""What a person decides: the place moves, the record keeps it, and nothing overwrites it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from mapservice.accounts.roles.model import EVERYWHERE
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.geocoding.service import Locator
from mapservice.moderation.places import queries, service
from mapservice.moderation.places.model import PlaceChoice, PlaceScope
from mapservice.rollups.queries import differences
from tests.moderation.places.conftest import (
    CLEAR,
    DOUBTS,
    NIORT,
    PLOUHA,
    RENNES,
    SAINT_MALO,
    Person,
    kept,
)

pytestmark = pytest.mark.long

QUEUE = "/moderation/lieux"


def answer(person: Person, engine: Engine, case: str, choice: str, **more: str) -> int:
    """Posts a decision as the page does; returns the status."""
    form = {"token": person.token(), "choice": choice, **more}
    return person.post(f"{QUEUE}/{kept(engine, case).id}", form).status_code


def place(engine: Engine, case: str) -> tuple[Any, ...]:
    row = kept(engine, case)
    return (row.shown, row.commune, row.departement, row.region)


@pytest.mark.parametrize(
    ("case", "form", "expected"),
    [
        ("homonyms", {"choice": "commune:93066"}, ("commune", "93066", "93", "11")),
        ("nothing", {"choice": f"commune:{PLOUHA}"}, ("commune", PLOUHA, "22", "53")),
        ("elsewhere", {"choice": "point"}, ("point", SAINT_MALO, "35", "53")),
        ("elsewhere", {"choice": f"commune:{RENNES}"}, ("commune", RENNES, "35", "53")),
        (
            "homonyms",
            {"choice": "area", "area": "departement:93"},
            ("departement", None, "93", "11"),
        ),
        ("homonyms", {"choice": "area", "area": "region:11"}, ("region", None, None, "11")),
        ("sea", {"choice": "area", "area": "epci:200041317"}, ("epci", None, "79", "75")),
        ("sea", {"choice": "unknown"}, ("none", None, None, None)),
    ],
)
def test_a_choice_moves_the_place_and_its_counts(
    doubts: Engine, ana: Person, case: str, form: dict[str, str], expected: tuple[Any, ...]
) -> None:
    assert answer(ana, doubts, case, **form) == 303
    assert place(doubts, case) == expected
    with doubts.connect() as connection:
        assert differences(connection) == []


def test_the_record_keeps_what_was_asked_and_who_decided_what(doubts: Engine, ana: Person) -> None:
    before = kept(doubts, "homonyms")
    answer(ana, doubts, "homonyms", "commune:93066", note="  Vu sur\tle site\n")
    after = kept(doubts, "homonyms")
    for name in ("query", "parts", "candidates", "status", "score", "method", "reason"):
        assert getattr(after, name) == getattr(before, name)
    assert (after.review, after.decided_by) == ("decided", ana.name)
    decision = dict(after.decision)
    assert datetime.fromisoformat(decision.pop("at")) == after.decided_at
    assert decision == {
        "choice": "commune",
        "code": "93066",
        "note": "Vu sur le site",
        "by": ana.name,
        "before": {"precision": "none"},
    }


def test_an_accepted_point_is_the_one_that_was_given(doubts: Engine, ana: Person) -> None:
    answer(ana, doubts, "elsewhere", "point")
    row = kept(doubts, "elsewhere")
    assert (row.lon, row.lat) == (-2.0258, 48.6493)


def test_the_point_that_came_with_a_row_is_kept_whatever_became_of_it(
    import_rows: Callable[[str], list[str]], engine: Engine
) -> None:
    header, *rows = DOUBTS.splitlines()
    pinned = "pinned,Un verger,,79000,Niort,-0.4604,46.3239"
    meridian = "meridian,Un cadran,,79000,Niort,0,46"
    import_rows("\n".join([header, *rows, pinned, meridian]))
    points = {
        case: (kept(engine, case).query.get("lon"), kept(engine, case).query.get("lat"))
        for case in ("elsewhere", "sea", "pinned", "meridian", "nothing")
    }
    assert points == {
        "elsewhere": (-2.0258, 48.6493),
        "sea": (-3.0, 45.0),
        "pinned": (-0.4604, 46.3239),
        "meridian": (0.0, 46.0),
        "nothing": (None, None),
    }


@pytest.mark.parametrize(
    ("case", "form"),
    [
        ("homonyms", {"choice": "commune:00000"}),
        ("homonyms", {"choice": "commune:"}),
        ("homonyms", {"choice": "commune:93066'"}),
        ("homonyms", {"choice": ""}),
        ("homonyms", {"choice": "area"}),
        ("homonyms", {"choice": "area", "area": "planet:3"}),
        ("homonyms", {"choice": "point"}),
        ("sea", {"choice": "point"}),
        ("homonyms", {"choice": "unknown", "note": "x" * 501}),
        ("homonyms", {"choice": "commune:93066\x00"}),
    ],
)
def test_what_cannot_be_chosen_changes_nothing(
    doubts: Engine, ana: Person, case: str, form: dict[str, str]
) -> None:
    before = kept(doubts, case)
    assert answer(ana, doubts, case, **form) == 400
    assert kept(doubts, case) == before


def test_a_decision_leads_to_the_next_case_of_the_same_territory(
    doubts: Engine, ana: Person
) -> None:
    first, second = (kept(doubts, case).id for case in ("postcode", "elsewhere"))
    form = {"token": ana.token(), "choice": "commune:35219"}
    onward = ana.post(f"{QUEUE}/{first}?territory=departement:35", form)
    assert onward.location == f"{QUEUE}/{second}?territory=departement:35&decided={first}"
    page = ana.get(onward.location).text
    assert "Décidé pour «\u00a0Un four à pain\u00a0»\u00a0: Pipriac." in page
    form["choice"] = "point"
    last = ana.post(f"{QUEUE}/{second}?territory=departement:35", form)
    assert last.location == f"{QUEUE}?territory=departement:35&decided={second}"
    assert "Tous les lieux sont clairs." in ana.get(last.location).text


def test_what_is_decided_is_listed_and_can_be_put_back(
    doubts: Engine, ana: Person, ben: Person
) -> None:
    before = place(doubts, "elsewhere")
    answer(ana, doubts, "elsewhere", "point")
    case = kept(doubts, "elsewhere").id
    assert str(case) in ana.get(f"{QUEUE}?state=decided").text
    assert ben.post(f"{QUEUE}/{case}/attente", {"token": ben.token()}).status_code == 303
    row = kept(doubts, "elsewhere")
    assert place(doubts, "elsewhere") == before == ("commune", RENNES, "35", "53")
    assert (row.review, row.decided_by, row.decided_at) == ("waiting", None, None)
    assert (row.decision["by"], row.decision["withdrawn"]["by"]) == (ana.name, ben.name)
    page = ana.get(f"{QUEUE}/{case}").text
    assert f"{ana.name} avait décidé\u00a0: le point donné (Saint-Malo)." in page
    assert f"Remis en attente par {ben.name}." in page
    answer(ben, doubts, "elsewhere", f"commune:{RENNES}")
    row = kept(doubts, "elsewhere")
    assert (row.decision["by"], row.decision["former"]["by"]) == (ben.name, ana.name)
    with doubts.connect() as connection:
        assert differences(connection) == []


def test_who_comes_second_is_told_and_overwrites_nothing(
    doubts: Engine, ana: Person, ben: Person
) -> None:
    case = kept(doubts, "homonyms").id
    form = {"token": ben.token(), "choice": "commune:97411"}
    assert answer(ana, doubts, "homonyms", "commune:93066") == 303
    late = ben.post(f"{QUEUE}/{case}", form)
    assert late.status_code == 409
    assert "Quelqu’un d’autre a été plus rapide." in late.text
    assert '<dd class="figure">Saint-Denis</dd>' in late.text
    assert place(doubts, "homonyms")[1] == "93066"
    form = {"token": ben.token()}
    assert ben.post(f"{QUEUE}/{kept(doubts, 'sea').id}/attente", form).status_code == 409


def test_of_two_who_decide_at_once_one_wins(
    import_rows: Callable[[str], list[str]], engine: Engine
) -> None:
    rows = "".join(f"doubt-{n},Un jardin {n},Saint-Denis\n" for n in range(20))
    import_rows("id,title,city\n" + rows)
    with engine.connect() as connection:
        cases = connection.execute(text("SELECT id FROM initiative")).scalars().all()
    answers = {"Ana": "93066", "Ben": "97411"}

    def decide(name: str, case: UUID, start: Barrier) -> str | None:
        start.wait()
        try:
            service.decide(engine, case, PlaceChoice.parse(f"commune:{answers[name]}"), name)
        except StateConflict:
            return None
        return name

    with ThreadPoolExecutor(2) as pool:
        for case in cases:
            start = Barrier(2)
            tried = [pool.submit(decide, name, case, start) for name in answers]
            (winner,) = [name for one in tried if (name := one.result())]
            with engine.connect() as connection:
                row = connection.execute(
                    text(
                        "SELECT commune, decided_by FROM initiative JOIN location_match"
                        " ON initiative = id WHERE id = :id"
                    ),
                    {"id": case},
                ).one()
            assert tuple(row) == (answers[winner], winner)
    with engine.connect() as connection:
        assert differences(connection) == []


def test_an_import_of_the_same_words_leaves_the_decision(
    doubts: Engine, import_rows: Callable[[str], list[str]]
) -> None:
    case = kept(doubts, "homonyms").id
    service.decide(doubts, case, PlaceChoice.parse("commune:93066"), "Ana")
    again = DOUBTS.replace("Un jardin à Saint-Denis", "Un jardin partagé")
    import_rows(again + CLEAR)
    row = kept(doubts, "homonyms")
    assert (row.commune, row.review, row.decided_by) == ("93066", "decided", "Ana")
    other = again.replace(",Saint-Denis,,", ",Plouha,,")
    import_rows(other + CLEAR)
    row = kept(doubts, "homonyms")
    assert (row.commune, row.review, row.decided_by) == (PLOUHA, "none", None)
    assert row.decision["by"] == "Ana"


def test_a_rerun_settles_what_is_certain_today_and_nothing_else(
    doubts: Engine, locator: Locator
) -> None:
    service.decide(doubts, kept(doubts, "homonyms").id, PlaceChoice.parse("commune:93066"), "Ana")
    put_back = kept(doubts, "sea").id
    service.decide(doubts, put_back, PlaceChoice.parse("unknown"), "Ana")
    service.put_back(doubts, put_back, "Ben")
    with doubts.begin() as connection:  # as if the engine had learnt these words
        connection.execute(
            text(
                'UPDATE location_match SET query = \'{"text": "22580 Plouha"}\''
                " WHERE query ->> 'city' IN ('Zzyzx', 'Saint-Denis', 'Niort')"
            )
        )
    decided, waiting = kept(doubts, "homonyms"), kept(doubts, "sea")
    assert service.rerun(doubts, locator) == service.RematchResult(resolved=1, left=2)
    row = kept(doubts, "nothing")
    assert (row.shown, row.commune) == ("commune", PLOUHA)
    assert (row.review, row.status, row.decided_by) == ("none", "certain", None)
    assert row.method
    assert row.reason.endswith("it waited because no commune is named")
    assert (kept(doubts, "homonyms"), kept(doubts, "sea")) == (decided, waiting)
    assert kept(doubts, "elsewhere").review == "waiting"
    with doubts.connect() as connection:
        assert differences(connection) == []


def test_a_former_place_that_is_no_more_is_not_given_back(doubts: Engine) -> None:
    case = kept(doubts, "elsewhere").id
    service.decide(doubts, case, PlaceChoice.parse("unknown"), "Ana")
    with doubts.begin() as connection:
        connection.execute(
            text(
                "UPDATE location_match SET decision = jsonb_set(decision, '{before,code}',"
                " '\"00000\"') WHERE initiative = :id"
            ),
            {"id": case},
        )
    service.put_back(doubts, case, "Ana")
    assert place(doubts, "elsewhere") == ("none", None, None, None)


def test_the_verbs_refuse_what_is_not_there(doubts: Engine) -> None:
    nobody = UUID("01970000-0000-7000-8000-000000000000")
    with pytest.raises(NotFound):
        service.decide(doubts, nobody, PlaceChoice.parse("unknown"), "Ana")
    with pytest.raises(NotFound):
        service.put_back(doubts, nobody, "Ana")
    with pytest.raises(StateConflict):
        service.decide(doubts, kept(doubts, "clear").id, PlaceChoice.parse("unknown"), "Ana")
    with pytest.raises(InvalidInput):
        service.decide(doubts, kept(doubts, "sea").id, PlaceChoice.parse("unknown"), " \n")
    with doubts.connect() as connection:
        assert queries.counts(connection, EVERYWHERE).waiting == 5
        assert queries.next_waiting(
            connection,
            PlaceScope(),
            queries.PlaceQueuePosition(kept(doubts, "nothing").matched_at, nobody),
        )
    assert kept(doubts, "clear").commune == NIORT
