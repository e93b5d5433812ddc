"""Every route with every role: who may do what in moderation; elsewhere roles open nothing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from tests.accounts.roles.cast import (
    BRETAGNE,
    CAEN,
    NORMANDIE,
    RENNES,
    Actor,
    actor,
    burst,
    doubts,
    grant,
    person_of,
    proposal,
    report,
    state,
)
from tests.events.organiser import Organiser, series_of
from tests.groups.founder import Founder
from tests.web.population import Made, insert

pytestmark = pytest.mark.long

ROLES = ("nobody", "person", "coordinator", "moderator", "admin")
CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
TURNED_AWAY = (404, 404)
LEAVER = "leaver@example.org"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a route under /moderation answers to coordinator, moderator and admins.

    `here` is for what lies in Bretagne, where coordinator and moderator have their role, `there`
    for what lies in Normandie. `kind` says what the address names: a proposal, a doubt, a report, a
    burst, a territory (place), a part of the queue (`territory=`), a list that each sees their part
    of, or nothing with a place.
    """

    kind: str
    here: tuple[int, int, int]
    there: tuple[int, int, int]
    form: Mapping[str, str]


READ = (200, 200, 200)
DECIDE = (403, 303, 303)
ABROAD = (404, 404, 200)
ABROAD_DECIDE = (404, 404, 303)
ADMIN_ALONE = (404, 404, 200)
PUBLISH = {"verdict": "publish", "revision": "1"}

RULES: Mapping[tuple[str, str], Rule] = {
    ("GET", "/moderation"): Rule("part", READ, ABROAD, {}),
    ("POST", "/moderation/suivante"): Rule("part", DECIDE, (403, 404, 303), {}),
    ("GET", "/moderation/<uuid:identifier>"): Rule("proposal", READ, ABROAD, {}),
    ("POST", "/moderation/<uuid:identifier>"): Rule("proposal", DECIDE, ABROAD_DECIDE, PUBLISH),
    ("POST", "/moderation/<uuid:identifier>/prendre"): Rule("proposal", DECIDE, ABROAD_DECIDE, {}),
    ("POST", "/moderation/<uuid:identifier>/rendre"): Rule("proposal", DECIDE, ABROAD_DECIDE, {}),
    ("GET", "/moderation/lieux"): Rule("part", READ, ABROAD, {}),
    ("GET", "/moderation/lieux/<uuid:identifier>"): Rule("doubt", READ, ABROAD, {}),
    ("POST", "/moderation/lieux/<uuid:identifier>"): Rule(
        "doubt", DECIDE, ABROAD_DECIDE, {"choice": "unknown"}
    ),
    # Nothing is decided yet: who may decide is told so.
    ("POST", "/moderation/lieux/<uuid:identifier>/attente"): Rule(
        "doubt", (403, 409, 409), (404, 404, 409), {}
    ),
    ("POST", "/moderation/<uuid:identifier>/reunir"): Rule(
        "proposal", DECIDE, ABROAD_DECIDE, {"revision": "1", "target": "@public"}
    ),
    ("POST", "/moderation/<uuid:identifier>/photos/<uuid:photo>/refuser"): Rule(
        "proposal", DECIDE, ABROAD_DECIDE, {"photo_reason": "On y voit un visage."}
    ),
    # Nothing is merged yet: who may decide is told so.
    ("POST", "/moderation/<uuid:identifier>/separer"): Rule(
        "proposal", (403, 409, 409), (404, 404, 409), {}
    ),
    # All reports stand in the one queue.
    ("GET", "/moderation/signalements"): Rule("list", (303, 303, 303), (303, 303, 303), {}),
    ("GET", "/moderation/signalements/<uuid:identifier>"): Rule("report", READ, ABROAD, {}),
    ("POST", "/moderation/signalements/<uuid:identifier>"): Rule(
        "report", DECIDE, ABROAD_DECIDE, {"verdict": "reject", "reason": "Non."}
    ),
    ("POST", "/moderation/signalements/<uuid:identifier>/clore"): Rule(
        "report", DECIDE, ABROAD_DECIDE, {}
    ),
    ("POST", "/moderation/signalements/<uuid:identifier>/prendre"): Rule(
        "report", DECIDE, ABROAD_DECIDE, {}
    ),
    ("POST", "/moderation/signalements/<uuid:identifier>/rendre"): Rule(
        "report", DECIDE, ABROAD_DECIDE, {}
    ),
    ("POST", "/moderation/signalements/<uuid:identifier>/reunir"): Rule(
        "report", DECIDE, ABROAD_DECIDE, {"revision": "0", "target": "@twin"}
    ),
    ("GET", "/moderation/nouvelles/<uuid:identifier>"): Rule("post", READ, ABROAD, {}),
    ("POST", "/moderation/nouvelles/<uuid:identifier>"): Rule(
        "post", DECIDE, ABROAD_DECIDE, {"verdict": "post"}
    ),
    ("POST", "/moderation/nouvelles/<uuid:identifier>/prendre"): Rule(
        "post", DECIDE, ABROAD_DECIDE, {}
    ),
    ("POST", "/moderation/nouvelles/<uuid:identifier>/rendre"): Rule(
        "post", DECIDE, ABROAD_DECIDE, {}
    ),
    ("GET", "/moderation/evenements/<uuid:identifier>"): Rule("event", READ, ABROAD, {}),
    ("POST", "/moderation/evenements/<uuid:identifier>"): Rule(
        "event", DECIDE, ABROAD_DECIDE, PUBLISH
    ),
    ("POST", "/moderation/evenements/<uuid:identifier>/prendre"): Rule(
        "event", DECIDE, ABROAD_DECIDE, {}
    ),
    ("POST", "/moderation/evenements/<uuid:identifier>/rendre"): Rule(
        "event", DECIDE, ABROAD_DECIDE, {}
    ),
    ("GET", "/moderation/groupes/<uuid:identifier>"): Rule("group", READ, ABROAD, {}),
    ("POST", "/moderation/groupes/<uuid:identifier>"): Rule(
        "group", DECIDE, ABROAD_DECIDE, PUBLISH
    ),
    ("POST", "/moderation/groupes/<uuid:identifier>/prendre"): Rule(
        "group", DECIDE, ABROAD_DECIDE, {}
    ),
    ("POST", "/moderation/groupes/<uuid:identifier>/rendre"): Rule(
        "group", DECIDE, ABROAD_DECIDE, {}
    ),
    # It has its organiser: who may decide is told so.
    ("POST", "/moderation/groupes/<uuid:identifier>/organisateur"): Rule(
        "group", (403, 409, 409), (404, 404, 409), {"email": "new@example.org"}
    ),
    ("GET", "/moderation/messages/<uuid:identifier>"): Rule("message", READ, ABROAD, {}),
    ("POST", "/moderation/messages/<uuid:identifier>"): Rule(
        "message", DECIDE, ABROAD_DECIDE, {"verdict": "post"}
    ),
    ("POST", "/moderation/messages/<uuid:identifier>/prendre"): Rule(
        "message", DECIDE, ABROAD_DECIDE, {}
    ),
    ("POST", "/moderation/messages/<uuid:identifier>/rendre"): Rule(
        "message", DECIDE, ABROAD_DECIDE, {}
    ),
    ("GET", "/moderation/confiance"): Rule("list", READ, READ, {}),
    ("GET", "/moderation/confiance/<uuid:identifier>"): Rule("proposal", READ, ABROAD, {}),
    ("GET", "/moderation/confiance/rafales/<uuid:identifier>"): Rule("burst", READ, ABROAD, {}),
    ("POST", "/moderation/confiance/rafales/<uuid:identifier>"): Rule(
        "burst", DECIDE, ABROAD_DECIDE, {"state": "dismissed"}
    ),
    ("GET", "/moderation/confiance/territoire/<level>/<code>"): Rule("place", READ, ABROAD, {}),
    ("GET", "/moderation/roles"): Rule("none", ADMIN_ALONE, ADMIN_ALONE, {}),
    ("POST", "/moderation/roles"): Rule(
        "none",
        (404, 404, 303),
        (404, 404, 409),  # by then they have it
        {"email": "new@example.org", "role": "moderator", "territory": BRETAGNE},
    ),
    ("POST", "/moderation/roles/retirer"): Rule(
        "none",
        (404, 404, 303),
        (404, 404, 409),
        {"role": "moderator", "territory": BRETAGNE},
    ),
}

# Outside of moderation, what only who is signed in gets to: the others are sent to sign in.
NEEDS_A_PERSON = {
    ("GET", "/compte"),
    ("POST", "/compte"),
    ("GET", "/compte/donnees"),
    ("GET", "/compte/effacer"),
    ("POST", "/compte/effacer"),
    ("POST", "/compte/page"),
    ("POST", "/evenements/agenda"),
    ("POST", "/suivre/<uuid:identifier>/arreter"),
    ("POST", "/bilan/lettre"),
    ("GET", "/compte/second-facteur"),
    ("GET", "/compte/second-facteur/code"),
    ("GET", "/compte/jetons"),
    ("POST", "/compte/jetons"),
    ("POST", "/compte/jetons/<uuid:identifier>/retirer"),
    ("POST", "/rapports/mensuels"),
    ("POST", "/rapports/mensuels/<uuid:identifier>/arreter"),
}
# Forms that ask who is not signed in for their address first.
OF_AN_AUTHOR = ("/initiatives/<uuid:", "/evenements/<uuid:", "/groupes/<uuid:", "/besoins/<uuid:")
ASKS_FOR_AN_ADDRESS = ("/connexion", "/suivre")
VALUES = {
    "level": "region",
    "code": "53",
    "identifier": "01970000-0000-7000-8000-000000000000",
    "z": "6",
    "x": "31",
    "y": "22",
    "matrix": "6",
    "row": "22",
    "column": "31",
    "position": "48.1,-1.6",
    "first": "1",
    "name": "initiatives",
    "schema": "openmaptiles",
    "stack": "Noto Sans Regular",
    "span": "0-255",
    "secret": "none",
    "reader": "01970000-0000-7000-8000-000000000000",
    "follower": "01970000-0000-7000-8000-000000000000",
    "signature": "none",
    "filename": "css/base.css",
    "package": "none",
    "look": "dark",
    "names": "tokens+pages",
    "photo": "01970000-0000-7000-8000-000000000000",
    "post": "01970000-0000-7000-8000-000000000000",
    "subscription": "01970000-0000-7000-8000-000000000000",
    "link": "01970000-0000-7000-8000-000000000000",
    "slug": "nobody",
    "member": "01970000-0000-7000-8000-000000000000",
    "registration": "01970000-0000-7000-8000-000000000000",
    "need": "01970000-0000-7000-8000-000000000000",
    "message": "01970000-0000-7000-8000-000000000000",
    "run": "01970000-0000-7000-8000-000000000000",
    "file": "0123456789abcdef0123456789abcdef-320.webp",
    "kind": "commune",
    "where": "35238",
    "theme": "culture",
}


def doors(app: Flask) -> Iterator[tuple[str, str]]:
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & ({"GET"} | CHANGES)):
            yield method, rule.rule


def is_moderation(path: str) -> bool:
    return path == "/moderation" or path.startswith("/moderation/")


def is_import(path: str) -> bool:
    """For anybody with a role: `tests/imports/test_uploads.py` tells whose files who sees."""
    return path == "/importer" or path.startswith("/importer/")


@dataclass(frozen=True, slots=True)
class Scene:
    """Everybody, and one thing of each kind here and there."""

    cast: Mapping[str, Actor]
    here: Mapping[str, UUID]
    there: Mapping[str, UUID]


@pytest.fixture
def scene(keyed_app: Flask, engine: Engine, import_rows: Callable[[str], list[str]]) -> Scene:
    waiting = doubts(engine, import_rows)
    grant(engine, LEAVER, "moderator", BRETAGNE)
    cast = {
        "nobody": Actor(keyed_app.test_client()),
        "person": actor(keyed_app, engine, "person"),
        "coordinator": actor(keyed_app, engine, "coordinator", ("coordinator", BRETAGNE)),
        "moderator": actor(keyed_app, engine, "moderator", ("moderator", BRETAGNE)),
        "admin": actor(keyed_app, engine, "admin", ("admin", "")),
    }
    here, there = proposal(engine, "Ici", commune=RENNES), proposal(engine, "Là-bas", commune=CAEN)
    near, far = public(engine, RENNES), public(engine, CAEN)
    group = Founder(keyed_app.test_client(), engine).found(place="Rennes")
    other = Founder(keyed_app.test_client(), engine).found(place="Caen")
    here_event = event(keyed_app, engine, "Rennes")
    there_event = event(keyed_app, engine, "Caen")
    return Scene(
        cast,
        {
            "proposal": here,
            "doubt": waiting["bretagne"],
            "report": report(engine, near["public"], "près"),
            **near,
            "burst": burst(engine, here),
            "photo": photo(engine, here),
            "post": post(engine, near["public"]),
            "event": here_event,
            "group": group,
            "message": message(engine, group),
            "event_message": event_message(engine, here_event),
        },
        {
            "proposal": there,
            "doubt": waiting["normandie"],
            "report": report(engine, far["public"], "loin"),
            **far,
            "burst": burst(engine, there),
            "photo": photo(engine, there),
            "post": post(engine, far["public"]),
            "event": there_event,
            "group": other,
            "message": message(engine, other),
            "event_message": event_message(engine, there_event),
        },
    )


def photo(engine: Engine, initiative: UUID) -> UUID:
    """One that waits with its text."""
    made = uuid4()
    with engine.begin() as connection:
        bound = {"id": made, "name": uuid4().hex, "initiative": initiative}
        connection.execute(text(PHOTO), bound)
    return made


def event(app: Flask, engine: Engine, place: str) -> UUID:
    """A series that waits to be read."""
    made = Organiser(app.test_client(), engine).propose(place=place)
    with engine.connect() as connection:
        return series_of(connection, made)


def post(engine: Engine, initiative: UUID) -> UUID:
    """News that wait to be read."""
    with engine.begin() as connection:
        made: UUID = connection.execute(text(POST), {"initiative": initiative}).scalar_one()
        return made


def message(engine: Engine, group: UUID) -> UUID:
    """One to the members of a group that waits to be read."""
    with engine.begin() as connection:
        made: UUID = connection.execute(text(MESSAGE), {"group": group}).scalar_one()
        return made


def event_message(engine: Engine, series: UUID) -> UUID:
    """One to those who registered for a date that waits to be read."""
    with engine.begin() as connection:
        made: UUID = connection.execute(text(EVENT_MESSAGE), {"series": series}).scalar_one()
        return made


EVENT_MESSAGE = """
INSERT INTO group_message (form, event, person, audience, at_once, subject, text, state,
                           base_url, queued_at)
SELECT gen_random_uuid(), event.id, event_series.person, 'coming', true, 'Samedi', 'Venez.',
       'held', '', now()
  FROM event JOIN event_series ON event_series.id = event.series
 WHERE event.series = :series LIMIT 1
RETURNING id"""

MESSAGE = """
INSERT INTO group_message (form, local_group, person, audience, at_once, subject, text, state,
                           base_url, queued_at)
SELECT gen_random_uuid(), local_group, person, 'members', true, 'Samedi', 'Venez.', 'held', '',
       now()
  FROM group_member WHERE local_group = :group AND standing = 'organiser'
RETURNING id"""

POST = """
INSERT INTO post (initiative, kind, text, state, queued_at)
VALUES (:initiative, 'news', 'Une nouvelle.', 'waiting', now()) RETURNING id"""

PHOTO = """
INSERT INTO photo (id, name, initiative, state, widths, width, height, shared_width, shared_height,
                   shared_bytes)
VALUES (:id, :name, :initiative, 'waiting', '{320}', 320, 240, 320, 240, 9000)"""


def public(engine: Engine, commune: str) -> dict[str, UUID]:
    """Two public initiatives that may be the same."""
    made = {name: Made(commune=commune, title=name) for name in ("public", "twin")}
    with engine.begin() as connection:
        insert(connection, list(made.values()))
    return {name: UUID(one.id) for name, one in made.items()}


def form_of(rule: Rule, side: Mapping[str, UUID]) -> dict[str, str]:
    """What is sent; `@name` stands for the id of something there."""
    return {
        name: str(side[text[1:]]) if text.startswith("@") else text
        for name, text in rule.form.items()
    }


def test_every_route_under_moderation_has_a_rule(app: Flask) -> None:
    """A new one says in `RULES` who may use it."""
    assert {door for door in doors(app) if is_moderation(door[1])} == RULES.keys()


@pytest.mark.parametrize(("method", "path"), RULES)
def test_who_may_do_what_in_moderation(
    scene: Scene, engine: Engine, method: str, path: str
) -> None:
    rule = RULES[method, path]
    leaver = {"person": str(person_of(engine, LEAVER))} if path.endswith("/retirer") else {}
    kinds = (rule.kind, "event_message") if rule.kind == "message" else (rule.kind,)
    for kind, side, expected in (
        (kind, side, expected)
        for kind in kinds
        for side, expected in ((scene.here, rule.here), (scene.there, rule.there))
    ):
        form = form_of(rule, side) | leaver
        territory = NORMANDIE if side is scene.there else BRETAGNE
        address = path.replace("<uuid:identifier>", str(side.get(kind, "")))
        address = address.replace("<uuid:photo>", str(side["photo"]))
        address = address.replace("<level>/<code>", territory.replace(":", "/"))
        address += f"?territory={territory}" if rule.kind == "part" else ""
        before = state(engine)
        given = dict(zip(ROLES, (*TURNED_AWAY, *expected), strict=False))
        for role, status in given.items():
            answer = scene.cast[role].open(method, address, **form)
            assert answer.status_code == status, (role, address, answer.text)
            assert answer.headers["Cache-Control"] == "no-store"
            if status != 303:
                assert state(engine) == before, (role, address)
            if status == 303 and role == "moderator":
                break  # it is decided: the admin has their turn in Normandie


def test_lists_show_each_their_part(scene: Scene) -> None:
    for path in (
        "/moderation",
        "/moderation/lieux",
        "/moderation?kind=report",
        "/moderation/confiance",
    ):
        for role, both in (("coordinator", False), ("moderator", False), ("admin", True)):
            page = scene.cast[role].get(path).text
            assert any(str(one) in page for one in scene.here.values()), (path, role)
            assert any(str(one) in page for one in scene.there.values()) == both, (path, role)


def test_who_has_no_role_finds_nothing(app: Flask, engine: Engine) -> None:
    known = str(proposal(engine, "Ici", commune=RENNES))
    cast = (Actor(app.test_client()), actor(app, engine, "person"))
    for method, path in RULES:
        for somebody in cast:
            answer = somebody.open(
                method, path.replace("<uuid:identifier>", known).replace("<uuid:photo>", known)
            )
            assert answer.status_code == 404, (method, path)


def test_elsewhere_a_role_opens_nothing(scene: Scene, keyed_app: Flask) -> None:
    for method, rule in doors(keyed_app):
        if is_moderation(rule) or is_import(rule):
            continue
        path = filled(rule)
        answers = {
            role: scene.cast[role].client.open(path, method=method, buffered=True).status_code
            for role in ("nobody", "person", "coordinator", "moderator", "admin")
        }
        nobody = answers.pop("nobody")
        assert len(set(answers.values())) == 1, (method, path, answers)
        if (method, rule) in NEEDS_A_PERSON:
            assert nobody == 303, (method, path)
        elif rule not in ASKS_FOR_AN_ADDRESS and not rule.startswith(OF_AN_AUTHOR):
            assert nobody == answers["person"], (method, path)


def test_files_are_imported_by_who_has_a_role(scene: Scene, keyed_app: Flask) -> None:
    for method, rule in doors(keyed_app):
        if not is_import(rule):
            continue
        path = filled(rule)
        for role in ROLES:
            answer = scene.cast[role].open(method, path)
            if role in ("nobody", "person"):
                assert answer.status_code == TURNED_AWAY[0], (method, path, role)
            elif path == "/importer":
                # A form without a file is sent back.
                assert answer.status_code == (200 if method == "GET" else 400), (method, role)
            else:
                assert answer.status_code == 404, (method, path, role)


def filled(rule: str) -> str:
    """An address of the route, with a value for each of its parts."""
    parts = rule.replace("<", "\0<").split("\0")
    found = parts[0]
    for part in parts[1:]:
        name, _, rest = part[1:].partition(">")
        found += VALUES[name.rpartition(":")[2]] + rest
    return found
