"""Columns told by what they hold, and those that no field takes."""

from pathlib import Path

import pytest

from mapservice.errors import InvalidInput
from mapservice.imports.columns import WITHHELD, withheld_field
from mapservice.imports.reading import SourceFile, read_file
from mapservice.initiatives.model import Status

KNOWN = frozenset(
    ("niort", "melle", "rennes", "brest", "79191", "79174", "35238", "29019", "finistère")
)


def opened(folder: Path, text: str, **mapping: str) -> SourceFile:
    path = folder / "essai.csv"
    path.write_text(text, encoding="utf-8")
    return read_file(path, mapping, lambda words: words.lower() in KNOWN)


def test_communes_are_told_by_their_names_or_codes(tmp_path: Path) -> None:
    rows = "".join(f"Jardin {town};{town}\n" for town in ("Niort", "Melle", "Rennes", "Brest"))
    source = opened(tmp_path, f"titre;où\n{rows}")
    assert source.columns["city"] == "où"
    assert "où: read as city by its cells: names of communes" in source.problems
    rows = "".join(f"Jardin {code};{code}\n" for code in ("79191", "79174", "35238", "29019"))
    assert opened(tmp_path, f"titre;geo\n{rows}").columns["citycode"] == "geo"


@pytest.mark.parametrize("amounts", [("15000", "25000", "35000"), ("12500", "31250", "48100")])
def test_amounts_are_no_codes_of_communes(tmp_path: Path, amounts: tuple[str, ...]) -> None:
    rows = "".join(f"Jardin n° {amount};{amount}\n" for amount in amounts)
    source = opened(tmp_path, f"titre;versé\n{rows}")
    assert not {"citycode", "postcode"} & set(source.columns)


def test_coordinates_are_told_by_where_they_lie(tmp_path: Path) -> None:
    rows = "".join(f"Jardin {n};-1.6{n}94;48.1{n}47;{n}.5\n" for n in range(1, 6))
    source = opened(tmp_path, f"titre;est;nord;taux\n{rows}")
    assert (source.columns["lon"], source.columns["lat"]) == ("est", "nord")
    rows = "".join(f"Jardin {n};48.1{n}47,-1.6{n}94\n" for n in range(1, 6))
    assert opened(tmp_path, f"titre;repère\n{rows}").columns["point"] == "repère"


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("lib_commune", "city"),
        ("Libellé de la commune", "city"),
        ("lib_theme", "theme"),
        ("Dpt", "departement"),
        ("Town", "city"),
        ("Website", "url"),
    ],
)
def test_headers_in_french_and_english(tmp_path: Path, header: str, field: str) -> None:
    cells = {"url": "https://a.example", "departement": "79"}
    source = opened(tmp_path, f"titre;{header}\nUn jardin;{cells.get(field, 'Niort')}\n")
    assert source.columns[field] == header


def test_what_no_field_takes_is_kept_with_its_type(tmp_path: Path) -> None:
    text = (
        "titre;ville;Budget;Horaires;Ouvert à tous;Visite;Code dossier;SIRET;Rien\n"
        "Un jardin;Niort;1250,5;Lundi 9h-12h;oui;21/03/2024;00123;12345678900011;\n"
        "Un verger;Melle;300;;non;22/03/2024;00124;;n/a\n"
    )
    first, second = opened(tmp_path, text).rows
    assert first.attributes == {
        "Budget": 1250.5,
        "Ouvert à tous": True,
        "Visite": "2024-03-21",
        "Code dossier": "00123",
        "SIRET": "12345678900011",
    }
    assert first.facts == {"opening_hours": "Mo 09:00-12:00"}
    assert second.attributes["Budget"] == 300
    assert second.attributes["Ouvert à tous"] is False
    assert "Horaires" not in second.attributes


def test_words_that_a_field_only_sorts_are_kept_too(tmp_path: Path) -> None:
    (row,) = opened(tmp_path, "titre;catégorie;statut\nUn jardin;Potager;en travaux\n").rows
    assert (row.theme, row.status) == ("alimentation", "published")
    assert row.attributes == {"catégorie": "Potager", "statut": "en travaux"}


def test_words_that_are_the_field_s_own_are_kept_once(tmp_path: Path) -> None:
    text = "titre;thème;statut;échelle\nUn jardin;alimentation;published;commune\n"
    (row,) = opened(tmp_path, text).rows
    assert (row.theme, row.status, row.scale) == ("alimentation", "published", "commune")
    assert row.attributes == {}


def test_what_is_about_persons_is_kept_apart_and_told(tmp_path: Path) -> None:
    text = (
        "titre;ville;Référent;Téléphone;Courriel;Prénom\n"
        "Un jardin;Niort;Léa Martin;06 12 34 56 78;lea.martin@asso.example;Léa\n"
        "Un verger;Melle;Paul Durand;05 49 00 00 00;contact@verger.example;Paul\n"
    )
    source = opened(tmp_path, text)
    first, second = source.rows
    assert first.attributes == {}
    assert set(first.withheld) == {"Référent", "Téléphone", "Courriel", "Prénom"}
    # Beside a name a number is that person's; a box that several people read is not.
    assert second.attributes == {"Courriel": "contact@verger.example"}
    assert "personal data, not shown: Référent, Téléphone, Prénom" in second.problems
    assert {one.column for one in source.mapping if one.is_personal} == {"Référent", "Prénom"}


def test_the_account_of_whoever_filled_in_a_form_is_kept_apart(tmp_path: Path) -> None:
    text = (
        "Horodateur;Nom du projet;Commune;Adresse e-mail;Téléphone\n"
        "12/03/2026 10:12:00;Un jardin;Niort;jardin79@assos.example;05 49 00 00 00\n"
        "13/03/2026 11:12:00;Un verger;Melle;contact@verger.example;\n"
    )
    first, second = opened(tmp_path, text).rows
    assert first.withheld == {"Adresse e-mail": "jardin79@assos.example"}
    # Nobody is named beside the number.
    assert first.attributes == {"Téléphone": "05 49 00 00 00"}
    assert second.attributes == {"Adresse e-mail": "contact@verger.example"}


def test_boxes_beside_many_of_persons_are_kept_apart(tmp_path: Path) -> None:
    boxes = ("lea@gmail.com", "paul.d@orange.fr", "mme.b@exemple.net", "contact@asso.example")
    rows = "".join(f"Jardin {box[:4]};Niort;{box}\n" for box in (*boxes, "jo79@exemple.net"))
    read = list(opened(tmp_path, f"titre;ville;courriel\n{rows}").rows)
    public = [row.attributes["courriel"] for row in read if row.attributes]
    assert public == ["contact@asso.example"]


def test_a_mobile_number_within_a_text_is_told(tmp_path: Path) -> None:
    (row,) = opened(tmp_path, "titre;description\nUn jardin;Appelez Léa au 06.12.34.56.78\n").rows
    assert "holds a mobile number" in row.problems[0]


def test_a_title_with_a_mobile_number_waits_for_a_moderator(tmp_path: Path) -> None:
    text = "titre;ville\nMme Perrichon 06 12 34 56 78;Niort\nUn jardin;Niort\n"
    first, second = opened(tmp_path, text).rows
    assert (first.status, second.status) == (Status.PENDING, Status.PUBLISHED)


def test_a_column_may_be_left_to_moderators(tmp_path: Path) -> None:
    text = (
        "titre;ville;Description;Avis du référent\n"
        "Un jardin;Niort;Interne : dossier incomplet;défavorable\n"
    )
    names = {withheld_field(column): column for column in ("description", "Avis du référent")}
    source = opened(tmp_path, text, **names)
    (row,) = source.rows
    assert row.withheld == {
        "Description": "Interne : dossier incomplet",
        "Avis du référent": "défavorable",
    }
    assert (row.attributes, row.description, row.summary) == ({}, "", "")
    assert [one.field for one in source.mapping] == ["title", "city", WITHHELD, WITHHELD]
    with pytest.raises(InvalidInput, match="no column"):
        opened(tmp_path, text, **{withheld_field("Nulle part"): "Nulle part"})


def test_every_column_is_accounted_for(tmp_path: Path) -> None:
    text = "titre,titre,ville,taux,,vide\nUn jardin,Autre,Niort,3,x,\n"
    source = opened(tmp_path, text)
    assert [one.column for one in source.mapping] == [
        "titre",
        "titre (2)",
        "ville",
        "taux",
        "colonne 5",
        "vide",
    ]
    assert {one.column for one in source.mapping if not one.field} == {"vide"}
