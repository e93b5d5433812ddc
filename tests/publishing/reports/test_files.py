"""The page, the paper, the sheets and the layer tell the same figures of the same moment."""

import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pyogrio
import pytest
from pypdf import PdfReader
from sqlalchemy import Connection

from mapservice.publishing.reports import page, paper, sheets, words
from mapservice.publishing.reports.model import ENOUGH, TerritoryReport
from mapservice.static_maps import report_model
from mapservice.web.edge import STATIC
from tests.publishing.reports.conftest import HOSTILE, Reading

QUERIES = ("territory=departement:35", "by=region&figure=supporters", "territory=commune:35238")
MOST_PAGES = 10
MAX_BYTES = 5_000_000


class Cells(HTMLParser):
    """The texts of a page's table, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        self.inside = tag in ("td", "th", "span", "button") and bool(self.rows)
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = tag == "span" and self.inside

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data.strip()


def table(html: str) -> list[list[str]]:
    cells = Cells()
    cells.feed(html[html.index("<table") : html.index("</table")])
    return cells.rows


def plain(text: str) -> str:
    return " ".join(text.split())


def expected(report: TerritoryReport) -> list[list[str]]:
    rows = [[words.name(line), *words.cells(line.figures)] for line in report.lines]
    return [*rows, ["Ensemble", *words.cells(report.whole)]]


@pytest.mark.parametrize("query", QUERIES)
def test_paper_says_what_the_page_says(
    snapshot: Connection, reading: Reading, tmp_path: Path, query: str
) -> None:
    report = reading(query)
    html = page.render(snapshot, report)
    shown = table(html)[1:]
    assert shown == expected(report)

    document = PdfReader(io.BytesIO(paper.render(snapshot, report)))
    text = plain(" ".join(sheet.extract_text() for sheet in document.pages))
    at = text.index("Les chiffres Commune" if "territory" in query else "Les chiffres Région")
    on_paper = [*shown[:-1][: paper.PAPER_ROWS], shown[-1]]
    for row in on_paper:
        told = plain(" ".join(row))
        assert told in text[at:], told
        at = text.index(told, at)
    for words_of_key, value in words.key_figures(report):
        assert plain(f"{value} {words_of_key}") in text
        assert f"<dt>{words_of_key}</dt><dd>{value}</dd>" in html
    for note in [*words.notes(report), *words.sources(report)]:
        assert plain(note) in text
    assert document.metadata is not None
    assert document.metadata.title == words.title(report)
    links = {
        link.get_object()["/A"]["/URI"]
        for sheet in document.pages
        for link in sheet.get("/Annots", [])
    }
    named = [*page.holders(report, paper.PAPER_HOLDERS), *(one for one, _ in page.foremost(report))]
    every = {report.link(one) for line in report.lines for one in line.most_supported}
    listed = {report.link(one) for line in named for one in line.most_supported}
    first = {report.link(line.most_supported[at]) for line, at in page.foremost(report)}
    assert first <= links <= listed | first
    assert all(link in html for link in every)
    beside = words.rows_beside(paper.PAPER_ROWS, report)
    assert bool(beside) == (len(report.lines) > paper.PAPER_ROWS)
    assert plain(beside) in text


@pytest.mark.parametrize("query", QUERIES)
def test_sheets_and_layer_have_the_same_rows(reading: Reading, tmp_path: Path, query: str) -> None:
    report = reading(query)
    rows = [
        (
            str(report.view.by),
            line.code,
            line.name,
            line.figures.population,
            line.figures.initiatives,
            line.figures.supporters,
            line.figures.rate,
            line.figures.years[0] if line.figures.years else None,
            int(line.partial),
        )
        for line in report.lines
    ]
    written = list(csv.reader(io.StringIO(sheets.csv_text(report))))
    assert written[0] == list(sheets.NAMES)
    assert written[1:] == [["" if cell is None else str(cell) for cell in row] for row in rows]

    sheets.write_workbook(report, tmp_path / "figures.xlsx")
    book = pyogrio.read_dataframe(tmp_path / "figures.xlsx", layer="Chiffres")
    assert [tuple(row) for row in book[list(sheets.NAMES)].itertuples(index=False)] == rows
    names = pyogrio.list_layers(tmp_path / "figures.xlsx")[:, 0]
    assert list(names) == ["Chiffres", "Initiatives", "Méthode"]

    sheets.write_layer(report, tmp_path / "figures.gpkg")
    layer = pyogrio.read_dataframe(tmp_path / "figures.gpkg", layer=sheets.LAYER)
    assert [tuple(row) for row in layer[list(sheets.NAMES)].itertuples(index=False)] == rows
    assert (layer.crs.to_epsg(), layer.geometry.notna().all()) == (4326, True)
    assert layer.geometry.is_valid.mean() > 0.99


def test_paper_is_short_and_led_by_what_tells_something(
    snapshot: Connection, reading: Reading
) -> None:
    """A hamlet with one initiative has the highest rate of its région, and says nothing."""
    report = reading("territory=region:53")
    people = [line.figures.population or 0 for line in report.lines]
    enough = sum(one >= ENOUGH for one in people)
    assert enough > 100
    assert min(people[:enough]) >= ENOUGH
    rates = [line.figures.rate or 0 for line in report.lines[:enough]]
    assert rates == sorted(rates, reverse=True)
    assert people[enough:] == sorted(people[enough:], reverse=True)
    document = PdfReader(io.BytesIO(paper.render(snapshot, report)))
    assert len(document.pages) <= MOST_PAGES
    text = plain(" ".join(sheet.extract_text() for sheet in document.pages))
    assert plain(f"120 lignes sur {words.number(len(people))}") in text


def test_a_workbook_takes_no_text_for_a_formula(reading: Reading, tmp_path: Path) -> None:
    sheets.write_workbook(reading("territory=departement:35"), tmp_path / "figures.xlsx")
    named = pyogrio.read_dataframe(tmp_path / "figures.xlsx", layer="Initiatives")
    assert HOSTILE in set(named["title"])


def test_colours_are_those_of_the_site() -> None:
    light = "".join(
        (STATIC / "css" / name).read_text().partition("@media (prefers-color-scheme: dark)")[0]
        for name in ("territory.css", "tokens.css")
    )
    tokens = dict(re.findall(r"--([\w-]+): (#\w+);", light))
    assert tuple(tokens[f"figure-{n}"] for n in range(1, 6)) == report_model.COLOURS
    assert tokens["figure-hatch"] == report_model.HATCH
    assert (tokens["unknown"], tokens["land"]) == (report_model.UNKNOWN, report_model.PAPER)


def test_the_communes_of_the_largest_region_stay_small(
    snapshot: Connection, reading: Reading
) -> None:
    report = reading("territory=region:44")
    assert len(report.lines) == 5115
    assert len(page.render(snapshot, report).encode()) < MAX_BYTES
    assert len(paper.render(snapshot, report)) < 2 * MAX_BYTES


def test_what_tells_of_made_up_initiatives_says_so_on_every_sheet(
    snapshot: Connection, reading: Reading
) -> None:
    report = replace(reading("territory=departement:35"), made_up="some")
    told = "Données d’exemple\u00a0: certaines de ces initiatives n’existent pas."
    assert told in page.render(snapshot, report)
    document = PdfReader(io.BytesIO(paper.render(snapshot, report)))
    assert "certaines de ces initiatives n’existent pas" in plain(document.pages[0].extract_text())
    real = replace(report, made_up="")
    assert "Données d’exemple" not in page.render(snapshot, real)
