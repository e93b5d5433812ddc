"""Columns of hours, prices, days and the like: facts where a cell is surely understood."""

from pathlib import Path
from typing import Any

import pytest

from mapservice.imports.reading import read_file
from mapservice.imports.row_identity import source_id_of
from mapservice.initiatives.model import SourceRow


def rows(folder: Path, header: str, *cells: str) -> list[SourceRow]:
    """Rows of a file with a title, a town, and the columns of `header`."""
    lines = [f"Titre;Ville;{header}"]
    lines += [f"Atelier n° {number};Rennes;{cell}" for number, cell in enumerate(cells)]
    path = folder / "essai.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return list(read_file(path).rows)


@pytest.mark.parametrize(
    ("header", "cell", "facts"),
    [
        ("Horaires", "lundi-vendredi 9h-12h", {"opening_hours": "Mo-Fr 09:00-12:00"}),
        ("Tarif", "5 € la séance", {"price": "5 € la séance"}),
        ("Tarif", "Gratuit", {"is_free": True}),
        ("Prix (€)", "12,50", {"price": "12,50 €"}),
        ("Gratuit", "non", {"is_free": False}),
        ("Accessible PMR", "partiellement", {"wheelchair": "limited"}),
        ("Accès fauteuil roulant", "oui", {"wheelchair": "yes"}),
        ("Mots-clés", "#vélo #Partage", {"tags": ["vélo", "partage"]}),
        ("Tags", "eau|sol", {"tags": ["eau", "sol"]}),
        ("Public", "Enfants et familles", {"audience": ["enfants", "familles"]}),
        ("Site web", "https://atelier.example.org/", {"website": "https://atelier.example.org/"}),
        (
            "Adresse",
            "12 bis rue de Brest",
            {"address": "12 bis rue de Brest"},
        ),
        (
            "Date de début;Date de fin",
            "01/06/2026;2026-06-03",
            {"start_day": "2026-06-01", "end_day": "2026-06-03"},
        ),
    ],
)
def test_what_is_understood_is_a_fact_and_no_longer_an_attribute(
    tmp_path: Path, header: str, cell: str, facts: dict[str, Any]
) -> None:
    (row,) = rows(tmp_path, header, cell)
    assert row.facts == facts
    assert row.attributes == {}
    assert row.created_on == ""


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("Horaires", "sur rendez-vous"),
        ("Tarif", "5"),
        ("Budget", "5 €"),
        ("Coût du projet", "gratuit"),
        ("Accessible PMR", "oui (rampe amovible)"),
        ("Accessibilité", "bus 12"),
        ("Mots-clés", ", ".join(f"mot{n}" for n in range(11))),
        ("Public", "130 personnes"),
        ("Gratuit", "sauf le samedi"),
        ("Début;Fin", "2026;2027"),
        ("Début;Fin", "03/06/2026;01/06/2026"),
        ("Début;Fin", "03/06/2026 14:00;05/06/2026 18:00"),
        ("Tarif;Gratuit", "5 €;oui"),
    ],
)
def test_what_is_not_surely_understood_stays_as_it_is(
    tmp_path: Path, header: str, cell: str
) -> None:
    (row,) = rows(tmp_path, header, cell)
    assert not row.facts
    assert set(row.attributes) == set(header.split(";"))


def test_the_lists_of_this_service_are_understood(tmp_path: Path) -> None:
    """As `/initiatives.xlsx` and `.csv` name their columns."""
    header = "opening_hours;start_day;end_day;is_free;wheelchair;tags;audience;website;address"
    cells = "Mo 09:00-12:00;2026-06-01;2026-06-03;true;yes;entraide,café;jeunes,adultes"
    (row,) = rows(tmp_path, header, f"{cells};https://a.example.org/;2 rue Haute")
    assert row.attributes == {}
    assert row.facts == {
        "address": "2 rue Haute",
        "opening_hours": "Mo 09:00-12:00",
        "start_day": "2026-06-01",
        "end_day": "2026-06-03",
        "is_free": True,
        "wheelchair": "yes",
        "website": "https://a.example.org/",
        "tags": ["entraide", "café"],
        "audience": ["jeunes", "adultes"],
    }


def test_half_a_period_is_no_day(tmp_path: Path) -> None:
    row, _ = rows(tmp_path, "Début;Fin", "03/06/2026;", "03/06/2026;04/06/2026")
    assert row.facts == {}
    assert row.attributes == {"Début": "2026-06-03"}
    assert row.created_on == ""


def test_a_beginning_without_an_end_is_as_it_was(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "Date de début", "03/06/2024")
    assert (row.created_on, row.facts) == ("2024-06-03", None)


def test_rows_without_ids_are_known_again_whatever_their_days_mean(tmp_path: Path) -> None:
    (begins,) = rows(tmp_path, "Date de début", "03/06/2024")
    (lasts,) = rows(tmp_path, "Date de début;Date de fin", "03/06/2024;05/06/2024")
    assert source_id_of(lasts) == source_id_of(begins)


def test_a_fact_that_two_columns_could_tell_is_told_by_neither(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "Horaires été;Horaires hiver", "Mo 09:00-12:00;Mo 14:00-18:00")
    assert row.facts is None
    assert len(row.attributes) == 2


def test_a_file_without_such_columns_leaves_facts_alone(tmp_path: Path) -> None:
    assert rows(tmp_path, "Budget", "1200")[0].facts is None


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        ("14:30;16:00", {"start_time": "14:30", "end_time": "16:00"}),
        ("le matin;16:00", {}),
        ("16:00;14:30", {}),
        (";", {}),
    ],
)
def test_days_are_facts_whether_or_not_their_hours_are(
    tmp_path: Path, hours: str, told: dict[str, str]
) -> None:
    header = "Date de début;Date de fin;Heure de début;Heure de fin"
    (row,) = rows(tmp_path, header, f"2026-05-01;2026-05-01;{hours}")
    assert row.facts == {"start_day": "2026-05-01", "end_day": "2026-05-01"} | told
    kept = {} if told else {cell for cell in hours.split(";") if cell}
    assert set(row.attributes.values()) == set(kept)


@pytest.mark.parametrize(
    ("start", "end", "facts"),
    [
        ("45717", "45718", {"start_day": "2025-03-01", "end_day": "2025-03-02"}),
        ("01/03/2026 00:00:00", "02/03/2026", {"start_day": "2026-03-01", "end_day": "2026-03-02"}),
        (
            "01/03/2026 18:30",
            "01/03/2026 20:00:00",
            {
                "start_day": "2026-03-01",
                "end_day": "2026-03-01",
                "start_time": "18:30",
                "end_time": "20:00",
            },
        ),
        (
            "1er mars 2026 à 9:00",
            "1er mars 2026 à 12:00",
            {
                "start_day": "2026-03-01",
                "end_day": "2026-03-01",
                "start_time": "09:00",
                "end_time": "12:00",
            },
        ),
    ],
)
def test_days_that_a_spreadsheet_wrote_with_hours_or_as_numbers_are_facts(
    tmp_path: Path, start: str, end: str, facts: dict[str, Any]
) -> None:
    assert rows(tmp_path, "Début;Fin", f"{start};{end}")[0].facts == facts


def test_a_day_left_as_a_number_is_shown_as_a_day(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "Date d’ouverture;Nombre de places", "45717;45717")
    assert row.attributes == {"Date d’ouverture": "2025-03-01", "Nombre de places": 45717}
