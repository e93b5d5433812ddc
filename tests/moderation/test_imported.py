"""What an import leaves pending: in the queue of its territory, and every verb works on it."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from tests.accounts.people.mailbox import mails_to
from tests.accounts.roles.cast import BRETAGNE, CAEN, NORMANDIE, RENNES, actor
from tests.moderation.moderator import Moderator
from tests.moderation.test_queue import check, rows
from tests.web.population import Made, insert

PENDING = (
    "id,title,description,postcode,city,status,date,url\n"
    "one,Un four à pain{},Cuire ensemble,35000,Rennes,En attente de validation,2022-05-04,"
    "https://source.example/one\n"
    "two,Une ruche,,14000,Caen,publié,2022-05-04,\n"
)
Import = Callable[[str], list[str]]


def one(engine: Engine, source_id: str = "one") -> UUID:
    with engine.connect() as connection:
        statement = text("SELECT id FROM initiative WHERE source_id = :id")
        found: UUID = connection.execute(statement, {"id": source_id}).scalar_one()
    return found


def status(engine: Engine, identifier: UUID) -> str:
    with engine.connect() as connection:
        statement = text("SELECT status FROM initiative WHERE id = :id")
        return str(connection.execute(statement, {"id": identifier}).scalar_one())


def test_it_waits_for_the_moderators_of_its_territory_with_its_source(
    engine: Engine, moderated: Flask, import_rows: Import
) -> None:
    import_rows(PENDING.format(""))
    oven = one(engine)
    breton = actor(moderated, engine, "breton", ("moderator", BRETAGNE))
    norman = actor(moderated, engine, "norman", ("moderator", NORMANDIE))
    page = breton.get("/moderation").text
    assert rows(page) == [("proposal", str(oven))]
    assert "Importée de rows" in page
    assert rows(norman.get("/moderation").text) == []
    assert breton.post("/moderation/suivante").location == f"/moderation/{oven}"
    case = breton.get(f"/moderation/{oven}").text
    assert "importée de rows" in case
    assert "https://source.example/one" in case
    assert 'value="publish"' in case
    assert 'value="ask"' not in case  # nobody to ask
    check(engine)


def test_it_is_published_with_its_own_date_and_stays_so(
    client: FlaskClient, engine: Engine, eva: Moderator, import_rows: Import
) -> None:
    import_rows(PENDING.format(""))
    oven = one(engine)
    assert client.get(f"/initiatives/{oven}").status_code == 404
    assert eva.decide(oven, "ask", reason="x").status_code == 400
    assert eva.decide(oven, "keep").status_code == 400
    assert eva.decide(oven, "publish").status_code == 303
    assert client.get(f"/initiatives/{oven}").status_code == 200
    with engine.connect() as connection:
        created = connection.execute(
            text("SELECT created_at FROM initiative WHERE id = :id"), {"id": oven}
        ).scalar_one()
        decided = "SELECT verdict, revision, decided_by FROM decision WHERE initiative = :id"
        log = connection.execute(text(decided), {"id": oven}).all()
    assert created == datetime(2022, 5, 4, tzinfo=UTC)
    assert [tuple(line) for line in log] == [("publish", 0, eva.name)]
    assert mails_to(engine) == []
    assert eva.decide(oven, "publish").status_code == 409
    assert rows(eva.get("/moderation").text) == []
    with engine.begin() as connection:  # as a later version that reads rows anew
        connection.execute(text("UPDATE initiative SET source_digest = 'former'"))
    assert import_rows(PENDING.format("")) == ["updated", "updated"]
    assert status(engine, oven) == "published"
    import_rows(PENDING.format(" neuf"))  # other words wait anew
    assert status(engine, oven) == "pending"
    assert rows(eva.get("/moderation").text) == [("proposal", str(oven))]
    check(engine)


def test_it_is_rejected_with_a_reason_and_stays_so(
    engine: Engine, eva: Moderator, import_rows: Import
) -> None:
    import_rows(PENDING.format(""))
    oven = one(engine)
    assert eva.decide(oven, "reject").status_code == 400
    assert eva.decide(oven, "reject", reason="Une réclame.").status_code == 303
    assert "Une réclame." in eva.get(f"/moderation/{oven}").text
    import_rows(PENDING.format(" neuf"))
    assert status(engine, oven) == "rejected"
    assert rows(eva.get("/moderation").text) == []
    assert mails_to(engine) == []


def test_what_the_import_changed_meanwhile_is_read_again(
    engine: Engine, eva: Moderator, import_rows: Import
) -> None:
    import_rows(PENDING.format(""))
    oven = one(engine)
    read = eva.get(f"/moderation/{oven}").text
    digest = read.split('name="digest" value="')[1].split('"')[0]
    import_rows(PENDING.format(" neuf"))
    late = eva.decide(oven, "publish", read, digest=digest)
    assert late.status_code == 409
    assert status(engine, oven) == "pending"


def test_it_is_merged_parted_and_its_place_corrected(
    engine: Engine, eva: Moderator, import_rows: Import
) -> None:
    import_rows(PENDING.format(""))
    oven = one(engine)
    other = Made(commune=RENNES, title="Le four à pain")
    with engine.begin() as connection:
        insert(connection, [other])
    page = eva.get(f"/moderation/{oven}").text
    assert "Le four à pain" in page  # the like of it
    assert f"/moderation/lieux/{oven}?corriger=1" in page
    assert eva.get(f"/moderation/lieux/{oven}?corriger=1").status_code == 200
    assert eva.merge(oven, other.id).status_code == 303
    assert rows(eva.get("/moderation").text) == []
    assert eva.unmerge(oven).status_code == 303
    assert rows(eva.get("/moderation").text) == [("proposal", str(oven))]
    check(engine)


def test_a_case_is_taken_and_left(engine: Engine, eva: Moderator, max_: Moderator) -> None:
    made = Made(commune=CAEN, status="pending", source_platform="ailleurs")
    with engine.begin() as connection:
        insert(connection, [made])
    path = f"/moderation/{made.id}"
    assert eva.post(f"{path}/prendre").status_code == 303
    assert max_.post(f"{path}/prendre").status_code == 409
    assert max_.decide(UUID(made.id), "publish").status_code == 409
    assert eva.post(f"{path}/rendre").status_code == 303
    assert max_.decide(UUID(made.id), "publish").status_code == 303
