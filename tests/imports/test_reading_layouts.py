"""Tables as officers make them: headers of several rows, none, on their side, and consents."""

from pathlib import Path

import pytest
import xlsxwriter

from mapservice.errors import SourceError
from mapservice.imports.reading import SourceFile, read_file
from mapservice.initiatives.model import SourceRow, Status
from tests.imports.test_reading_formats import workbook

WORKS = (
    ("Potager partagé des Ormeaux", "Rennes", "35238"),
    ("Café des aidants du canton", "Brest", "29019"),
    ("Four à pain du vieux bourg", "Niort", "79191"),
    ("Haie du collège Debussy", "Melle", "79174"),
)
PLACES = frozenset(part.lower() for _, *place in WORKS for part in place)


def opened(folder: Path, text: str, **mapping: str) -> SourceFile:
    path = folder / "essai.csv"
    path.write_text(text, encoding="utf-8")
    return read_file(path, mapping, lambda words: words.lower() in PLACES)


def lines(header: str, row: str) -> str:
    """A file with a row for each of the works."""
    filled = (row.format(title=title, town=town, code=code) for title, town, code in WORKS)
    return "\n".join((header, *filled)) + "\n"


def kept(source: SourceFile) -> list[SourceRow]:
    return [row for row in source.rows if not row.skipped and not row.rejected]


def titles(source: SourceFile) -> list[str]:
    return [row.title for row in kept(source)]


@pytest.mark.parametrize(
    ("organiser", "project"),
    [
        ("Nom de la structure", "Nom du projet"),
        ("Structure", "Nom de l'action"),
        ("Association", "Projet"),
        ("Raison sociale", "Intitulé de l'initiative"),
        ("Nom", "Initiative"),
    ],
)
def test_the_title_is_what_is_done_not_who_does_it(
    tmp_path: Path, organiser: str, project: str
) -> None:
    source = opened(tmp_path, lines(f"{organiser};{project};Ville", "MJC de {town};{title};{town}"))
    assert source.columns["title"] == project
    assert titles(source) == [title for title, *_ in WORKS]


def test_without_a_project_who_does_it_is_the_title(tmp_path: Path) -> None:
    source = opened(tmp_path, lines("Nom de la structure;Ville", "MJC de {town};{town}"))
    assert source.columns["title"] == "Nom de la structure"


@pytest.mark.parametrize("header", ["Projet lauréat", "Projets lauréats", "Initiative lauréate"])
def test_a_name_of_padding_alone_still_names_the_title(tmp_path: Path, header: str) -> None:
    text = lines(f"{header};Ville;Objectif", "{title};{town};Créer du lien entre voisins.")
    assert opened(tmp_path, text).columns["title"] == header


def test_short_texts_that_differ_are_titles_rather_than_what_descriptions_begin_with(
    tmp_path: Path,
) -> None:
    source = opened(tmp_path, lines("Quoi;Ville;Description", "{title};{town};On y va."))
    assert source.columns["title"] == "Quoi"


def test_titles_taken_from_descriptions_are_told(tmp_path: Path) -> None:
    source = opened(tmp_path, lines("Description;Ville", "{title};{town}"))
    assert "title" not in source.columns
    assert any(one.startswith("Description: its first words") for one in source.problems)


def test_a_table_on_its_side_is_refused(tmp_path: Path) -> None:
    turned = zip(
        *(("Titre", "Commune", "Description"), *((*w[:2], "Ouvert") for w in WORKS)), strict=True
    )
    with pytest.raises(SourceError) as error:
        opened(tmp_path, "\n".join(map(";".join, turned)) + "\n")
    assert "'Titre' holds names of columns" in str(error.value)


def test_a_table_without_a_header_keeps_its_first_row(tmp_path: Path) -> None:
    source = opened(tmp_path, lines("", "{title};{town};{code}").lstrip())
    assert titles(source) == [title for title, *_ in WORKS]
    assert source.columns["citycode"] == "colonne 3"
    assert any("there is no header" in one for one in source.problems)


def test_years_as_names_of_columns_are_a_header(tmp_path: Path) -> None:
    source = opened(tmp_path, lines("Quoi;2023;2024", "{title};1204;980"))
    assert titles(source) == [title for title, *_ in WORKS]


def test_cells_merged_down_and_across_make_one_header(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        for column, words in enumerate(("Opération", "Commune")):
            sheet.merge_range(0, column, 1, column, words)
        for column, year in ((2, "2023"), (4, "2024")):
            sheet.merge_range(0, column, 0, column + 1, year)
            sheet.write_row(1, column, ("Budget", "Participants"))
        for number, (title, town, _) in enumerate(WORKS, start=2):
            sheet.write_row(number, 0, (title, town, 100, 10, 200, 20))

    source = read_file(workbook(tmp_path / "suivi.xlsx", fill))
    assert titles(source) == [title for title, *_ in WORKS]
    assert kept(source)[0].attributes == {
        "2023 Budget": 100,
        "2023 Participants": 10,
        "2024 Budget": 200,
        "2024 Participants": 20,
    }


def test_a_row_that_explains_the_columns_is_no_initiative(tmp_path: Path) -> None:
    text = lines("Titre;Ville;Coût\n(obligatoire);(nom);en € TTC", "{title};{town};1500")
    source = opened(tmp_path, text)
    assert titles(source) == [title for title, *_ in WORKS]
    assert next(source.rows).skipped == "explains the columns: not an initiative"
    assert kept(source)[0].attributes == {"Coût": 1500}


@pytest.mark.parametrize("title", ["(Re)lier les habitants", "Ex. aequo: le bal (2024)"])
def test_brackets_in_a_title_explain_nothing(tmp_path: Path, title: str) -> None:
    assert title in titles(opened(tmp_path, f"Titre;Ville\n{title};Rennes\nFour à pain;Brest\n"))


def test_a_name_under_contact_is_that_of_a_person(tmp_path: Path) -> None:
    text = lines("Projet;;Contact;\nIntitulé;Commune;Nom;Fonction", "{title};{town};Dupont;Élu")
    row = kept(opened(tmp_path, text))[0]
    assert row.withheld == {"Contact Nom": "Dupont"}


def test_a_name_beside_a_number_is_that_of_a_person(tmp_path: Path) -> None:
    text = lines("Intitulé;Commune;Nom;Téléphone", "{title};{town};Dupont;02 99 00 00 00")
    row = kept(opened(tmp_path, text))[0]
    assert row.withheld == {"Nom": "Dupont", "Téléphone": "02 99 00 00 00"}
    assert row.attributes == {}


def test_formulas_that_nobody_computed_are_told(tmp_path: Path) -> None:
    """As programs write them: the cell looks empty until a spreadsheet saves the file."""

    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("Suivi")
        sheet.write_row(0, 0, ("Titre", "Commune", "Coût HT", "Coût TTC"))
        for number, (title, town, _) in enumerate(WORKS, start=1):
            sheet.write_row(number, 0, (title, town, 100))
            sheet.write_formula(number, 3, f"=C{number + 1}*1.2", None, "")

    source = read_file(workbook(tmp_path / "suivi.xlsx", fill))
    assert any(
        one.startswith("sheet 'Suivi': 4 formulas (columns D) have no saved value")
        for one in source.problems
    )


def test_formulas_with_values_are_not_told(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("Suivi")
        sheet.write_row(0, 0, ("Titre", "Commune", "Coût"))
        for number, (title, town, _) in enumerate(WORKS, start=1):
            sheet.write_row(number, 0, (title, town))
            sheet.write_formula(number, 2, "=100*1.2", None, 120)

    assert read_file(workbook(tmp_path / "suivi.xlsx", fill)).problems == ()


ASKED = "Acceptez-vous que ces informations soient publiées ?"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (ASKED, "Non"),
        ("Autorisation de diffusion", "non, merci"),
        ("Do you agree that this is shown on the map?", "No"),
        ("Vous opposez-vous à la publication ?", "Oui"),
    ],
)
def test_what_somebody_does_not_want_published_is_not(
    tmp_path: Path, question: str, answer: str
) -> None:
    other = "Non" if answer == "Oui" else "Oui"
    text = f"Titre;Ville;{question}\nFour à pain;Rennes;{answer}\nHaie du collège;Brest;{other}\n"
    source = opened(tmp_path, text)
    assert titles(source) == ["Haie du collège"]
    refused = next(source.rows)
    assert refused.rejected.endswith("who wrote it does not want it published")


def test_a_consent_that_was_not_given_waits_for_a_moderator(tmp_path: Path) -> None:
    """A box of a form that is not ticked is an empty cell."""
    text = f"Titre;Ville;{ASKED}\nFour à pain;Rennes;\nHaie du collège;Brest;J'accepte\n"
    rows = list(opened(tmp_path, text).rows)
    assert [row.status for row in rows] == [Status.PENDING, Status.PUBLISHED]


def test_a_question_that_a_form_asks_late_is_heard(tmp_path: Path) -> None:
    """No row answers it among the first, by which the columns are understood."""
    before = "".join(f"Four à pain {number};Rennes;\n" for number in range(2_100))
    text = f"Titre;Ville;{ASKED}\n{before}Haie du collège;Brest;Non\n"
    rows = list(opened(tmp_path, text).rows)
    assert rows[-1].rejected.endswith("who wrote it does not want it published")
    assert {row.status for row in rows[:-1]} == {Status.PUBLISHED}


@pytest.mark.parametrize(
    "question", ["Acceptez-vous la diffusion de photos ?", "Voulez-vous recevoir la lettre ?"]
)
def test_a_consent_to_something_else_holds_nothing_back(tmp_path: Path, question: str) -> None:
    text = lines(f"Titre;Ville;{question}", "{title};{town};Non")
    assert len(titles(opened(tmp_path, text))) == len(WORKS)


def test_contacts_that_may_not_be_published_are_kept_apart(tmp_path: Path) -> None:
    question = "Acceptez-vous que vos coordonnées soient publiées ?"
    text = lines(f"Titre;Ville;Téléphone;{question}", "{title};{town};02 99 00 00 00;Non")
    row = kept(opened(tmp_path, text))[0]
    assert row.withheld == {"Téléphone": "02 99 00 00 00", question: "Non"}


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("Potager - Jean Dupont 06 12 34 56 78", "holds a mobile number"),
        ("Potager, jean.dupont@free.fr", "holds the mail box of a person"),
    ],
)
def test_personal_data_in_a_title_is_told(tmp_path: Path, title: str, told: str) -> None:
    row = next(opened(tmp_path, f"Titre;Ville\n{title};Rennes\nBal;Brest\n").rows)
    asked = "is it meant to be public? It waits for a moderator"
    assert row.problems == (f"Titre: {told}: {asked}",)


def test_a_name_that_says_little_takes_the_group_above_it(tmp_path: Path) -> None:
    head = "Projet;;Budget (€);;Dates;\nIntitulé;Commune;Prévu;Réalisé;Début;Fin"
    text = lines(head, "{title};{town};1200;800;2026-05-01;2026-05-02")
    source = opened(tmp_path, text)
    row = kept(source)[0]
    assert row.attributes == {"Budget (€) Prévu": 1200, "Budget (€) Réalisé": 800}
    assert (row.facts or {})["start_day"] == "2026-05-01"
    # The title of the table is no group of its columns.
    text = lines("Projets de 2026;;;\nIntitulé;Commune;Prévu;Réalisé", "{title};{town};1200;800")
    row = kept(opened(tmp_path, text))[0]
    assert row.attributes == {"Prévu": 1200, "Réalisé": 800}


def test_a_total_that_says_of_what_is_none_and_neither_is_a_title_that_says_none(
    tmp_path: Path,
) -> None:
    head = "Intitulé;Commune;Descriptif;Participants\n"
    rows = "".join(f"Jardin {n};Rennes;Planter;{n}\n" for n in range(2, 9))
    text = f"{head}{rows}Sans titre;Morlaix;;3\nTOTAL;;7 initiatives;35\nTotal;Brest;Un bal;3\n"
    *_, untitled, total, ball = opened(tmp_path, text).rows
    assert untitled.rejected.startswith("no title")
    assert total.skipped == "a row of totals"
    assert (ball.title, ball.skipped) == ("Total", "")
