"""Where the rows of a file are: arrondissements of one city, bearers, our own codes."""

from pathlib import Path

import pytest

from mapservice.imports.reading import SourceFile, read_file
from mapservice.initiatives.model import Scale, SourceRow, Status, Theme


def opened(folder: Path, text: str, name: str = "essai.csv") -> SourceFile:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_file(path)


def only_row(folder: Path, text: str) -> SourceRow:
    (row,) = opened(folder, text).rows
    return row


def test_arrondissements_past_16_are_those_of_paris(tmp_path: Path) -> None:
    text = "titre,adresse,arrondissement\nA,Bois de Vincennes,12\nB,Rue X,17\n"
    source = opened(tmp_path, text + "C,Place X,23\n" + "D,Rue Y,20\n" * 8)
    rows = list(source.rows)
    assert source.context_commune == "75056"
    assert [row.arrondissement for row in rows[:3]] == ["12", "17", ""]
    assert {row.lon for row in rows} == {None}


@pytest.mark.parametrize(
    ("cells", "name", "commune"),
    [
        (["1er", "16"], "essai", ""),
        (["1", "9"], "budget_lyon", "69123"),
        (["1", "16"], "projets-marseille", "13055"),
        (["1", "16"], "projets_lyon", ""),
        (["Paris 12e", "18ème arrondissement"], "essai", "75056"),
        (["75104", "75112"], "essai", "75056"),
        (["69381", "69383"], "essai", "69123"),
        (["Niort", "Parthenay"], "essai", ""),
        (["12", "99", "250"], "essai", ""),
    ],
)
def test_the_city_of_arrondissements(
    tmp_path: Path, cells: list[str], name: str, commune: str
) -> None:
    text = "titre,arrondissement\n" + "".join(f"A,{cell}\n" for cell in cells)
    assert opened(tmp_path, text, f"{name}.csv").context_commune == commune


def test_a_town_column_leaves_arrondissements_without_a_city(tmp_path: Path) -> None:
    source = opened(tmp_path, "titre,ville,arrondissement\nA,Lyon,3\nB,Paris,18\n")
    assert source.context_commune == ""


def test_an_arrondissement_code_is_an_insee_code(tmp_path: Path) -> None:
    assert only_row(tmp_path, "titre,arrondissement\nA,75112\n").citycode == "75112"


def test_public_bearers_name_the_place_where_nothing_else_does(tmp_path: Path) -> None:
    text = "details,porteur,profil\nA,MANS,Commune\nB,CC DES COEVRONS,EPCI\nC,SEM,SEM\n"
    rows = list(opened(tmp_path, text).rows)
    assert [row.place_text for row in rows] == ["MANS", "CC DES COEVRONS", ""]
    assert [row.scale for row in rows] == [Scale.COMMUNE, Scale.EPCI, Scale.COMMUNE]
    rows = list(opened(tmp_path, "nom,porteur\nA,Les Amis de la Terre\n").rows)
    assert rows[0].place_text == ""


def test_our_own_export_reads_back(tmp_path: Path) -> None:
    text = (
        "id,title,summary,theme,status,scale,commune,commune_name,epci,departement,region,"
        "region_name,precision,supporters,created_at,updated_at,url\n"
        "0198,Jardin,Un jardin,alimentation,done,commune,35238,Rennes,243500139,35,53,Bretagne,"
        "commune,3,2025-01-18T10:00:00Z,2025-02-01,https://exemple.fr/0198\n"
    )
    row = only_row(tmp_path, text)
    assert (row.citycode, row.city, row.departement) == ("35238", "Rennes", "35")
    assert (row.theme, row.status, row.scale) == (Theme.ALIMENTATION, Status.DONE, Scale.COMMUNE)
    assert (row.created_on, row.updated_on, row.external_id) == ("2025-01-18", "2025-02-01", "0198")
