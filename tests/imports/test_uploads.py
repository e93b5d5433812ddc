"""Files by the web: looked at, chosen about, imported and undone, by whom it is allowed to."""

import io
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest
import xlsxwriter
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text
from werkzeug.test import TestResponse

from mapservice.app import create_app
from mapservice.geocoding.service import Locator
from mapservice.imports import run_queries, upload_queries, upload_work, uploads
from mapservice.imports.upload_queries import ImportUpload
from mapservice.outgoing.guarded_client import GuardedClient
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.accounts.roles.cast import BRETAGNE, NORMANDIE, Actor, actor
from tests.outgoing.stand_in import StandIn, standing_in

HEADER = "id;Nom de l'action;Commune;Code postal;Budget;Référent\n"
ROWS = "1;Un four à pain;Rennes;35000;1200;Léa Martin\n2;Une haie;Caen;14000;300;\n;Total;;;1500;\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def source() -> Iterator[StandIn]:
    """Where files may be fetched from."""
    with standing_in() as stand_in:
        yield stand_in


@pytest.fixture
def app(database_url: str, home: Path, engine: Engine, source: StandIn) -> Iterator[Flask]:
    settings = Settings(
        database_url=database_url,
        public_url="http://map.test",
        home=home,
        source_hosts=source.netloc,
    )
    app = create_app(settings)
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


@pytest.fixture
def work(engine: Engine, home: Path, locator: Locator) -> Callable[[], int]:
    """What the worker does with what waits."""

    def built(_connection: Connection) -> Locator:
        return locator

    return lambda: upload_work.work(engine, home, built)


@pytest.fixture
def coordinator(app: Flask, engine: Engine) -> Actor:
    return actor(app, engine, "coordinator", ("coordinator", BRETAGNE))


@pytest.fixture
def admin(app: Flask, engine: Engine) -> Actor:
    return actor(app, engine, "admin", ("admin", ""))


def send(who: Actor, data: bytes | str, name: str = "actions.csv") -> str:
    """The address of the file that was sent."""
    response = sent(who, data, name)
    assert response.status_code == 303, response.text
    return response.location


def sent(who: Actor, data: bytes | str, name: str) -> TestResponse:
    content = io.BytesIO(data if isinstance(data, bytes) else data.encode())
    form = {"token": who.token(), "file": (content, name)}
    return who.client.post("/importer", data=form, content_type="multipart/form-data")


# A true point, two of a commune, one of which nobody knows where it is, one without a title, and
# one that names no place.
LANDING_HEADER = "id;Titre;Commune;Code postal;Latitude;Longitude\n"
LANDING = (
    "1;Un four à pain;Rennes;35000;48.13012;-1.65021\n"
    "2;Une haie;Rennes;35000;;\n"
    "3;Un verger;Rennes;35000;;\n"
    "4;Un compost;Nullepartville;;;\n"
    "5;;Rennes;35000;;\n"
    "6;Un jardin;;;;\n"
)


def upload(engine: Engine, address: str) -> ImportUpload:
    with engine.connect() as connection:
        found = upload_queries.find(connection, UUID(address.rpartition("/")[2]))
    assert found is not None
    return found


def choices(page: str) -> dict[str, str]:
    """The form of a file as it is shown."""
    found = {}
    for name, body in re.findall(r'<select name="(column-\d+)".*?>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option value="(\w*)" selected', body)
        assert chosen is not None
        found[name] = chosen.group(1)
    for name in ("platform", "licence"):
        value = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
        assert value is not None
        found[name] = value.group(1)
    return found


def titles(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT title, status FROM initiative"))
        return {row.title: row.status for row in rows}


def test_a_file_goes_from_upload_to_undo(
    coordinator: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    address = send(coordinator, HEADER + ROWS)
    assert 'data-state="sent"' in coordinator.get(address).text
    assert work() == 1
    page = coordinator.get(address).text
    assert 'data-state="checked"' in page
    assert "Rien n’est encore enregistré" in page
    assert upload(engine, address).preview["counts"] == {
        "imported": 1,
        "rejected": 1,
        "skipped": 1,
    }
    assert titles(engine) == {}
    form = choices(page)
    assert form["column-1"] == "title"
    assert form["column-4"] == "attribute"

    assert coordinator.post(address, **form, **{"import": "1"}).status_code == 303
    # What is sent as it is shown was checked already: nobody presses twice.
    assert upload(engine, address).state == "accepted"
    work()
    page = coordinator.get(address).text
    assert 'data-state="done"' in page
    assert "attend une relecture" in page
    assert titles(engine) == {"Un four à pain": "pending"}
    report = coordinator.get(f"{address}/rapport.csv")
    assert "attachment" in report.headers["Content-Disposition"]
    assert "Un four à pain" in report.text
    assert "hors du territoire" in report.text
    report.close()

    assert coordinator.post(f"{address}/annuler").status_code == 303
    work()
    page = coordinator.get(address).text
    assert 'data-state="undone"' in page
    assert "1 initiative retirée." in page
    assert titles(engine) == {}
    assert coordinator.post(f"{address}/annuler").status_code == 409


def test_the_first_initiatives_are_shown_as_they_would_be(
    admin: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    """What several columns make together is seen before it is imported, and as it is then."""
    header = "id;Titre;Résumé;Commune;Code postal;Date de création;État;Licence\n"
    rows = [
        "1;Un four à pain;Pour tous;Rennes;35000;mars 2025;en cours;ODbL 1.0",
        "2;;Sans titre;Rennes;35000;;;",
        "3;Une haie;;Caen;14000;;terminé;",
        *(f"{number};Action {number};;Rennes;35000;;;" for number in range(4, 12)),
    ]
    address = send(admin, header + "\n".join(rows) + "\n")
    work()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM initiative")).scalar_one() == 0
    page = unescape(admin.client.get(address).text)
    shown = re.findall(r'<li class="theme-\w+" data-row="(\d+)">(.*?)</li>', page, re.DOTALL)
    assert [number for number, _ in shown] == ["1", "3", "4", "5", "6", "7"]
    first, second = (" ".join(re.sub("<[^>]+>", " ", card).split()) for _, card in shown[:2])
    for words in ("Un four à pain", "Pour tous", "Rennes", "mars 2025", "ODbL 1.0", "ligne 2"):
        assert words in first
    assert "Caen" in second
    assert "réalisé" in second
    assert "Licence aucune" in second
    assert "en cours" not in " ".join(card for _, card in shown), "of most nobody told a state"

    form = choices(page) | {"import": "1", "token": admin.token(), "platform": "Essai"}
    admin.client.post(address, data=form)
    work()  # another name of the source is checked first
    admin.client.post(address, data=form)
    work()
    told = upload(engine, address)
    assert told.state == "done"
    with engine.connect() as connection:
        (made,) = connection.execute(
            text("SELECT created_period, source_licence, status FROM initiative WHERE title = :t"),
            {"t": "Un four à pain"},
        ).all()
    assert (made.created_period, made.source_licence, made.status) == (
        "2025-03",
        "ODbL 1.0",
        "published",
    )
    assert "data-row" not in admin.client.get(address).text


def imported(who: Actor, engine: Engine, work: Callable[[], int], address: str, **more: str) -> str:
    """Imports a file with the choices that its page shows, and returns the page."""
    work()
    for _ in range(3):
        form = choices(who.get(address).text) | more
        who.post(address, **form, **{"import": "1"})
        work()
        if upload(engine, address).state != "checked":
            break
    return who.get(address).text


def test_a_choice_that_was_changed_is_checked_before_it_is_imported(
    coordinator: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    address = send(coordinator, HEADER + ROWS)
    work()
    form = choices(coordinator.get(address).text)
    coordinator.post(address, **form | {"column-4": "description"}, **{"import": "1"})
    assert upload(engine, address).state == "sent"
    assert titles(engine) == {}


def test_what_was_chosen_for_a_source_is_offered_at_its_next_file(
    app: Flask, coordinator: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    table = "id;Sujet;Objet;Commune\n{};Voisins;Un four à pain pour le bourg;Rennes\n"
    chosen = {"column-1": "attribute", "column-2": "title", "licence": "ODbL 1.0"}
    page = imported(coordinator, engine, work, send(coordinator, table.format(1)), **chosen)
    assert 'data-state="done"' in page

    # The next file of that name has a column more, at the front.
    following = "Année;" + table.format("2025;2")
    address = send(coordinator, following)
    work()
    page = coordinator.get(address).text
    assert "Ces choix sont ceux de votre dernier import de «\u00a0actions\u00a0»" in page
    form = choices(page)
    assert (form["column-2"], form["column-3"]) == ("attribute", "title")
    assert form["licence"] == "ODbL 1.0"
    coordinator.post(address, **form, **{"import": "1"})
    assert upload(engine, address).state == "accepted"
    work()
    with engine.connect() as connection:
        found = connection.execute(text("SELECT title, source_licence FROM initiative")).all()
    assert found == [("Un four à pain pour le bourg", "ODbL 1.0")] * 2

    # A file with other columns is read as any other; so is that of somebody else.
    for who, data in (
        (coordinator, "id;Titre;Objet;Ville\n3;Une haie;Planter;Rennes\n"),
        (actor(app, engine, "other", ("coordinator", BRETAGNE)), table.format(3)),
    ):
        address = send(who, data)
        work()
        assert not upload(engine, address).preview["is_remembered"]


TWICE = (
    "Titre;Commune;Montant\n"
    "Un four à pain;Rennes;100\nUN FOUR A PAIN;Rennes;150\nUne haie;Bruz;10\n"
)


def test_repeated_rows_are_counted_before_anything_is_written_and_wait(
    admin: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    address = send(admin, TWICE)
    work()
    page = admin.get(address).text
    assert upload(engine, address).preview["counts"] == {"imported": 2, "repeated": 1}
    part = page.partition('data-outcome="repeated"')[2]
    assert "peut-être la même que la ligne 2" in part.replace("\u00a0", " ")
    assert "elle dit autre chose dans" in part
    form = choices(page)
    admin.post(address, **form, **{"import": "1"})
    work()
    assert titles(engine) == {
        "Un four à pain": "published",
        "UN FOUR A PAIN": "pending",
        "Une haie": "published",
    }


def test_who_says_that_repeated_rows_differ_publishes_them(
    admin: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    address = send(admin, TWICE)
    work()
    form = choices(admin.get(address).text) | {"repeats": "separate"}
    admin.post(address, **form, **{"import": "1"})
    assert upload(engine, address).state == "sent"
    work()
    page = admin.get(address).text
    assert re.search(r'name="repeats" value="separate" checked', page)
    admin.post(address, **choices(page), repeats="separate", **{"import": "1"})
    work()
    assert set(titles(engine).values()) == {"published"}


def test_a_corrected_file_of_another_name_can_be_said_to_be_a_new_version(
    admin: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    table = "Titre;Commune;Description\nUn four à pain;Rennes;Cuire\nUne haie;Bruz;{}\n"
    imported(admin, engine, work, send(admin, table.format("Planter"), "actions.csv"))
    address = send(admin, table.format("Planter des charmes"), "actions corrigées.csv")
    work()
    page = admin.get(address).text
    assert "C’est une nouvelle version de" in page
    assert 'name="as_source" value="actions"' in page
    admin.post(address, **choices(page), as_source="actions")
    work()
    read = upload(engine, address)
    assert read.preview["platform"] == "actions"
    assert read.preview["counts"] == {"unchanged": 1, "updated": 1}
    page = admin.get(address).text
    admin.post(address, **choices(page), **{"import": "1"})
    work()
    with engine.connect() as connection:
        said = connection.execute(text("SELECT description FROM initiative ORDER BY title"))
        assert said.scalars().all() == ["Cuire", "Planter des charmes"]


def test_a_source_of_somebody_else_is_not_offered_for_a_new_version(
    coordinator: Actor, admin: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    table = "Titre;Commune\nUn four à pain;Rennes\n"
    imported(admin, engine, work, send(admin, table, "actions.csv"))
    address = send(coordinator, table, "les miennes.csv")
    work()
    assert upload(engine, address).preview["elsewhere"] == [["actions", 1]]
    page = coordinator.get(address).text
    assert "as_source" not in page
    assert "Cette source n’est pas à vous" in page


def test_a_place_in_doubt_that_is_likely_within_waits_instead_of_being_lost(
    coordinator: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    table = "Titre;Commune;Code INSEE\nUn four;Brest;29202\nUne haie;Caen;35238\nUn mur;;\n"
    address = send(coordinator, table)
    work()
    assert upload(engine, address).preview["counts"] == {"to_review": 2, "rejected": 1}


def test_an_administrator_publishes_everywhere(
    admin: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    address = send(admin, HEADER + ROWS)
    assert 'data-state="done"' in imported(admin, engine, work, address)
    assert titles(engine) == {"Un four à pain": "published", "Une haie": "published"}


def test_what_was_imported_is_a_click_away(
    admin: Actor, coordinator: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    """Its examples lead to their pages, and its places to a map; not before it is there, and not to
    what waits for a moderator."""
    box = re.compile(r'href="/\?bbox=([-\d.,%C]+)"')
    address = send(admin, LANDING_HEADER + LANDING)
    work()
    checked = admin.get(address).text
    assert "/initiatives/" not in checked
    assert box.search(checked) is None

    page = imported(admin, engine, work, address)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT title, id FROM initiative"))
        ids = {row.title: row.id for row in rows}
    for title in ("Un four à pain", "Une haie", "Un jardin"):
        assert f'<a href="/initiatives/{ids[title]}">{title}</a>' in page
        assert admin.client.get(f"/initiatives/{ids[title]}").status_code == 200
    found = box.search(page)
    assert found
    west, south, east, north = map(float, unquote(found[1]).split(","))
    assert west < -1.65021 < east
    assert south < 48.13012 < north
    assert (east - west, north - south) < (0.2, 0.2)
    assert admin.client.get(f"/?bbox={found[1]}").status_code == 200

    other = send(coordinator, HEADER + "9;Une mare;Rennes;35000;;\n", "autres.csv")
    page = imported(coordinator, engine, work, other)
    assert "attend une relecture" in page
    assert box.search(page) is None
    assert "/initiatives/" not in page


def test_what_a_whole_source_lacks_is_named_before_it_is_archived(
    admin: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    imported(admin, engine, work, send(admin, LANDING_HEADER + LANDING))
    shorter = "".join(LANDING.splitlines(keepends=True)[1:])
    address = send(admin, LANDING_HEADER + shorter)
    work()
    admin.post(address, **choices(admin.get(address).text), snapshot="1")
    work()
    page = admin.get(address).text
    assert "1 initiative n’est plus dans le fichier" in page
    assert "<li>Un four à pain · 35000 Rennes</li>" in page
    report = admin.get(f"{address}/rapport.csv").text
    assert ";archivée;1;Un four à pain;35000 Rennes;" in report
    assert "n’est plus dans le fichier : archivée" in report.replace("\xa0", " ")
    assert titles(engine)["Un four à pain"] == "published"

    admin.post(address, **choices(page), snapshot="1", **{"import": "1"})
    work()
    page = admin.get(address).text
    assert 'data-state="done"' in page
    assert re.search(r'<a href="/initiatives/[-\w]+">Un four à pain</a>', page)
    assert titles(engine)["Un four à pain"] == "archived"


def test_what_waits_though_a_source_is_trusted_is_counted(
    admin: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    rows = "1;Mme Perrichon 06 12 34 56 78;Rennes\n2;Un jardin;Rennes\n"
    address = send(admin, f"id;Titre;Commune\n{rows}")
    work()
    assert "1 de ces initiatives attendrait une relecture" in admin.get(address).text
    page = imported(admin, engine, work, address)
    assert "1 de ces initiatives attend une relecture" in page
    with engine.connect() as connection:
        ids = connection.execute(text("SELECT status, id FROM initiative"))
        by_status = {row.status: row.id for row in ids}
    assert f"/initiatives/{by_status['published']}" in page
    assert f"/initiatives/{by_status['pending']}" not in page


def test_a_file_that_changes_nothing_offers_no_import(
    admin: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    imported(admin, engine, work, send(admin, HEADER + ROWS))
    address = send(admin, HEADER + ROWS)
    work()
    page = admin.get(address).text
    assert "Importer ce fichier ne changerait rien ici." in page
    assert 'name="import"' not in page
    # Somebody who sends it all the same is told what came of it.
    admin.post(address, **choices(page), **{"import": "1"})
    work()
    page = admin.get(address).text
    assert "Cet import n’a rien changé." in page
    assert "Importé comme" not in page


def test_a_trusted_source_of_a_coordinator_is_public_at_once(
    coordinator: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    with engine.begin() as connection:
        run_queries.save_source(
            connection, run_queries.RecordedSource("actions", owner=coordinator.person)
        )
        run_queries.trust(connection, "actions", is_trusted=True)
    address = send(coordinator, HEADER + ROWS)
    imported(coordinator, engine, work, address)
    assert titles(engine) == {"Un four à pain": "published"}


def test_the_source_of_somebody_else_is_out_of_reach(
    app: Flask, coordinator: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    other = actor(app, engine, "other", ("coordinator", NORMANDIE))
    imported(coordinator, engine, work, send(coordinator, HEADER + ROWS))
    before = titles(engine)
    page = imported(other, engine, work, send(other, HEADER + ROWS))
    assert 'data-state="checked"' in page
    assert titles(engine) == before
    address = send(coordinator, HEADER + ROWS)
    assert other.get(address).status_code == 404
    assert other.post(f"{address}/annuler").status_code == 404
    assert other.get(f"{address}/rapport.csv").status_code == 404


def test_a_title_in_doubt_is_asked_for(
    admin: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    lines = "".join(f"Isolation du bâtiment n° {n};Accord du conseil n° {n}\n" for n in range(9))
    address = send(admin, f"travaux;suite\n{lines}")
    work()
    page = admin.get(address).text
    assert "Quelle colonne donne le titre" in page
    assert 'name="import"' not in page
    form = choices(page) | {"column-0": "title"}
    admin.post(address, **form)
    work()
    assert upload(engine, address).preview["counts"] == {"imported": 9}


def test_columns_left_to_moderators_are_nowhere_else(
    admin: Actor, client: FlaskClient, engine: Engine, work: Callable[[], int]
) -> None:
    table = "id;Titre;Commune;Budget;Avis du référent\n{};Un four à pain;Rennes;1200;défavorable\n"
    chosen = {"column-3": "withheld", "column-4": "withheld"}
    page = imported(admin, engine, work, send(admin, table.format(1)), **chosen)
    assert 'data-state="done"' in page
    with engine.connect() as connection:
        identifier, kept, withheld = connection.execute(text(KEPT)).one()
    assert kept == {}
    assert withheld == {"Budget": "1200", "Avis du référent": "défavorable"}
    for path in (f"/initiatives/{identifier}", "/initiatives.csv", "/initiatives.geojson"):
        assert "défavorable" not in client.get(path).text
    assert "défavorable" in admin.get(f"/moderation/{identifier}").text

    # The next file of the source is offered the same.
    address = send(admin, table.format(2))
    work()
    form = choices(admin.get(address).text)
    assert (form["column-3"], form["column-4"]) == ("withheld", "withheld")


KEPT = """
SELECT id, coalesce(attributes, '{}'), withheld
  FROM initiative JOIN initiative_detail ON initiative_detail.initiative = initiative.id"""


def test_one_field_for_two_columns_is_refused(
    admin: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    address = send(admin, HEADER + ROWS)
    work()
    form = choices(admin.get(address).text) | {"column-4": "title"}
    response = admin.post(address, **form)
    assert response.status_code == 400
    assert "est choisi pour deux colonnes" in response.text
    # What was typed is still there.
    assert choices(response.text)["column-4"] == "title"


def test_a_workbook_is_read(admin: Actor, engine: Engine, work: Callable[[], int]) -> None:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        for number, row in enumerate([["Titre", "Commune"], ["Un four", "Rennes"]]):
            if number == 0:
                page = book.add_worksheet("a")
            page.write_row(number, 0, row)
    address = send(admin, made.getvalue(), "Mes actions 2024.xlsx")
    work()
    assert upload(engine, address).preview["counts"] == {"imported": 1}


@pytest.mark.parametrize("name", ["photo.png", "page.html", "rien", ".csv"])
def test_what_is_no_table_is_refused_at_once(admin: Actor, home: Path, name: str) -> None:
    response = sent(admin, "titre\nUn four\n", name)
    assert response.status_code == 422
    assert not list(uploads.folder(home).glob("*"))


def test_a_broken_workbook_says_why(admin: Actor, engine: Engine, work: Callable[[], int]) -> None:
    address = send(admin, b"PK\x03\x04 no zip", "a.xlsx")
    work()
    page = admin.get(address).text
    assert 'data-state="failed"' in page
    assert "l’archive zip ne peut pas être lue" in page


@pytest.mark.parametrize("name", ["../../../etc/passwd.csv", "/etc/x.csv"])
def test_a_name_leads_nowhere_else(admin: Actor, engine: Engine, home: Path, name: str) -> None:
    address = send(admin, "titre\nUn four\n", name)
    found = upload(engine, address)
    assert "/" not in found.file_name
    assert uploads.file_path(home, found).parent.parent == uploads.folder(home)


def test_nobody_else_may_come_in(app: Flask, engine: Engine) -> None:
    person = actor(app, engine, "person")
    for path in ("/importer", f"/importer/{UUID(int=7)}"):
        assert person.get(path).status_code in (401, 404)
    assert sent(person, "titre\nUn four\n", "a.csv").status_code in (401, 403, 404)


def test_a_form_of_another_page_does_nothing(coordinator: Actor, engine: Engine) -> None:
    form = {"token": "x", "file": (io.BytesIO(b"titre\nUn four\n"), "a.csv")}
    response = coordinator.client.post("/importer", data=form, content_type="multipart/form-data")
    assert response.status_code == 403


def test_an_import_that_another_one_changed_leads_to_that_one(
    admin: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    table = "Titre;Commune;Description\nUn four à pain;Rennes;{}\n"
    first = send(admin, table.format("Cuire"), "actions.csv")
    imported(admin, engine, work, first)
    second = send(admin, table.format("Cuire ensemble"), "actions.csv")
    imported(admin, engine, work, second)
    page = admin.get(first).text
    assert "Annulez-les d’abord" in page
    assert f'href="{second}"' in page
    assert "Oui, tout annuler" not in page
    # Who asks all the same is told so, and the import stands as it did.
    assert admin.post(f"{first}/annuler").status_code == 303
    work()
    page = admin.get(first).text
    assert 'data-state="done"' in page
    assert "Cet import n’a pas été annulé." in page
    assert "a changé 1 de ces initiatives depuis" in page.replace("\u00a0", " ")
    assert titles(engine) == {"Un four à pain": "published"}
    for address in (second, first):
        assert "Oui, tout annuler" in admin.get(address).text
        admin.post(f"{address}/annuler")
        work()
    assert titles(engine) == {}


def test_a_file_of_which_all_would_be_lost_says_so_and_why(
    coordinator: Actor, engine: Engine, work: Callable[[], int]
) -> None:
    address = send(coordinator, "Titre;Remarque\nUn four;Près du bourg\nUne haie;Au nord\n")
    work()
    page = coordinator.get(address).text.replace("\u00a0", " ")
    assert "n’apporterait rien : 2 lignes seraient perdues" in page
    assert "ne changerait rien ici" not in page
    lost = page.partition('class="landings-lost"')[2].partition("</ul>")[0]
    assert "elle ne nomme aucun lieu" in lost


def test_a_calendar_is_told_where_it_goes(admin: Actor, engine: Engine) -> None:
    response = sent(admin, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "agenda.ics")
    assert response.status_code == 422
    assert "Un calendrier contient des événements" in response.text


def test_files_are_forgotten_after_a_day_and_taken_up_anew(
    admin: Actor, engine: Engine, home: Path, work: Callable[[], int]
) -> None:
    address = send(admin, HEADER + ROWS)
    with engine.begin() as connection:
        connection.execute(text("UPDATE import_upload SET state = 'checking', attempts = 1"))
    upload_work.tidy(engine, home)
    assert upload(engine, address).state == "sent"
    work()
    with engine.begin() as connection:
        connection.execute(text("UPDATE import_upload SET sent_at = now() - interval '2 days'"))
    upload_work.tidy(engine, home)
    assert not list(uploads.folder(home).iterdir())
    assert admin.get(address).status_code == 404


def test_a_file_is_fetched_from_an_address(
    coordinator: Actor, source: StandIn, engine: Engine, home: Path, locator: Locator
) -> None:
    def work() -> None:
        client = GuardedClient(frozenset({source.netloc}))
        upload_work.work(engine, home, lambda _: locator, client)

    rows = (HEADER + ROWS).encode()
    source.routes["/r/1"] = lambda handler: handler.give(rows, Content_Type="text/csv")
    form = {"token": coordinator.token(), "address": f"{source.base}/r/1"}
    response = coordinator.client.post("/importer", data=form)
    assert response.status_code == 303, response.text
    assert source.asked == []
    work()
    address = response.location
    found = upload(engine, address)
    assert (found.state, found.file_name) == ("checked", "1.csv")
    assert found.preview["counts"] == {"imported": 1, "rejected": 1, "skipped": 1}
    for _ in range(2):  # choices that are spelt out are checked first
        page = coordinator.get(address).text
        coordinator.post(address, **choices(page), **{"import": "1"})
        work()
        if upload(engine, address).state == "done":
            break
    assert titles(engine) == {"Un four à pain": "pending"}
    assert len(source.asked) == 1

    form["address"] = f"{source.base}/gone"
    response = coordinator.client.post("/importer", data=form)
    work()
    found = upload(engine, response.location)
    assert (found.state, "answers 404" in found.reason) == ("failed", True)


@pytest.mark.parametrize(
    "address",
    ["http://www.data.gouv.fr/x", "https://127.0.0.1/", "https://[/", "x", "https://10.0.0.1/é"],
)
def test_an_address_that_is_not_public_is_not_fetched(
    coordinator: Actor, engine: Engine, home: Path, address: str
) -> None:
    form = {"token": coordinator.token(), "address": address}
    response = coordinator.client.post("/importer", data=form)
    assert response.status_code == 422
    assert "https, publique" in response.text
    with engine.connect() as connection:
        assert upload_queries.identifiers(connection) == set()


@pytest.mark.parametrize(
    ("seen", "read"),
    [
        (
            "https://docs.google.com/spreadsheets/d/1aB-c_d/edit?usp=sharing#gid=42",
            "https://docs.google.com/spreadsheets/d/1aB-c_d/export?format=csv&gid=42",
        ),
        (
            "https://docs.google.com/spreadsheets/d/1aB/edit",
            "https://docs.google.com/spreadsheets/d/1aB/export?format=csv",
        ),
        ("https://www.data.gouv.fr/fr/datasets/r/1", "https://www.data.gouv.fr/fr/datasets/r/1"),
    ],
)
def test_a_shared_spreadsheet_is_read_as_its_cells(seen: str, read: str) -> None:
    assert uploads.table_address(seen) == read


def test_the_map_is_there_before_anything_is_written_and_gone_after(
    app: Flask,
    engine: Engine,
    coordinator: Actor,
    admin: Actor,
    work: Callable[[], int],
) -> None:
    address = send(admin, LANDING_HEADER + LANDING)
    assert admin.get(f"{address}/carte.svg").status_code == 404
    work()
    page = admin.get(address).text
    shown = page[page.index('class="landings"') : page.index('class="outcomes"')]
    assert "1 à un point exact" in shown
    assert "2 quelque part dans leur commune" in shown
    assert "1 ligne serait perdue" in shown
    assert re.search(
        r'alt="Où arriveraient les lignes du fichier\s*:\s*1 à un point exact, 2 ', shown
    )

    answer = admin.get(f"{address}/carte.svg")
    assert answer.headers["Cache-Control"] == "no-store"
    drawing = ET.fromstring(answer.text)
    space = "{http://www.w3.org/2000/svg}"
    circles = list(drawing.iter(f"{space}circle"))
    # The commune's two are a dashed ring with their number, no dot.
    assert sorted(one.get("stroke-dasharray") or "" for one in circles) == ["", "3 2.4"]
    assert [one.text for one in drawing.iter(f"{space}text") if one.text == "2"] == ["2"]
    assert answer.text != admin.get(f"{address}/carte.svg?teinte=sombre").text
    assert admin.get(f"{address}/carte.svg?teinte=rouge").status_code == 400
    # Who may not see the file does not see its map.
    assert coordinator.get(f"{address}/carte.svg").status_code == 404
    english = admin.client.get(address, headers={"Accept-Language": "en"}).text
    assert "1 at an exact point" in english

    admin.post(address, **choices(page), **{"import": "1"})
    work()
    assert 'class="landings"' not in admin.get(address).text
    assert admin.get(f"{address}/carte.svg").status_code == 404
    nobody = actor(app, engine, "nobody")
    assert nobody.get(f"{address}/carte.svg").status_code in (403, 404)
