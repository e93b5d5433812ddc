"""Which column holds the titles, and which rows are no initiatives: told by what the cells say."""

from pathlib import Path

import pytest

from mapservice.errors import SourceError
from mapservice.imports.reading import SourceFile, read_file

EPCI = ("CA du Niortais", "CC Mellois en Poitou", "Rennes Métropole", "CC Val de Gâtine")
TERRITORIES = frozenset(("niort", "melle", "rennes", "brest", "val de gatine"))


def opened(folder: Path, text: str, **mapping: str) -> SourceFile:
    path = folder / "essai.csv"
    path.write_text(text, encoding="utf-8")
    return read_file(path, mapping, lambda words: words.lower() in TERRITORIES)


def table(header: str, *rows: str) -> str:
    return "\n".join((header, *rows)) + "\n"


def of_epci(header: str, title: str) -> str:
    """Forty works of four EPCI: their names under `header`, what is done under `title`."""
    works = (f"{EPCI[n % 4]};Rénovation de l'école n° {n};{n * 1000}" for n in range(40))
    return table(f"{header};{title};montant", *works)


@pytest.mark.parametrize("header", ["nom", "Intitulé", "structure"])
def test_names_of_epci_are_no_titles(tmp_path: Path, header: str) -> None:
    with pytest.raises(SourceError) as error:
        opened(tmp_path, of_epci(header, "travaux"))
    assert "no column for the title" in str(error.value)
    assert "It could be 'travaux'" in str(error.value)
    assert "--mapping title=COLUMN" in str(error.value)


@pytest.mark.parametrize("header", ["lib_epci", "libelle epci", "Territoire"])
def test_the_only_texts_that_differ_are_titles_and_this_is_told(
    tmp_path: Path, header: str
) -> None:
    """No column is named like a title, and one alone reads like titles."""
    source = opened(tmp_path, of_epci(header, "travaux"))
    assert source.columns["title"] == "travaux"
    assert source.problems == (
        "travaux: read as title by its cells: the only short texts that differ from row to row",
    )


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("quoi", "Rénovation de la salle n° {}"),
        ("suite donnée", "Accord du conseil n° {}"),
    ],
)
def test_of_two_columns_that_could_be_titles_none_is_taken(
    tmp_path: Path, header: str, text: str
) -> None:
    rows = (f"Isolation de l'école n° {n};{text.format(n)}" for n in range(20))
    with pytest.raises(SourceError) as error:
        opened(tmp_path, table(f"travaux;{header}", *rows))
    assert f"It could be 'travaux' or '{header}'" in str(error.value)


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("observations", "Dossier à revoir avec le service {}"),
        ("nom du maire", "Jean de la Fontaine {}"),
        ("référent", "Jeanne Du Pont {}"),
        ("bilan", "La salle n° {} a été refaite, et elle sert."),
        ("où", "{} rue de la Paix"),
    ],
)
def test_remarks_persons_and_addresses_are_not_taken_for_titles(
    tmp_path: Path, header: str, text: str
) -> None:
    rows = (f"{text.format(n + 2)};{n}" for n in range(20))
    with pytest.raises(SourceError, match="no column for the title"):
        opened(tmp_path, table(f"{header};montant", *rows))


def test_another_column_of_a_likely_name_is_taken_and_told(tmp_path: Path) -> None:
    source = opened(tmp_path, of_epci("nom", "libellé de l'opération"))
    assert source.columns["title"] == "libellé de l'opération"
    assert source.problems == (
        "nom: no title, it holds names of communes, EPCI or other territories; kept as it is",
    )


@pytest.mark.parametrize(
    ("header", "cells", "why"),
    [
        ("nom", ["Niort", "Melle", "Rennes"] * 3, "names of communes"),
        ("titre", ["M.", "Mme"] * 4, "forms of address"),
        ("libelle", ["Culture", "Sport"] * 10, "2 different texts in 20 rows"),
        ("projet", [str(number) for number in range(12)], "numbers, codes, dates"),
        ("objet", [f"{day}/03/2024" for day in range(1, 12)], "numbers, codes, dates"),
        ("label", [f"https://a.example/{n}" for n in range(8)], "addresses of pages"),
    ],
)
def test_what_holds_something_else_is_no_title(
    tmp_path: Path, header: str, cells: list[str], why: str
) -> None:
    rows = (f"{cell};{n}" for n, cell in enumerate(cells))
    with pytest.raises(SourceError, match=why):
        opened(tmp_path, table(f"{header};numero", *rows))


def test_persons_are_no_titles(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="it holds persons"):
        opened(tmp_path, "nom,prenom,ville\nDupont,Jean,Niort\nMartin,Anne,Melle\n")


def test_titles_that_repeat_with_their_whole_rows_are_titles(tmp_path: Path) -> None:
    source = opened(tmp_path, table("nom,ville", *["Chorale,Niort"] * 30, "Verger,Melle"))
    assert source.columns["title"] == "nom"


def test_a_mapping_is_believed_and_warned_about(tmp_path: Path) -> None:
    source = opened(tmp_path, of_epci("nom", "travaux"), title="nom", postcode="travaux")
    assert source.columns["title"] == "nom"
    assert source.problems[0] == (
        "nom: taken for title as asked, though it holds names of communes, EPCI or other"
        " territories"
    )
    assert "travaux: taken for postcode as asked" in source.problems[1]


def test_the_questions_of_a_form_are_understood(tmp_path: Path) -> None:
    text = (
        "Horodateur\tAdresse e-mail\tQuel est le nom de votre projet ?\t"
        "Décrivez-le en quelques mots\tDans quelle commune se situe-t-il ?\tVotre code postal\n"
        '18/01/2025 10:00:00\ta@b.example\tJardin des voisins\t"Un jardin,\npour tous"\tNiort\t'
        "79000\n"
    )
    source = opened(tmp_path, text)
    assert dict(source.columns) == {
        "title": "Quel est le nom de votre projet ?",
        "description": "Décrivez-le en quelques mots",
        "created_on": "Horodateur",
        "city": "Dans quelle commune se situe-t-il ?",
        "postcode": "Votre code postal",
    }
    (kept,) = [one for one in source.mapping if one.field == "attribute"]
    assert (kept.column, kept.kind, source.unused) == ("Adresse e-mail", "email", ())
    (row,) = source.rows
    assert (row.description, row.created_on) == ("Un jardin,\npour tous", "2025-01-18")


def test_how_a_file_was_read_is_told(tmp_path: Path) -> None:
    source = opened(tmp_path, "nom;ville;taux;vide\nUn verger;Niort;3;\n")
    assert (source.encoding, source.separator, source.unused) == ("UTF-8", ";", ("vide",))
    assert [(one.column, one.field, one.reason, one.kind) for one in source.mapping] == [
        ("nom", "title", "by its name", ""),
        ("ville", "city", "by its name", ""),
        ("taux", "attribute", "kept as it is", "number"),
        ("vide", "", "holds nothing", ""),
    ]


HEADER = "Nom de l'action;Commune;Code postal;Participants;Description"
FIRST = "Jardin partagé;Niort;79000;12;Un jardin"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("Total;;;200;", "a row of totals"),
        ("TOTAL GÉNÉRAL : 200;;;;", "a row of totals"),
        (";Total;;200;", "a row of totals"),
        ("200;Total;;;", "a row of totals"),
        ("Sous-total Deux-Sèvres;;;40;", "a row of totals"),
        ("Total;Niort;;40;", "a row of totals"),
        ("Ensemble;;;200;", "a row of totals"),
        (HEADER, "the header once more"),
        ("CANTON DE MELLE;;;;", "nothing but one cell"),
        ("Source : mairie de Niort;;;;", "nothing but one cell"),
        (";;;;", "an empty row"),
        (" ;; ;;", "an empty row"),
    ],
)
def test_a_row_that_is_no_initiative_is_left_out(tmp_path: Path, row: str, why: str) -> None:
    source = opened(tmp_path, table(HEADER, FIRST, row, "Rucher;Melle;79500;8;Des abeilles"))
    rows = list(source.rows)
    assert [bool(one.skipped) for one in rows] == [False, True, False]
    assert rows[1].skipped.startswith(why)
    assert source.total == 3


@pytest.mark.parametrize(
    "row",
    [
        "Ensemble;Niort;79000;5;Une chorale",
        "Ensemble;Niort;79000;5;",
        "Total recyclage;Niort;79000;6;",
        "Total respect;Niort;;;Une association",
        "Somme toute;Niort;79000;;",
        "Un verger;;;;Planter",
    ],
)
def test_a_title_that_resembles_a_total_stays(tmp_path: Path, row: str) -> None:
    _, second = opened(tmp_path, table(HEADER, FIRST, row)).rows
    assert (second.skipped, second.rejected) == ("", "")


@pytest.mark.parametrize("title", ["200", "12,5", "1 204 €", "2024-01-18"])
def test_a_title_that_is_a_number_is_rejected(tmp_path: Path, title: str) -> None:
    row = f"{title};Niort;79000;5;Un texte"
    _, second = opened(tmp_path, table(HEADER, FIRST, row)).rows
    assert second.rejected == f"the title {title!r} is only a number"


def test_groups_of_columns_above_the_header_are_passed(tmp_path: Path) -> None:
    text = (
        "Actions 2024;;;\nIdentification;;Lieu;\nNom;Thème;Adresse;Ville\nAMAP;Bio;2 rue X;Niort\n"
    )
    (row,) = opened(tmp_path, text).rows
    assert (row.title, row.address, row.city) == ("AMAP", "2 rue X", "Niort")


@pytest.mark.parametrize(
    ("title", "person", "waits", "flagged"),
    [
        ("Le pain de Madame Dupont", "", True, True),
        ("Repas chez M. Le Goff", "", True, True),
        ("Le jardin de Marion Pasquier", "Pasquier Marion", True, True),
        ("Pasquier Marion", "", False, True),
        ("Alain BUDE", "", False, True),
        ("Rénovation de la rue Madame Curie", "", False, False),
        ("Saint Martin", "", False, False),
        ("Ferme Marie", "", False, False),
        ("Jardin partagé", "Marion", False, False),
        ("Notre jardin à M. tout le monde", "", False, False),
    ],
)
def test_a_person_in_a_title_is_flagged(
    tmp_path: Path, title: str, person: str, waits: bool, flagged: bool
) -> None:
    path = tmp_path / "actions.csv"
    path.write_text(f"Titre;Commune;Référent\n{title};Rennes;{person}\nUne haie;Bruz;\n")
    row = next(iter(read_file(path).rows))
    notes = [note for note in row.problems if "may name a person" in note]
    assert bool(notes) == flagged
    assert (row.status == "pending") == waits
    assert any("It waits" in note for note in notes) == waits
