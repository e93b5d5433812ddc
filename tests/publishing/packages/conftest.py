"""Two services with territories: one of everything in the first, nothing in the second."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import pytest
from sqlalchemy import Connection, Engine, text

from mapservice.db.engine import make_engine
from mapservice.imports.row_reports import RowReport
from mapservice.initiatives.facts import Audience, InitiativeFacts, Wheelchair
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.media import service as media
from mapservice.media.model import PhotoState, PhotoWords
from mapservice.media.service import PhotoOwner
from mapservice.media.storage import FolderStore
from mapservice.publishing.packages.model import PackageOrigin
from mapservice.publishing.packages.reading import open_package
from mapservice.publishing.packages.service import PackageOptions, import_package
from mapservice.publishing.packages.writing import MAX_PHOTO_BYTES, write_package
from tests.conftest import EMPTIED, temporary_database
from tests.events.organiser import make_event
from tests.media.pictures import jpeg
from tests.web.population import Made, insert

HERE = PackageOrigin("Carte d’ici", "http://ici.test")
ELSEWHERE = PackageOrigin("Carte d’ailleurs", "http://ailleurs.test")
RENNES, PLOUHA = "35238", "22222"
FACTS = InitiativeFacts(
    address="12 rue du Port",
    opening_hours="Mo-Fr 09:00-12:00",
    start_day=date(2026, 5, 1),
    end_day=date(2026, 5, 3),
    price="5 €",
    is_free=None,
    wheelchair=Wheelchair.LIMITED,
    website="https://jardin.example.org/",
    tags=("jardin", "compost"),
    audience=(Audience.FAMILIES,),
)
SECRET_CELL, SECRET_NAME = "06 12 34 56 78", "Léa Martin"
BEGUN_HERE = Made(
    commune=RENNES,
    title="Un jardin <partagé> & fleuri",
    summary="=1+1 n’est pas une formule",
    description="Venez *planter*.\n\nDeux paragraphes, « guillemets » et 🥕.",
    precision="point",
    lon=-1.6777926123456789,
    lat=48.117266,
    supporters=3,
    place_text="12 rue du Port, 35000 Rennes",
    facts=FACTS,
)
IMPORTED = Made(
    commune=PLOUHA,
    title="Une ressourcerie",
    status="archived",
    created_at=None,
    created_period="2024-03",
    source_supporters=12,
    source_platform="ressourceries",
    source_url="https://source.example.org/12",
    source_licence="Licence Ouverte 2.0",
)
SHARED_ALIKE = Made(
    region="53",
    precision="region",
    title="Un sentier",
    status="done",
    source_platform="sentiers",
    source_licence="ODbL 1.0",
)
FORBIDDEN = Made(
    commune=RENNES,
    title="Une photo de presse",
    source_platform="presse",
    source_licence="CC BY-NC-SA 4.0",
)
WAITING = Made(commune=RENNES, title="Pas encore publiée", status="pending")
IN_LYON = Made(commune="69123", title="Un four à pain")
ALL = (BEGUN_HERE, IMPORTED, SHARED_ALIKE, FORBIDDEN, WAITING, IN_LYON)

BESIDE = """
INSERT INTO initiative_detail (initiative, attributes, withheld, shape)
VALUES (:sentier, '{"Longueur": 12.5, "Balisé": true, "Note": "l''été"}', '{}',
        'SRID=4326;LINESTRING(-3.2 48.1, -3.123456789 48.2, -3 48.25)'),
       (:jardin, '{}', CAST(:secret AS jsonb), NULL);
UPDATE initiative SET source_id = 'r-12' WHERE id = :ressourcerie;
INSERT INTO location_match (initiative, query, parts, status, precision, score, method, cog_year,
                            attribution)
VALUES (:jardin, '{"text": "12 rue du Port"}', '{}', 'certain', 'point', 0.9, 'exact', 2026,
        'Base Adresse Nationale');
INSERT INTO post (initiative, kind, text, closed_as, state, made_at, published_at)
VALUES (:jardin, 'news', 'La serre est finie.', NULL, 'public', '2026-02-01', '2026-02-02'),
       (:jardin, 'news', 'Pas encore relue.', NULL, 'public', '2026-02-03', '2026-02-03'),
       (:sentier, 'closing', 'Tout est balisé.', 'done', 'public', '2026-03-01', '2026-03-02'),
       (:jardin, 'comment', 'Bravo à tous !', NULL, 'public', '2026-02-04', '2026-02-04');
UPDATE post SET state = 'waiting', queued_at = now(), published_at = NULL
 WHERE text = 'Pas encore relue.';
INSERT INTO need (initiative, words, places) VALUES (:jardin, 'Arroser en août', 3)"""

BERGES, VIEUX = "019aa000-0000-7000-8000-000000000001", "019aa000-0000-7000-8000-000000000002"
MEMBER_NAME = "Zoé Le Goff"
GROUPS = f"""
INSERT INTO local_group (id, status, name, summary, description, theme, openness, organisation,
                         area, place_text, precision, point, commune, last_sign_at, submitted_at,
                         published_at, archived_at)
VALUES ('{BERGES}', 'published', 'Les berges de Rennes', 'On ramasse.', 'Gants *fournis*.',
        'environnement', 'open', '732829320', 'commune', 'quai d''Auchel', 'point',
        'SRID=4326;POINT(-1.67779261234 48.117266)', '{RENNES}', '2026-04-01', '2026-01-02',
        '2026-01-03', NULL),
       ('{VIEUX}', 'archived', 'Les anciens de Plouha', '', '', 'culture', 'moderated', '',
        'commune', '', 'commune', NULL, '{PLOUHA}', '2025-04-01', '2025-01-02', '2025-01-03',
        '2026-02-03');
INSERT INTO local_group (status, name, theme, openness, precision)
VALUES ('pending', 'Pas encore relu', 'autre', 'open', 'national');
INSERT INTO person (id, email, email_key, confirmed_at)
VALUES ('{BERGES}', 'zoe@example.org', 'zoe@example.org', now());
INSERT INTO group_member (local_group, person, standing, name, is_public)
VALUES ('{BERGES}', '{BERGES}', 'organiser', '{MEMBER_NAME}', true);
INSERT INTO group_initiative (local_group, initiative)
VALUES ('{BERGES}', :jardin), ('{VIEUX}', :refusee);
INSERT INTO need (local_group, words, places) VALUES ('{BERGES}', 'Porter des sacs', 2);
UPDATE event_series SET local_group = '{BERGES}'
 WHERE id = (SELECT series FROM event WHERE id = :plain)"""


@dataclass(frozen=True, slots=True)
class Box:
    """One service: its database, its photos, its name."""

    engine: Engine
    store: FolderStore
    origin: PackageOrigin

    def write(
        self,
        target: Path,
        filters: InitiativeFilters | None = None,
        most_photo_bytes: int = MAX_PHOTO_BYTES,
    ) -> Path:
        snapshot = self.engine.execution_options(isolation_level="REPEATABLE READ")
        with snapshot.connect() as connection:
            write_package(
                connection,
                filters or InitiativeFilters(),
                self.origin,
                self.store,
                target,
                (lambda total: None, lambda steps: None),
                most_photo_bytes,
            )
        return target

    def take_in(self, path: Path, **options: Any) -> tuple[int, list[RowReport]]:
        """The number of the run, and what became of each line."""
        package = open_package(path)
        assert package is not None
        run = import_package(
            self.engine, self.store, package, PackageOptions(self.origin, 20_000_000, **options)
        )
        return run.id, list(run.reports)


@pytest.fixture
def full(engine: Engine, tmp_path: Path) -> Box:
    """One of everything."""
    store = FolderStore(tmp_path / "media")
    with engine.begin() as connection:
        insert(connection, ALL)
        bound = {
            "jardin": BEGUN_HERE.id,
            "ressourcerie": IMPORTED.id,
            "sentier": SHARED_ALIKE.id,
            "secret": json.dumps({"Référent": SECRET_NAME, "Portable": SECRET_CELL}),
        }
        for statement in BESIDE.split(";\n"):
            names = {name: value for name, value in bound.items() if f":{name}" in statement}
            connection.execute(text(statement), names)
        news = connection.execute(
            text("SELECT id FROM post WHERE text = 'La serre est finie.'")
        ).scalar_one()
        plain = make_event(connection, registration="none", rrule="FREQ=WEEKLY;COUNT=3")
        seated = make_event(connection, registration="open", capacity=20)
        connection.execute(
            text(
                "UPDATE event SET initiative = :jardin, online_url = 'https://salle.example.org/x'"
                " WHERE id IN (:plain, :seated)"
            ),
            {"jardin": BEGUN_HERE.id, "plain": plain, "seated": seated},
        )
        bound = {"jardin": BEGUN_HERE.id, "refusee": FORBIDDEN.id, "plain": str(plain)}
        for statement in GROUPS.split(";\n"):
            names = {name: value for name, value in bound.items() if f":{name}" in statement}
            connection.execute(text(statement), names)
    for post in (None, news):
        owner = PhotoOwner(UUID(BEGUN_HERE.id), state=PhotoState.PUBLIC, post=post)
        identifier = media.add(engine, store, owner, io.BytesIO(jpeg(800, 600)), 20_000_000)
        with engine.begin() as connection:
            words = PhotoWords("La serre, vue du chemin", "Ana", 20, 80)
            connection.execute(
                text("UPDATE photo SET alt = :alt, credit = :credit, focal_x = 20, focal_y = 80"
                     " WHERE id = :id"),
                {"alt": words.alt, "credit": words.credit, "id": identifier},
            )  # fmt: skip
    return Box(engine, store, HERE)


@pytest.fixture(scope="session")
def second_engine(server_url: str, france_template: str) -> Iterator[Engine]:
    with temporary_database(server_url, "second", france_template) as url:
        engine = make_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def empty(second_engine: Engine, tmp_path: Path) -> Callable[[PackageOrigin], Box]:
    """The second service, with nothing in it, under a name."""
    with second_engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {EMPTIED}, import_run CASCADE"))
    return lambda origin: Box(second_engine, FolderStore(tmp_path / "other"), origin)


def tables(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The lines of each table of a package, by its name."""
    with ZipFile(path) as archive:
        return {
            one["name"]: list(map(json.loads, archive.read(one["path"]).splitlines()))
            for one in manifest(path)["resources"]
        }


def manifest(path: Path) -> dict[str, Any]:
    with ZipFile(path) as archive:
        found: dict[str, Any] = json.loads(archive.read("datapackage.json"))
    return found


def state_of(connection: Connection) -> list[Any]:
    """How many rows there are of what a package brings, and what initiatives say."""
    names = (
        "initiative",
        "location_match",
        "initiative_detail",
        "post",
        "photo",
        "event",
        "local_group",
    )
    counts = [
        connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
        for name in (*names, "event_series")
    ]
    rows = connection.execute(
        text("SELECT to_jsonb(one) - 'changed_at' FROM initiative AS one ORDER BY id")
    )
    return [counts, *rows.scalars()]
