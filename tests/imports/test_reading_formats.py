"""Workbooks, maps and other formats: what is read of them, and what is refused in clear words."""

import io
import json
import sqlite3
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import arro3.core
import arro3.io
import geopandas
import pytest
import shapely
import xlsxwriter

from mapservice.errors import SourceError
from mapservice.imports.readers import conversion
from mapservice.imports.reading import SourceFile, read_file
from mapservice.initiatives.model import SourceRow

HEADER = ["Nom de l’initiative", "Code postal", "Commune", "Latitude", "Longitude"]
GARDEN = ["Jardin partagé", 35000, "Rennes", 48.1147, -1.6794]
CAFE = ["Café des réparations", 1000, "Bourg-en-Bresse", 46.2, 5.22]


def workbook(path: Path, fill: Callable[[xlsxwriter.Workbook], None]) -> Path:
    with xlsxwriter.Workbook(str(path)) as book:
        fill(book)
    return path


def sheet(book: xlsxwriter.Workbook, name: str, rows: Sequence[Sequence[Any]]) -> Any:
    made = book.add_worksheet(name)
    for number, row in enumerate(rows):
        made.write_row(number, 0, row)
    return made


def ods(path: Path, rows: str, extra: str = "") -> Path:
    """An OpenDocument sheet of these rows (XML)."""
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?>{extra}<office:document-content'
        ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
        ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
        ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body>'
        f'<office:spreadsheet><table:table table:name="Feuille1">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest'
            ':1.0">'
            '<manifest:file-entry manifest:full-path="/"'
            ' manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/>'
            "</manifest:manifest>",
        )
    return path


def ods_row(*cells: str) -> str:
    texts = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
        for cell in cells
    )
    return f"<table:table-row>{texts}</table:table-row>"


def written(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def rows_of(path: Path) -> list[SourceRow]:
    return list(read_file(path).rows)


def refusal(path: Path) -> str:
    with pytest.raises(SourceError) as error:
        list(read_file(path).rows)
    return str(error.value)


def told(source: SourceFile) -> str:
    return "\n".join(source.problems)


# --- workbooks --------------------------------------------------------------------------------


def test_a_workbook_is_read_with_its_numbers_and_dates(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        made = sheet(book, "Liste", [[*HEADER, "Date de création"], GARDEN, CAFE])
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        made.write_datetime(1, 5, datetime(2024, 3, 21, tzinfo=UTC).replace(tzinfo=None), day)
        made.write_number(2, 5, 45400)

    first, second = rows_of(workbook(tmp_path / "liste.xlsx", fill))
    assert (first.title, first.postcode, first.city) == ("Jardin partagé", "35000", "Rennes")
    assert (first.lat, first.lon, first.created_on) == (48.1147, -1.6794, "2024-03-21")
    assert (second.postcode, second.created_on) == ("01000", "2024-04-18")


def test_titles_groups_and_merged_cells_stand_above_the_header(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        made = book.add_worksheet("2024")
        made.merge_range(0, 0, 0, 5, "Initiatives soutenues en 2024")
        made.merge_range(2, 0, 3, 0, "Nom du projet")
        made.merge_range(2, 1, 3, 1, "Description")
        made.merge_range(2, 2, 2, 3, "Lieu")
        made.merge_range(2, 4, 2, 5, "Coordonnées")
        made.write_row(3, 2, ["Code postal", "Commune", "Latitude", "Longitude"])
        made.write_row(4, 0, ["Jardin partagé", "Semer", 35000, "Rennes", 48.1147, -1.6794])
        made.write_row(5, 0, ["Verger", "Planter", 79000, "Niort", 46.32, -0.46])
        made.write_row(6, 0, ["Total", "", 2])

    source = read_file(workbook(tmp_path / "liste.xlsx", fill))
    first, second, total = source.rows
    assert dict(source.columns) == {
        "title": "Nom du projet",
        "description": "Description",
        "postcode": "Code postal",
        "city": "Commune",
        "lat": "Latitude",
        "lon": "Longitude",
    }
    assert (first.title, first.city, first.lat) == ("Jardin partagé", "Rennes", 48.1147)
    assert (second.title, second.postcode) == ("Verger", "79000")
    assert total.skipped


def test_what_a_cell_says_for_several_rows_holds_for_each(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        made = sheet(book, "Liste", [["Commune", "Titre"], ["", "Jardin"], ["", "Verger"]])
        made.merge_range(1, 0, 2, 0, "Rennes")

    assert [row.city for row in rows_of(workbook(tmp_path / "a.xlsx", fill))] == ["Rennes"] * 2


def test_columns_of_one_name_are_told_apart_by_their_groups(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet(
            book,
            "a",
            [
                ["Initiative", "", "", "Contact", ""],
                ["Nom", "Commune", "Code postal", "Nom", "Prénom"],
                ["Jardin partagé", "Rennes", "35000", "Martin", "Léa"],
                ["Verger", "Niort", "79000", "Durand", "Paul"],
            ],
        )

    source = read_file(workbook(tmp_path / "a.xlsx", fill))
    assert source.columns["title"] == "Initiative Nom"
    assert [row.title for row in source.rows] == ["Jardin partagé", "Verger"]


def test_sheets_of_one_kind_are_one_table_and_others_are_named(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet(book, "Lisez-moi", [["Ce classeur", ""], ["contient", "deux listes"]])
        sheet(book, "35", [HEADER, GARDEN])
        sheet(book, "01", [HEADER, CAFE])
        sheet(book, "Caché", [HEADER, GARDEN]).hide()

    source = read_file(workbook(tmp_path / "liste.xlsx", fill))
    assert [row.title for row in source.rows] == ["Jardin partagé", "Café des réparations"]
    assert "sheets '35', '01' are read as one table" in told(source)
    assert "'Caché' is hidden: not read" in told(source)
    assert "'Lisez-moi' (1 rows) is not read" in told(source)


def test_formulas_give_their_last_value_and_errors_nothing(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        made = sheet(book, "a", [["Titre", "Ville", "Code postal"]])
        made.write_row(1, 0, ["Jardin"])
        made.write_formula(1, 1, '="Ren"&"nes"', None, "Rennes")
        made.write_formula(1, 2, "=VLOOKUP(1,A1:A2,9)", None, "#REF!")

    (row,) = rows_of(workbook(tmp_path / "a.xlsx", fill))
    assert (row.title, row.city, row.postcode) == ("Jardin", "Rennes", "")


def test_an_opendocument_sheet_is_read(tmp_path: Path) -> None:
    path = ods(tmp_path / "a.ods", ods_row("Titre", "Ville") + ods_row("Jardin", "Rennes"))
    (row,) = rows_of(path)
    assert (row.title, row.city) == ("Jardin", "Rennes")


@pytest.mark.parametrize("name", ["a.xlsx", "a.ods"])
def test_entities_in_a_workbook_are_refused(tmp_path: Path, name: str) -> None:
    declared = '<!DOCTYPE x [<!ENTITY e SYSTEM "http://192.0.2.1/secret">]>'
    if name == "a.ods":
        path = ods(tmp_path / name, ods_row("Titre") + ods_row("&amp;e;"), declared)
    else:
        path = workbook(tmp_path / name, lambda book: sheet(book, "a", [["Titre"], ["Jardin"]]))
        parts = {}
        with zipfile.ZipFile(path) as archive:
            parts = {one: archive.read(one) for one in archive.namelist()}
        parts["xl/sharedStrings.xml"] = parts["xl/sharedStrings.xml"].replace(
            b"?>", b"?>" + declared.encode(), 1
        )
        with zipfile.ZipFile(path, "w") as archive:
            for one, data in parts.items():
                archive.writestr(one, data)
    assert "declares a document type or entities" in refusal(path)


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", lambda book: sheet(book, "a", [["Titre"], ["Jardin"]]))
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet9.xml", "w", force_zip64=True) as part,
    ):
        for _ in range(conversion.MAX_PARTS_BYTES // conversion.MIB + 1):
            part.write(b" " * conversion.MIB)
    assert "unpacks to more than 400 MiB" in refusal(path)


def test_a_sheet_that_reaches_too_far_is_refused_within_its_memory(tmp_path: Path) -> None:
    """One cell in the first corner and one in the last: 17 thousand million cells between them."""

    def fill(book: xlsxwriter.Workbook) -> None:
        made = sheet(book, "a", [["Titre"], ["Jardin"]])
        made.write_string(1_048_575, 16_383, "loin")

    path = workbook(tmp_path / "a.xlsx", fill)
    assert "too large to be read" in refusal(path)


@pytest.mark.parametrize("cut", [200, 2_000, -30])
def test_a_broken_workbook_is_refused(tmp_path: Path, cut: int) -> None:
    path = workbook(tmp_path / "a.xlsx", lambda book: sheet(book, "a", [["Titre"], ["Jardin"]]))
    path.write_bytes(path.read_bytes()[:cut])
    assert refusal(path).startswith("a.xlsx: ")


def test_a_password_or_an_old_workbook_says_what_to_do(tmp_path: Path) -> None:
    path = written(tmp_path, "a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    assert "save it as XLSX, without a password" in refusal(path)


# --- maps in XML ------------------------------------------------------------------------------

KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>Carte</name>
<Style id="s"><IconStyle><Icon><href>http://192.0.2.1/icon.png</href></Icon></IconStyle></Style>
<Folder><name>Jardins</name>
<Placemark><name>Jardin partagé</name><description><![CDATA[<b>Semer</b> ensemble]]></description>
<ExtendedData><Data name="Commune"><value>Rennes</value></Data></ExtendedData>
<Point><coordinates>-1.6794,48.1147,30</coordinates></Point></Placemark>
<Placemark><name>Sentier</name><LineString><coordinates>
 -1.68,48.11 -1.67,48.12,0 -1.66,48.12</coordinates></LineString></Placemark>
<Placemark><name>Parc</name><Polygon><outerBoundaryIs><LinearRing><coordinates>
-1.68,48.11 -1.67,48.11 -1.67,48.12 -1.68,48.11</coordinates></LinearRing></outerBoundaryIs>
</Polygon></Placemark></Folder></Document></kml>"""


def test_placemarks_are_read_with_their_folder_and_their_shapes(tmp_path: Path) -> None:
    source = read_file(written(tmp_path, "carte.kml", KML))
    garden, path, park = source.rows
    assert (garden.title, garden.city, garden.description) == (
        "Jardin partagé",
        "Rennes",
        "Semer ensemble",
    )
    assert (garden.lon, garden.lat, garden.raw["folder"]) == (-1.6794, 48.1147, "Jardins")
    assert shapely.from_wkb(path.shape).geom_type == "LineString"
    assert shapely.from_wkb(park.shape).geom_type == "Polygon"
    assert (path.lon, park.lon) == (None, None)


def test_a_kmz_is_read(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("doc.kml", KML)
        archive.writestr("files/icon.png", b"\x89PNG")
    assert len(rows_of(written(tmp_path, "carte.kmz", packed.getvalue()))) == 3


def test_a_kml_that_links_elsewhere_is_refused(tmp_path: Path) -> None:
    link = "<NetworkLink><Link><href>http://192.0.2.1/a.kml</href></Link></NetworkLink>"
    text = KML.replace("<Folder>", f"{link}<Folder>")
    assert "NetworkLink" in refusal(written(tmp_path, "carte.kml", text))


@pytest.mark.parametrize("name", ["carte.kml", "trace.gpx"])
def test_entities_in_a_map_are_refused(tmp_path: Path, name: str) -> None:
    root = "kml" if name.endswith("kml") else "gpx"
    lol = '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    text = f'<?xml version="1.0"?><!DOCTYPE {root} [{lol}]><{root}><x>&b;</x></{root}>'
    assert "declares a document type" in refusal(written(tmp_path, name, text))


def test_waypoints_and_tracks_are_read(tmp_path: Path) -> None:
    text = """<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1">
    <wpt lat="48.1147" lon="-1.6794"><name>Jardin</name><desc>Semer</desc>
    <link href="https://jardin.example/"/></wpt>
    <trk><name>Balade</name><trkseg><trkpt lat="48.11" lon="-1.68"/><trkpt lat="48.12" lon="-1.67"/>
    </trkseg></trk></gpx>"""
    garden, walk = rows_of(written(tmp_path, "trace.gpx", text))
    assert (garden.title, garden.lon, garden.url) == ("Jardin", -1.6794, "https://jardin.example/")
    assert (walk.title, shapely.from_wkb(walk.shape).geom_type) == ("Balade", "LineString")


def test_a_broken_map_says_where(tmp_path: Path) -> None:
    assert "broken XML at line 2" in refusal(
        written(tmp_path, "a.kml", '<?xml version="1.0"?>\n<kml><Placemark></kml>')
    )


# --- tables of other tools --------------------------------------------------------------------


def places() -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(
        {"nom": ["Jardin partagé", "Café"], "commune": ["Rennes", "Niort"]},
        geometry=[shapely.Point(-1.6794, 48.1147), shapely.Point(-0.46, 46.32)],
        crs=4326,
    )


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
def test_a_zipped_shapefile_is_read_in_its_own_system(tmp_path: Path, encoding: str) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    places().to_crs(2154).to_file(folder / "lieux.shp", engine="pyogrio", encoding=encoding)
    with zipfile.ZipFile(tmp_path / "lieux.zip", "w") as archive:
        for part in folder.iterdir():
            archive.write(part, f"export/{part.name}")
    source = read_file(tmp_path / "lieux.zip")
    first, second = source.rows
    assert (first.title, first.city, second.title) == ("Jardin partagé", "Rennes", "Café")
    assert (first.lon, first.lat) == pytest.approx((-1.6794, 48.1147), abs=1e-6)
    assert [row.title for row in source.rows] == ["Jardin partagé", "Café"]


def test_a_shapefile_without_its_table_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.shp", b"\x00\x00\x27\x0a" + bytes(96))
    assert "lacks its .dbf" in refusal(tmp_path / "a.zip")


def test_geoparquet_is_read(tmp_path: Path) -> None:
    frame = places()
    table = arro3.core.Table.from_pydict(
        {
            "nom": arro3.core.Array(list(frame["nom"]), arro3.core.DataType.string()),
            "geometry": arro3.core.Array(
                [shapely.to_wkb(one) for one in frame.geometry], arro3.core.DataType.binary()
            ),
        }
    )
    about = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Point"]}},
    }
    schema = table.schema.with_metadata({"geo": json.dumps(about)})
    path = tmp_path / "lieux.parquet"
    arro3.io.write_parquet(table.with_schema(schema), path)
    first, second = rows_of(path)
    assert (first.title, first.lon, first.lat) == ("Jardin partagé", -1.6794, 48.1147)
    assert second.title == "Café"
    path.write_bytes(path.read_bytes()[:-40])
    assert refusal(path).startswith("lieux.parquet: ")


def test_layers_of_an_umap_are_read(tmp_path: Path) -> None:
    def layer(name: str, title: str) -> dict[str, Any]:
        point = {"type": "Point", "coordinates": [-1.6794, 48.1147]}
        properties = {"name": title, "_umap_options": {"color": "red"}}
        feature = {"type": "Feature", "geometry": point, "properties": properties}
        return {
            "type": "FeatureCollection",
            "features": [feature],
            "_umap_options": {"name": name},
        }

    document = {
        "type": "umap",
        "uri": "https://umap.example/1",
        "properties": {"name": "Carte", "licence": {"name": "ODbL", "url": ""}},
        "layers": [layer("Jardins", "Jardin partagé"), layer("Culture", "Chorale")],
    }
    first, second = rows_of(written(tmp_path, "carte.umap", json.dumps(document)))
    assert (first.title, first.raw["calque"], first.licence) == (
        "Jardin partagé",
        "Jardins",
        "ODbL",
    )
    assert (second.title, second.theme) == ("Chorale", "culture")
    assert "_umap_options.color" not in first.raw


def test_a_graph_of_json_ld_is_read(tmp_path: Path) -> None:
    document = {
        "@context": "https://schema.org/",
        "@graph": [
            {
                "@id": "https://asso.example/1",
                "@type": "Organization",
                "name": {"@value": "Jardin partagé", "@language": "fr"},
                "description": "Semer",
                "location": {
                    "@type": "Place",
                    "name": "Maison de quartier",
                    "address": {"postalCode": "35000", "addressLocality": "Rennes"},
                    "geo": {"latitude": 48.1147, "longitude": -1.6794},
                },
            }
        ],
    }
    (row,) = rows_of(written(tmp_path, "asso.jsonld", json.dumps(document)))
    assert (row.title, row.postcode, row.city) == ("Jardin partagé", "35000", "Rennes")
    assert (row.lat, row.lon, row.external_id) == (48.1147, -1.6794, "https://asso.example/1")


def test_answers_to_a_form_are_read(tmp_path: Path) -> None:
    text = (
        '"Horodateur","Quel est le nom de votre initiative ?","Décrivez-la en quelques mots"'
        ',"Dans quelle commune ?","Quel est votre numéro de téléphone ?"\n'
        '"2024/03/21 10:11:12 AM UTC+1","Jardin partagé","Semer, ensemble","Rennes","0612345678"\n'
    )
    (row,) = rows_of(written(tmp_path, "reponses.csv", text))
    assert (row.title, row.city, row.created_on) == ("Jardin partagé", "Rennes", "2024-03-21")


def test_a_geopackage_with_a_trigger_of_its_own_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lieux.gpkg"
    places().to_file(path, layer="lieux", driver="GPKG", engine="pyogrio")
    assert len(rows_of(path)) == 2
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TRIGGER surprise AFTER UPDATE ON lieux BEGIN SELECT load_extension('x'); END"
        )
    connection.close()
    assert "trigger of its own ('surprise')" in refusal(path)


def test_a_file_of_a_gigabyte_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "grand.csv"
    with path.open("wb") as sparse:
        sparse.write(b"titre,ville\n")
        sparse.truncate(1 << 30)
    assert "larger than 512 MiB" in refusal(path)


def test_a_row_of_a_sheet_has_the_line_that_a_spreadsheet_shows(tmp_path: Path) -> None:
    """Two rows above the table are empty, one is a title, one within it is blank."""

    def fill(book: xlsxwriter.Workbook) -> None:
        rows = [[], [], ["Initiatives 2026"], [], ["titre", "commune", "thème"]]
        rows += [["Un verger", "Rennes", "environnement"], [], ["Une chorale", "Lyon", "culture"]]
        sheet(book, "Liste", rows)

    rows = rows_of(workbook(tmp_path / "a.xlsx", fill))
    assert [one.line for one in rows] == [6, 8]


def test_a_merged_cell_counts_for_its_own_rows_below_empty_ones(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        made = sheet(book, "a", [[], [], [], ["titre", "commune"], ["Un four"], ["Une mare"]])
        made.merge_range(4, 1, 5, 1, "Rennes")
        made.write_row(6, 0, ["Une chorale", "Lyon"])

    rows = rows_of(workbook(tmp_path / "a.xlsx", fill))
    assert [(one.line, one.city) for one in rows] == [(5, "Rennes"), (6, "Rennes"), (7, "Lyon")]


def test_a_row_of_a_text_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        'titre;commune;notes\nUn verger;Rennes;"deux\nlignes"\n\nUne chorale;Lyon;\n', "utf-8"
    )
    assert [one.line for one in rows_of(path)] == [2, 4]
