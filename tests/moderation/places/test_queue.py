"""The queue: what waits, why, and what concerns which territory."""

import ast
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from mapservice.geocoding.matching import decide
from mapservice.moderation.places.model import DoubtReason, why_told
from tests.conftest import REPOSITORY
from tests.moderation.places.conftest import NIORT, RENNES, SAINT_MALO, Person, kept

pytestmark = pytest.mark.long

QUEUE = "/moderation/lieux"
IN_ORDER = ["homonyms", "postcode", "elsewhere", "sea", "nothing"]


def listed(engine: Engine, page: str) -> list[str]:
    """The `source_id` of each case on a page, in order."""
    found = re.findall(r'data-id="([^"]+)"', page)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, source_id FROM initiative"))
        names = {str(row.id): row.source_id for row in rows}
    return [names[one] for one in found]


def sentences(page: str) -> list[str]:
    return [
        unescape(re.sub(r"<[^>]+>", "", one)).strip()
        for one in re.findall(r'class="case-why">(.*?)</p>', page, re.DOTALL)
    ]


def test_what_is_in_doubt_waits_the_oldest_first(doubts: Engine, ana: Person) -> None:
    page = ana.get(QUEUE)
    assert page.status_code == 200
    assert listed(doubts, page.text) == IN_ORDER
    assert "5 lieux attendent" in page.text
    assert "Un verger" not in page.text


def test_each_says_in_french_why_it_waits(doubts: Engine, ana: Person) -> None:
    assert sentences(ana.get(QUEUE).text) == [
        "Plusieurs communes portent le nom «\u00a0Saint-Denis\u00a0».",
        "Le code postal 35550 est celui de plusieurs communes, et aucun nom ne dit laquelle.",
        "Le point donné est à Saint-Malo (Ille-et-Vilaine), mais les mots disent Rennes.",
        "Le point donné est en mer ou hors de France.",
        "Aucune commune n’a été reconnue dans les mots.",
    ]


def test_names_that_are_only_alike_are_no_homonyms(
    import_rows: Callable[[str], list[str]], ana: Person
) -> None:
    import_rows("id,title,city\nlike,Des abeilles,Florac\n")
    assert sentences(ana.get(QUEUE).text) == [
        "Le nom ressemble à celui d’une commune, sans être le même."
    ]


@pytest.mark.parametrize(
    ("territory", "cases"),
    [
        ("region:53", ["homonyms", "postcode", "elsewhere"]),  # Le Saint is in Morbihan
        ("departement:35", ["postcode", "elsewhere"]),
        (f"commune:{RENNES}", ["elsewhere"]),  # by its words
        (f"commune:{SAINT_MALO}", ["elsewhere"]),  # by its point
        ("region:04", ["homonyms"]),
        (f"commune:{NIORT}", ["sea"]),
        ("epci:243500139", ["elsewhere"]),  # Rennes Métropole
        ("departement:08", []),
        ("none", ["nothing"]),
    ],
)
def test_a_territory_shows_all_that_may_turn_out_to_be_there(
    doubts: Engine, ana: Person, territory: str, cases: list[str]
) -> None:
    assert listed(doubts, ana.get(f"{QUEUE}?territory={territory}").text) == cases


def test_the_regions_say_how_much_waits(doubts: Engine, ana: Person) -> None:
    page = ana.get(f"{QUEUE}?territory=departement:35").text
    chips = dict(re.findall(r"<span>([^<]+)</span> <span class=\"chip-count\">(\d+)</span>", page))
    assert (chips["Toute la France"], chips["Bretagne"], chips["La Réunion"]) == ("5", "3", "1")
    assert (chips["Ille-et-Vilaine"], chips["Morbihan"]) == ("2", "1")
    assert chips["Sans territoire"] == "1"


@pytest.mark.parametrize(
    "query",
    [
        "territory=region:99",
        "territory=rennes",
        "state=none",
        "cursor=abc",
        "sort=recent",
        "decided=1",
    ],
)
def test_a_wrong_parameter_is_named(doubts: Engine, ana: Person, query: str) -> None:
    answer = ana.get(f"{QUEUE}?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.text


def test_pages_follow_each_other(
    import_rows: Callable[[str], list[str]], engine: Engine, ana: Person
) -> None:
    rows = "".join(f"doubt-{n},Un jardin {n},Saint-Denis\n" for n in range(45))
    import_rows("id,title,city\n" + rows)
    found: list[str] = []
    address: str | None = QUEUE
    while address:
        page = ana.get(address).text
        found += listed(engine, page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        address = unescape(following[1]) if following else None
    assert sorted(found) == sorted(f"doubt-{n}" for n in range(45))


def test_a_case_shows_its_candidates_and_its_point(doubts: Engine, ana: Person) -> None:
    page = ana.get(f"{QUEUE}/{kept(doubts, 'postcode').id}").text
    codes = re.findall(r'value="commune:(\w+)"', page)
    assert set(codes) == {"35219", "35328", "35285", "35045", "35151", "35155", "35268"}
    assert 'value="point"' not in page
    page = ana.get(f"{QUEUE}/{kept(doubts, 'elsewhere').id}").text
    assert f'value="commune:{RENNES}"' in page
    assert '"point": [-2.0258, 48.6493]' in page


def test_a_point_at_sea_cannot_be_chosen(doubts: Engine, ana: Person) -> None:
    page = ana.get(f"{QUEUE}/{kept(doubts, 'sea').id}").text
    assert re.search(r'value="point"[^>]* disabled', page)


def test_what_is_clear_is_no_case(doubts: Engine, ana: Person) -> None:
    assert ana.get(f"{QUEUE}/{kept(doubts, 'clear').id}").status_code == 404
    assert ana.get(f"{QUEUE}/01970000-0000-7000-8000-000000000000").status_code == 404
    assert ana.get(f"{QUEUE}/rennes").status_code == 404


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("Plouha", "22222"),
        ("22580", "22222"),
        ("22222", "22222"),
        ("Pierrefitte-sur-Seine", "93066"),
    ],
)
def test_another_commune_is_found_by_name_or_code_without_a_script(
    doubts: Engine, ana: Person, words: str, found: str
) -> None:
    page = ana.get(f"{QUEUE}/{kept(doubts, 'nothing').id}?commune={words}").text
    assert f'value="commune:{found}"' in page


def test_a_search_without_an_answer_says_so(doubts: Engine, ana: Person) -> None:
    page = ana.get(f"{QUEUE}/{kept(doubts, 'nothing').id}?commune=zzxq%3Cqq%3E").text
    assert "Aucune autre commune ne répond à" in page
    assert "<qq>" not in page


def test_titles_and_words_are_text(doubts: Engine, ana: Person) -> None:
    hostile = "</script><img src=x onerror=alert(1)>"
    with doubts.begin() as connection:
        for statement in (
            "UPDATE initiative SET title = :text, place_text = :text",
            (
                "UPDATE location_match SET candidates = jsonb_set(candidates, '{0,through}',"
                " to_jsonb(CAST(:text AS text))) WHERE jsonb_array_length(candidates) > 0"
            ),
        ):
            connection.execute(text(statement), {"text": hostile})
    case = f"{QUEUE}/{kept(doubts, 'homonyms').id}"
    for path in (QUEUE, case, f"{case}?commune={hostile}"):
        page = ana.get(path).text
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page


def test_a_candidate_that_is_no_more_is_not_offered(doubts: Engine, ana: Person) -> None:
    with doubts.begin() as connection:
        connection.execute(
            text(
                "UPDATE location_match SET candidates = jsonb_set(candidates, '{0,commune}',"
                " '\"00000\"') WHERE jsonb_array_length(candidates) > 1"
            )
        )
    page = ana.get(f"{QUEUE}/{kept(doubts, 'homonyms').id}")
    assert page.status_code == 200
    assert "97411" not in page.text


def test_every_reason_of_the_geocoder_has_its_sentence() -> None:
    assert [one for one in _reasons("ambiguous", "none") if why_told(one) is DoubtReason.OPEN] == []


def test_every_kind_of_reason_has_its_sentence() -> None:
    page = (REPOSITORY / "templates" / "review" / "_why.html").read_text(encoding="utf-8")
    told = set(re.findall(r"reason == '(\w+)'", page))
    assert told | {"open"} == {str(one) for one in DoubtReason}


def _reasons(*verdicts: str) -> list[str]:
    """The texts that `decide.py` hands to these verdicts, their values filled in."""
    source = ast.parse(Path(decide.__file__).read_text(encoding="utf-8"))
    found = [
        _filled(node.args[0])
        for node in ast.walk(source)
        if isinstance(node, ast.Call) and node.args
        if isinstance(node.func, ast.Name) and node.func.id in verdicts
    ]
    return [one for one in found if one]


def _filled(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "12" for part in node.values
        )
    return str(node.value) if isinstance(node, ast.Constant) else ""
