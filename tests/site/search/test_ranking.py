"""`/recherche.json` against names drawn at random: the right place stands first."""

from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.geocoding.matching.normalise import fold, normalise

pytestmark = pytest.mark.long

SEED = 20261129
LEAST_SHARE = 0.99
# One letter wrong may well spell another name: what the letters themselves allow.
LEAST_SHARE_MISSPELT = 0.97


@dataclass(frozen=True, slots=True)
class Asked:
    """A text, and the codes of which one must be the first answer's."""

    text: str
    right: frozenset[str]


@dataclass(frozen=True, slots=True)
class Commune:
    code: str
    name: str
    population: int
    postcodes: tuple[str, ...]
    departement: str
    departement_name: str


@pytest.fixture(scope="module")
def communes(shared_engine: Engine) -> list[Commune]:
    with shared_engine.connect() as connection:
        return _communes(connection)


def _communes(connection: Connection) -> list[Commune]:
    rows = connection.execute(
        text(
            """
            SELECT c.code, c.name, c.population, c.postcodes, c.departement, d.name
              FROM territory c
              JOIN territory d ON d.level = 'departement' AND d.code = c.departement
             WHERE c.level = 'commune' ORDER BY c.code"""
        )
    )
    return [Commune(row[0], row[1], row[2], tuple(row[3]), row[4], row[5]) for row in rows]


@pytest.fixture(scope="module")
def areas(shared_engine: Engine) -> list[tuple[str, str, str]]:
    with shared_engine.connect() as connection:
        rows = connection.execute(
            text("SELECT level, code, name FROM territory WHERE level IN ('departement', 'region')")
        )
        return [(row[0], row[1], row[2]) for row in rows]


def key(name: str) -> str:
    return normalise(name).replace(" ", "")


@pytest.fixture(scope="module")
def largest(communes: list[Commune], areas: list[tuple[str, str, str]]) -> dict[str, Commune]:
    """The largest commune of each name, without those that a département or région bears too."""
    found: dict[str, Commune] = {}
    for commune in sorted(communes, key=lambda one: one.population):
        found[key(commune.name)] = commune
    wider = {key(name) for _, _, name in areas} - {"paris"}
    return {name: one for name, one in found.items() if name not in wider}


def share_right(client: FlaskClient, asked: list[Asked]) -> tuple[float, list[str]]:
    wrong = [one.text for one in asked if first(client, one.text)["code"] not in one.right]
    return 1 - len(wrong) / len(asked), wrong


def first(client: FlaskClient, q: str) -> dict[str, Any]:
    answer = client.get("/recherche.json", query_string={"q": q, "limit": 5})
    assert answer.status_code == 200, (q, answer.text)
    assert answer.json is not None
    return answer.json["places"][0] if answer.json["places"] else {"code": "", "level": ""}


def drawn(communes: list[Commune], count: int) -> list[Commune]:
    """By population, as people live: each once."""
    dice = Random(SEED)
    weights = [one.population for one in communes]
    found: dict[str, Commune] = {}
    while len(found) < count:
        one = dice.choices(communes, weights)[0]
        found[one.code] = one
    return list(found.values())


def test_communes_drawn_by_population(
    searching: FlaskClient, communes: list[Commune], largest: dict[str, Commune]
) -> None:
    some = [one for one in drawn(communes, 400) if largest.get(key(one.name)) == one]
    assert len(some) > 300
    share, wrong = share_right(searching, [Asked(one.name, frozenset({one.code})) for one in some])
    assert share >= LEAST_SHARE, wrong


def test_spelt_as_people_type(
    searching: FlaskClient, communes: list[Commune], largest: dict[str, Commune]
) -> None:
    """No accents, no hyphens, no capitals, "st" for "saint": the same place."""
    asked = []
    for one in drawn(communes, 110):
        if largest.get(key(one.name)) == one:
            plain = fold(one.name).replace("-", " ")
            short = plain.replace("saint ", "st ").replace("sainte ", "ste ")
            asked += [
                Asked(words, frozenset({one.code})) for words in (plain, short, plain.upper())
            ]
    share, wrong = share_right(searching, asked)
    assert share >= LEAST_SHARE, wrong


def test_small_communes_with_what_tells_them_apart(
    searching: FlaskClient, communes: list[Commune], largest: dict[str, Commune]
) -> None:
    small = Random(SEED).sample([one for one in communes if 0 < one.population < 500], 100)
    names = [
        Asked(o.name, frozenset({largest[key(o.name)].code}))
        for o in small
        if key(o.name) in largest
    ]
    share, wrong = share_right(searching, names)
    assert share >= LEAST_SHARE, wrong
    told = [
        Asked(words, frozenset({one.code}))
        for one in small
        for words in (
            f"{one.name} {one.departement}",
            f"{one.name} ({one.departement_name})",
            f"{one.name}, {one.departement_name}",
            *(f"{one.name} {postcode}" for postcode in one.postcodes[:1]),
            *(f"{postcode} {one.name}" for postcode in one.postcodes[:1]),
        )
    ]
    share, wrong = share_right(searching, told)
    assert share >= LEAST_SHARE, wrong


def test_every_departement_and_region(
    searching: FlaskClient, areas: list[tuple[str, str, str]]
) -> None:
    regions = {key(name) for level, _, name in areas if level == "region"}
    wrong = []
    for level, code, name in areas:
        found = first(searching, name)
        wanted = (level, code) if level == "region" or key(name) not in regions else ("region",)
        if name == "Paris":
            wanted = ("commune", "75056")
        if (found["level"], found["code"])[: len(wanted)] != wanted:
            wrong.append(name)
        if level == "departement":
            numbered = first(searching, code)
            assert (numbered["level"], numbered["code"]) == (level, code)
    assert wrong == []


def test_former_communes(
    searching: FlaskClient, shared_engine: Engine, communes: list[Commune]
) -> None:
    with shared_engine.connect() as connection:
        rows = connection.execute(
            text(
                """SELECT name, commune FROM territory_alias
                    WHERE kind IN ('deleguee', 'associee') ORDER BY code, commune"""
            )
        ).all()
    current = {key(one.name) for one in communes}
    bearers = Counter(key(row[0]) for row in rows)
    alone = [row for row in rows if bearers[key(row[0])] == 1 and key(row[0]) not in current]
    some = Random(SEED).sample(alone, 80)
    share, wrong = share_right(searching, [Asked(row[0], frozenset({row[1]})) for row in some])
    assert share >= LEAST_SHARE, wrong


def test_postcodes(searching: FlaskClient, communes: list[Commune]) -> None:
    bearers: dict[str, list[Commune]] = {}
    for one in communes:
        for postcode in one.postcodes:
            bearers.setdefault(postcode, []).append(one)
    for postcode in Random(SEED).sample(sorted(bearers), 100):
        most = max(one.population for one in bearers[postcode])
        right = {one.code for one in bearers[postcode] if one.population == most}
        assert first(searching, postcode)["code"] in right, postcode


def test_arrondissements(searching: FlaskClient) -> None:
    codes = {
        "75056": range(75001, 75021),
        "69123": range(69001, 69010),
        "13055": range(13001, 13017),
    }
    for commune, postcodes in codes.items():
        for postcode in postcodes:
            assert first(searching, str(postcode))["code"] == commune


def misspelt(name: str, dice: Random) -> str:
    """One letter dropped, doubled, swapped with the next one, or replaced."""
    places = [i for i, letter in enumerate(name) if letter.isalpha() and i]
    at = dice.choice(places)
    kind = dice.randrange(4)
    if kind == 0:
        return name[:at] + name[at + 1 :]
    if kind == 1:
        return name[:at] + name[at] + name[at:]
    if kind == 2 and at + 1 < len(name):
        return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    return name[:at] + dice.choice("aeiourstln") + name[at + 1 :]


def test_typos(
    searching: FlaskClient,
    communes: list[Commune],
    largest: dict[str, Commune],
    areas: list[tuple[str, str, str]],
) -> None:
    """Where one letter is wrong and no other place is spelt so, the larger of those alike."""
    dice = Random(SEED)
    spelt = {key(one.name) for one in communes}
    asked = []
    for one in drawn(communes, 400):
        typed = misspelt(one.name, dice)
        if largest.get(key(one.name)) == one and len(one.name) > 4 and key(typed) not in spelt:
            asked.append(Asked(typed, frozenset({one.code})))
    share, wrong = share_right(searching, asked)
    assert share >= LEAST_SHARE_MISSPELT, (share, wrong)
    wide = [(misspelt(name, dice), code) for _, code, name in areas if len(name) > 6]
    share, wrong = share_right(searching, [Asked(typed, frozenset({code})) for typed, code in wide])
    assert share >= 0.93, (share, wrong)
