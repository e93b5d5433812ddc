"""Files as offices keep them: directories, answers to forms, agendas, lists without a header.

Each was tried by somebody who had not seen the code, and came in with a title, a date or a place
that nobody had written.
"""

import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
import xlsxwriter
from flask import Flask
from sqlalchemy import Engine, text

from mapservice.errors import SourceError
from mapservice.geocoding.service import Locator
from mapservice.imports.reading import SourceFile, read_file
from mapservice.imports.service import ImportOptions, ImportRun, import_file

Written = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def written(text: str, name: str = "liste.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


def fields(source: SourceFile) -> dict[str, str]:
    return {one.column: one.field for one in source.mapping}


DIRECTORY = """Nom de l'association;Objet;Président;Ville;N° RNA{more}
Les Amis du Vélo;Promouvoir le vélo;Mme Dupont;Bourg-en-Bresse;W011{amount}
Théâtre d'Été;Spectacles;;Manziat;W012{amount}
Sou des écoles;Fêtes;;Pont-de-Vaux;W013{amount}
"""


def test_a_directory_of_associations_is_titled_by_their_names(written: Written) -> None:
    source = read_file(written(DIRECTORY.format(more="", amount="")))
    assert fields(source)["Nom de l'association"] == "title"
    assert fields(source)["Objet"] == "description"
    assert "taken for title, as 'Objet' says what it is for" in "; ".join(source.problems)
    assert [row.title for row in source.rows][2] == "Sou des écoles"


def test_beside_sums_of_money_the_purpose_is_the_title(written: Written) -> None:
    source = read_file(written(DIRECTORY.format(more=";Montant", amount=";5 000 €")))
    assert fields(source)["Objet"] == "title"


FORM = """Horodateur,Nom de votre initiative,Dans quelle commune ?,Quand a-t-elle commencé ?
2025/03/12 10:12:03 AM UTC+1,Café des parents,Redon,{}
2025/03/13 10:12:03 AM UTC+1,Bourse aux plantes,Allaire,printemps 2020
2025/03/14 10:12:03 AM UTC+1,Jardin,Bains-sur-Oust,je ne sais plus
2025/03/15 10:12:03 AM UTC+1,Ressourcerie,Redon,hier
"""


@pytest.mark.parametrize("answer", ["2018", "il y a longtemps"])
def test_the_moment_of_an_answer_is_no_beginning(written: Written, answer: str) -> None:
    """Whether the question can be answered with a date, or nobody did."""
    source = read_file(written(FORM.format(answer)))
    assert fields(source)["Horodateur"] == "attribute"
    assert [row.created_on for row in source.rows] == [
        answer if answer == "2018" else "",
        "",
        "",
        "",
    ]


def test_a_form_that_asks_no_date_has_that_of_its_answers(written: Written) -> None:
    source = read_file(written("Horodateur;Titre;Commune\n2025-03-12;Un four;Redon\n"))
    assert fields(source)["Horodateur"] == "created_on"


AGENDA = """Date;Heure;Manifestation;Lieu;Commune
45000;20h;Loto;Salle polyvalente;Vitré
16/01/2027;14h30;Galette des aînés;Salle des fêtes;Vitré
16/01/2027;10h-18h;Portes ouvertes;Atelier;Châteaubourg
Tous les mardis;18h30;Chorale;Église;Balazé
"""


def test_the_days_of_an_agenda_are_when_it_takes_place(written: Written) -> None:
    source = read_file(written(AGENDA))
    rows = list(source.rows)
    assert fields(source)["Manifestation"] == "title"
    assert {row.created_on for row in rows} == {""}
    told = [{name: (row.facts or {}).get(name) for name in WHEN} for row in rows]
    assert [tuple(one.values()) for one in told] == [
        ("2023-03-15", "2023-03-15", "20:00", None),
        ("2027-01-16", "2027-01-16", "14:30", None),
        ("2027-01-16", "2027-01-16", "10:00", "18:00"),
        (None, None, None, None),
    ]
    assert rows[3].attributes == {"Date": "Tous les mardis", "Heure": "18h30"}


WHEN = ("start_day", "end_day", "start_time", "end_time")


def test_one_title_of_two_years_is_two_agendas_apart(
    engine: Engine, locator: Locator, written: Written
) -> None:
    """Of two files: what took place on another day is another one."""

    def outcomes(run: ImportRun) -> list[str]:
        return [str(one.outcome) for one in run.reports]

    first = written("Nom;Commune;Date;Heure\nLoto;Vitré;15/03/2023;20h\n", "de_2023.csv")
    other = written("Nom;Commune;Date;Heure\nLoto;Vitré;16/03/2025;20h\n", "de_2025.csv")
    same = written("Nom;Commune;Date;Heure\nLoto;Vitré;16/03/2025;20h\n", "encore.csv")
    assert outcomes(import_file(engine, locator, first, ImportOptions())) == ["imported"]
    assert outcomes(import_file(engine, locator, other, ImportOptions())) == ["imported"]
    assert outcomes(import_file(engine, locator, same, ImportOptions())) == ["elsewhere"]


def test_days_left_as_numbers_beside_others_that_are_written(written: Written) -> None:
    source = read_file(
        written(
            "Intitulé;Commune;Début;Fin\nFestival;Fougères;45717;45719\nRue;Antrain;mars 2025;\n"
            "Jardin;Fougères;2025-04-01;2025-04-02\nCafé;Antrain;T2 2025;bientôt\n"
        )
    )
    days = [(row.facts or {}).get("start_day") for row in source.rows]
    assert days == ["2025-03-01", None, "2025-04-01", None]


def test_without_a_header_two_columns_may_be_the_title(written: Written) -> None:
    path = written(
        "Les Petits Ruisseaux;Atelier d'écriture ouvert à tous;35238;Rennes;2022\n"
        "Pain commun;Four à pain du village;35051;Cesson-Sévigné;2023\n"
        "Vélorution;Balade mensuelle;35047;Bruz;2021\n"
        "Le Hangar;Matériauthèque;35024;Betton;2020\n"
    )
    with pytest.raises(SourceError, match="It could be 'colonne 1' or 'colonne 2'"):
        read_file(path)


@pytest.mark.parametrize("name", ["agenda.ics", "agenda.csv", "agenda.txt"])
def test_a_calendar_is_no_table(written: Written, name: str) -> None:
    path = written(
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nSUMMARY:Atelier couture\nEND:VEVENT\n"
        "END:VCALENDAR\n",
        name,
    )
    with pytest.raises(SourceError, match="is a calendar, whose entries are events"):
        read_file(path)


def test_a_person_of_linked_data_is_no_initiative(written: Written) -> None:
    graph = [
        {"@type": "Organization", "name": "La Louve", "address": {"addressLocality": "Paris"}},
        {"@type": "Person", "name": "Jean Valjean", "email": "jean@ex.org"},
    ]
    path = written(json.dumps({"@context": "https://schema.org", "@graph": graph}), "a.jsonld")
    first, second = read_file(path).rows
    assert (first.title, second.skipped) == ("La Louve", "describes a person: not an initiative")


def test_rows_that_a_filter_hides_are_told(tmp_path: Path) -> None:
    rows = (("Titre", "Commune"), ("Un four", "Rennes"), ("Une haie", "Bruz"))
    with xlsxwriter.Workbook(tmp_path / "filtre.xlsx") as book:
        sheet = book.add_worksheet("Sheet")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
        sheet.set_row(2, options={"hidden": True})
    source = read_file(tmp_path / "filtre.xlsx")
    assert [row.title for row in source.rows] == ["Un four", "Une haie"]
    assert "sheet 'Sheet': hidden rows, which are read too: 1" in source.problems


def test_how_to_reach_a_person_waits_wherever_it_is_written(written: Written) -> None:
    path = written(
        "Titre;Description;Commune\nCafé des parents;Appelez Paul au 06 11 22 33 44.;Redon\n"
        "Un four;Le pain du village.;Redon\n"
    )
    first, second = read_file(path).rows
    assert (str(first.status), str(second.status)) == ("pending", "published")
    assert "holds a mobile number" in first.problems[0]


@pytest.mark.parametrize(
    ("title", "is_told"),
    [("Le Goff Yves", True), ("Yves Le Goff", True), ("Le Café Yves", False), ("La Marie", False)],
)
def test_a_name_with_its_particle_may_be_a_person(
    written: Written, title: str, is_told: bool
) -> None:
    (row,) = read_file(written(f"Titre;Commune\n{title};Pontivy\n")).rows
    assert any("may name a person" in one for one in row.problems) is is_told


def test_what_is_online_is_in_no_commune(
    engine: Engine, locator: Locator, written: Written
) -> None:
    path = written("Titre;Lieu;Commune\nAtelier;En ligne;\nCours du soir;;à distance\n")
    run = import_file(engine, locator, path, ImportOptions())
    assert [(str(one.outcome), one.commune) for one in run.reports] == [
        ("imported", ""),
        ("imported", ""),
    ]


def test_a_town_abroad_is_not_published_in_france(
    engine: Engine, locator: Locator, written: Written
) -> None:
    path = written("Nom;Ville\nA;Bruxelles\nB;Genève\nC;Ixelles\nD;Barcelone\n")
    run = import_file(engine, locator, path, ImportOptions())
    assert {str(one.outcome) for one in run.reports} == {"to_review"}
    with engine.connect() as connection:
        placed = text("SELECT DISTINCT precision, commune, departement, region FROM initiative")
        assert connection.execute(placed).all() == [("none", None, None, None)]


def test_a_page_says_that_a_place_is_still_to_be_checked(
    app: Flask, engine: Engine, locator: Locator, written: Written
) -> None:
    path = written("Nom;Ville\nUn four;Ixelles\nUne haie;Rennes\nUn mur;Bruz\n")
    assert len(list(import_file(engine, locator, path, ImportOptions()).reports)) == 3
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT title, id FROM initiative")).all()
        connection.execute(
            text(
                """UPDATE location_match SET review = 'waiting' FROM initiative
                    WHERE initiative.id = initiative AND title = 'Une haie'"""
            )
        )
        ids: dict[str, UUID] = {row.title: row.id for row in rows}
    pages = {title: app.test_client().get(f"/initiatives/{one}").text for title, one in ids.items()}
    assert "Ce lieu n’est pas sûr, et la modération" in pages["Un four"]
    assert "Ce lieu n’est pas sûr\u00a0: la modération" in pages["Une haie"]
    assert "Ce lieu n’est pas sûr" not in pages["Un mur"]
    assert "en cours" not in pages["Un mur"], "nobody has told its state"


def test_a_date_beside_opening_hours_is_none_of_an_agenda(written: Written) -> None:
    path = written(
        "Nom;Commune;Horaires;Date\nUn café;Redon;Lu-Ve 9h-18h;12/03/2019\n"
        "Un four;Allaire;Sa 10h-12h;01/02/2020\nUne haie;Redon;;05/06/2021\n"
    )
    source = read_file(path)
    assert fields(source)["Date"] == "created_on"
    assert {(row.facts or {}).get("start_day") for row in source.rows} == {None}
