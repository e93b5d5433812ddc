"""Files that cannot be read are refused whole, naming what is wrong."""

import io
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapservice.app import create_app
from mapservice.errors import InvalidInput
from mapservice.geocoding.csv_dialect import CsvDialectHints, CsvTable
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.geocoding.uploads import Post, posting, rows_of


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
    services: Services = app.extensions[SERVICES]
    services.dispose()


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
        CsvTable.read(io.BytesIO(b"a\n" + b"x" * 2_000_000), "data", CsvDialectHints())


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
    delimiter=st.sampled_from(["", ";", "\\t", '"', "'", "\x1f", "\u2028"]),
    quote=st.sampled_from(["", "'", ",", "\\t", "\x1f"]),
)
def test_no_file_is_an_error_of_ours(
    post: Post, content: bytes, encoding: str, delimiter: str, quote: str
) -> None:
    asked = {"encoding": encoding, "delimiter": delimiter, "quote": quote}
    for path in ("search", "reverse"):
        response = post(f"/geocode/{path}/csv", content, **asked)
        assert response.status_code in (200, 400)


@pytest.mark.parametrize(
    ("delimiter", "quote", "field"),
    [('"', "", "delimiter"), ("'", "'", "delimiter"), ("", ";", "quote"), ("", "\x1f", "quote")],
)
def test_what_parts_cells_does_not_quote_them(
    post: Post, delimiter: str, quote: str, field: str
) -> None:
    """The csv module refuses that since Python 3.13: it was a 500."""
    response = post("/geocode/search/csv", b"ville\nRennes\n", delimiter=delimiter, quote=quote)
    assert (response.status_code, response.get_json()["field"]) == (400, field)
