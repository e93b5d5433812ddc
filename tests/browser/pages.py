"""Every page of the service by its address, and one of each thing that the addresses name."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from mapservice.contributions.conversations.model import signature as reply_signature
from mapservice.contributions.needs import service as needs
from mapservice.events import message_service
from mapservice.events.registration_service import register, seat_path
from mapservice.groups import message_service as messages
from mapservice.groups import queries as groups
from mapservice.groups.membership_service import add, leave_path
from mapservice.groups.model import (
    EventAudience,
    MemberChoice,
    MemberStanding,
    MessageAudience,
    MessageContent,
)
from mapservice.mail.unsubscribe import signature
from mapservice.notifications.subscriptions import model as following
from mapservice.notifications.weekly_digest import model as briefing
from mapservice.publishing.reports import schedule_queries as schedules
from tests.accounts.people.mailbox import ask_for_link, last_link, sign_in
from tests.accounts.roles import cast
from tests.contributions.proposals.desk import propose
from tests.events.organiser import Organiser, make_person, series_of
from tests.groups.founder import Founder
from tests.notifications.subscriptions.readers import follow

AUTHOR = "ana@example.org"
NOWHERE = "/nulle-part"
DEAD_LINK = "/confirmer/used-long-ago"

# Of anybody. What is in braces is made by `make`.
OPEN = (
    "/",
    "/?voir=initiatives,evenements,groupes",
    "/initiatives",
    "/initiatives?theme=culture&q=cinéma",
    "/initiatives/{initiative}",
    "/initiatives/{initiative}/soutenir",
    "/initiatives?when=weekend&open=now&access=wheelchair&tag=compost&audience=enfants",
    "/besoins/{need}",
    "/coups-de-main",
    "/coups-de-main?skill=gardening&from=2020-01-01",
    "/coups-de-main?lieu=Saint-Denis",
    "{stop_event_messages}",
    "{report_event_message}",
    "{leave_need}",
    "/initiatives/{initiative}/signaler",
    "/initiatives/{public}",
    "/initiatives/{public}/journal",
    "/initiatives/{public}/suivre",
    "/organisations/les-amis-du-lavoir",
    "{reply}",
    "/recherche?q=v%C3%A9lo%20Rennes",
    "/autour-de-moi",
    "/recherche",
    "/recherche?q=Saint-Denis",
    "/recherche?q=v%C3%A9lo",
    "/recherche?q=zzxqyyv",
    "/autour-de-moi?near=-1.68,48.11&radius=20000",
    "/territoires",
    "/territoires/commune/35238",
    "/territoires/commune/93066?depuis=93059",
    "/territoires/departement/35",
    "/coordination",
    "/coordination/departement/35?figure=change&by=epci",
    "/coordination/region/53?with=region:28",
    "/coordination/region/53/silence",
    "/coordination/departement/35/groupes",
    "/proposer",
    "/evenements",
    "/evenements?vue=carte&when=week",
    "/evenements?q=zzxqyyv",
    "/evenements?lieu=Saint-Denis",
    "/evenements/mois",
    "/evenements/mois?theme=culture",
    "/evenements/{event}",
    "/evenements/{event}/inscription",
    "{leave_event}",
    "{seat}",
    "/evenements/proposer",
    "/groupes",
    "/groupes?q=zzxqyyv",
    "/groupes/{group}",
    "/groupes/{group}/adhesion",
    "{leave_group}",
    "{stop_group}",
    "/evenements/{event}/affichette",
    "/groupes/{group}/affichette?format=a5",
    "/territoires/departement/35/affiche",
    "{report_message}",
    "/groupes/creer",
    "/suivre?territory=commune:35238",
    "{leave_digests}",
    "{leave_letters}",
    "{leave_reports}",
    "/connexion",
    "/connexion/envoyee",
    "/confirmer/{secret}",
    DEAD_LINK,
    "/exports",
    "/exports/{export}",
    "/rapports",
    "/rapports/{report}",
    "/methode",
    "/integrer",
    "/integrer?territory=commune:35238&theme=culture&show=list",
    "/integrer?place=Saint-Denis",
    "/integrer?initiative={initiative}",
    "/embed?territory=departement:35",
    "/embed?show=map&look=dark",
    "/embed?show=list&look=light&limit=3",
    "/embed?show=map&q=zzxqyyv",
    "/embed?territory=commune:22222",
    "/embed/initiatives/{initiative}",
    "/enregistrees",
    "/mentions-legales",
    "/confidentialite",
    "/accessibilite",
    "/aide",
    "/contact",
    NOWHERE,
    "/ogc",
    "/ogc/api",
    "/ogc/conformance",
    "/ogc/collections",
    "/ogc/collections/initiatives",
    "/ogc/collections/initiatives/queryables",
    "/ogc/collections/initiatives/sortables",
    "/ogc/collections/initiatives/items?limit=5",
    "/ogc/collections/initiatives/items/{initiative}",
    "/ogc/collections/initiatives/tiles",
    "/ogc/collections/initiatives/tiles/WebMercatorQuad",
    "/ogc/tiles",
    "/ogc/tiles/WebMercatorQuad",
    "/ogc/tileMatrixSets",
    "/ogc/tileMatrixSets/WebMercatorQuad",
)
# Of who is signed in: an author who moderates.
OWN = (
    "/compte",
    "/compte/effacer",
    "/compte/jetons",
    "/compte/second-facteur",
    "/compte/second-facteur/code",
    "/proposer",
    "/initiatives/{proposal}/suivi",
    "/initiatives/{proposal}/modifier",
    "/initiatives/{proposal}/historique",
    "/initiatives/{proposal}/photos",
    "/initiatives/{public}/besoins",
    "/initiatives/{public}",
    "/initiatives/{public}/contacter",
    "/evenements/{event}/organiser",
    "/evenements/{event}/messages/ecrire",
    "/evenements/{event}/besoins",
    "/groupes/{group}/besoins",
    "/evenements/{event}/modifier",
    "/evenements/{event}/inscription",
    "/evenements/{event}/liste",
    "{check_in}",
    "/moderation/evenements/{event_series}",
    "/groupes/{group}",
    "/groupes/{group}/bureau",
    "/groupes/{group}/organiser",
    "/groupes/{group}/messages/ecrire",
    "/groupes/{group}/modifier",
    "/groupes/{group}/adhesion",
    "/moderation/groupes/{group}",
    "/moderation/messages/{message}",
    "/initiatives/{public}/nouvelles",
    "/initiatives/{public}/clore?comme=done",
    "/moderation/nouvelles/{post}",
    "/moderation",
    "/moderation/{proposal}",
    "/moderation/lieux",
    "/moderation/lieux/{doubt}",
    "/moderation/signalements",
    "/moderation/signalements/{told}",
    "/moderation/confiance",
    "/moderation/confiance/{public}",
    "/moderation/confiance/rafales/{burst}",
    "/moderation/confiance/territoire/region/53",
    "/moderation/roles",
    "/importer",
    "/importer/{upload}",
)
# Packages and single endpoints that answer machines, or with a file; besides those under /api.
NO_PAGE = {
    "activity", "assets", "basemap", "coordination_maps", "drawings", "feeds", "geocode", "health",
    "comments.ask",  # closed unless a setting opens it
    "news_feed", "operations",
    "offline.manifest", "offline.service_worker", "photos", "proof", "sharing",
    "sitemap", "static", "tiles", "event_tiles", "group_tiles", "events.as_geojson",
    "events.as_csv", "events.as_linked_data", "events.as_agenda",
    "events.as_atom", "events.as_calendar", "events.one_calendar", "events.whole_series",
    "events.personal_calendar", "exporting.csv", "exporting.file", "exporting.excel_workbook",
    "exporting.open_workbook", "catalogue.catalogue", "exporting.geojson",
    "exporting.geojson_lines", "exporting.geojson_sequence", "coordination.figures_csv",
    "coordination.figures_xlsx", "ogc.collection_tile", "ogc.dataset_tile", "people.export",
    "importer.report", "importer.landings",
    "embed.stylesheet", "oembed.oembed", "reporting.piece", "reporting.whole",
    "search.suggestions", "groups.as_geojson", "groups.as_csv", "groups.as_atom",
    "printed.event_map", "printed.group_map", "federation", "event_drawings", "map_drawings",
}  # fmt: skip

ABOUT_EVENT = MessageContent(EventAudience.COMING, True, "Dimanche", "La salle a changé.")
MESSAGE = MessageContent(MessageAudience.MEMBERS, True, "Samedi", "Venez avec des gants.")
GROUP = """
UPDATE local_group SET status = 'published', published_at = now() WHERE id = :id"""
LETTERS = """
INSERT INTO briefing_reader (person, told_on) VALUES (:person, date_trunc('week', now()))
    ON CONFLICT (person) DO UPDATE SET told_on = excluded.told_on RETURNING id, leave_key"""
REPORTS = """
INSERT INTO report_schedule (person, view, base_url, ordered_for, told_for)
VALUES (:person, 'territory=region:53&by=departement&figure=rate', 'http://map.test',
        date_trunc('month', now()), date_trunc('month', now())) RETURNING id, leave_key"""
NEED = """
INSERT INTO need (initiative, words, day, places)
VALUES (:initiative, 'Dix paires de mains', current_date + 12, 10) RETURNING id"""
OTHER_NEED = """
INSERT INTO need ({}, words, places, skill) VALUES (:owner, 'Servir la soupe', 3, 'cooking')"""
COMES = """
INSERT INTO registration (need, person, leave_key)
VALUES (:need, :person, sha256('leave')) RETURNING id, leave_key"""
BURST = """
INSERT INTO burst (initiative, verdict, first_at, last_at, size, reasons)
VALUES (:initiative, 'look', now() - interval '1 hour', now(), 3, '[]') RETURNING id::text"""


UPLOAD = """
INSERT INTO import_upload (person, file_name, state, preview)
VALUES (:person, 'actions.ods', 'checked', :preview) RETURNING text(id)"""
PREVIEW = {
    "rows": 2,
    "platform": "actions",
    "title_doubt": "",
    "problems": ["sheet 'Notes' is hidden: not read"],
    "columns": [
        {
            "column": "Titre",
            "field": "title",
            "reason": "by its name",
            "kind": "",
            "doubt": "",
            "personal": False,
            "examples": ["Un four à pain"],
        }
    ],
    "first": [{"Titre": "Un four à pain"}],
    "counts": {"imported": 1, "to_review": 1},
    "shown": {"imported": [{"row": 1, "title": "Un four à pain", "place": "", "reason": ""}]},
    "gone": {"archived": 0, "waiting": 0},
    "communes": 1,
}
PAGE = """
UPDATE person SET name = 'Les amis du lavoir', slug = 'les-amis-du-lavoir'
 WHERE id = :person"""
NEWS = """
INSERT INTO post (initiative, person, kind, text, state, published_at)
VALUES (:initiative, :person, 'news', 'Le toit est refait.', 'public', now()) RETURNING id::text"""
WAITING_NEWS = """
INSERT INTO post (initiative, person, kind, text, state, queued_at)
VALUES (:initiative, :person, 'news', 'Bientôt la fête.', 'waiting', now())"""
REPLY = """
WITH begun AS (
  INSERT INTO conversation (initiative, author, visitor) VALUES (:initiative, :person, :person)
  RETURNING id, key
)
INSERT INTO reply_link (conversation, side, expires_at)
SELECT id, 'author', now() + interval '9 days' FROM begun
RETURNING id, (SELECT key FROM begun) AS key"""


def make(app: Flask, engine: Engine) -> Mapping[str, str]:
    """What the addresses name, and the session of an author who may do everything."""
    author = app.test_client()
    sign_in(author, engine, AUTHOR)
    cast.grant(engine, AUTHOR, "admin")
    public = propose(author, engine, email=AUTHOR, title="Un lavoir à relever")
    waiting = propose(author, engine, email=AUTHOR, title="Un verger à planter")
    follow(author, engine, "?territory=commune:35238", AUTHOR)
    ask_for_link(app.test_client(), "zoe@example.org")
    event = Organiser(author, engine).propose(email=AUTHOR)
    group = Founder(author, engine).found(email=AUTHOR)
    published = "UPDATE initiative SET status = 'published' WHERE id = :id"
    with engine.begin() as connection:
        connection.execute(text(published), {"id": public.id})
        author_id = cast.person_of(engine, AUTHOR)
        leaving = ways_to_leave(connection, author_id)
        need = connection.execute(text(NEED), {"initiative": public.id}).scalar_one()
        comes = connection.execute(text(COMES), {"need": need, "person": author_id}).one()
        upload = connection.execute(
            text(UPLOAD).bindparams(bindparam("preview", type_=JSONB)),
            {"person": author_id, "preview": PREVIEW},
        ).scalar_one()
        burst = connection.execute(text(BURST), {"initiative": public.id}).scalar_one()
        connection.execute(
            text("UPDATE event SET status = 'published' WHERE id = :id"), {"id": event}
        )
        for column, owner in (("local_group", group), ("event", event)):
            connection.execute(text(OTHER_NEED.format(column)), {"owner": owner})
        coming = register(
            connection, event, cast.person_of(engine, AUTHOR), AUTHOR, datetime.now(UTC), name="Ana"
        )
        series = series_of(connection, event)
        connection.execute(text(GROUP), {"id": group})
        bea = make_person(connection, "Béa")
        add(connection, group, bea, MemberStanding.MEMBER, MemberChoice("Béa", shares_address=True))
        cem = make_person(connection, "Cem")
        add(connection, group, cem, MemberStanding.REQUESTED, MemberChoice("Cem"))
        member = groups.of_person(connection, group, bea)
        assert member is not None
        sent = messages.send(
            connection, group, author_id, uuid4(), MESSAGE, "http://map.test", datetime.now(UTC)
        )
        about_event = message_service.send(
            connection, event, author_id, uuid4(), ABOUT_EVENT, "http://map.test", datetime.now(UTC)
        )
        event_told = messages.due(connection, about_event.id, author_id)
        assert event_told is not None
        told = messages.due(connection, sent.id, bea)
        assert told is not None
        messages.report(connection, sent, bea, "Une publicité.")
        person = {"person": cast.person_of(engine, AUTHOR), "initiative": public.id}
        connection.execute(text(PAGE), person)
        post = connection.execute(text(NEWS), person).scalar_one()
        connection.execute(text(WAITING_NEWS), person)
        reply = connection.execute(text(REPLY), person).one()
    return leaving | {
        "event": str(event),
        "event_series": str(series),
        "group": str(group),
        "leave_group": leave_path(member),
        "seat": seat_path(coming),
        "stop_group": messages.stop_path(member),
        "stop_event_messages": message_service.stop_path(coming),
        "report_event_message": messages.report_path(event_told, author_id),
        "report_message": messages.report_path(told, bea),
        "message": str(sent.id),
        "leave_event": f"/evenements/{event}/quitter/{coming.id}/"
        + signature(coming.id, coming.leave_key),
        "check_in": f"/evenements/{event}/pointage/{coming.id}",
        "session": session_of(author),
        "public": str(public.id),
        "proposal": str(waiting.id),
        "burst": burst,
        "need": str(need),
        "leave_need": needs.leave_path(comes.id, bytes(comes.leave_key)),
        "upload": upload,
        "post": post,
        "reply": f"/repondre/{reply.id}/{reply_signature(reply.id, reply.key)}",
        "told": str(cast.report(engine, public.id, "Le lavoir est à la commune voisine.")),
        "secret": last_link(engine, "zoe@example.org").removeprefix("/confirmer/"),
        "initiative": first_feature(app.test_client()),
        "doubt": first_doubt(author.get("/moderation/lieux").text),
        "export": ordered(app.test_client(), "/exports", {"format": "gpkg"}),
        "report": ordered(app.test_client(), "/rapports", {"territory": "departement:35"}),
    }


def ways_to_leave(connection: Connection, person: Any) -> dict[str, str]:
    """The mailed links that end digests, letters and monthly reports."""
    reader = connection.execute(text(LETTERS), {"person": person}).one()
    schedule = connection.execute(text(REPORTS), {"person": person}).one()
    follower = connection.execute(text("SELECT id, leave_key FROM follower")).one()
    return {
        "leave_digests": following.leave_path(*follower),
        "leave_letters": briefing.leave_path(*reader),
        "leave_reports": schedules.leave_path(*schedule),
    }


def session_of(client: FlaskClient) -> str:
    cookie = client.get_cookie("personne")
    assert cookie is not None
    return str(cookie.value)


def first_feature(client: FlaskClient) -> str:
    answer = client.get("/initiatives.geojson?limit=1&precision=point")
    return str(answer.get_json(force=True)["features"][0]["id"])


def first_doubt(queue: str) -> str:
    found = re.search(r"/moderation/lieux/([0-9a-f-]{36})", queue)
    assert found
    return found[1]


def ordered(client: FlaskClient, address: str, form: Mapping[str, str]) -> str:
    """The id of a file that is to be made."""
    answer = client.post(address, data=form)
    assert answer.status_code == 202, answer.text
    return str(answer.get_json()["id"])
