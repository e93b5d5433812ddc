"""Who may see, invite, accept and exclude whom; and that nobody else learns who belongs."""

import re
from html import unescape
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.groups import membership_service as membership
from tests.accounts.people.mailbox import fill_in, last_link, mails_to, press, sign_in
from tests.groups.founder import ADDRESS, Founder, join, member_of, publish, standings
from tests.moderation.moderator import Moderator

BEA = "bea@example.org"


@pytest.fixture
def group(founder: Founder, eva: Moderator) -> UUID:
    """A public group whose organiser answers each request."""
    made = founder.found()
    publish(eva, made)
    return made


def act(founder: Founder, engine: Engine, group: UUID, name: str, action: str) -> int:
    member = member_of(engine, group, name)
    desk = f"/groupes/{group}/organiser"
    return founder.post(f"/groupes/{group}/membres/{member}", desk, action=action).status_code


def own_act(client: FlaskClient, group: UUID, action: str) -> int:
    path = f"/groupes/{group}/adhesion"
    return fill_in(client, path, {"action": action}, to=f"{path}/role").status_code


def test_a_request_counts_once_it_is_accepted(
    founder: Founder, group: UUID, visitor: FlaskClient, group_app: Flask, engine: Engine
) -> None:
    bea, page = join(group_app, engine, group, BEA, name="Béa")
    assert "attend qu’un organisateur" in page
    assert "1 membre confirmé" in visitor.get(f"/groupes/{group}").text
    asked = mails_to(engine, ADDRESS)[-1]
    assert "demande" in asked.subject
    assert "Béa" not in asked.text + asked.subject
    assert BEA not in asked.text

    assert act(founder, engine, group, "Béa", "accept") == 303
    assert "2 membres confirmés" in visitor.get(f"/groupes/{group}").text
    assert act(founder, engine, group, "Béa", "accept") == 409  # it is done
    welcome = mails_to(engine, BEA)[-1]
    assert welcome.kind == "group_news"

    # Each mail to a member leaves by one click, signed in nowhere.
    path = re.search(r"http://map.test(/groupes/\S+/quitter/\S+)", welcome.text)
    assert path, welcome.text
    assert welcome.headers["List-Unsubscribe"] == f"<http://map.test{path[1]}>"
    assert visitor.get(path[1]).status_code == 200
    assert "Béa" in standings(engine, group)  # opened, it asks
    assert visitor.post(path[1], data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert standings(engine, group) == {"Zélie": "organiser"}
    again = visitor.post(path[1])
    assert again.status_code == 200
    assert "C’est déjà fait" in again.text
    assert "Rejoindre" in bea.get(f"/groupes/{group}/adhesion").text


def test_nobody_but_organisers_learns_who_belongs(
    founder: Founder, group: UUID, visitor: FlaskClient, group_app: Flask, engine: Engine
) -> None:
    bea, _ = join(group_app, engine, group, BEA, name="Béa", shares_address="1")
    cem, _ = join(group_app, engine, group, "cem@example.org", name="Cem")
    desk = f"/groupes/{group}/organiser"
    page = founder.client.get(desk).text
    assert "Béa" in page
    assert BEA in page  # who agreed
    assert "cem@example.org" not in page
    act(founder, engine, group, "Béa", "accept")
    act(founder, engine, group, "Cem", "accept")

    pages = (
        f"/groupes/{group}", "/groupes", "/groupes.geojson", "/groupes.csv", "/groupes.atom",
        f"/groupes/{group}/adhesion",
    )  # fmt: skip
    for path in pages:
        for client in (visitor, cem):
            shown = client.get(path, buffered=True).text
            assert "Béa" not in shown, path
            assert BEA not in shown, path
    assert cem.get(desk).status_code == 404
    assert visitor.get(desk).status_code == 303  # to sign in
    # An editor changes the text, and sees no members.
    act(founder, engine, group, "Cem", "editor")
    shown = cem.get(desk).text
    assert "Béa" not in shown
    assert cem.get(f"/groupes/{group}/modifier").status_code == 200
    assert act(Founder(cem, engine), engine, group, "Béa", "ban") == 404
    # Ids of others lead nowhere, whether they exist or not.
    member = member_of(engine, group, "Béa")
    for one in (member, uuid4()):
        assert visitor.get(f"/groupes/{group}/quitter/{one}/none").status_code == 404
    assert bea.get(f"/groupes/{group}").headers["Cache-Control"] == "private, no-store"


def test_an_organisers_name_is_public_by_choice_alone(
    founder: Founder, group: UUID, visitor: FlaskClient
) -> None:
    assert "Zélie" not in visitor.get(f"/groupes/{group}").text
    path = f"/groupes/{group}/adhesion"
    fill_in(founder.client, path, {"name": "Zélie", "is_public": "1"}, to=f"{path}/choix")
    assert "Zélie" in visitor.get(f"/groupes/{group}").text
    fill_in(founder.client, path, {"name": "Zélie"}, to=f"{path}/choix")
    assert "Zélie" not in visitor.get(f"/groupes/{group}").text


def test_a_group_by_invitation_takes_who_is_invited(
    founder: Founder, eva: Moderator, visitor: FlaskClient, group_app: Flask, engine: Engine
) -> None:
    group = founder.found(openness="invitation")
    publish(eva, group)
    form = visitor.get(f"/groupes/{group}/adhesion").text
    assert 'value="member"' not in form
    path = f"/groupes/{group}/adhesion"
    refused = fill_in(visitor, path, {"email": BEA, "as": "member"})
    assert refused.status_code == 409
    assert mails_to(engine, BEA) == []

    desk = f"/groupes/{group}/organiser"
    known = founder.post(f"/groupes/{group}/inviter", desk, email=ADDRESS)
    unknown = founder.post(f"/groupes/{group}/inviter", desk, email=BEA)
    assert (known.status_code, unknown.status_code) == (200, 200)
    assert "est envoyée" in known.text
    assert "est envoyée" in unknown.text
    assert standings(engine, group) == {"Zélie": "organiser"}  # nothing before they accept
    done = press(group_app.test_client(), last_link(engine, BEA))
    assert done.status_code == 303
    assert sorted(standings(engine, group).values()) == ["member", "organiser"]

    # Who invites must organise still when the invitation is accepted.
    founder.post(f"/groupes/{group}/inviter", desk, email="cem@example.org")
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE group_member SET standing = CASE standing WHEN 'member' THEN 'organiser'"
                " ELSE 'member' END WHERE local_group = :id"
            ),
            {"id": group},
        )
    late = press(group_app.test_client(), last_link(engine, "cem@example.org"))
    assert late.headers["Location"] == f"/groupes/{group}"
    assert len(standings(engine, group)) == 2


def test_several_are_invited_at_once_each_by_a_mail_of_their_own(
    founder: Founder, eva: Moderator, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = founder.found(openness="invitation")
    publish(eva, group)
    desk, path = f"/groupes/{group}/organiser", f"/groupes/{group}/inviter"
    pasted = f"Béa Martin <{BEA}>; cem@example.org,\n dora@example.org CEM+liste@example.org"
    sent = founder.post(path, desk, email=pasted)
    assert "3 invitations sont envoyées" in sent.text
    for one in (BEA, "cem@example.org", "dora@example.org"):
        (told,) = mails_to(engine, one)
        assert [other for other in (BEA, "cem@", "dora@") if other in told.text] == []
    # One that is none, or one too many: nobody is written to.
    for wrong, said in (
        ("eli@example.org, fay@", "Ce n’est pas une adresse où écrire\u00a0: fay@"),
        ("eli@example.org fay.example.org", "fay.example.org"),
        ("Béa Martin", "Indiquez une adresse"),
        (" ".join(f"p{one}@example.org" for one in range(31)), "30 adresses au plus"),
        ("x@example.org " * 600, "Indiquez une adresse"),
    ):
        refused = founder.post(path, desk, email=wrong)
        assert refused.status_code == 400, wrong
        assert said in unescape(refused.text)
    assert mails_to(engine, "eli@example.org") == []
    monkeypatch.setattr(membership, "INVITATIONS_A_DAY", 4)
    refused = founder.post(path, desk, email="eli@example.org fay@example.org")
    assert refused.status_code == 429
    assert "1 encore possibles" in refused.text
    assert mails_to(engine, "eli@example.org") == []
    assert founder.post(path, desk, email="eli@example.org").status_code == 200


def test_who_is_excluded_stays_so_and_is_told_nothing_more(
    founder: Founder, group: UUID, group_app: Flask, engine: Engine
) -> None:
    bea, _ = join(group_app, engine, group, BEA, name="Béa")
    assert act(founder, engine, group, "Béa", "ban") == 303
    path = f"/groupes/{group}/adhesion"
    assert 'name="as"' not in bea.get(path).text
    # Leaving is no way around it.
    fill_in(bea, "/compte", {}, to=f"{path}/quitter")
    assert standings(engine, group)["Béa"] == "banned"
    again = fill_in(bea, "/compte", {"as": "member", "name": "Béa"}, to=path)
    assert again.status_code == 409
    assert act(founder, engine, group, "Béa", "unban") == 303
    assert "Béa" not in standings(engine, group)


def test_a_group_changes_hands_by_offer_and_acceptance(
    founder: Founder, group: UUID, group_app: Flask, engine: Engine
) -> None:
    bea, _ = join(group_app, engine, group, BEA, name="Béa")
    act(founder, engine, group, "Béa", "accept")
    # The last organiser cannot go, step down or be excluded.
    leave = f"/groupes/{group}/adhesion"
    alone = fill_in(founder.client, leave, {}, to=f"{leave}/quitter")
    assert alone.status_code == 409
    assert "proposez d’abord à un membre" in alone.text
    assert own_act(founder.client, group, "step_down") == 409
    assert act(founder, engine, group, "Zélie", "ban") == 400

    # Nobody takes what was not offered, and an offer can be taken back or declined.
    assert own_act(bea, group, "take_offer") == 409
    assert own_act(bea, group, "take_over") == 409
    act(founder, engine, group, "Béa", "offer")
    assert "propose d’organiser" in mails_to(engine, BEA)[-1].text
    act(founder, engine, group, "Béa", "take_back")
    assert own_act(bea, group, "take_offer") == 409
    act(founder, engine, group, "Béa", "offer")
    assert own_act(bea, group, "decline_offer") == 303
    assert own_act(bea, group, "take_offer") == 409
    act(founder, engine, group, "Béa", "offer")
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE group_member SET offered_until = now() - interval '1 s'"
                " WHERE offered_until IS NOT NULL"
            )
        )
    assert own_act(bea, group, "take_offer") == 409  # expired
    act(founder, engine, group, "Béa", "offer")
    assert own_act(bea, group, "take_offer") == 303
    assert own_act(bea, group, "take_offer") == 303  # twice is once
    assert standings(engine, group) == {"Zélie": "organiser", "Béa": "organiser"}
    assert "acceptée" in mails_to(engine, ADDRESS)[-1].text

    assert own_act(founder.client, group, "step_down") == 303
    assert founder.client.get(f"/groupes/{group}/organiser").status_code == 404
    left = fill_in(founder.client, leave, {}, to=f"{leave}/quitter")
    assert left.status_code == 303
    assert standings(engine, group) == {"Béa": "organiser"}


def test_joining_twice_is_joining_once(
    group: UUID, visitor: FlaskClient, group_app: Flask, engine: Engine
) -> None:
    join(group_app, engine, group, BEA, name="Béa")
    join(group_app, engine, group, BEA, name="Béa")
    assert standings(engine, group) == {"Zélie": "organiser", "Béa": "requested"}


def test_who_follows_is_no_member(
    founder: Founder, group: UUID, visitor: FlaskClient, group_app: Flask, engine: Engine
) -> None:
    fan, page = join(group_app, engine, group, BEA, name="Fan", **{"as": "follower"})
    assert "Vous suivez ce groupe" in page
    assert "1 membre confirmé" in visitor.get(f"/groupes/{group}").text
    assert "Les berges de Rennes" in fan.get("/compte").text
    assert act(founder, engine, group, "Fan", "editor") == 409
    assert act(founder, engine, group, "Fan", "offer") == 409


def test_a_stranger_signed_in_finds_nothing_to_manage(
    group: UUID, group_app: Flask, engine: Engine
) -> None:
    stranger = group_app.test_client()
    sign_in(stranger, engine, "autre@example.org")
    for path in ("organiser", "modifier"):
        assert stranger.get(f"/groupes/{group}/{path}").status_code == 404
    member = member_of(engine, group, "Zélie")
    for path, form in (
        (f"membres/{member}", {"action": "ban"}),
        ("inviter", {"email": BEA}),
        ("etat", {"action": "archive"}),
        ("adhesion/role", {"action": "take_over"}),
        ("adhesion/choix", {"name": "x"}),
    ):
        answer = fill_in(stranger, "/compte", form, to=f"/groupes/{group}/{path}")
        assert answer.status_code == 404, path
    assert standings(engine, group) == {"Zélie": "organiser"}


def test_who_asks_to_be_a_member_says_who_they_are(
    group: UUID, visitor: FlaskClient, engine: Engine
) -> None:
    path = f"/groupes/{group}/adhesion"
    refused = fill_in(visitor, path, {"email": BEA, "as": "member", "name": " "})
    assert refused.status_code == 400
    assert 'id="name-error"' in refused.text
    assert mails_to(engine, BEA) == []
    # Who only follows has nobody to convince, and an address says who it is too.
    for form in ({"as": "follower"}, {"as": "member", "shares_address": "1"}):
        asked = fill_in(visitor, path, {"email": BEA, **form})
        assert asked.headers["Location"] == "/connexion/envoyee"
