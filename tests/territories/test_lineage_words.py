"""What happened to a commune, as people read it."""

from datetime import date

import pytest

from mapservice.territories.lineage.event_words import (
    KINDS,
    PHRASES,
    EventLanguage,
    day_words,
    kind_words,
    names_of,
    tell,
    tell_way,
)
from mapservice.territories.lineage.events import CommuneMovement, EventKind, events_of
from mapservice.territories.lineage.model import CommuneLineage
from mapservice.territories.model import AliasKind, AliasRecord
from tests.territories.lineage_facts import essarts, merge, move, split, unit, yearly_movements

SAINT_DENIS = merge(
    "32", "2025-01-01", ["93059 Pierrefitte-sur-Seine", "93066 Saint-Denis"], "93066 Saint-Denis"
)
ORSAY = [
    move("20", "1977-02-19", "91471 Orsay", "91471 Orsay"),
    move("20", "1977-02-19", "91471 Orsay", "91692 Les Ulis"),
    move("20", "1977-02-19", "91122 Bures-sur-Yvette", "91122 Bures-sur-Yvette"),
    move("20", "1977-02-19", "91122 Bures-sur-Yvette", "91692 Les Ulis"),
]
HOCMONT = [
    *split("30", "1968-03-02", "08227 Hocmont", ["08203 Guignicourt", "08454 Touligny"]),
    move("30", "1968-03-02", "08454 Touligny", "08454 Touligny"),
]
PONT_D_OUILLY = merge(
    "31",
    "1947-08-27",
    ["14485 Ouilly-le-Basset", "14612 Saint-Marc-d'Ouilly"],
    "14764 Pont-d'Ouilly",
)
CLARAFOND = merge("33", "1974-01-01", ["74017 Arcine", "74077 Clarafond"], "74077 Clarafond")
BELLEVIGNE = [
    move("35", "2026-01-01", "COMD 16129 Éraville", "16204 Bellevigne"),
    move("35", "2026-01-01", "COMD 16204 Malaville", "16204 Bellevigne"),
]


@pytest.mark.parametrize(
    ("movements", "code", "french", "english"),
    [
        (
            SAINT_DENIS,
            "93059",
            "fusionnée avec Saint-Denis le 1er janvier 2025",
            "merged with Saint-Denis on 1 January 2025",
        ),
        (
            SAINT_DENIS,
            "93066",
            "rejointe par Pierrefitte-sur-Seine le 1er janvier 2025",
            "joined by Pierrefitte-sur-Seine on 1 January 2025",
        ),
        (
            PONT_D_OUILLY,
            "14485",
            "fusionnée avec Saint-Marc-d'Ouilly pour former Pont-d'Ouilly le 27 août 1947",
            "merged with Saint-Marc-d'Ouilly into Pont-d'Ouilly on 27 August 1947",
        ),
        (
            PONT_D_OUILLY,
            "14764",
            (
                "née de la fusion de plusieurs communes (Ouilly-le-Basset et Saint-Marc-d'Ouilly)"
                " le 27 août 1947"
            ),
            "formed from Ouilly-le-Basset and Saint-Marc-d'Ouilly on 27 August 1947",
        ),
        (
            CLARAFOND,
            "74017",
            "associée par fusion à la commune Clarafond le 1er janvier 1974",
            "merged by association with Clarafond on 1 January 1974",
        ),
        (
            ORSAY,
            "91471",
            "amputée d'une partie de son territoire le 19 février 1977 pour créer Les Ulis",
            "cut on 19 February 1977 to create Les Ulis",
        ),
        (
            ORSAY,
            "91692",
            "créée le 19 février 1977 sur le territoire d'Orsay et de Bures-sur-Yvette",
            "created on 19 February 1977 from ground of Orsay and Bures-sur-Yvette",
        ),
        (
            HOCMONT,
            "08227",
            "supprimée le 2 mars 1968, son territoire partagé entre Guignicourt et Touligny",
            "abolished on 2 March 1968, its ground shared between Guignicourt and Touligny",
        ),
        (
            HOCMONT,
            "08454",
            "agrandie le 2 mars 1968 d'une partie du territoire de Hocmont",
            "enlarged on 2 March 1968 by ground of Hocmont",
        ),
        (
            [move("41", "1968-01-01", "78127 Cergy", "95127 Cergy")],
            "95127",
            "passée du code 78127 au code 95127 le 1er janvier 1968, en changeant de département",
            "recoded from 78127 to 95127 on 1 January 1968, on a change of département",
        ),
        (
            [move("50", "2023-01-01", "27058 Les Trois Lacs", "27676 Les Trois Lacs")],
            "27058",
            "passée du code 27058 au code 27676 le 1er janvier 2023, en changeant de chef-lieu",
            "recoded from 27058 to 27676 on 1 January 2023, on a transfer of its seat",
        ),
        (
            [move("10", "2005-07-01", "74077 Clarafond", "74077 Clarafond-Arcine")],
            "74077",
            "renommée Clarafond-Arcine le 1er juillet 2005",
            "renamed Clarafond-Arcine on 1 July 2005",
        ),
        (
            [move("30", "2007-02-23", "97123 Saint-Barthélemy", "")],
            "97123",
            "sortie du code officiel géographique le 23 février 2007",
            "removed from the official code on 23 February 2007",
        ),
        (
            [move("20", "2011-03-31", "", "97611 Mamoudzou")],
            "97611",
            "entrée dans le code officiel géographique le 31 mars 2011",
            "entered in the official code on 31 March 2011",
        ),
        (
            BELLEVIGNE,
            "16204",
            "communes déléguées supprimées le 1er janvier 2026 : Éraville et Malaville",
            "communes déléguées abolished on 1 January 2026: Éraville and Malaville",
        ),
        (
            [move("70", "2016-01-01", "COMA 24001 A", "COMD 24001 A")],
            "24001",
            "commune associée devenue déléguée le 1er janvier 2016",
            "commune associée made a déléguée on 1 January 2016",
        ),
    ],
)
def test_each_kind_is_told(
    movements: list[CommuneMovement], code: str, french: str, english: str
) -> None:
    (event,) = events_of(movements)
    assert tell(event, code) == french
    assert tell(event, code, EventLanguage.ENGLISH) == english


def test_a_merger_that_was_undone_is_told_from_both_sides() -> None:
    lineage = essarts()
    assert [tell(event, code) for event, code in lineage.history("85165")] == [
        (
            "fusionnée avec Les Essarts, Boulogne et Sainte-Florence pour former Essarts en Bocage"
            " le 1er janvier 2016"
        ),
        "rétablie le 1er janvier 2024, séparée d'Essarts en Bocage",
    ]
    assert [tell(event, code) for event, code in lineage.history("85084")] == [
        (
            "rejointe par Boulogne, L'Oie et Sainte-Florence le 1er janvier 2016,"
            " sous le nom Essarts en Bocage"
        ),
        "divisée le 1er janvier 2024 : L'Oie et Sainte-Florence de nouveau à part",
    ]


def test_a_way_of_two_steps() -> None:
    lineage = CommuneLineage.of(yearly_movements(), {"93066": "Saint-Denis"})
    found = lineage.resolve("75059")
    assert found is not None
    assert tell_way(found.steps) == (
        "passée du code 75059 au code 93059 le 1er janvier 1968, en changeant de département,"
        " puis fusionnée avec Saint-Denis le 1er janvier 2025"
    )


def test_a_way_names_the_commune_that_went_on() -> None:
    lineage = CommuneLineage.of(
        [
            *merge("31", "1965-01-01", ["01001 Aa", "01002 Bb"], "01002 Bb"),
            *merge("32", "2016-01-01", ["01002 Bb", "01003 Cc"], "01003 Cc"),
        ],
        {"01003": "Cc"},
    )
    found = lineage.resolve("01001")
    assert found is not None
    assert tell_way(found.steps) == (
        "fusionnée avec Bb le 1er janvier 1965, puis Bb fusionnée avec Cc le 1er janvier 2016"
    )


def test_ground_that_left_one_commune_for_another_did_not_come_back() -> None:
    lineage = CommuneLineage.of(
        [
            *merge("33", "1973-01-01", ["55273 Lamarche", "55245 Heudicourt"], "55245 Madine"),
            *split("21", "1983-01-01", "55245 Madine", ["55245 Heudicourt", "55386 Nonsard"]),
        ],
        {"55245": "Heudicourt", "55386": "Nonsard"},
        [AliasRecord("55273", "Lamarche", AliasKind.ASSOCIEE, "55386")],
    )
    found = lineage.resolve("55273")
    assert found is not None
    assert tell_way(found.steps) == (
        "fusionnée avec Heudicourt pour former Madine le 1er janvier 1973,"
        " puis Madine divisée le 1er janvier 1983 : Nonsard de nouveau à part"
    )


def test_the_history_goes_back_through_a_change_of_code() -> None:
    lineage = CommuneLineage.of(
        [
            move("10", "1950-05-05", "78127 Cergy-sur-Oise", "78127 Cergy"),
            move("41", "1968-01-01", "78127 Cergy", "95127 Cergy"),
        ],
        {"95127": "Cergy"},
    )
    told = [(event.day.year, code) for event, code in lineage.history("95127")]
    assert told == [(1950, "78127"), (1968, "78127")]


def test_a_long_list_is_cut() -> None:
    units = [unit(f"0100{n} {name}") for n, name in enumerate("ABCDEFG")]
    assert names_of(units[:5]) == "A, B, C, D et E"
    assert names_of(units) == "A, B, C, D et 3 autres"
    assert names_of(units, EventLanguage.ENGLISH) == "A, B, C, D and 3 others"


def test_days_and_kinds() -> None:
    assert day_words(date(2024, 8, 2)) == "2 août 2024"
    assert day_words(date(2024, 8, 1), EventLanguage.ENGLISH) == "1 August 2024"
    assert kind_words(EventKind.NEW_COMMUNE) == "création d'une commune nouvelle"
    assert KINDS.keys() == set(EventKind)
    assert all(len(languages) == len(EventLanguage) for languages in PHRASES.values())
