"""What a report says in English, said again in French: every sentence that there is."""

import ast
import csv
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from mapservice import imports
from mapservice.i18n import LANGUAGE
from mapservice.imports.report_words import report_in_words, report_words
from mapservice.imports.row_reports import RowOutcome, RowReport, written_report

PACKAGE = Path(imports.__file__).parent.parent
# Where sentences of reports are written.
SPEAKING = [
    "attributes",
    "column_evidence",
    "leftovers",
    "placing",
    "points",
    "reading",
    "repeated_rows",
    "row_succession",
    "rows",
    "service",
    "shared_points",
    "titles",
]
FILES = [
    *(PACKAGE / "imports" / f"{name}.py" for name in SPEAKING),
    *sorted((PACKAGE / "imports" / "readers").glob("*.py")),
    PACKAGE / "geocoding" / "matching" / "decide.py",
    PACKAGE / "geocoding" / "service.py",
    PACKAGE / "geocoding" / "provider" / "check.py",
]
# Parts of longer sentences, which stand in tests of their own below; and what no report says.
PARTS = {
    "7 7 is given",
    "7 archived: gone from the source",
    "7 forbids reuse",
    "7 gone from the source wait for a moderator, and were left",
    "7 is 7; dropped",
    "7 is not 7; kept as it is",
    "7 left public view: they may not be published any more",
    "7 of this source are not in the file, and stay",
    "7 rows read: 7",
    "7, 7 is 7; dropped",
    "7, sheet 7",
    "7: 7; 7",
    "7: holds no 7",
    "7: is 7",
    "7: its answer is a 7",
    "7: its best has a score of 7",
    "7: no column for the title7; columns are 7.7 Name it with --mapping title=COLUMN",
    "7: taken for 7 as asked, though it 7",
    "7: the header 7",
    "7; the words say otherwise",
    "7; what it was imported as has left public view",
    "Lambert II étendu",
    "No territories are loaded yet: run `mapservice territories load`.",
    "Sans titre (7)",
    "UTF-8, some lines ",
    "a 7-Zip archive: unpack it first",
    "a PDF: only a table can be imported",
    "a RAR archive: unpack it first",
    "a mobile number",
    "an INSEE code",
    "an old Excel workbook, or one with a password: save it as XLSX, without a password",
    "by its name",
    "columns that hold nothing: 7",
    "compressed with bzip2: unpack it first",
    "compressed with xz: unpack it first",
    "holds 7: is it meant to be public? It waits for a moderator",
    "in no system used in France",
    "kept as an attribute: 7 (777)",
    "kept as it is",
    "no column for the title7.7",
    "no title, it 7",
    "nom et prenom",
    "of a row",
    "of its contacts",
    "outside the world",
    "read as: 7",
    "separated by bars",
    "separated by commas",
    "separated by semicolons",
    "separated by tabs",
    "sheet 7 is not read: 7",
    "that do not share one address",
    "the mail box of a person",
    "the name is only 7 like the commune's",
    "the point is shared by 7 rows 7",
    "the point is the 7 of the 7 7, no address",
    "the point lies in 7 and decides, only the name of",
    "the postcode belongs to other communes7",
    "waypoint, route or track",
    "without an address",
}


@pytest.fixture(autouse=True)
def in_french() -> Iterator[None]:
    token = LANGUAGE.set("fr")
    yield
    LANGUAGE.reset(token)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("'a; b' is not a date; kept as it is", "« a; b » n’est pas une date ; gardé tel quel"),
        (
            (
                "Créée le: 'T1 2025' is not a date; kept as it is; url: 'x' is not a web address;"
                " kept as it is"
            ),
            (
                "Créée le : « T1 2025 » n’est pas une date ; gardé tel quel ; url : « x » n’est"
                " pas une adresse web ; gardé tel quel"
            ),
        ),
        (
            (
                "the point is shared by 12 rows without an address: commune; CP: '4900' taken as"
                " '04900' (a zero lost at the front)"
            ),
            (
                "le point est partagé par 12 lignes sans adresse (Commune) ; CP : « 4900 » lu comme"
                " « 04900 » (un zéro s’était perdu devant)"
            ),
        ),
        (
            "the point is the middle of the commune 35238, no address",
            "le point est le milieu d’un territoire (Commune 35238), pas une adresse",
        ),
        (
            "Titre: holds a mobile number: is it meant to be public? It waits for a moderator",
            (
                "Titre : contient un numéro de mobile : doit-il être public ? La modération la"
                " verra d’abord"
            ),
        ),
        (
            "Nom: no title, it holds 3 different texts in 40 rows that differ; kept as it is",
            (
                "Nom : pas un titre, elle contient 3 textes différents sur 40 lignes qui"
                " diffèrent ; gardée telle quelle"
            ),
        ),
        (
            "x: taken for lat as asked, though it holds cells that do not look like lat",
            (
                "x : prise pour « Latitude, ou Y » à votre demande, bien qu’elle contient des"
                " cellules qui ne ressemblent pas à « Latitude, ou Y »"
            ),
        ),
        (
            "the name is only 85% like the commune's",
            "le nom n’est qu’à 85 % celui de la commune",
        ),
        (
            "the postcode belongs to other communes, 35000 is the commune's",
            "le code postal est celui d’autres communes, 35000 est celui de la commune",
        ),
        (
            "the Polygon lies in 35238; it gives no pin; the words say otherwise",
            (
                "le tracé (Polygon) est dans 35238 ; il ne donne pas d’épingle ;"
                " les mots disent autre chose"
            ),
        ),
        (
            "the point lies in 35238 and decides, only the name of 35051 is given",
            "le point est dans 35238 et décide, seul le nom de 35051 est donné",
        ),
        (
            "the provider knows no such street: its best has a score of 0.31",
            "le service d’adresses ne connaît pas cette rue : sa meilleure réponse n’a que 0.31",
        ),
        (
            "the point is shared by 3 rows that do not share one address",
            "le point est partagé par 3 lignes qui n’ont pas la même adresse",
        ),
        (
            "4.2, 99 is in no system used in France; dropped",
            "4.2, 99 n’est d’aucun système utilisé en France ; laissé de côté",
        ),
        (
            "the same as line 4; what it was imported as has left public view",
            "identique à la ligne 4 ; ce qui en avait été importé a quitté la carte",
        ),
        ("liste.csv: the file is empty", "liste.csv : le fichier est vide"),
        (
            "carte.zip: is a RAR archive: unpack it first",
            "carte.zip : est une archive RAR : décompressez-la d’abord",
        ),
    ],
)
def test_whole_reasons_are_said_in_french(told: str, said: str) -> None:
    assert report_words(told).replace("\u00a0", " ") == said


def test_what_is_not_known_is_not_half_translated() -> None:
    """The page then shows all of it, as English."""
    assert report_words("an empty row; null value in column violates something") == ""


def test_in_english_it_is_what_was_told() -> None:
    LANGUAGE.set("en")
    assert report_words("an empty row; whatever") == "an empty row; whatever"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_sentence_of_a_report_has_its_french(file: Path) -> None:
    """A new one is either recognised whole, or one of the parts that are listed above."""
    unknown = [
        (line, sample)
        for line, sample, tried in _sentences(file.read_text(encoding="utf-8"))
        if sample not in PARTS and not any(map(report_words, tried))
    ]
    assert not unknown


def test_a_downloaded_report_has_its_reasons_in_french_and_runs_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    with written_report(path) as write:
        write(RowReport(1, RowOutcome.SKIPPED, "", "", "", reason="a row of totals"))
        write(RowReport(2, RowOutcome.REJECTED, "a", "=1+1", "", reason="disk full"))
        told = "=CMD: '7' is not a date; kept as it is"
        write(RowReport(3, RowOutcome.IMPORTED, "b", "Été", "35000 Rennes", reason=told))

    text = "".join(report_in_words(path))

    assert text.startswith("\ufeffrang;résultat;")
    rows = list(csv.DictReader(StringIO(text.removeprefix("\ufeff")), delimiter=";"))
    assert [row["résultat"] for row in rows] == ["écartée", "refusée", "nouvelle"]
    assert [row["remarques"].replace("\u00a0", " ") for row in rows] == [
        "une ligne de totaux",
        "disk full",
        "'=CMD : « 7 » n’est pas une date ; gardé tel quel",
    ]
    assert [row["titre"] for row in rows] == ["", "'=1+1", "Été"]
    assert rows[2]["lieu donné"] == "35000 Rennes"


def _sentences(source: str) -> Iterator[tuple[int, str, list[str]]]:
    """Texts of at least three words that a module writes, but not its docstrings: the line, a
    sample with 7 in its holders, and samples to be recognised."""
    tree = ast.parse(source)
    aside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            aside.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            aside.update(map(id, node.values))
    for node in ast.walk(tree):
        if not isinstance(node, (ast.JoinedStr, ast.Constant)) or id(node) in aside:
            continue
        if isinstance(node, ast.Constant) and not isinstance(node.value, str):
            continue
        sample = _filled(node, "7")
        is_sentence = sample.count(" ") >= 2 and sample[0].isalnum() and "\n" not in sample
        is_other = sample.startswith(("SELECT ", "l ?93")) or " | None" in sample
        if is_sentence and not is_other:
            yield node.lineno, sample, [_filled(node, value) for value in ("7", "'x'", "commune")]


def _filled(node: ast.AST, value: str) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr)
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else value for part in node.values
    )
