"""Formats, encodings and broken files: what is read, and what is refused in clear words."""

import gzip
import io
import json
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapservice.errors import InvalidInput, SourceError
from mapservice.imports.readers import content
from mapservice.imports.reading import SourceFile, read_file
from mapservice.initiatives.model import SourceRow

RENNES = (-1.6794, 48.1147)
GARDEN = "titre,ville\nJardin partagé,Rennes\n"


def written(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def rows_of(folder: Path, data: bytes | str, name: str = "essai.csv") -> list[SourceRow]:
    return list(read_file(written(folder, name, data)).rows)


def refusal(folder: Path, data: bytes | str, name: str = "essai.csv") -> str:
    with pytest.raises(SourceError) as error:
        read_file(written(folder, name, data))
    return str(error.value)


def collection(*features: Any, **members: Any) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features), **members})


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def point(*coordinates: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": list(coordinates)}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path: Path, separator: str) -> None:
    text = GARDEN.replace(",", separator)
    (row,) = rows_of(tmp_path, text)
    assert (row.title, row.city) == ("Jardin partagé", "Rennes")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
def test_the_encoding_is_found(tmp_path: Path, encoding: str) -> None:
    (row,) = rows_of(tmp_path, "titre;résumé\nL’été à Nîmes;Œuvre\n".encode(encoding))
    assert (row.title, row.summary) == ("L’été à Nîmes", "Œuvre")


def test_lines_of_two_encodings_in_one_file_all_read_right(tmp_path: Path) -> None:
    data = "titre\nÉté\n".encode() + "Forêt\n".encode("cp1252")
    assert [row.title for row in rows_of(tmp_path, data)] == ["Été", "Forêt"]


def test_utf8_once_read_as_cp1252_is_mended(tmp_path: Path) -> None:
    text = "titre,ville\nL’Ã©tÃ© Ã\xa0 la forÃªt,NÃ®mes\n«\u00a0CAFÉ\u00a0»,Orléans\n"
    first, second = rows_of(tmp_path, text)
    assert (first.title, first.city) == ("L’été à la forêt", "Nîmes")
    assert second.title == "« CAFÉ »"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_is_read(tmp_path: Path, end: str) -> None:
    (row,) = rows_of(tmp_path, GARDEN.replace("\n", end))
    assert row.city == "Rennes"


def test_titles_above_the_header_and_the_separator_line_of_excel_are_passed(
    tmp_path: Path,
) -> None:
    text = "Initiatives 2024;;\n;;\nnom;adresse;ville\nAMAP;2 rue du Pré;Niort\n"
    (row,) = rows_of(tmp_path, text)
    assert (row.number, row.title, row.city) == (1, "AMAP", "Niort")
    (row,) = rows_of(tmp_path, "sep=;\nnom;ville\nA, B et C;Niort\n")
    assert row.title == "A, B et C"


def test_a_cell_may_hold_lines_and_separators(tmp_path: Path) -> None:
    text = 'nom,description,ville\nAMAP,"Un,\ndeux",Niort\nForge,,Melle\n'
    first, second = rows_of(tmp_path, text)
    assert (first.description, first.city, second.number) == ("Un,\ndeux", "Niort", 2)


def test_an_unbalanced_quote_costs_no_other_row(tmp_path: Path) -> None:
    text = 'nom,ville\nA,Niort\n"B,Melle\nC,Vasles\n"D "le" d",Benet\nE,Marans\n'
    rows = rows_of(tmp_path, text)
    assert [(row.city, bool(row.rejected)) for row in rows] == [
        ("Niort", False), ("Melle", False), ("Vasles", False), ("Benet", False), ("Marans", False),
    ]  # fmt: skip
    assert rows[1].problems == ("row: its quotes are unbalanced or not doubled",)


def test_a_row_with_too_many_cells_is_rejected_alone(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "nom,adresse,ville\nA,2, rue X,Niort\nB,3 rue X,Melle\nC\n")
    assert [row.rejected[:31] for row in rows] == ["row has 4 cells for 3 columns: ", "", ""]
    assert rows[2].title == "C"


def test_an_overlong_line_is_rejected_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "MAX_LINE_BYTES", 100)
    rows = rows_of(tmp_path, f"nom,ville\nA,Niort\n{'x' * 300_000}\nB,Melle\n")
    assert [row.title for row in rows] == ["A", "", "B"]
    assert rows[1].rejected == "line is longer than can be read"
    assert "header line is longer" in refusal(tmp_path, f"nom,{'x' * 300}\nA,B\n")


def test_nul_and_invisible_signs_are_dropped(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, f"nom,ville\nA\u202eB\u200b\x07,Nio\x00rt\n{'':>300}\n")
    assert (row.title, row.city) == ("AB", "Niort")


def test_columns_of_one_name_are_told_apart(tmp_path: Path) -> None:
    source = read_file(written(tmp_path, "essai.csv", "nom,nom,ville\nA,B,Niort\n"))
    (row,) = source.rows
    assert (row.title, row.raw["nom (2)"]) == ("A", "B")
    assert source.problems == ("column 'nom' appears more than once",)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf\n \n", "the file is empty"),
        (b"titre,ville\n", "a header and no row"),
        (b"a,b\n1,2\n", "--mapping title=COLUMN"),
        (bytes(range(256)) * 40, "binary data"),
        (b"\x00" * 100, "empty"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "Excel"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"PK\x03\x04 not a zip", "zip archive cannot be read"),
        (b"\x1f\x8b not a gzip", "gzip archive is damaged"),
        (b"SQLite format 3\x00" + b"\x00" * 200, "damaged"),
        (",".join(f"c{n}" for n in range(10_000)).encode() + b"\n1\n", "10000 columns"),
    ],
)
def test_a_hopeless_file_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in refusal(tmp_path, data)


def test_the_columns_seen_are_named_when_the_title_is_missing(tmp_path: Path) -> None:
    assert "columns are 'truc', 'machin'" in refusal(tmp_path, "truc,machin\n1,2\n")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(SourceError, match="cannot be read"):
            read_file(path)


def test_gzip_and_zip_are_unpacked(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, gzip.compress(GARDEN.encode()), "liste.csv.gz")
    assert row.city == "Rennes"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("liste.csv", GARDEN)
        packed.writestr("LISEZMOI.md", "...")
    source = read_file(written(tmp_path, "liste_niort.zip", archive.getvalue()))
    assert (source.platform, next(source.rows).city) == ("liste_niort", "Rennes")


def test_bombs_documents_and_nested_archives_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "MAX_UNPACKED_BYTES", content.MIB)
    bomb = gzip.compress(b"a" * (8 * content.MIB))
    assert "unpacks to more than 1 MiB" in refusal(tmp_path, bomb, "liste.csv.gz")
    assert "archive within" in refusal(tmp_path, gzip.compress(gzip.compress(b"a")), "a.csv.gz")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("liste.csv", b"a" * (8 * content.MIB))
    assert "unpacks to more than" in refusal(tmp_path, archive.getvalue(), "liste.zip")
    workbook = io.BytesIO()
    with zipfile.ZipFile(workbook, "w") as packed:
        packed.writestr("[Content_Types].xml", "")
    assert "a document without sheets" in refusal(tmp_path, workbook.getvalue(), "liste.xlsx")


def test_geojson_points_with_height_or_without_geometry(tmp_path: Path) -> None:
    text = collection(
        feature(point(*RENNES, 35.0), nom="A"),
        feature(None, nom="B", commune="Niort"),
        feature(point(), nom="C"),
        feature({"type": "MultiPoint", "coordinates": [list(RENNES)]}, nom="D"),
    )
    rows = rows_of(tmp_path, text, "essai.geojson")
    assert [(row.lon, row.lat) for row in rows] == [RENNES, (None, None), (None, None), RENNES]
    assert all(row.problems == () for row in rows)


@pytest.mark.parametrize("kind", ["Polygon", "LineString", "GeometryCollection"])
def test_a_shape_that_is_no_point_gives_no_pin(tmp_path: Path, kind: str) -> None:
    shape = {"type": kind, "coordinates": [[[0, 45], [1, 45], [1, 46], [0, 45]]]}
    (row,) = rows_of(tmp_path, collection(feature(shape, nom="A")), "essai.geojson")
    assert row.lon is None
    assert row.problems == (f"geometry: a {kind} gives no true point, so no pin",)


@pytest.mark.parametrize("crs", ["urn:ogc:def:crs:EPSG::2154", "EPSG:2154", None])
def test_geojson_in_lambert_93_declared_or_not(tmp_path: Path, crs: str | None) -> None:
    members = {"crs": {"type": "name", "properties": {"name": crs}}} if crs else {}
    text = collection(feature(point(352_029.0, 6_789_303.0), nom="A"), **members)
    (row,) = rows_of(tmp_path, text, "essai.geojson")
    assert (row.lon, row.lat) == pytest.approx((-1.677, 48.112), abs=0.01)


def test_crs84_an_unknown_crs_and_degrees_under_a_projected_name(tmp_path: Path) -> None:
    for crs in ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:999999", "EPSG:2154", "+proj=none"):
        members = {"crs": {"type": "name", "properties": {"name": crs}}}
        text = collection(feature(point(*RENNES), nom="A"), **members)
        (row,) = rows_of(tmp_path, text, "essai.geojson")
        assert (row.lon, row.lat) == RENNES


def test_a_single_feature_a_sequence_and_a_plain_list_are_read(tmp_path: Path) -> None:
    one = json.dumps(feature(point(*RENNES), nom="A") | {"id": 7})
    (row,) = rows_of(tmp_path, one, "essai.json")
    assert (row.external_id, row.lon) == ("7", RENNES[0])
    rows = rows_of(tmp_path, f"{one}\n\n\x1e{one}\nbroken\n", "essai.geojsonl")
    assert [row.rejected for row in rows] == ["", "", "not a GeoJSON feature"]
    (row,) = rows_of(tmp_path, '[{"nom": "A", "adresse": {"codePostal": 1000}}]', "essai.json")
    assert row.postcode == "01000"


def test_the_list_of_a_portal_answer_is_read(tmp_path: Path) -> None:
    item = {"name": "A", "geo": {"latitude": RENNES[1], "longitude": RENNES[0]}, "tags": ["vélo"]}
    (row,) = rows_of(tmp_path, json.dumps({"count": 1, "results": [item]}), "essai.json")
    assert (row.title, row.lon, row.theme.value) == ("A", RENNES[0], "mobilite")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"type": "FeatureCollection", "features": [', "broken JSON at line 1"),
        ('{"type": "FeatureCollection", "features": []}', "holds no feature"),
        ('{"type": "Topology"}', "TopoJSON"),
        ('{"type": "Point", "coordinates": [1, 2]}', "without a FeatureCollection"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"type": "FeatureCollection", "features": [1' + "0" * 5_000 + "]}", "too long"),
        ("[1, 2]", "no column for the title"),
        ("null", "without a FeatureCollection"),
    ],
)
def test_broken_geojson_is_refused(tmp_path: Path, text: str, words: str) -> None:
    assert words in refusal(tmp_path, text, "essai.geojson")


def test_odd_features_are_rejected_alone(tmp_path: Path) -> None:
    text = collection(
        feature(point(*RENNES), nom="\ud800 A\x00"),
        "text",
        None,
        feature({"type": "Point", "coordinates": ["1", True]}, nom="B"),
        feature(point(float("nan"), 1e308), nom="C"),
        feature([1], nom={"deep": {"deeper": [1, {"x": 2}]}}),
    )
    rows = rows_of(tmp_path, text, "essai.geojson")
    assert rows[0].title == "? A"
    assert [bool(row.rejected) for row in rows] == [False, True, True, False, False, True]
    assert rows[3].problems == ("geometry: the point is malformed",)
    json.dumps([row.raw for row in rows]).encode()


def geopackage(folder: Path, crs: int, *layers: str, x: float, y: float) -> Path:
    path = folder / "liste.gpkg"
    for layer in layers:
        frame = geopandas.GeoDataFrame(
            {"nom": [f"{layer} A", None], "cp": [1000.0, None], "n": [1, 2]},
            geometry=[shapely.Point(x, y), None],
            crs=crs,
        )
        frame.to_file(path, layer=layer, driver="GPKG")
    return path


@pytest.mark.parametrize(
    ("crs", "x", "y"),
    [(2154, 352_029.0, 6_789_303.0), (4326, -1.677, 48.112), (3857, -186_682.0, 6_124_420.0)],
)
def test_a_geopackage_comes_to_wgs84(tmp_path: Path, crs: int, x: float, y: float) -> None:
    source = read_file(geopackage(tmp_path, crs, "projets", x=x, y=y))
    first, second = source.rows
    assert (first.lon, first.lat) == pytest.approx((-1.677, 48.112), abs=0.01)
    assert (first.postcode, first.external_id, source.total) == ("01000", "1", 2)
    assert second.rejected
    assert [row.title for row in source.rows] == ["projets A", ""]


def test_every_layer_with_a_title_is_read_also_packed(tmp_path: Path) -> None:
    path = geopackage(tmp_path, 4326, "un", "deux", x=RENNES[0], y=RENNES[1])
    geopandas.GeoDataFrame({"styleName": ["s"], "qml": ["q"]}, geometry=[None], crs=4326).to_file(
        path, layer="autre", driver="GPKG"
    )
    source = read_file(path)
    assert [row.title for row in source.rows] == ["un A", "", "deux A", ""]
    assert source.problems[0].startswith("layer 'autre' is not read")
    packed = written(tmp_path, "liste.gpkg.gz", gzip.compress(path.read_bytes()))
    assert [row.title for row in read_file(packed).rows] == ["un A", "", "deux A", ""]


def test_a_geopackage_that_would_run_its_own_sql_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "piege.gpkg"
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE VIEW gpkg_contents AS {endless}")
    connection.close()
    with pytest.raises(SourceError, match="not a GeoPackage"):
        read_file(path)
    path = geopackage(tmp_path, 4326, "un", x=0, y=45)
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE VIEW sans_fin AS {endless}")
        connection.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)"
            " VALUES ('sans_fin', 'attributes', 'sans_fin', 0)"
        )
        connection.execute("CREATE TABLE calcul (nom TEXT, n AS (zeroblob(9)))")
        connection.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)"
            " VALUES ('calcul', 'attributes', 'calcul', 0)"
        )
        connection.execute("UPDATE gpkg_ogr_contents SET feature_count = 1000000000")
    connection.close()
    assert [row.title for row in read_file(path).rows] == ["un A", ""]


def test_a_truncated_geopackage_is_refused(tmp_path: Path) -> None:
    path = geopackage(tmp_path, 4326, "un", x=0, y=45)
    whole = path.read_bytes()
    for size in (20, 600, 5_000, len(whole) // 2):
        refusal(tmp_path, whole[:size], "coupe.gpkg")


def test_a_mapping_overrides_and_forbids(tmp_path: Path) -> None:
    path = written(tmp_path, "essai.csv", "nom,Intitulé long,ville\nA,Jardin,Niort\n")
    (row,) = read_file(path, {"title": "intitule long", "city": ""}).rows
    assert (row.title, row.city) == ("Jardin", "")


@pytest.mark.parametrize(
    ("mapping", "words"),
    [({"colour": "nom"}, "unknown field 'colour'"), ({"title": "absent"}, "no column 'absent'")],
)
def test_a_mapping_that_does_not_fit_is_invalid(
    tmp_path: Path, mapping: dict[str, str], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words) as error:
        read_file(written(tmp_path, "essai.csv", GARDEN), mapping)
    assert error.value.field == "mapping"


def test_rows_can_be_read_twice_and_lazily(tmp_path: Path) -> None:
    source: SourceFile = read_file(written(tmp_path, "essai.csv", GARDEN * 3))
    assert [row.number for row in source.rows] == [row.number for row in source.rows]
    assert next(source.rows).number == 1
    assert source.total == 5


def read_all(path: Path) -> None:
    try:
        for row in read_file(path).rows:
            row.place_text.encode()
            json.dumps(row.raw).encode()
            assert row.title or row.rejected or row.skipped
    except (SourceError, InvalidInput):
        return


MANY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NAMES = ("x.csv", "x.geojson", "x.gpkg", "x.csv.gz", "x.zip", "x.tsv", "x.geojsonl", "x")
HEADS = (b"", b"titre,ville,x,y,date\n", b"PK\x03\x04", b"\x1f\x8b\x08\x00", b"\xff\xfe", b'{"')


@MANY
@given(data=st.binary(max_size=400), head=st.sampled_from(HEADS), name=st.sampled_from(NAMES))
def test_no_bytes_raise_anything_else(tmp_path: Path, data: bytes, head: bytes, name: str) -> None:
    read_all(written(tmp_path, name, head + data))


CELLS = st.one_of(
    st.text(max_size=20),
    st.floats().map(str),
    st.integers().map(str),
    st.dates().map(str),
    st.sampled_from(['"', "48,85 ; 2,35", "0", "75012", "<b>x</b>", "POINT(1 2)", "1e400", "FIN"]),
)
HEADER = [
    *("titre", "description", "theme", "statut", "echelle", "date", "date_maj", "id", "url"),
    *("adresse", "ville", "cp", "insee", "dep", "arrondissement", "lat", "lon", "geom", "porteur"),
]


@MANY
@given(rows=st.lists(st.lists(CELLS, max_size=len(HEADER) + 1), min_size=1, max_size=6))
def test_no_table_raises_anything_else(tmp_path: Path, rows: list[list[str]]) -> None:
    text = "\n".join(",".join(row) for row in [HEADER, *rows])
    read_all(written(tmp_path, "x.csv", text.encode("utf-8", "surrogatepass")))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ("type", "features", "geometry", "coordinates", "properties", "crs", "id", "nom")
            ),
            inner | st.sampled_from(["FeatureCollection", "Feature", "Point", "name"]),
            max_size=5,
        )
    ),
    max_leaves=20,
)


@MANY
@given(features=st.lists(JSON, max_size=4), crs=JSON, whole=st.booleans())
def test_no_json_raises_anything_else(
    tmp_path: Path, features: list[Any], crs: Any, whole: bool
) -> None:
    document = {"type": "FeatureCollection", "features": features, "crs": crs}
    text = json.dumps(document if whole else features)
    read_all(written(tmp_path, "x.geojson", text))
