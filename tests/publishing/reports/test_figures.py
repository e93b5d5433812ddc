"""Every figure of a report is a recount of the base table; it names what has most support."""

from typing import Any

import pytest
from sqlalchemy import Connection, text

from mapservice.errors import InvalidInput
from mapservice.publishing.reports import words
from mapservice.publishing.reports.model import ReportView, TerritoryReport
from mapservice.territories.model import Level
from tests.publishing.reports.conftest import Reading

QUERIES = (
    "",
    "by=departement&figure=supporters",
    "by=epci&theme=culture",
    "territory=region:53",
    "territory=region:53&by=departement&theme=culture,habitat",
    "territory=region:11&by=epci",
    "territory=departement:35&by=epci",
    "territory=departement:35&since=2026-01-01&until=2026-01-31&figure=initiatives",
    "territory=departement:974&status=published",
    "territory=epci:243500139&until=2025-12-31",
    "territory=commune:35238",
)

RECOUNT = """
    SELECT territory.code, territory.population, count(initiative.id),
           coalesce(sum(initiative.supporters), 0)
      FROM territory
      LEFT JOIN initiative
        ON {place} = territory.code
       AND (initiative.theme = ANY(:themes) OR cardinality(CAST(:themes AS text[])) = 0)
       AND initiative.status = ANY(:statuses)
       AND (CAST(:since AS timestamptz) IS NULL OR initiative.created_at >= :since)
       AND (CAST(:until AS timestamptz) IS NULL OR initiative.created_at < :until)
     WHERE territory.level = :level AND {within}
     GROUP BY 1, 2"""
# Of EPCI within a wider territory: by communes there, and what is known to no more than one that
# lies there wholly.
RECOUNT_PARTS = """
    SELECT own.code,
           (SELECT sum(population)::integer FROM territory AS commune
             WHERE commune.level = 'commune' AND commune.epci = own.code
               AND commune.{level} = :of),
           count(initiative.id), coalesce(sum(initiative.supporters), 0)
      FROM territory AS own
      LEFT JOIN initiative
        ON initiative.epci = own.code
       AND (EXISTS (SELECT FROM territory AS commune
                     WHERE commune.level = 'commune' AND commune.code = initiative.commune
                       AND commune.{level} = :of)
            OR (initiative.commune IS NULL
                AND NOT EXISTS (SELECT FROM territory AS beyond
                                 WHERE beyond.level = 'commune' AND beyond.epci = own.code
                                   AND beyond.{level} <> :of)))
       AND (initiative.theme = ANY(:themes) OR cardinality(CAST(:themes AS text[])) = 0)
       AND initiative.status = ANY(:statuses)
       AND (CAST(:since AS timestamptz) IS NULL OR initiative.created_at >= :since)
       AND (CAST(:until AS timestamptz) IS NULL OR initiative.created_at < :until)
     WHERE own.level = 'epci'
       AND own.code IN (SELECT epci FROM territory WHERE level = 'commune' AND {level} = :of)
     GROUP BY own.code"""
MOST = """
    SELECT title, supporters FROM initiative
     WHERE {place} = :code AND {inside}
       AND (theme = ANY(:themes) OR cardinality(CAST(:themes AS text[])) = 0)
       AND status = ANY(:statuses)
       AND (CAST(:since AS timestamptz) IS NULL OR created_at >= :since)
       AND (CAST(:until AS timestamptz) IS NULL OR created_at < :until)
     ORDER BY supporters DESC, created_at DESC NULLS LAST, id LIMIT 3"""


def bound(view: ReportView) -> dict[str, Any]:
    return {
        "themes": list(view.filters.theme),
        "statuses": list(view.filters.statuses),
        "since": view.filters.since,
        "until": view.filters.until,
    }


def recount(connection: Connection, view: ReportView) -> dict[str, tuple[int | None, int, int]]:
    ref = view.ref
    within = "true"
    if ref and view.by is Level.EPCI:
        values = bound(view) | {"of": ref.code}
        rows = connection.execute(text(RECOUNT_PARTS.format(level=ref.level)), values)
        return {code: (people, count, supporters) for code, people, count, supporters in rows}
    if ref:
        within = f"{'code' if ref.level is view.by else f'territory.{ref.level}'} = :of"
    statement = RECOUNT.format(place=f"initiative.{view.by}", within=within)
    values = bound(view) | {"level": str(view.by)} | ({"of": ref.code} if ref else {})
    rows = connection.execute(text(statement), values)
    return {code: (population, count, supporters) for code, population, count, supporters in rows}


def told(report: TerritoryReport) -> dict[str, tuple[int | None, int, int]]:
    return {
        line.code: (line.figures.population, line.figures.initiatives, line.figures.supporters)
        for line in report.lines
    }


@pytest.mark.parametrize("query", QUERIES)
def test_every_line_is_a_recount(snapshot: Connection, reading: Reading, query: str) -> None:
    report = reading(query)
    assert told(report) == recount(snapshot, report.view)
    for line in report.lines:
        shown = line.figures
        people = shown.population
        assert shown.rate == (round(10_000 * shown.initiatives / people, 4) if people else None)
    assert sum(line.figures.initiatives for line in report.lines) > 0


@pytest.mark.parametrize("query", QUERIES)
def test_the_whole_counts_what_is_known_to_no_part(
    snapshot: Connection, reading: Reading, query: str
) -> None:
    report = reading(query)
    ref = report.view.ref
    where = f"{ref.level} = :of" if ref else "true"
    statement = f"""
        SELECT count(*), coalesce(sum(supporters), 0) FROM initiative
         WHERE {where} AND (theme = ANY(:themes) OR cardinality(CAST(:themes AS text[])) = 0)
           AND status = ANY(:statuses)
           AND (CAST(:since AS timestamptz) IS NULL OR created_at >= :since)
           AND (CAST(:until AS timestamptz) IS NULL OR created_at < :until)"""
    values = bound(report.view) | ({"of": ref.code} if ref else {})
    initiatives, supporters = snapshot.execute(text(statement), values).one()
    assert (report.whole.initiatives, report.whole.supporters) == (initiatives, supporters)
    counted = sum(line.figures.initiatives for line in report.lines)
    assert report.elsewhere == initiatives - counted >= 0
    assert any("dans le total, mais dans aucune ligne" in note for note in words.notes(report)) == (
        counted < initiatives
    )


@pytest.mark.parametrize("query", QUERIES)
def test_it_names_those_with_most_support(
    snapshot: Connection, reading: Reading, query: str
) -> None:
    report = reading(query)
    busy = [line for line in report.lines if line.figures.initiatives]
    for line in busy:
        inside = f"{report.view.ref.level} = :of" if report.view.ref else "true"
        statement = text(MOST.format(place=str(report.view.by), inside=inside))
        values = bound(report.view) | {"code": line.code}
        if report.view.ref:
            values |= {"of": report.view.ref.code}
        rows = snapshot.execute(statement, values)
        assert [(one.title, one.supporters) for one in line.most_supported] == [
            (row.title, row.supporters) for row in rows
        ]
    assert busy


def test_nothing_is_hatched_unknown_is_grey_and_a_little_is_neither(reading: Reading) -> None:
    report = reading("territory=region:44")  # with villages where nobody has lived since 1916
    deserted = [line for line in report.lines if not line.figures.population]
    assert {report.shade(line) for line in deserted} == {None}
    assert (None, "sans habitant") in words.legend(report)
    assert len(deserted) == 6
    few = reading("by=region&theme=habitat")
    idle = [line for line in few.lines if not line.figures.initiatives]
    assert {few.shade(line) for line in idle} == {0}
    faint = [line for line in few.lines if line.figures.initiatives]
    assert 0 not in {few.shade(line) for line in faint}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("by=commune", "by"),
        ("territory=commune:35238&by=epci", "by"),
        ("territory=region:53&by=region", "by"),
        ("by=canton", "by"),
        ("by=region&by=epci", "by"),
        ("figure=fame", "figure"),
        ("territory=region:53,region:11", "territory"),
        ("bbox=1,2,3,4", "bbox"),
        ("q=jardin", "q"),
        ("since=2026-01-02", "since"),
        ("limit=3", "limit"),
        ("colour=red", "colour"),
    ],
)
def test_what_cannot_be_told_is_refused_by_name(query: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        ReportView.of_query(query)
    assert refused.value.field == field


@pytest.mark.parametrize("query", QUERIES)
def test_a_view_has_one_spelling(query: str) -> None:
    view = ReportView.of_query(query)
    assert ReportView.of_query(view.query) == view
    assert ReportView.of_query(view.query).query == view.query
