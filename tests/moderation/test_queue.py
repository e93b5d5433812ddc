"""All that waits in one queue: its kinds, whose it is, its pages, and what a page reads."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.db.engine import fill
from mapservice.moderation import queries, service
from mapservice.moderation.model import CaseKind, QueuePart
from mapservice.moderation.service import ModeratorIdentity
from tests.accounts.people.mailbox import mails_to
from tests.accounts.roles.cast import BRETAGNE, CAEN, RENNES, actor, proposal, report
from tests.contributions.proposals.desk import GARDEN, kept, propose, send
from tests.moderation.moderator import Moderator
from tests.web.population import Made, insert

DIFFERENCE = """
SELECT count(*)
  FROM waiting_now
  FULL JOIN (SELECT * FROM waiting WHERE kind <> 'burst') AS kept USING (kind, id)
 WHERE waiting_now.since IS DISTINCT FROM kept.since"""

# Ten thousand that wait in Normandie, then one in Bretagne.
MANY = """
WITH made AS (
    INSERT INTO initiative (title, theme, scale, status, precision, commune)
    SELECT 'N', 'autre', 'commune', 'pending', 'commune',
           CASE WHEN number = 10000 THEN '35238' ELSE '14118' END
      FROM generate_series(1, 10000) AS number
    RETURNING id, commune
)
INSERT INTO proposal (initiative, form, queued_at)
SELECT id, gen_random_uuid(), timestamptz '2026-01-01 12:00Z'
       + CASE commune WHEN '35238' THEN interval '1 day' ELSE random() * interval '1 hour' END
  FROM made"""


# The same, imported.
MANY_IMPORTED = """
INSERT INTO initiative
       (title, theme, scale, status, precision, commune, source_platform, state_since)
SELECT 'N', 'autre', 'commune', 'pending', 'commune',
       CASE WHEN number = 10000 THEN '35238' ELSE '14118' END, 'ailleurs',
       timestamptz '2026-01-01 12:00Z' + number * interval '1 second'
  FROM generate_series(1, 10000) AS number"""


def rows(page: str) -> list[tuple[str, str]]:
    """Kind and id of each row."""
    return [(kind, one) for one, kind in re.findall(r'data-id="([^"]+)" data-kind="(\w+)"', page)]


def check(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text(DIFFERENCE)).scalar_one() == 0


def test_all_kinds_stand_in_one_queue_the_oldest_first(
    client: FlaskClient, engine: Engine, eva: Moderator, import_rows: Callable[[str], list[str]]
) -> None:
    assert import_rows("id,title,address,postcode\none,Un four,,35550\n") == ["to_review"]
    edited = propose(client, engine, title="Un verger")
    eva.decide(edited.id, "publish")
    fresh = propose(client, engine, title="Une chorale")
    told = report(engine, edited.id, "C’est une réclame")
    send(client, GARDEN | {"title": "Deux vergers"}, f"/initiatives/{edited.id}/modifier")
    refused = propose(client, engine, title="Une idée")
    eva.decide(refused.id, "reject", reason="Non.")
    appeal(client, refused.id)
    found = rows(eva.get("/moderation").text)
    assert [kind for kind, _ in found] == ["place", "proposal", "report", "edit", "appeal"]
    assert dict(found)["report"] == str(told)
    assert dict(found)["proposal"] == str(fresh.id)
    assert [kind for kind, _ in rows(eva.get("/moderation?kind=report").text)] == ["report"]
    assert eva.get("/moderation?kind=x").status_code == 400
    assert eva.get("/moderation/signalements").headers["Location"] == "/moderation?kind=report"
    check(engine)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM initiative WHERE id = :id"), {"id": edited.id})
    assert {kind for kind, _ in rows(eva.get("/moderation").text)} == {
        "place", "proposal", "appeal",
    }  # fmt: skip
    check(engine)


def test_the_next_one_is_of_any_kind(engine: Engine, moderated: Flask) -> None:
    here = proposal(engine, "Ici", commune=RENNES)
    told = report(engine, here, "près")
    breton = actor(moderated, engine, "breton", ("moderator", BRETAGNE))
    first = breton.post("/moderation/suivante").location
    assert first == f"/moderation/{here}"
    second = breton.post("/moderation/suivante", but=str(here)).location
    assert second == f"/moderation/signalements/{told}"
    other = actor(moderated, engine, "other", ("moderator", BRETAGNE))
    assert other.post("/moderation/suivante").location == "/moderation"


def test_what_moves_is_in_the_queue_of_its_new_place(engine: Engine, eva: Moderator) -> None:
    one = proposal(engine, "Ici", commune=RENNES)
    report(engine, one, "près")
    with engine.begin() as connection:
        move = "UPDATE initiative SET commune = :code WHERE id = :id"
        connection.execute(text(move), {"code": CAEN, "id": one})
    assert rows(eva.get(f"/moderation?territory={BRETAGNE}").text) == []
    assert len(rows(eva.get("/moderation?territory=departement:14").text)) == 2


@pytest.mark.long
@pytest.mark.parametrize("many", [MANY, MANY_IMPORTED], ids=["proposed", "imported"])
def test_a_page_reads_as_much_of_ten_thousand_as_it_shows(engine: Engine, many: str) -> None:
    """The one that waits in Bretagne stands behind all of Normandie."""
    with engine.begin() as connection:
        connection.execute(text(many))
        connection.execute(text("ANALYZE waiting"))
        connection.execute(text("ANALYZE waiting_area"))
        connection.execute(text("ANALYZE initiative"))
        connection.execute(text("ANALYZE territory"))
    for areas, kind, expected in (
        ("all", None, 21),
        (BRETAGNE, None, 1),
        (BRETAGNE, CaseKind.PROPOSAL, 1),
        (BRETAGNE, CaseKind.REPORT, 0),
    ):
        part = QueuePart((areas,), kind=kind)
        with engine.connect() as connection:
            found, _ = queries.find_page(connection, part, 21)
            assert len(found) == expected
            texts = {"claimed": queries.CLAIMED, "after": "", **queries.conditions(part)}
            statement = f"EXPLAIN (ANALYZE, FORMAT JSON) {fill(queries.PAGE, texts)}"
            bound = queries.bound_of(part) | {"limit": 22}
            plan = connection.execute(text(statement), bound).scalar_one()[0]["Plan"]
            assert most_rows(plan) <= 60, plan


def most_rows(plan: dict[str, Any]) -> int:
    """Of any node of a plan: how many rows it gave in all, with those that it threw away."""
    own = plan["Actual Rows"] * plan["Actual Loops"] + plan.get("Rows Removed by Filter", 0)
    return int(max([own, *(most_rows(one) for one in plan.get("Plans", []))]))


def appeal(client: FlaskClient, identifier: UUID, words: str = "Relisez, s’il vous plaît.") -> int:
    page = client.get(f"/initiatives/{identifier}/suivi").text
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token
    form = {"token": unescape(token[1]), "words": words}
    return client.post(f"/initiatives/{identifier}/recours", data=form).status_code


def test_an_author_appeals_once_and_is_answered(
    client: FlaskClient, engine: Engine, eva: Moderator, max_: Moderator
) -> None:
    found = propose(client, engine)
    assert appeal(client, found.id) == 409  # nothing is refused yet
    eva.decide(found.id, "reject", reason="Ce n’est pas une initiative.")
    assert appeal(client, found.id, " ") == 400
    assert appeal(client, found.id) == 303
    assert appeal(client, found.id) == 409
    assert "Votre recours attend une réponse" in client.get(f"/initiatives/{found.id}/suivi").text
    page = max_.get(f"/moderation/{found.id}").text
    assert "Relisez, s’il vous plaît." in page
    assert "Ce n’est pas une initiative." in page
    assert max_.decide(found.id, "keep").status_code == 400
    assert max_.decide(found.id, "reject", reason="Relu : non.").status_code == 303
    assert mails_to(engine)[-1].kind == "appeal_rejected"
    assert "Relu : non." in mails_to(engine)[-1].text
    assert appeal(client, found.id) == 303  # against the second refusal
    max_.decide(found.id, "publish")
    assert kept(engine)[0].status == "published"
    assert mails_to(engine)[-1].kind == "proposal_published"


def test_who_refused_does_not_answer_the_appeal(
    client: FlaskClient, engine: Engine, moderated: Flask
) -> None:
    found = propose(client, engine)
    breton = actor(moderated, engine, "breton", ("moderator", BRETAGNE))
    path = f"/moderation/{found.id}"
    refusal = {"verdict": "reject", "revision": "1", "reason": "Non."}
    assert breton.post(path, **refusal).status_code == 303
    appeal(client, found.id)
    # Nobody else may decide there: it is theirs after all.
    assert "Vous avez refusé" not in breton.get(path).text
    other = actor(moderated, engine, "other", ("moderator", BRETAGNE))
    assert "Vous avez refusé" in breton.get(path).text
    assert breton.post("/moderation/suivante").location == "/moderation"
    own = breton.post(path, verdict="publish", revision="1")
    assert own.status_code == 409
    assert "une autre personne y répond" in own.text
    assert other.post("/moderation/suivante").location == path
    assert other.post(path, verdict="publish", revision="1").status_code == 303
    assert kept(engine)[0].status == "published"


def test_a_report_closes_takes_down_asks_or_merges(
    client: FlaskClient, engine: Engine, eva: Moderator
) -> None:
    found = propose(client, engine)
    eva.decide(found.id, "publish")
    first, second = (report(engine, found.id, words) for words in ("un", "deux"))
    path = f"/moderation/signalements/{first}"
    page = eva.get(path).text
    assert "C’est faux" not in page
    assert eva.post(f"{path}/clore", note="Rien à redire.").status_code == 303
    assert "Rien à redire." in eva.get(path).text
    assert eva.post(f"{path}/clore", page).status_code == 409
    assert eva.client.post(f"{path}/clore").status_code == 403
    path = f"/moderation/signalements/{second}"
    assert eva.post(path, verdict="reject").status_code == 400
    assert eva.post(path, verdict="publish", reason="x").status_code == 400
    assert eva.post(path, verdict="reject", reason="C’est une réclame.").status_code == 303
    assert client.get(f"/initiatives/{found.id}").status_code == 404
    assert "C’est une réclame." in mails_to(engine)[-1].text
    log = "SELECT verdict, report FROM decision WHERE initiative = :id ORDER BY id"
    with engine.connect() as connection:
        lines = [tuple(row) for row in connection.execute(text(log), {"id": found.id})]
    assert lines == [
        ("publish", None), ("close", first), ("reject", second), ("close", second),
    ]  # fmt: skip
    check(engine)


def test_a_report_of_a_duplicate_merges(engine: Engine, eva: Moderator) -> None:
    a, b = Made(commune=RENNES, title="Un four à pain"), Made(commune=RENNES, title="Le four")
    with engine.begin() as connection:
        insert(connection, [a, b])
    told = report(engine, UUID(b.id), "la même")
    other = report(engine, UUID(b.id), "encore")
    path = f"/moderation/signalements/{told}"
    assert eva.post(f"{path}/reunir", target=a.id, revision="0").status_code == 303
    assert rows(eva.get("/moderation").text) == []  # what is not public is not complained about
    assert eva.unmerge(b.id).status_code == 303
    assert rows(eva.get("/moderation").text) == [("report", str(other))]


def test_what_was_imported_stays_down(
    engine: Engine, eva: Moderator, import_rows: Callable[[str], list[str]]
) -> None:
    row = "id,title,address,postcode,city\none,Un four{},,35000,Rennes\n"
    import_rows(row.format(""))
    with engine.connect() as connection:
        one = connection.execute(text("SELECT id FROM initiative")).scalar_one()
    told = report(engine, one, "faux")
    path = f"/moderation/signalements/{told}"
    assert eva.post(path, verdict="ask", reason="x").status_code == 400  # nobody to ask
    assert eva.post(path, verdict="reject", reason="Faux.").status_code == 303
    assert import_rows(row.format(" à pain")) == ["updated"]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT status FROM initiative")).scalar() == "rejected"


def test_a_moderator_corrects_the_place(
    client: FlaskClient, engine: Engine, moderated: Flask
) -> None:
    found = propose(client, engine)
    breton = actor(moderated, engine, "breton", ("moderator", BRETAGNE))
    assert "Corriger le lieu" in breton.get(f"/moderation/{found.id}").text
    path = f"/moderation/lieux/{found.id}"
    assert breton.get(path).status_code == 404  # it never was in doubt
    page = breton.get(f"{path}?corriger=1").text
    shown = re.search(r'name="instead_of" value="([^"]+)"', page)
    assert shown
    seen = unescape(shown[1])
    pin = {"choice": "pin", "lon": "-1.6743", "lat": "48.1119"}
    assert breton.post(path, instead_of=seen, choice="pin", lon="x").status_code == 400
    away = {"choice": "pin", "lon": "2.35", "lat": "48.85"}
    assert breton.post(path, instead_of=seen, **away).status_code == 400
    assert breton.post(path, instead_of=seen, **pin).status_code == 303
    assert breton.post(path, instead_of=seen, **pin).status_code == 409  # moved meanwhile
    statement = """
        SELECT initiative.precision, round(ST_X(point)::numeric, 4), record.decision ->> 'by' AS by,
               record.decision -> 'before' ->> 'precision' AS before, record.review
          FROM initiative JOIN location_match AS record ON record.initiative = initiative.id"""
    with engine.connect() as connection:
        now = connection.execute(text(statement)).one()
        log = connection.execute(text("SELECT verdict FROM decision WHERE initiative = :id"),
                                 {"id": found.id}).scalars().all()  # fmt: skip
    assert (now.precision, float(now[1]), now.before, now.review) == (
        "point", -1.6743, "commune", "decided",
    )  # fmt: skip
    assert now.by == breton.name
    assert log == ["place"]
    assert breton.post(f"{path}/attente").status_code == 303
    assert kept(engine)[0].precision == "commune"


def test_claims_are_for_each_kind(engine: Engine) -> None:
    here = proposal(engine, "Ici", commune=RENNES)
    told = report(engine, here, "près")
    eva, max_ = (
        ModeratorIdentity(name="Eva", is_admin=True),
        ModeratorIdentity(name="Max", is_admin=True),
    )
    part = QueuePart(("all",))
    with engine.begin() as connection:
        assert service.claim_next(connection, part, eva) == (CaseKind.PROPOSAL, here)
    with engine.begin() as connection:
        assert service.claim_next(connection, part, max_) == (CaseKind.REPORT, told)
    with engine.begin() as connection:
        assert service.claim_next(connection, part, ModeratorIdentity(name="Jo")) is None
        service.release(connection, told, "Max")
        assert service.claim_next(connection, part, ModeratorIdentity(name="Jo")) == (
            CaseKind.REPORT,
            told,
        )
