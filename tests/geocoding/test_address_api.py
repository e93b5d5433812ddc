"""The national address API's doors, as its clients use them."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapservice.app import create_app
from mapservice.errors import InvalidInput
from mapservice.geocoding.address import REVERSE_COLUMNS, SEARCH_COLUMNS
from mapservice.geocoding.files import geocode_file, locate_file
from mapservice.geocoding.service import Locator
from mapservice.geocoding.table import Table, Told
from mapservice.http.services import EXTENSION, Services
from mapservice.settings import Settings

Row = dict[str, str]
Post = Callable[..., Any]


@pytest.fixture(scope="module")
def small_app(database_url: str) -> Iterator[Flask]:
    """Takes files of ten rows and 100,000 bytes, other bodies of 1,000."""
    limits = Settings(
        database_url=database_url,
        max_body_bytes=1000,
        max_upload_bytes=100_000,
        max_upload_rows=10,
    )
    app = create_app(limits)
    yield app
    services: Services = app.extensions[EXTENSION]
    services.engine.dispose()


@pytest.fixture(scope="module")
def doors(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def post(doors: FlaskClient) -> Post:
    return posting(doors)


def posting(client: FlaskClient) -> Post:
    def post(path: str, content: bytes | None, name: str = "liste.csv", **form: Any) -> Any:
        if content is not None:
            form["data"] = (io.BytesIO(content), name)
        kind = "multipart/form-data"
        return client.post(path, data=form, content_type=kind, buffered=True)

    return post


def rows_of(response: Any, separator: str = ",") -> list[Row]:
    assert response.status_code == 200, response.get_data(as_text=True)
    text = response.get_data().decode(response.mimetype_params["charset"])
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))


# Search and reverse


def test_a_commune_is_described_as_a_municipality(doors: FlaskClient) -> None:
    answer = doors.get("/geocode/search?q=rennes&type=municipality&limit=1").get_json()
    assert answer["type"] == "FeatureCollection"
    assert answer["version"] == "draft"
    assert (answer["query"], answer["limit"]) == ("rennes", 1)
    assert answer["filters"] == {"type": "municipality"}
    (feature,) = answer["features"]
    assert feature["geometry"]["type"] == "Point"
    properties = feature["properties"]
    assert properties.items() >= {
        ("label", "Rennes"),
        ("type", "municipality"),
        ("id", "35238"),
        ("name", "Rennes"),
        ("city", "Rennes"),
        ("citycode", "35238"),
        ("postcode", "35000"),
        ("context", "35, Ille-et-Vilaine, Bretagne"),
        ("depcode", "35"),
        ("_type", "address"),
        ("status", "certain"),
        ("precision", "commune"),
    }
    assert 0 < properties["score"] <= 1


@pytest.mark.parametrize(
    ("q", "x", "y"),
    [("Rennes", 352_160, 6_787_266), ("Saint-Denis 97400", 338_000, 7_690_000)],
)
def test_x_and_y_are_in_the_legal_projection(doors: FlaskClient, q: str, x: int, y: int) -> None:
    """Lambert-93, and UTM 40 S on La Réunion."""
    (feature,) = doors.get(f"/geocode/search?q={q}&limit=1").get_json()["features"]
    assert feature["properties"]["x"] == pytest.approx(x, abs=6000)
    assert feature["properties"]["y"] == pytest.approx(y, abs=6000)


@pytest.mark.parametrize(
    "path", ["/geocode/search/?q=rennes", "/geocode/reverse/?lon=-1.68&lat=48.11"]
)
def test_a_slash_at_the_end_is_as_good(doors: FlaskClient, path: str) -> None:
    assert doors.get(path).get_json() == doors.get(path.replace("/?", "?")).get_json()


@pytest.mark.parametrize("more", ["lang=fr", "index=address", "returntruegeometry=false", "zoom="])
def test_parameters_of_other_servers_are_ignored(doors: FlaskClient, more: str) -> None:
    plain = doors.get("/geocode/search?q=rennes&limit=2").get_json()
    assert doors.get(f"/geocode/search?q=rennes&limit=2&{more}").get_json() == plain


@pytest.mark.parametrize("name", ["lon", "lng", "long", "longitude"])
def test_every_name_of_the_longitude_is_known(doors: FlaskClient, name: str) -> None:
    found = doors.get(f"/geocode/reverse?{name}=-1.68&latitude=48.11").get_json()["features"]
    assert [one["properties"]["citycode"] for one in found] == ["35238"]


def test_a_centre_brings_the_near_homonym_and_its_distance(doors: FlaskClient) -> None:
    answer = doors.get("/geocode/search?q=saint-denis&lat=-20.9&lon=55.5&limit=1").get_json()
    (feature,) = answer["features"]
    assert feature["properties"]["citycode"] == "97411"
    assert 0 < feature["properties"]["distance"] < 20_000
    assert answer["center"] == [55.5, -20.9]


def test_the_postcode_is_the_one_asked_for(doors: FlaskClient) -> None:
    (feature,) = doors.get("/geocode/search?q=rennes&postcode=35700").get_json()["features"]
    assert feature["properties"]["postcode"] == "35700"


def test_an_arrondissement_is_a_district_of_its_commune(doors: FlaskClient) -> None:
    found = doors.get("/geocode/search?q=paris 13e&autocomplete=0").get_json()["features"]
    properties = found[0]["properties"]
    assert (properties["citycode"], properties["postcode"]) == ("75056", "75013")
    assert properties["district"] == "Paris 13e Arrondissement"


@pytest.mark.parametrize("value", ["1", "true", "True", "yes", "0", "false", "no", "off", ""])
def test_switches_are_read_as_addok_reads_them(doors: FlaskClient, value: str) -> None:
    assert doors.get(f"/geocode/search?q=rennes&autocomplete={value}").status_code == 200


def test_a_limit_of_none_or_0_means_the_default(doors: FlaskClient) -> None:
    for query in ("", "&limit=", "&limit=0"):
        answer = doors.get(f"/geocode/search?q=saint{query}").get_json()
        assert (answer["limit"], len(answer["features"])) == (5, 5)


@pytest.mark.parametrize("kind", ["housenumber", "street", "locality"])
def test_what_ours_does_not_know_is_not_found(doors: FlaskClient, kind: str) -> None:
    assert doors.get(f"/geocode/search?q=rennes&type={kind}").get_json()["features"] == []


def test_nothing_is_at_sea(doors: FlaskClient) -> None:
    assert doors.get("/geocode/reverse?lon=0&lat=0").get_json()["features"] == []


def test_reverse_says_how_far_its_point_is(doors: FlaskClient) -> None:
    (feature,) = doors.get("/geocode/reverse?lon=-1.68&lat=48.11").get_json()["features"]
    assert feature["properties"]["distance"] == pytest.approx(1920, abs=20)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("search", "q"),
        ("search?q=%20", "q"),
        (f"search?q={'a' * 201}", "q"),
        ("search?q=a&limit=101", "limit"),
        ("search?q=a&limit=x", "limit"),
        ("search?q=a&autocomplete=2", "autocomplete"),
        ("search?q=a&type=commune", "type"),
        ("search?q=a&postcode=350", "postcode"),
        ("search?q=a&citycode=35-38", "citycode"),
        ("search?q=a&lat=48", "lon"),
        ("search?q=a&lon=1&lat=abc", "lat"),
        ("search?q=a&lon=181&lat=48", "lon"),
        ("reverse", "lon"),
        ("reverse?lon=nan&lat=48", "lon"),
    ],
)
def test_errors_name_the_parameter_in_every_dialect(
    doors: FlaskClient, path: str, field: str
) -> None:
    response = doors.get(f"/geocode/{path}")
    assert (response.status_code, response.content_type) == (400, "application/problem+json")
    body = response.get_json()
    assert (body["status"], body["code"], body["field"]) == (400, 400, field)
    assert body["detail"] == body["message"] == body["description"]
    assert response.headers["Access-Control-Allow-Origin"] == "*"


# CSV


def test_each_row_comes_back_with_its_commune(post: Post) -> None:
    content = "nom,rue,cp,ville\nVerger,12 rue de Paris,35000,Rennes\nFour,,,L'Haÿ-les-Roses\n,,,\n"
    response = post(
        "/geocode/search/csv/", content.encode(), columns=["rue", "cp", "ville"], postcode="cp"
    )
    assert response.content_type == "text/csv; charset=utf-8"
    first, second, third = rows_of(response)
    assert tuple(first) == ("nom", "rue", "cp", "ville", *SEARCH_COLUMNS)
    assert first.items() >= {
        ("nom", "Verger"),
        ("latitude", "48.093066"),
        ("longitude", "-1.67494"),
        ("result_label", "Rennes"),
        ("result_type", "municipality"),
        ("result_id", "35238"),
        ("result_citycode", "35238"),
        ("result_city", "Rennes"),
        ("result_postcode", "35000"),
        ("result_context", "35, Ille-et-Vilaine, Bretagne"),
        ("result_housenumber", ""),
        ("result_status", "ok"),
        ("result_precision", "commune"),
        ("result_match_status", "certain"),
    }
    assert (second["result_citycode"], second["result_status"]) == ("94038", "ok")
    assert (third["result_status"], third["latitude"]) == ("skipped", "")


def test_without_columns_all_of_them_are_the_text(post: Post) -> None:
    (row,) = rows_of(post("/geocode/search/csv", b"cp,ville\n35000,Rennes\n"))
    assert row["result_citycode"] == "35238"


def test_what_is_not_found_says_so(post: Post) -> None:
    (row,) = rows_of(post("/geocode/search/csv", b"ville\nzzzz qqq\n"))
    assert (row["result_status"], row["result_match_status"]) == ("not-found", "none")
    assert row["result_citycode"] == ""


@pytest.mark.parametrize(
    ("text", "postcode", "citycode", "found", "status"),
    [
        ("rue du port", "35400", "", "35288", "ambiguous"),  # not the commune of Rue
        ("Nantes", "35000", "", "35238", "ambiguous"),  # they restrict, but the words differ
        ("Rennes", "35042", "", "35238", "certain"),  # a cedex restricts to nothing
        ("Bourg-en-Bresse", "1000", "", "01053", "certain"),  # a spreadsheet took its zero
        ("Saint-Denis", "", "97411", "97411", "certain"),
        ("Pierrefitte-sur-Seine", "", "93059", "93066", "certain"),  # in Saint-Denis since 2025
        ("", "", "35238", "35238", "certain"),
    ],
)
def test_columns_of_codes_restrict_each_row(
    post: Post, text: str, postcode: str, citycode: str, found: str, status: str
) -> None:
    content = f"lieu;cp;insee\n{text};{postcode};{citycode}\n".encode()
    response = post("/geocode/search/csv", content, columns="lieu", postcode="cp", citycode="insee")
    (row,) = rows_of(response, ";")
    assert (row["result_citycode"], row["result_match_status"]) == (found, status)


def test_a_point_beside_it_chooses_between_homonyms(post: Post) -> None:
    content = b"lieu,y,x\nSaint-Denis,-20.9,55.5\nSaint-Denis,48.9,2.4\n"
    near, far = rows_of(post("/geocode/search/csv", content, columns="lieu", lat="y", lon="x"))
    assert (near["result_citycode"], far["result_citycode"]) == ("97411", "93066")
    assert near["result_match_status"] == "ambiguous"


@pytest.mark.parametrize("kind", ["street", "sorte"])
def test_types_other_than_ours_are_not_found(post: Post, kind: str) -> None:
    """The type itself, or the column that has it."""
    content = b"ville,sorte\nRennes,street\n"
    (row,) = rows_of(post("/geocode/search/csv", content, columns="ville", type=kind))
    assert row["result_status"] == "not-found"


def test_only_the_result_columns_asked_for(post: Post) -> None:
    """`result_banId` is of streets alone: empty, so that clients which read it go on."""
    wanted = ["latitude", "result_citycode", "result_banId"]
    (row,) = rows_of(post("/geocode/search/csv", b"ville\nRennes\n", result_columns=wanted))
    assert row == {
        "ville": "Rennes",
        "latitude": "48.093066",
        "result_citycode": "35238",
        "result_banId": "",
    }


def test_fields_may_be_named_as_php_names_them(post: Post) -> None:
    form = {"columns[0]": "rue", "columns[1]": "ville"}
    (row,) = rows_of(post("/geocode/search/csv", b"id,rue,ville\n9,rue de Paris,Rennes\n", **form))
    assert row["result_citycode"] == "35238"


def test_fields_may_stand_in_the_address(post: Post) -> None:
    (row,) = rows_of(post("/geocode/search/csv?columns=b", b"a,b\nNantes,Rennes\n"))
    assert row["result_citycode"] == "35238"


def test_a_file_that_comes_a_second_time_is_written_over(post: Post) -> None:
    once = post("/geocode/search/csv", b"ville\nRennes\n", columns="ville").get_data()
    twice = post("/geocode/search/csv", once, columns="ville").get_data()
    assert once == twice


def test_points_come_back_with_their_commune(post: Post) -> None:
    content = b"id,latitude,longitude\n1,48.11,-1.68\n2,0,0\n3,x,\n"
    land, sea, none = rows_of(post("/geocode/reverse/csv", content))
    assert tuple(land) == ("id", "latitude", "longitude", *REVERSE_COLUMNS)
    assert (land["result_citycode"], land["result_label"]) == ("35238", "Rennes")
    assert (land["latitude"], land["result_latitude"]) == ("48.11", "48.093066")
    assert int(land["result_distance"]) == pytest.approx(1920, abs=20)
    assert [row["result_status"] for row in (land, sea, none)] == ["ok", "not-found", "skipped"]


@pytest.mark.parametrize("header", ["lat,lon", "lat,lng", "lat,long", "latitude,lon"])
def test_usual_names_of_points_are_known(post: Post, header: str) -> None:
    (row,) = rows_of(post("/geocode/reverse/csv/", f"{header}\n48.11,-1.68\n".encode()))
    assert row["result_citycode"] == "35238"


def test_other_names_of_points_are_told(post: Post) -> None:
    content = b'y;x\n"48,11";"-1,68"\n'
    (row,) = rows_of(post("/geocode/reverse/csv", content, lat="y", lon="x"), ";")
    assert row["result_citycode"] == "35238"


# How a file is written


@pytest.mark.parametrize(
    ("content", "charset", "answer"),
    [
        (
            "n°;ville\r\n1;L'Haÿ-les-Roses\r\n".encode("cp1252"),
            "windows-1252",
            "n°;ville;result_citycode\r\n1;L'Haÿ-les-Roses;94038\r\n".encode("cp1252"),
        ),
        (
            "ville\nRennes\n".encode("utf-8-sig"),
            "utf-8",
            "ville,result_citycode\nRennes,35238\n".encode("utf-8-sig"),
        ),
        (
            "a\tville\n\tRennes\n".encode("utf-16"),
            "utf-16",
            "a\tville\tresult_citycode\n\tRennes\t35238\n".encode("utf-16"),
        ),
        (
            b'"a|b"|"ville"\n"x"|"Rennes"\n',
            "utf-8",
            b'"a|b"|"ville"|"result_citycode"\n"x"|"Rennes"|"35238"\n',
        ),
        (
            b'a,ville\n"x\ny, ""z""",Rennes\n',
            "utf-8",
            b'a,ville,result_citycode\n"x\ny, ""z""",Rennes,35238\n',
        ),
        (
            b"ville\n1 rue de Paris, 35000 Rennes\n",
            "utf-8",
            b'ville,result_citycode\n"1 rue de Paris, 35000 Rennes",35238\n',
        ),
        (
            b"ville,a,a\nRennes,1,2\n\nRennes\n",
            "utf-8",
            b"ville,a,a,result_citycode\nRennes,1,2,35238\nRennes,,,35238\n",
        ),
        (b"ville\rRennes\r", "utf-8", b"ville,result_citycode\nRennes,35238\n"),
        (b"ville", "utf-8", b"ville,result_citycode\n"),
    ],
    ids=[
        "cp1252",
        "bom",
        "utf-16",
        "all quoted",
        "newline in a cell",
        "one column",
        "ragged",
        "old mac",
        "no rows",
    ],
)
def test_a_file_comes_back_as_it_was_written(
    post: Post, content: bytes, charset: str, answer: bytes
) -> None:
    columns = {"columns": "ville", "result_columns": "result_citycode"}
    response = post("/geocode/search/csv", content, **columns)
    assert response.mimetype_params["charset"] == charset
    assert response.get_data() == answer


def test_a_bom_for_excel_if_it_is_asked_for(post: Post) -> None:
    response = post("/geocode/search/csv", b"ville\nRennes\n", with_bom="1")
    assert response.get_data().startswith(b"\xef\xbb\xbfville,")


def test_an_encoding_and_a_separator_may_be_told(post: Post) -> None:
    content = "ville^n\nŒting^1\n".encode("iso8859-15")
    response = post(
        "/geocode/search/csv", content, encoding="ISO-8859-15", delimiter="^", columns="ville"
    )
    (row,) = rows_of(response, "^")
    assert (row["ville"], row["result_citycode"]) == ("Œting", "57521")


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("liste.csv", "filename=\"liste.geocoded.csv\"; filename*=UTF-8''liste.geocoded.csv"),
        (
            "été/œuvre.csv",
            "filename=\"_uvre.geocoded.csv\"; filename*=UTF-8''%C5%93uvre.geocoded.csv",
        ),
    ],
)
def test_the_answer_is_named_after_the_file(post: Post, name: str, disposition: str) -> None:
    response = post("/geocode/search/csv", b"ville\nRennes\n", name)
    assert response.headers["Content-Disposition"] == f"attachment; {disposition}"


# What is refused


@pytest.mark.parametrize(
    ("content", "form", "field"),
    [
        (None, {}, "data"),
        (b"", {}, "data"),
        (b"\n\n", {}, "data"),
        (b"PK\x03\x04 a workbook", {}, "data"),
        (b"a,b\n1,\x00\n", {}, "data"),
        (b"a,b\n1,2,3\n", {}, "data"),
        (b'a,b\n1,"2\n3,4\n', {}, "data"),
        (b",".join([b"a"] * 1001), {}, "data"),
        (b"a\n1\n", {"columns": "b"}, "columns"),
        (b"a\n1\n", {"postcode": "b"}, "postcode"),
        (b"a\n1\n", {"lat": "b"}, "lat"),
        (b"a\n1\n", {"type": "commune"}, "type"),
        (b"a\n1\n", {"result_columns": "insee"}, "result_columns"),
        (b"a\n1\n", {"encoding": "klingon"}, "encoding"),
        (b"a\n1\n", {"encoding": "zlib"}, "encoding"),
        (b"a\n1\n", {"encoding": "a\x00b"}, "encoding"),
        (b"a\n1\n", {"encoding": "utf-16"}, "encoding"),
        (b"a\n\xe9\n", {"encoding": "utf-8"}, "encoding"),
        (b"a\n1\n", {"delimiter": ";;"}, "delimiter"),
        (b"a\n1\n", {"delimiter": "a"}, "delimiter"),
        (b"a\n1\n", {"delimiter": "\n"}, "delimiter"),
        (b"a\n1\n", {"quote": "''"}, "quote"),
        (b"a\n1\n", {"with_bom": "perhaps"}, "with_bom"),
    ],
)
def test_a_broken_file_is_refused_whole(
    post: Post, content: bytes | None, form: dict[str, str], field: str
) -> None:
    response = post("/geocode/search/csv", content, **form)
    assert (response.status_code, response.get_json()["field"]) == (400, field)


def test_points_need_their_columns(post: Post) -> None:
    response = post("/geocode/reverse/csv", b"ville\nRennes\n")
    assert (response.status_code, response.get_json()["field"]) == (400, "lon")


def test_files_have_a_length(small_app: Flask) -> None:
    post = posting(small_app.test_client())
    assert post("/geocode/search/csv", b"a\n" + b"1\n" * 10).status_code == 200
    response = post("/geocode/search/csv", b"a\n" + b"1\n" * 11)
    assert (response.status_code, response.get_json()["field"]) == (400, "data")
    assert post("/geocode/search/csv", b"a\n" + b"1" * 100_000).status_code == 413


def test_a_file_may_be_larger_than_other_bodies(small_app: Flask) -> None:
    content = b"ville,note\nRennes," + b"x" * 50_000 + b"\n"
    response = posting(small_app.test_client())("/geocode/search/csv", content, columns="ville")
    assert [row["result_citycode"] for row in rows_of(response)] == ["35238"]


def test_a_line_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(InvalidInput, match="line 2 is longer than 1000000 characters"):
        Table.read(io.BytesIO(b"a\n" + b"x" * 2_000_000), "data", Told())


def test_a_body_that_is_no_form_is_refused(doors: FlaskClient) -> None:
    for kind in ("text/csv", "multipart/form-data", "multipart/form-data; boundary=x"):
        response = doors.post("/geocode/search/csv", data=b"a\n1\n", content_type=kind)
        assert (response.status_code, response.get_json()["field"]) == (400, "data")


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    content=st.one_of(
        st.binary(max_size=300),
        st.text(alphabet='a,;"\n\r\t|\x1e é', max_size=80).map(str.encode),
    ),
    encoding=st.sampled_from(["", "utf-8", "utf-16", "latin-1"]),
    delimiter=st.sampled_from(["", ";", "\\t", '"']),
)
def test_no_file_is_an_error_of_ours(
    post: Post, content: bytes, encoding: str, delimiter: str
) -> None:
    for path in ("search", "reverse"):
        response = post(f"/geocode/{path}/csv", content, encoding=encoding, delimiter=delimiter)
        assert response.status_code in (200, 400)


# The commands, which share it


def test_the_command_writes_utf_8_with_commas(locator: Locator, tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes("id;query\r\n1;L'Haÿ-les-Roses\r\n2;Saint-Denis\r\n".encode("cp1252"))
    done: list[int] = []
    geocode_file(locator, source, "query", target, done.append)
    assert sum(done) == 2
    lines = target.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "id,query,insee,name,precision,score,status"
    assert lines[1].startswith("1,L'Haÿ-les-Roses,94038,L'Haÿ-les-Roses,commune,")
    assert lines[2].endswith(",ambiguous")


def test_a_command_may_write_over_its_source(
    locator: Locator, connection: Any, tmp_path: Path
) -> None:
    path = tmp_path / "points.csv"
    path.write_text("lon,lat\n-1.68,48.11\n0,0\n", encoding="utf-8")
    locate_file(connection, path, ("lon", "lat"), path, lambda rows: None)
    assert path.read_text(encoding="utf-8").splitlines() == [
        "lon,lat,insee,name",
        "-1.68,48.11,35238,Rennes",
        "0,0,,",
    ]
    assert [one.name for one in tmp_path.iterdir()] == ["points.csv"]


def test_a_table_is_read_in_batches() -> None:
    content = b"n\n" + b"".join(b"%d\n" % number for number in range(5000))
    table = Table.read(io.BytesIO(content), "data", Told())
    blocks = list(table.answered(["twice"], lambda rows: ([str(2 * int(r[0]))] for r in rows)))
    assert [rows for rows, _ in blocks] == [0, 2000, 2000, 1000]
    assert b"".join(block for _, block in blocks).endswith(b"4999,9998\n")
