"""A file comes back as it was written: encoding, separator, quotes, newlines, name."""

import pytest

from tests.geocoding.uploads import Post, rows_of


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
