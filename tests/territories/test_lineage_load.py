"""A yearly update in a real PostGIS: COG 2022, initiatives, then COG 2026.

The communes, codes and events are real ones; their outlines are boxes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import pytest
from shapely import Geometry, box
from sqlalchemy import Engine, text

from mapservice.db.engine import make_engine
from mapservice.db.migrate import migrate
from mapservice.rollups.queries import differences
from mapservice.territories.assemble import assemble
from mapservice.territories.lineage.event_words import EventLanguage
from mapservice.territories.lineage.events import CommuneMovement
from mapservice.territories.lineage.queries import (
    current_of,
    history,
    state_on,
    stored_movements,
)
from mapservice.territories.load import LoadReport, load
from mapservice.territories.model import (
    AliasKind,
    AliasRecord,
    CommuneRecord,
    Level,
    ParentRecord,
    TerritorySet,
)
from tests.conftest import temporary_database
from tests.territories.lineage_facts import yearly_movements
from tests.web.population import Made, insert

SAINT_DENIS = box(2.33, 48.91, 2.38, 48.95)
PIERREFITTE = box(2.33, 48.95, 2.38, 48.98)
LES_ESSARTS = box(-1.26, 46.74, -1.18, 46.82)
LOIE = box(-1.18, 46.74, -1.10, 46.78)
SAINTE_FLORENCE = box(-1.18, 46.78, -1.10, 46.82)
NEUSSARGUES = box(2.95, 45.10, 3.00, 45.16)
CELLES = box(2.90, 45.10, 2.95, 45.16)
TROIS_LACS = box(1.30, 49.18, 1.40, 49.25)
IN_LOIE = (-1.14, 46.76)
IN_LES_ESSARTS = (-1.22, 46.78)
IN_PIERREFITTE = (2.35, 48.96)

EPCI = {"15": "200066637", "27": "200072312", "85": "248500530", "93": "200054781"}
REGIONS = {"15": "84", "27": "28", "85": "52", "93": "11"}
PARENTS = (
    *(ParentRecord(Level.EPCI, code, f"EPCI {code}") for code in EPCI.values()),
    *(ParentRecord(Level.DEPARTEMENT, d, f"Département {d}", "", r) for d, r in REGIONS.items()),
    *(ParentRecord(Level.REGION, code, f"Région {code}") for code in REGIONS.values()),
)
DELEGUEE = AliasRecord("93059", "Pierrefitte-sur-Seine", AliasKind.DELEGUEE, "93066")


def commune(code: str, name: str, outline: Geometry) -> CommuneRecord:
    departement = code[:2]
    return CommuneRecord(code, name, "", 1000, (), EPCI[departement], departement, None, outline)


def cog(
    year: int, communes: Sequence[CommuneRecord], aliases: Sequence[AliasRecord] = ()
) -> TerritorySet:
    return TerritorySet(f"boxes {year}", "none", year, communes, PARENTS, aliases)


COG_2022 = cog(
    2022,
    [
        commune("93066", "Saint-Denis", SAINT_DENIS),
        commune("93059", "Pierrefitte-sur-Seine", PIERREFITTE),
        commune("85084", "Essarts en Bocage", LES_ESSARTS | LOIE | SAINTE_FLORENCE),
        commune("15141", "Neussargues en Pinatelle", NEUSSARGUES | CELLES),
        commune("27058", "Les Trois Lacs", TROIS_LACS),
    ],
)
COG_2026 = cog(
    2026,
    [
        commune("93066", "Saint-Denis", SAINT_DENIS | PIERREFITTE),
        commune("85084", "Essarts-en-Bocage", LES_ESSARTS),
        commune("85165", "L'Oie", LOIE),
        commune("85212", "Sainte-Florence", SAINTE_FLORENCE),
        commune("15141", "Neussargues-Moissac", NEUSSARGUES),
        commune("15031", "Celles", CELLES),
        commune("27676", "Les Trois Lacs", TROIS_LACS),
    ],
    [DELEGUEE],
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an initiative is after a load, and what its match record says."""

    precision: str
    commune: str | None
    epci: str | None
    pin: tuple[float, float] | None
    review: str | None


@pytest.fixture
def atlas(server_url: str) -> Iterator[Engine]:
    """An empty database of its own."""
    with temporary_database(server_url, "lineage") as url:
        engine = make_engine(url)
        migrate(engine)
        yield engine
        engine.dispose()


def loaded(
    atlas: Engine, territories: TerritorySet, movements: Sequence[CommuneMovement] | None = None
) -> LoadReport:
    return load(atlas, territories, assemble(territories), movements=movements)


def propose(
    atlas: Engine,
    commune: str | None,
    pin: tuple[float, float] | None = None,
    decided_by: str | None = None,
    epci: str | None = None,
    departement: str | None = None,
) -> str:
    """At the finest of what is given."""
    lon, lat = pin or (None, None)
    levels = {"point": pin, "commune": commune, "epci": epci, "departement": departement}
    made = Made(
        precision=next(level for level, given in levels.items() if given),
        commune=commune,
        epci=epci,
        departement=departement,
        lon=lon,
        lat=lat,
    )
    with atlas.begin() as connection:
        insert(connection, [made])
        if decided_by != "no record":
            connection.execute(text(MATCH), {"id": made.id, "by": decided_by})
    return made.id


def place_of(atlas: Engine, identifier: str) -> Place:
    with atlas.connect() as connection:
        row = connection.execute(text(PLACE), {"id": identifier}).one()
    pin = None if row.lon is None else (row.lon, row.lat)
    return Place(row.precision, row.commune, row.epci, pin, row.review)


MATCH = """
INSERT INTO location_match (initiative, query, parts, status, precision, score, method, cog_year,
                            review, decided_by, decided_at)
SELECT CAST(:id AS uuid), '{}', '{}', 'certain', 'commune', 1, 'name', 2022,
       CASE WHEN CAST(:by AS text) IS NULL THEN 'none' ELSE 'decided' END, :by,
       CASE WHEN CAST(:by AS text) IS NOT NULL THEN now() END"""
PLACE = """
SELECT initiative.precision, initiative.commune, initiative.epci, ST_X(initiative.point) AS lon,
       ST_Y(initiative.point) AS lat, location_match.review
  FROM initiative
  LEFT JOIN location_match ON location_match.initiative = initiative.id
 WHERE initiative.id = CAST(:id AS uuid)"""


class TestMergers:
    def test_what_was_in_pierrefitte_is_in_saint_denis(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022, yearly_movements())
        named = propose(atlas, "93059")
        pinned = propose(atlas, "93059", IN_PIERREFITTE)
        report = loaded(atlas, COG_2026)
        assert (report.moved, report.to_review) == (2, 0)
        assert place_of(atlas, named) == Place("commune", "93066", "200054781", None, "none")
        assert place_of(atlas, pinned).commune == "93066"
        assert place_of(atlas, pinned).pin == IN_PIERREFITTE

    def test_a_point_in_no_outline_is_kept_and_follows_the_commune(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022, yearly_movements())
        on_the_water = (2.395, 48.96)
        jetty = propose(atlas, "93059", on_the_water)
        loaded(atlas, COG_2026)
        assert place_of(atlas, jetty) == Place("point", "93066", "200054781", on_the_water, "none")

    def test_the_alias_is_enough(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022)
        named = propose(atlas, "93059")
        loaded(atlas, COG_2026)
        assert place_of(atlas, named).commune == "93066"

    def test_a_new_code_is_followed(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022, yearly_movements())
        lakes = propose(atlas, "27058")
        loaded(atlas, COG_2026)
        assert place_of(atlas, lakes).commune == "27676"

    def test_rollups_agree_afterwards(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022, yearly_movements())
        for code in ("93059", "85084", "15141", "27058"):
            propose(atlas, code)
        loaded(atlas, COG_2026)
        with atlas.connect() as connection:
            assert differences(connection) == []


class TestSplits:
    def test_a_point_in_loie_goes_to_loie(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022, yearly_movements())
        there = propose(atlas, "85084", IN_LOIE)
        elsewhere = propose(atlas, "85084", IN_LES_ESSARTS)
        report = loaded(atlas, COG_2026)
        assert place_of(atlas, there) == Place("point", "85165", "248500530", IN_LOIE, "none")
        assert place_of(atlas, elsewhere).commune == "85084"
        assert (report.moved, report.to_review) == (1, 0)

    def test_the_point_is_enough_without_movements(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022)
        there = propose(atlas, "85084", IN_LOIE)
        loaded(atlas, COG_2026)
        assert place_of(atlas, there).commune == "85165"

    def test_the_name_alone_is_no_longer_sure(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022, yearly_movements())
        somewhere = propose(atlas, "85084")
        report = loaded(atlas, COG_2026)
        assert place_of(atlas, somewhere) == Place("epci", None, "248500530", None, "waiting")
        (case,) = report.open_cases
        assert (case.code, case.name, case.initiatives) == ("85084", "Essarts-en-Bocage", 1)
        assert case.candidates == ("85084", "85165", "85212")

    def test_the_review_shows_the_candidates(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022, yearly_movements())
        propose(atlas, "15141")
        loaded(atlas, COG_2026)
        with atlas.connect() as connection:
            row = connection.execute(
                text("SELECT candidates, reason, precision, cog_year FROM location_match")
            ).one()
        assert [candidate["commune"] for candidate in row.candidates] == ["15031", "15141"]
        assert [candidate["name"] for candidate in row.candidates] == [
            "Celles",
            "Neussargues-Moissac",
        ]
        assert row.reason == "commune 15141 was split or shared out since"
        assert (row.precision, row.cog_year) == ("epci", 2026)

    def test_a_person_s_choice_of_a_commune_that_still_exists_stands(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022, yearly_movements())
        chosen = propose(atlas, "85084", decided_by="Ana")
        pinned = propose(atlas, "85084", IN_LOIE, decided_by="Ana")
        loaded(atlas, COG_2026)
        assert place_of(atlas, chosen) == Place("commune", "85084", "248500530", None, "decided")
        assert place_of(atlas, pinned).commune == "85165"

    def test_finer_outlines_move_points_but_not_a_person_s_choice(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022)
        found = propose(atlas, "93059", IN_PIERREFITTE)
        chosen = propose(atlas, "93059", IN_PIERREFITTE, decided_by="Ana")
        border = 48.97
        finer = [
            commune("93066", "Saint-Denis", box(2.33, 48.91, 2.38, border)),
            commune("93059", "Pierrefitte-sur-Seine", box(2.33, border, 2.38, 48.98)),
        ]
        loaded(atlas, replace(COG_2022, communes=[*finer, *COG_2022.communes[2:]]))
        assert place_of(atlas, found).commune == "93066"
        assert place_of(atlas, chosen).commune == "93059"


class TestUndecided:
    def test_a_commune_gone_without_an_heir(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022)
        lakes = propose(atlas, "27058", decided_by="Ana")
        without = replace(COG_2026, communes=COG_2026.communes[:-1])
        report = loaded(atlas, without)
        assert place_of(atlas, lakes) == Place("none", None, None, None, "waiting")
        assert [(case.code, case.candidates) for case in report.open_cases] == [("27058", ())]
        with atlas.connect() as connection:
            reason = connection.execute(text("SELECT reason FROM location_match")).scalar_one()
        assert reason == (
            "commune 27058 is no more, and no heir is known since; it had been placed by Ana"
        )

    def test_its_departement_is_sure_while_that_exists(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022)
        somewhere = propose(atlas, "93059", (2.395, 48.96), decided_by="no record")
        report = loaded(atlas, replace(COG_2026, aliases=[]))
        place = place_of(atlas, somewhere)
        assert (place.precision, place.pin, place.review) == ("departement", None, "waiting")
        assert report.to_review == 1
        with atlas.connect() as connection:
            reason = connection.execute(text("SELECT reason FROM location_match")).scalar_one()
        assert reason.endswith("its point was POINT(2.395 48.96)")

    def test_a_point_is_kept_for_who_decides(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022)
        propose(atlas, "93059", (2.395, 48.96))
        loaded(atlas, replace(COG_2026, aliases=[]))
        with atlas.connect() as connection:
            row = connection.execute(text("SELECT query, method FROM location_match")).one()
        assert (row.query["lon"], row.query["lat"], row.method) == (2.395, 48.96, "lineage")

    def test_an_epci_that_is_gone(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022)
        shared = propose(atlas, None, epci="248500530")
        communes = [
            replace(one, epci=None) if one.departement == "85" else one for one in COG_2022.communes
        ]
        report = loaded(atlas, replace(COG_2022, communes=communes))
        assert place_of(atlas, shared) == Place("departement", None, None, None, "waiting")
        assert [case.level for case in report.open_cases] == ["epci"]

    def test_what_a_person_placed_wider_is_left_alone(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022)
        wide = propose(atlas, None, decided_by="Ana", departement="93")
        propose(atlas, "27058")
        loaded(atlas, replace(COG_2026, communes=COG_2026.communes[:-1]))
        assert place_of(atlas, wide).review == "decided"


class TestStorage:
    def test_events_are_kept_when_a_load_gives_none(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022, yearly_movements())
        loaded(atlas, COG_2026)
        with atlas.connect() as connection:
            assert stored_movements(connection) == yearly_movements()
            aliases = connection.execute(
                text("SELECT code, name, commune FROM territory_alias WHERE kind = 'former'")
            ).all()
            source = connection.execute(
                text("SELECT source FROM territory_load ORDER BY id DESC LIMIT 1")
            ).scalar_one()
        assert ("75059", "Pierrefitte-sur-Seine", "93066") in [tuple(row) for row in aliases]
        assert source == "boxes 2026 + INSEE mouvements"

    def test_a_second_load_of_the_same_changes_nothing(self, atlas: Engine) -> None:
        loaded(atlas, COG_2026, yearly_movements())
        for code in ("85084", "85165", "93066", "15141"):
            propose(atlas, code)
        report = loaded(atlas, COG_2026, yearly_movements())
        assert (report.removed, report.moved, report.open_cases) == (0, 0, ())

    def test_events_that_the_communes_do_not_show_yet_are_no_aliases(self, atlas: Engine) -> None:
        loaded(atlas, COG_2022, yearly_movements())
        with atlas.connect() as connection:
            codes = connection.execute(text("SELECT DISTINCT code FROM territory_alias")).scalars()
            found = current_of(connection, "93059")
        assert "93059" not in set(codes)
        assert found is not None
        assert found.in_force


class TestQueries:
    def test_pierrefitte_leads_to_saint_denis_and_says_why(self, atlas: Engine) -> None:
        loaded(atlas, COG_2026, yearly_movements())
        with atlas.connect() as connection:
            found = current_of(connection, "93059")
            english = current_of(connection, "93059", EventLanguage.ENGLISH)
        assert found is not None
        assert (found.name, found.in_force) == ("Pierrefitte-sur-Seine", False)
        assert [commune.code for commune in found.communes] == ["93066"]
        assert found.day == date(2025, 1, 1)
        assert found.words == "fusionnée avec Saint-Denis le 1er janvier 2025"
        assert english is not None
        assert english.words == "merged with Saint-Denis on 1 January 2025"

    def test_a_commune_of_today_stands_for_itself(self, atlas: Engine) -> None:
        loaded(atlas, COG_2026, yearly_movements())
        with atlas.connect() as connection:
            found = current_of(connection, "85165")
        assert found is not None
        assert (found.in_force, found.day, found.words) == (True, None, "")

    @pytest.mark.parametrize(
        ("kind", "words"),
        [
            (AliasKind.DELEGUEE, "commune déléguée de Saint-Denis"),
            (AliasKind.ASSOCIEE, "commune associée de Saint-Denis"),
            (AliasKind.FORMER, "ancienne commune, aujourd'hui sur le territoire de Saint-Denis"),
        ],
    )
    def test_the_alias_alone_tells_less(self, atlas: Engine, kind: AliasKind, words: str) -> None:
        loaded(atlas, replace(COG_2026, aliases=[replace(DELEGUEE, kind=kind)]))
        with atlas.connect() as connection:
            found = current_of(connection, "93059")
            events = history(connection, "93059")
        assert found is not None
        assert [commune.name for commune in found.communes] == ["Saint-Denis"]
        assert (found.day, found.words) == (None, words)
        assert events == []

    def test_an_unknown_code(self, atlas: Engine) -> None:
        loaded(atlas, COG_2026, yearly_movements())
        with atlas.connect() as connection:
            assert current_of(connection, "99999") is None
            assert history(connection, "99999") == []
            assert state_on(connection, "99999", date(2020, 1, 1)) is None

    def test_the_history_of_loie(self, atlas: Engine) -> None:
        loaded(atlas, COG_2026, yearly_movements())
        with atlas.connect() as connection:
            entries = history(connection, "85165")
        assert [(entry.day.year, entry.kind_name) for entry in entries] == [
            (2016, "création d'une commune nouvelle"),
            (2024, "rétablissement"),
        ]
        assert entries[1].words == "rétablie le 1er janvier 2024, séparée d'Essarts en Bocage"

    def test_the_state_of_a_day(self, atlas: Engine) -> None:
        loaded(atlas, COG_2026, yearly_movements())
        with atlas.connect() as connection:
            found = state_on(connection, "85165", date(2020, 1, 1))
        assert found is not None
        assert (found.type, found.name) == ("COMD", "L'Oie")
        assert [commune.name for commune in found.within] == ["Essarts en Bocage"]
        assert [commune.code for commune in found.today] == ["85165"]
