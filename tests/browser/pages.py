"""Every page of the service by its address, and one of each thing that the addresses name."""

import re
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.notifications.subscriptions import model as following
from mapservice.notifications.weekly_digest import model as briefing
from mapservice.publishing.reports import schedule_queries as schedules
from tests.accounts.people.mailbox import ask_for_link, last_link, sign_in
from tests.accounts.roles import cast
from tests.contributions.proposals.desk import propose
from tests.notifications.subscriptions.readers import follow

AUTHOR = "ana@example.org"
NOWHERE = "/nulle-part"
DEAD_LINK = "/confirmer/used-long-ago"

# Of anybody. What is in braces is made by `make`.
OPEN = (
    "/",
    "/initiatives",
    "/initiatives?theme=culture&q=cinéma",
    "/initiatives/{initiative}",
    "/initiatives/{initiative}/soutenir",
    "/initiatives/{initiative}/signaler",
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
    "/proposer",
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
    "/initiatives/{public}/contacter",
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
)
# Packages and single endpoints that answer machines, or with a file; besides those under /api.
NO_PAGE = {
    "activity", "assets", "basemap", "coordination_maps", "drawings", "feeds", "geocode", "health",
    "offline.manifest", "offline.service_worker", "operations", "photos", "proof", "sharing",
    "sitemap", "static", "tiles", "exporting.csv", "exporting.file", "exporting.geojson",
    "exporting.geojson_lines", "exporting.geojson_sequence", "coordination.figures_csv",
    "coordination.figures_xlsx", "ogc.collection_tile", "ogc.dataset_tile", "people.export",
    "embed.stylesheet", "oembed.oembed", "reporting.piece", "reporting.whole", "search.suggestions",
}  # fmt: skip

LETTERS = """
INSERT INTO briefing_reader (person, told_on) VALUES (:person, date_trunc('week', now()))
    ON CONFLICT (person) DO UPDATE SET told_on = excluded.told_on RETURNING id, leave_key"""
REPORTS = """
INSERT INTO report_schedule (person, view, base_url, ordered_for, told_for)
VALUES (:person, 'territory=region:53&by=departement&figure=rate', 'http://map.test',
        date_trunc('month', now()), date_trunc('month', now())) RETURNING id, leave_key"""
BURST = """
INSERT INTO burst (initiative, verdict, first_at, last_at, size, reasons)
VALUES (:initiative, 'look', now() - interval '1 hour', now(), 3, '[]') RETURNING id::text"""


def make(app: Flask, engine: Engine) -> Mapping[str, str]:
    """What the addresses name, and the session of an author who may do everything."""
    author = app.test_client()
    sign_in(author, engine, AUTHOR)
    cast.grant(engine, AUTHOR, "admin")
    public = propose(author, engine, email=AUTHOR, title="Un lavoir à relever")
    waiting = propose(author, engine, email=AUTHOR, title="Un verger à planter")
    follow(author, engine, "?territory=commune:35238", AUTHOR)
    ask_for_link(app.test_client(), "zoe@example.org")
    published = "UPDATE initiative SET status = 'published' WHERE id = :id"
    with engine.begin() as connection:
        connection.execute(text(published), {"id": public.id})
        leaving = ways_to_leave(connection, cast.person_of(engine, AUTHOR))
        burst = connection.execute(text(BURST), {"initiative": public.id}).scalar_one()
    return leaving | {
        "session": session_of(author),
        "public": str(public.id),
        "proposal": str(waiting.id),
        "burst": burst,
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
