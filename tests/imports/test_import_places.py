"""Points that are no places, and shapes that are no points: territories, never pins."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Row, text

from mapservice.geocoding.service import Locator
from mapservice.imports import row_identity
from mapservice.imports.row_reports import RowOutcome, RowReport
from mapservice.imports.service import ImportOptions, import_file
from mapservice.imports.shared_points import SharedPoints
from mapservice.imports.streets import street_key

Import = Callable[..., list[RowReport]]
HEADER = "id;titre;adresse;ville;cp;lat;lon\n"
NIORT = "46.3300;-0.4481"
STREET = "12 rue Joseph Cugnot"


@pytest.fixture
def rows(engine: Engine, locator: Locator, tmp_path: Path) -> Import:
    """`rows(line, …)`: imports a CSV file of these lines."""

    def rows(*lines: str, **options: Any) -> list[RowReport]:
        path = tmp_path / "points.csv"
        path.write_text(HEADER + "".join(f"{line}\n" for line in lines), encoding="utf-8")
        return list(import_file(engine, locator, path, ImportOptions(**options)).reports)

    return rows


@pytest.fixture
def features(engine: Engine, locator: Locator, tmp_path: Path) -> Import:
    """`features((geometry, properties), …)`: imports a GeoJSON file of these."""

    def features(*made: tuple[Any, dict[str, str]]) -> list[RowReport]:
        path = tmp_path / "shapes.geojson"
        listed = [{"type": "Feature", "geometry": g, "properties": p} for g, p in made]
        path.write_text(json.dumps({"type": "FeatureCollection", "features": listed}))
        return list(import_file(engine, locator, path, ImportOptions()).reports)

    return features


def precisions(reports: Sequence[RowReport]) -> list[str]:
    return [report.precision for report in reports]


def kept(engine: Engine) -> Sequence[Row[Any]]:
    statement = "SELECT *, ST_X(point) AS lon FROM initiative ORDER BY source_id"
    with engine.connect() as connection:
        return connection.execute(text(statement)).all()


# --- shared points --------------------------------------------------------------------------


def test_a_point_of_several_rows_without_a_street_is_their_commune(
    rows: Import, engine: Engine
) -> None:
    lines = [f"{n};Projet {n};;Niort;79000;{NIORT}" for n in range(12)]
    reports = rows(*lines, "z;Seul;5 rue Basse;Niort;79000;46.3251;-0.4611")
    assert precisions(reports) == ["commune"] * 12 + ["point"]
    assert reports[0].reason == "the point is shared by 12 rows without an address: commune"
    assert {row.lon for row in kept(engine)} == {None, -0.4611}
    assert {row.commune for row in kept(engine)} == {"79191"}
    assert {str(one.outcome) for one in rows(*lines)} == {"unchanged"}


def test_thirty_associations_at_one_address_keep_their_pin(rows: Import, engine: Engine) -> None:
    spelt = (STREET, "12, r. Joseph-Cugnot", f"Maison des associations, {STREET}, bâtiment B")
    lines = [f"{n};Association {n};{spelt[n % 3]};Niort;79000;{NIORT}" for n in range(30)]
    assert precisions(rows(*lines)) == ["point"] * 30
    other = rows(*lines, f"x;Ailleurs;14 rue Autre;Niort;79000;{NIORT}")
    assert precisions(other[-1:]) == ["commune"]
    assert "that do not share one address" in other[-1].reason
    assert Counter(row.precision for row in kept(engine)) == {"point": 30, "commune": 1}


def test_a_row_that_is_repeated_or_edited_does_not_share_with_itself(rows: Import) -> None:
    line = f"1;Un verger;;Niort;79000;{NIORT}"
    assert [one.outcome for one in rows(line, line)] == ["imported", "merged"]
    edited = rows(line.replace("Un verger", "Un grand verger"))
    assert (edited[0].outcome, edited[0].precision) == ("updated", "point")
    nameless = rows(line.replace("1;", ";", 1), platform="other")
    assert precisions(nameless) == ["point"]


def test_a_point_is_also_shared_with_what_is_kept_of_the_same_source(
    rows: Import, engine: Engine
) -> None:
    first = f"1;Un verger;;Niort;79000;{NIORT}"
    assert precisions(rows(first)) == ["point"]
    assert precisions(rows(f"2;Un autre rucher;;Niort;79000;{NIORT}", platform="other")) == [
        "point"
    ]
    assert precisions(rows(f"2;Une ruche;;Niort;79000;{NIORT}")) == ["commune"]
    # The first one is mended by its next import, though its own row did not change.
    again = rows(first)
    assert (again[0].outcome, again[0].precision) == ("updated", "commune")
    assert rows(first)[0].outcome == "unchanged"


def test_pins_of_a_former_version_are_mended(
    rows: Import, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"{n};Projet {n};;Niort;79000;{NIORT}" for n in range(3)]
    with monkeypatch.context() as former:
        former.setattr(row_identity, "DIGEST_VERSION", 1)
        former.setattr(SharedPoints, "why_shared", lambda *_: "")
        assert precisions(rows(*lines)) == ["point"] * 3
    assert {(str(one.outcome), one.precision) for one in rows(*lines)} == {("updated", "commune")}
    assert {row.lon for row in kept(engine)} == {None}


# --- centres --------------------------------------------------------------------------------


def centre(engine: Engine, level: str, code: str, of: str = "point") -> str:
    statement = f"SELECT ST_Y(c) || ';' || ST_X(c) FROM (SELECT {of} AS c FROM territory"
    with engine.connect() as connection:
        return str(
            connection.execute(
                text(f"{statement} WHERE level = :level AND code = :code) AS one"),
                {"level": level, "code": code},
            ).scalar_one()
        )


@pytest.mark.parametrize("of", ["point", "ST_Centroid(outline)"])
def test_the_centre_of_a_commune_is_the_commune(rows: Import, engine: Engine, of: str) -> None:
    where = centre(engine, "commune", "79174", of)
    reports = rows(
        f"1;Sans rue;;Melle;79500;{where}",
        f"2;Sans mots;;;;{where}",
        "3;À côté;;Melle;79500;46.22201;-0.14001",
    )
    assert precisions(reports) == ["commune", "commune", "point"]
    assert [report.commune for report in reports] == ["79174"] * 3
    assert "without an address" in reports[0].reason


def test_a_lone_row_at_a_centre_without_a_street(rows: Import, engine: Engine) -> None:
    where = centre(engine, "commune", "79174")
    alone = rows(f"1;Sans rue;;Melle;79500;{where}")
    assert alone[0].reason == "the point is the centre of the commune 79174, no address: commune"
    with_street = rows(f"1;Avec;1 place de la Mairie;Melle;79500;{where}", platform="other")
    assert precisions(with_street) == ["point"]


def test_the_centre_of_a_region_names_no_commune(rows: Import, engine: Engine) -> None:
    (report,) = rows(f"1;Toute la Bretagne;;;;{centre(engine, 'region', '53')}")
    assert (report.precision, report.commune) == ("region", "")


def test_a_rounded_point_is_its_commune(rows: Import) -> None:
    (report,) = rows("1;Rond;5 rue Basse;Niort;79000;46.32;-0.46")
    assert (report.precision, report.commune) == ("commune", "79191")
    assert report.reason == "the point is rounded to about a kilometre: commune"


def test_a_point_of_tenths_of_a_degree_names_no_commune_for_sure(rows: Import) -> None:
    alone, named = rows("1;Au centre;;;;46.6;2.5\n2;Nommée;;Rennes;35000;48.1;-1.7")
    assert alone.outcome is RowOutcome.TO_REVIEW
    assert alone.reason == "the point is rounded to about ten kilometres: commune"
    assert (named.outcome, named.commune) == (RowOutcome.IMPORTED, "35238")


@pytest.mark.parametrize(
    ("address", "city", "key"),
    [
        ("12, rue Joseph Cugnot", "Niort", "12 rue joseph cugnot"),
        ("12 r. J. Cugnot 79000 Niort", "Niort", "12 rue j cugnot"),
        ("Résidence X, 3 bis av. de la Gare, bât. 2", "", "3 bis avenue gare"),
        ("Grande Rue", "Niort", "grande rue"),
        ("Salle des fêtes", "Niort", "salle fetes"),
        ("Mairie", "Niort", "mairie"),
        ("Niort", "Niort", ""),
        ("79000 Niort", "Niort", ""),
        ("Centre ville", "Niort", ""),
        ("Le Bourg", "", ""),
        ("Sur toute la commune", "", ""),
        ("", "", ""),
    ],
)
def test_the_street_of_an_address(address: str, city: str, key: str) -> None:
    assert street_key(address, city) == key


# --- shapes ---------------------------------------------------------------------------------


def square(lon: float, lat: float, half: float) -> dict[str, Any]:
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    ring = [[lon + x * half, lat + y * half] for x, y in corners]
    return {"type": "Polygon", "coordinates": [ring]}


def line(*vertices: list[float]) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": list(vertices)}


def test_a_shape_is_the_finest_territory_that_holds_it(features: Import, engine: Engine) -> None:
    reports = features(
        (square(-0.46, 46.325, 0.005), {"nom": "Parc"}),
        (line([-0.46, 46.325], [-0.461, 46.326]), {"nom": "Haie"}),
        (line([-0.46, 46.325], [-0.2, 46.25]), {"nom": "Voie verte"}),
        (square(-0.46, 46.325, 0.3), {"nom": "Bassin"}),
        (square(2.0, 47.0, 1.2), {"nom": "Centre de la France"}),
        (square(-8.0, 46.0, 0.5), {"nom": "Au large"}),
        ({"type": "Polygon", "coordinates": [[[0, 45], [1, "x"]]]}, {"nom": "Cassé"}),
    )
    assert [(str(one.outcome), one.precision, one.commune) for one in reports] == [
        ("imported", "commune", "79191"),
        ("imported", "commune", "79191"),
        ("imported", "departement", ""),
        ("imported", "departement", ""),
        ("imported", "national", ""),
        ("to_review", "none", ""),
        ("to_review", "none", ""),
    ]
    assert "the Polygon lies in 79191; it gives no pin" in reports[0].reason
    assert {row.lon for row in kept(engine)} == {None}


def test_words_and_shape_agree_or_wait(features: Import) -> None:
    park = square(-0.46, 46.325, 0.005)
    agreed, doubted = features(
        (park, {"nom": "A", "ville": "Niort"}), (park, {"nom": "B", "ville": "Rennes"})
    )
    assert (str(agreed.outcome), agreed.commune) == ("imported", "79191")
    assert (str(doubted.outcome), doubted.commune) == ("to_review", "35238")
    assert "the words say otherwise" in doubted.reason


def test_a_commune_s_own_outline_is_the_commune(features: Import, engine: Engine) -> None:
    statement = "SELECT ST_AsGeoJSON(outline) FROM territory WHERE level = 'commune' AND code = :c"
    with engine.connect() as connection:
        outline = connection.execute(text(statement), {"c": "79174"}).scalar_one()
    (report,) = features((json.loads(outline), {"nom": "Melle entière"}))
    assert (report.precision, report.commune) == ("commune", "79174")


def test_the_middle_of_a_shape_in_the_next_column_is_no_pin(
    engine: Engine, locator: Locator, tmp_path: Path
) -> None:
    shape = json.dumps(square(-0.46, 46.325, 0.005)).replace('"', '""')
    path = tmp_path / "portail.csv"
    path.write_text(f'nom;geo_point_2d;geo_shape\nParc;"46.325, -0.46001";"{shape}"\n')
    (report,) = import_file(engine, locator, path, ImportOptions()).reports
    assert (report.precision, report.commune) == ("commune", "79191")
