"""Near me: events and groups stand beside initiatives, by the same rule of what is near."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from tests.events.organiser import Organiser, publish, soon
from tests.groups.founder import Founder
from tests.groups.founder import publish as publish_group
from tests.moderation.moderator import Moderator

# The town hall of Rennes, more than its circle away from the label point of the commune.
HERE = "-1.6794,48.1113"
FAR = "4.8357,45.7640"


def section(page: str, identifier: str) -> str:
    found = re.search(rf'<section[^>]* id="{identifier}".*?</section>', page, re.S)
    return unescape(found[0]) if found else ""


def test_near_me_tells_events_and_groups_apart(
    visitor: FlaskClient, event_app: Any, organiser: Organiser, eva: Moderator, engine: Engine
) -> None:
    for days, title in ((3, "Grand ramassage"), (40, "Bal du printemps")):
        begin = soon(days)
        times = {"starts": begin, "ends": begin + timedelta(hours=2)}
        made = {name: f"{moment:%Y-%m-%dT%H:%M}" for name, moment in times.items()}
        publish(eva, engine, organiser.propose(title=title, place="Rennes", **made))
    founder = Founder(event_app.test_client(), engine)
    publish_group(eva, founder.found(title="Les berges de Rennes", place="Rennes"))

    page = visitor.get(f"/autour-de-moi?near={HERE}").text
    events, groups = section(page, "near-events"), section(page, "near-groups")
    assert "Grand ramassage" in events
    assert "dans la commune de Rennes" in events
    assert "Bal du printemps" not in events  # beyond two weeks
    assert "Les berges de Rennes" in groups
    # The lists they lead to hold them.
    for part, title in ((events, "Grand ramassage"), (groups, "Les berges de Rennes")):
        (link,) = re.findall(r'class="doors"><a href="([^"]+)"', part)
        assert title in visitor.get(link).text
    # Elsewhere there are none, nor where the filter asks for what they do not say.
    for query in (f"near={FAR}", f"near={HERE}&access=wheelchair", f"near={HERE}&theme=culture"):
        page = visitor.get(f"/autour-de-moi?{query}").text
        assert "Grand ramassage" not in page, query
        assert "Les berges de Rennes" not in page, query
    # Days are a chip as on the lists; they are those of events too, and of no group.
    page = visitor.get(f"/autour-de-moi?near={HERE}").text
    assert 'data-key="when-weekend"' in page
    assert 'data-key="access-wheelchair"' in page
    page = visitor.get(f"/autour-de-moi?near={HERE}&when=today").text
    assert "Aucun rendez-vous par ici ces jours-là" in section(page, "near-events")
    assert section(page, "near-groups") == ""


def test_the_newest_group_comes_first_however_well_it_is_placed(
    visitor: FlaskClient, event_app: Any, eva: Moderator, engine: Engine
) -> None:
    founder = Founder(event_app.test_client(), engine)
    older = founder.found(title="À la mairie", place="Rennes")
    publish_group(eva, older)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE local_group SET precision = 'point',"
                " point = ST_SetSRID(ST_MakePoint(-1.6794, 48.1113), 4326) WHERE name = :name"
            ),
            {"name": "À la mairie"},
        )
    publish_group(eva, founder.found(title="Quelque part à Rennes", place="Rennes"))
    groups = section(visitor.get(f"/autour-de-moi?near={HERE}").text, "near-groups")
    assert 0 < groups.index("Quelque part à Rennes") < groups.index("À la mairie")
