"""Outlines mended: on squares whose right answer is plain, then on the real source."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely import Geometry, MultiPolygon, Point, Polygon, box
from shapely.geometry import shape

from mapservice.territories.model import AliasKind, AliasRecord, CommuneRecord
from mapservice.territories.repair import (
    GroundReason,
    RepairReport,
    area_km2,
    interior_gaps,
    label_point,
    repair,
    split_by_nearest,
)

Repaired = tuple[dict[str, CommuneRecord], RepairReport]


def commune(code: str, outline: Geometry | None, town_hall: Point | None = None) -> CommuneRecord:
    return CommuneRecord(code, code, "", 1, (), None, code[:2], town_hall, outline)


def ring_around_a_hole() -> list[CommuneRecord]:
    """Three by three squares near 45° N but for the one in the middle, [1, 2] x [46, 47]."""
    west = box(0, 45, 1, 48)
    east = box(2, 45, 3, 48)
    north = box(1, 47, 2, 48)
    south = box(1, 45, 2, 46)
    sides = {"01001": west, "01002": east, "01003": north, "01004": south}
    return [commune(code, outline) for code, outline in sides.items()]


def outlines(communes: list[CommuneRecord]) -> dict[str, Geometry]:
    return {c.code: c.outline for c in communes if c.outline is not None}


def lost(code: str, absorber: str, town_hall: Point | None = None) -> AliasRecord:
    return AliasRecord(code, code, AliasKind.DELEGUEE, absorber, town_hall=town_hall)


HOLE = box(1, 46, 2, 47)


class TestVoids:
    def test_goes_to_the_commune_that_absorbed_one(self) -> None:
        communes, report = repair(ring_around_a_hole(), [lost("01009", "01003")])
        north = communes[2]
        assert north.outline is not None
        assert shapely.area(shapely.difference(HOLE, north.outline)) == pytest.approx(0, abs=1e-9)
        assert north.outline_approximate
        assert [(f.commune, f.ground) for f in report.fillings] == [
            ("01003", GroundReason.ABSORBED)
        ]
        assert report.gaps == ()

    def test_the_town_hall_of_a_deleguee_inside_decides_first(self) -> None:
        aliases = [lost("01009", "01003"), lost("01008", "01004", Point(1.5, 46.5))]
        _, report = repair(ring_around_a_hole(), aliases)
        assert [(f.commune, f.ground) for f in report.fillings] == [
            ("01004", GroundReason.TOWN_HALL)
        ]

    def test_else_goes_to_the_longest_border(self) -> None:
        sides = ring_around_a_hole()
        wide = Polygon([(0, 45), (1, 45), (1, 46), (1.4, 46), (1.4, 47), (1, 47), (1, 48), (0, 48)])
        sides[0] = commune("01001", wide)
        _, report = repair(sides)
        assert [f.ground for f in report.fillings] == [GroundReason.BORDER]

    def test_two_town_halls_share_one_hole_by_nearness(self) -> None:
        homeless = [
            commune("01005", None, Point(1.25, 46.5)),
            commune("01006", None, Point(1.75, 46.5)),
        ]
        communes, report = repair([*ring_around_a_hole(), *homeless])
        shapes = outlines(communes)
        assert shapely.covers(shapes["01005"], Point(1.4, 46.1))
        assert shapely.covers(shapes["01006"], Point(1.6, 46.9))
        assert shapely.coverage_is_valid(np.array(list(shapes.values()), dtype=object))
        assert report.without_outline == ()

    def test_llivia_stays_in_spain(self) -> None:
        frame = box(1.9, 42.4, 2.1, 42.6).difference(box(1.95, 42.45, 2.0, 42.5))
        communes, report = repair([commune("66005", frame)])
        assert not shapely.covers(outlines(communes)["66005"], Point(1.9806, 42.4645))
        assert report.fillings == ()

    def test_a_small_hole_that_is_no_known_land_is_left_as_water(self) -> None:
        pond = box(1.5, 46.5, 1.502, 46.502)
        around = box(1, 46, 2, 47).difference(pond)
        _, report = repair([commune("01001", around)], land=around)
        assert report.fillings == ()
        assert [gap.km2 for gap in report.gaps] == [pytest.approx(0.034, abs=0.002)]

    def test_ground_on_a_frontier_is_filled_where_the_land_reaches(self) -> None:
        land = box(0, 45, 2, 46)
        west = commune("25390", box(0, 45, 1, 46))
        communes, report = repair([west], [lost("25303", "25390")], land)
        assert shapely.covers(outlines(communes)["25390"], Point(1.5, 45.5))
        assert [f.ground for f in report.fillings] == [GroundReason.ABSORBED]


class TestMissingOutlines:
    def test_made_of_the_outlines_of_its_deleguees(self) -> None:
        part = AliasRecord("01007", "Part", AliasKind.DELEGUEE, "01005", outline=HOLE)
        communes, report = repair([*ring_around_a_hole(), commune("01005", None)], [part])
        assert shapely.area(outlines(communes)["01005"]) == pytest.approx(1)
        assert communes[-1].outline_approximate
        assert [f.ground for f in report.fillings] == [GroundReason.PARTS]

    def test_cut_from_the_neighbour_in_which_its_town_hall_stands(self) -> None:
        host = commune("15141", box(0, 45, 2, 46), Point(0.5, 45.5))
        guest = commune("15031", None, Point(1.5, 45.5))
        communes, _ = repair([host, guest])
        shapes = outlines(communes)
        assert shapely.bounds(shapes["15141"]) == pytest.approx((0, 45, 1, 46))
        assert shapely.bounds(shapes["15031"]) == pytest.approx((1, 45, 2, 46))

    def test_never_cut_from_another_departement(self) -> None:
        host = commune("15141", box(0, 45, 2, 46))
        guest = commune("43001", None, Point(1.5, 45.5))
        _, report = repair([host, guest])
        assert report.without_outline == ("43001",)


class TestCoverage:
    def test_an_overlap_is_given_to_one_side(self) -> None:
        communes, _ = repair(
            [commune("01001", box(0, 45, 1.01, 46)), commune("01002", box(1, 45, 2, 46))]
        )
        shapes = list(outlines(communes).values())
        assert shapely.area(shapely.intersection(shapes[0], shapes[1])) == 0
        assert shapely.area(shapely.union(shapes[0], shapes[1])) == pytest.approx(2)

    def test_a_bow_tie_keeps_its_polygons_only(self) -> None:
        bow_tie = Polygon([(0, 45), (1, 46), (1, 45), (0, 46)])
        communes, _ = repair([commune("01001", bow_tie)])
        outline = outlines(communes)["01001"]
        assert isinstance(outline, MultiPolygon)
        assert shapely.is_valid(outline)

    def test_shares_of_a_voronoi_diagram_fill_the_ground(self) -> None:
        shares = split_by_nearest(HOLE, {"a": Point(1.2, 46.2), "b": Point(1.8, 46.8)})
        assert shapely.area(shapely.union_all(list(shares.values()))) == pytest.approx(1)


class TestLabelPoint:
    def test_the_town_hall_where_it_is_inside(self) -> None:
        assert label_point(box(0, 45, 1, 46), Point(0.1, 45.1)) == Point(0.1, 45.1)

    @pytest.mark.parametrize("town_hall", [None, Point(5.03, 49.72)])
    def test_else_a_point_well_inside_the_largest_part(self, town_hall: Point | None) -> None:
        outline = shapely.union(box(0, 45, 1, 46), box(3, 45, 3.1, 45.1))
        assert label_point(outline, town_hall).distance(Point(0.5, 45.5)) < 0.02


def test_area_of_a_degree_at_the_equator() -> None:
    assert area_km2(box(0, -0.5, 1, 0.5)) == pytest.approx(12_364, rel=0.001)


@pytest.mark.long
class TestFrance:
    def test_every_commune_is_valid_and_together_a_coverage(self, repaired: Repaired) -> None:
        communes, report = repaired
        shapes = list(outlines(list(communes.values())).values())
        assert len(shapes) == 34_875
        assert report.without_outline == ()
        assert bool(shapely.is_valid(shapes).all())
        assert not bool(shapely.is_empty(shapes).any())
        assert shapely.coverage_is_valid(np.array(shapes, dtype=object))

    def test_no_gap_over_a_third_of_a_square_kilometre(self, repaired: Repaired) -> None:
        communes, _ = repaired
        assert interior_gaps(list(outlines(list(communes.values())).values()), 0.3) == []

    @pytest.mark.parametrize(
        ("place", "lon_lat", "code"),
        [
            ("66 rue de Paris, Pierrefitte-sur-Seine", (2.3608, 48.9655), "93066"),
            ("Conques, whose commune has no outline", (2.3977, 44.5994), "12218"),
            ("Ville-du-Pont, on the Swiss side", (6.4983, 46.9989), "25390"),
            ("Chalinargues, cut from Neussargues", (2.9331, 45.1558), "15035"),
            ("Filain, absorbed without déléguée", (3.5576, 49.4526), "02589"),
        ],
    )
    def test_places_that_were_in_no_outline(
        self, repaired: Repaired, place: str, lon_lat: tuple[float, float], code: str
    ) -> None:
        outline = repaired[0][code].outline
        assert outline is not None
        assert shapely.covers(outline, Point(lon_lat)), place

    def test_what_was_guessed_is_flagged(self, repaired: Repaired) -> None:
        communes, _ = repaired
        guessed = {code for code, c in communes.items() if c.outline_approximate}
        assert guessed >= {"93066", "12218", "14581", "49126", "69114", "15031", "15141"}
        assert "35238" not in guessed
        assert len(guessed) == 55

    def test_against_true_outlines_of_absorbed_communes(
        self, repaired: Repaired, trial_data: Path
    ) -> None:
        """At least 83 % of each true outline lies in the commune that absorbed it."""
        path = trial_data / "geometry" / "fill_2018_polygons.geojson"
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        assert len(features) == 68
        for feature in features:
            true = shape(feature["geometry"])
            given = repaired[0][feature["properties"]["current_code"]].outline
            assert shapely.area(shapely.intersection(true, given)) / true.area > 0.83
