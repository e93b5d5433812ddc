"""Coordinators read how many groups and events there are, and which territories have none."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.events import model as events
from mapservice.events import queries as event_queries
from mapservice.groups import model as groups
from mapservice.groups.model import SAMPLE
from mapservice.rollups import group_event_queries as counted
from tests.rollups.gatherings import add_events, add_groups

RENNES, SAINT_MALO, VITRE = "35238", "35288", "35360"


@pytest.fixture
def gathered(engine: Engine) -> None:
    """Rennes has groups, one of them dormant, and dates to come; Saint-Malo what is over."""
    soon = (datetime.now(UTC) + timedelta(days=2)).isoformat(timespec="seconds")
    with engine.begin() as connection:
        add_groups(connection, RENNES, count=3)
        add_groups(connection, RENNES, theme="habitat")
        add_groups(connection, "")  # of all Bretagne
        connection.execute(text(DORMANT), {"theme": "habitat"})
        add_groups(connection, SAINT_MALO, status="archived")
        add_events(connection, RENNES, day=soon, count=2)
        add_events(connection, SAINT_MALO, day="2026-01-05T18:00Z")
        add_events(connection, VITRE, day=soon, status="postponed")


DORMANT = "UPDATE local_group SET last_sign_at = now() - interval '200 days' WHERE theme = :theme"


def section(client: FlaskClient, address: str) -> str:
    """The words of the section, with its links."""
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    start = answer.text.index('id="groupes-evenements"')
    return re.sub(r"\s+", " ", answer.text[start : answer.text.index("</details>", start)])


def band(html: str) -> list[int]:
    found = re.findall(r"<dd>(\d+)</dd>", html)
    return [int(one) for one in found[:3]]


def silent(html: str, figure: str) -> tuple[int, list[str]]:
    """How many parts have none, and the codes of those that are listed."""
    part = html[html.index(f'id="sans-{figure}"') :].split("</section>")[0]
    found = re.search(r'class="quiet">([\d\s\u202f]+) sur', part)
    assert found
    count = int(re.sub(r"\D", "", found[1]))
    return count, re.findall(r'href="/coordination/\w+/(\w+)', part)


def test_silent_communes_are_named_and_invited(gathered: None, client: FlaskClient) -> None:
    html = section(client, "/coordination/departement/35/groupes")
    assert band(html) == [4, 2, 1]
    assert "dont 1 en sommeil" in html
    rows = client.get("/activity/commune.json?territory=departement:35").get_json()["territories"]
    inhabited = sum(one["population"] > 0 for one in rows)
    count, listed = silent(html, "groups")
    assert count == inhabited - 1
    assert listed[0] == SAINT_MALO, "an archived group is none, and it has most inhabitants"
    assert RENNES not in listed
    assert f'href="/groupes/creer?commune={SAINT_MALO}"' in html
    count, listed = silent(html, "events_coming")
    assert count == inhabited - 1, "what is over or postponed does not come"
    assert {SAINT_MALO, VITRE} <= set(listed)
    assert client.get(f"/groupes/creer?commune={SAINT_MALO}").status_code == 200


def test_what_is_wider_than_a_commune_counts_where_it_is_placed(
    gathered: None, client: FlaskClient
) -> None:
    html = section(client, "/coordination/region/53/groupes?by=departement")
    assert band(html) == [5, 2, 1]
    assert silent(html, "groups")[1] == ["29", "56", "22"]
    assert "d’exemple" not in html
    html = section(client, "/coordination/groupes?theme=habitat")
    assert band(html) == [1, 0, 0]
    assert "Du thème choisi." in html
    html = section(client, "/coordination/region/53/groupes?since=2026-01-01&until=2026-01-31")
    assert "les groupes qui y ont été publiés" in html
    assert band(html) == [5, 0, 1]


def test_files_have_the_figures_of_every_part(gathered: None, client: FlaskClient) -> None:
    for address, level, query in (
        ("/coordination/departement/35.csv", "commune", "territory=departement:35"),
        ("/coordination/region/53.csv?by=epci", "epci", "territory=region:53"),
        ("/coordination.csv?by=departement", "departement", ""),
    ):
        rows = list(csv.DictReader(io.StringIO(client.get(address).text)))
        told = client.get(f"/activity/{level}.json?{query}").get_json()["territories"]
        filed, answered = (
            {one["code"]: [int(one[name]) for name in counted.COLUMNS] for one in source}
            for source in (rows, told)
        )
        assert filed == answered, address
        assert any(map(any, filed.values()))


def test_made_up_groups_are_said_to_be_so(engine: Engine, client: FlaskClient) -> None:
    with engine.begin() as connection:
        add_groups(connection, RENNES, source=SAMPLE)
    html = section(client, "/coordination/departement/35/groupes")
    assert band(html) == [1, 0, 0]
    assert "groupes ou des événements d’exemple, qui n’existent pas" in html


def test_counts_mean_what_the_rooms_of_groups_and_events_mean() -> None:
    public = set(groups.PUBLIC) - {groups.GroupStatus.ARCHIVED}
    assert set(counted.GROUPS_COUNTED) == public
    assert groups.DORMANT_AFTER == counted.DORMANT_AFTER
    assert counted.EVENTS_COUNTED == events.LISTED
    assert event_queries.LONGEST == counted.LONGEST_EVENT
