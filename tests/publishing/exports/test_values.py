"""What a file says of an initiative is what was written, whoever reads it."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import geopandas
import pandas as pd
import pytest
import shapely
from arro3.io import read_parquet
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.initiatives.filters import InitiativeFilters
from mapservice.publishing.exports import making
from mapservice.publishing.exports.model import ExportFormat
from tests.publishing.exports.conftest import BASE
from tests.web.population import Made, insert


def save(engine: Engine, form: ExportFormat, target: Path) -> None:
    with engine.connect() as connection:
        making.save(
            connection,
            form,
            InitiativeFilters(),
            BASE,
            target,
            (lambda total: None, lambda n: None),
        )


@pytest.fixture
def one_of_each(engine: Engine) -> Engine:
    """A true point with accents and quotes, and a place known to its commune alone."""
    made = [
        Made(
            title='Épicerie « L’Été » \\ "œuf" 🥕',
            summary="ligne 1\nligne 2",
            commune="35238",
            precision="point",
            lon=-1.675123,
            lat=48.111456,
            supporters=3,
            created_at="2026-01-15T23:30:15.250000+00:00",
        ),
        Made(title="Ailleurs", departement="2A", precision="departement"),
    ]
    with engine.begin() as connection:
        insert(connection, made)
    return engine


@pytest.mark.parametrize("form", [ExportFormat.GEOPACKAGE, ExportFormat.FLATGEOBUF])
def test_gdal_reads_words_moments_numbers_and_places(
    one_of_each: Engine, tmp_path: Path, form: ExportFormat
) -> None:
    path = tmp_path / f"two.{form}"
    save(one_of_each, form, path)
    frame = geopandas.read_file(path)
    assert frame.crs.to_epsg() == 4326
    point, wide = (frame[frame.commune.notna()].iloc[0], frame[frame.commune.isna()].iloc[0])
    assert (point.title, point.summary) == ('Épicerie « L’Été » \\ "œuf" 🥕', "ligne 1\nligne 2")
    assert (point.commune, point.commune_name) == ("35238", "Rennes")
    assert point.created_at.to_pydatetime() == datetime(2026, 1, 15, 23, 30, 15, 250000, UTC)
    assert point.supporters == 3
    assert point.url == f"{BASE}/initiatives/{point.id}"
    assert shapely.equals_exact(point.geometry, shapely.Point(-1.675123, 48.111456), 1e-9)
    assert (wide.geometry, wide.summary, wide.departement) == (None, "", "2A")
    assert pd.isna(wide.epci)


def test_geoparquet_says_what_it_is_and_where(one_of_each: Engine, tmp_path: Path) -> None:
    path = tmp_path / "two.parquet"
    save(one_of_each, ExportFormat.GEOPARQUET, path)
    table = read_parquet(path).read_all()
    geo = json.loads(table.schema.metadata[b"geo"])
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    assert geo["columns"]["geometry"] == {
        "encoding": "WKB",
        "geometry_types": ["Point"],
        "bbox": pytest.approx([-1.675123, 48.111456, -1.675123, 48.111456]),
    }
    kinds = {name: str(table.schema.field(name).type) for name in ("created_at", "supporters")}
    assert "UTC" in kinds["created_at"]
    assert "Int32" in kinds["supporters"]
    places = [shapely.from_wkb(place) for place in table["geometry"].to_pylist()]
    assert [place and (place.x, place.y) for place in places].count(None) == 1


@pytest.mark.parametrize("feed", ["", "?updated_since=2020-01-01T00:00:00Z"])
def test_csv_holds_no_formula(client: FlaskClient, engine: Engine, feed: str) -> None:
    texts = ["=HYPERLINK(A1)", "+ de vélos", "-1", "@lien", "\tx", "Le prix = 3 €"]
    with engine.begin() as connection:
        insert(connection, [Made(title=one, summary=one, commune="35238") for one in texts])
    answer = client.get(f"/initiatives.csv{feed}", buffered=True).text
    rows = [row for row in csv.DictReader(io.StringIO(answer)) if row["title"]]  # no tombstones
    shown = {row["title"] for row in rows} | {row["summary"] for row in rows}
    assert shown == {*(f"'{one}" for one in texts[:-1]), "Le prix = 3 €"}
