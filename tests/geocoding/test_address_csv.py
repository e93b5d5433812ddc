"""The address API's CSV doors: what is found for each row."""

import pytest

from mapservice.geocoding.address_api.properties import REVERSE_COLUMNS, SEARCH_COLUMNS
from tests.geocoding.uploads import Post, rows_of


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
        ("rue du port", "35400", "", "35288", "likely"),  # not the commune of Rue
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
