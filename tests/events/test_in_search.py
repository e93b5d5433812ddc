"""Events and groups answer a search as initiatives do: by words, place and days."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.events.recurrence import PARIS, wall_time
from mapservice.initiatives.local_days import SATURDAY
from tests.events.organiser import Organiser, publish
from tests.groups.founder import Founder
from tests.groups.founder import publish as publish_group
from tests.moderation.moderator import Moderator


def evening_of_next(weekday: int) -> datetime:
    """Late on the next such day, today included: not over yet, whenever the test runs."""
    today = wall_time(datetime.now(UTC), PARIS).date()
    day = today + timedelta(days=(weekday - today.weekday()) % 7)
    return datetime(day.year, day.month, day.day, 23, 0)


def ask(client: FlaskClient, q: str, **more: object) -> dict[str, Any]:
    answer = client.get("/recherche.json", query_string={"q": q, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = json.loads(answer.text)
    return found


def titles(found: dict[str, Any]) -> list[str]:
    return [one["title"] for one in found["events"]]


def test_search_finds_events_by_words_place_and_days(
    visitor: FlaskClient, organiser: Organiser, eva: Moderator, engine: Engine
) -> None:
    begin = evening_of_next(SATURDAY)
    made = {"starts": f"{begin:%Y-%m-%dT%H:%M}", "ends": f"{begin:%Y-%m-%dT23:55}"}
    for title, place, repeat in (
        ("Grand ramassage", "Rennes", ""),
        ("Chorale ouverte", "Nantes", "weekly"),
    ):
        known = organiser.propose(title=title, place=place, summary="", repeat=repeat, **made)
        publish(eva, engine, known)

    # Days and a place, without any word; a town's neighbour is told of what is around it.
    assert titles(ask(visitor, "ce week-end à Rennes")) == ["Grand ramassage"]
    assert titles(ask(visitor, "samedi à Rennes")) == ["Grand ramassage"]
    assert titles(ask(visitor, "dimanche à Rennes")) == []
    assert titles(ask(visitor, "ce week-end à Bruz")) == ["Grand ramassage"]
    assert "Rendez-vous à moins de 20 km" in visitor.get("/recherche?q=ce week-end à Bruz").text
    assert titles(ask(visitor, "ce week-end à Lyon")) == []
    assert "Aucun rendez-vous n’est annoncé là" in visitor.get("/recherche?q=demain à Lyon").text
    # Words; a series is one answer, by its next date.
    assert titles(ask(visitor, "chorale")) == ["Chorale ouverte"]
    assert titles(ask(visitor, "chorale Nantes")) == ["Chorale ouverte"]
    assert titles(ask(visitor, "chorale Lyon")) == []
    assert titles(ask(visitor, "événements Nantes")) == ["Chorale ouverte"]
    # Nobody says "marché" there that day: what else there is, and it is said to be that.
    assert titles(ask(visitor, "samedi marché Nantes")) == ["Chorale ouverte"]
    page = visitor.get("/recherche?q=samedi marché Nantes").text
    assert "Autres rendez-vous ces jours-là, au même endroit" in page
    # A filter that no event answers to leaves none; a place that is certain is gone to.
    assert titles(ask(visitor, "chorale", access="wheelchair")) == []
    assert visitor.get("/recherche?q=Rennes").status_code == 303
    # The list that the page leads to holds what the page shows.
    page = visitor.get("/recherche?q=ce week-end à Bruz").text
    (link,) = [part.split('"')[0] for part in page.split('href="') if part.startswith("/evenem")][
        -1:
    ]
    assert "Grand ramassage" in visitor.get(link.replace("&amp;", "&")).text


def test_a_habit_is_no_day() -> None:
    from mapservice.site.search.intent import understand
    from mapservice.site.search.model import PlacesFound

    def days(text: str) -> str:
        return understand(text, lambda _text: PlacesFound()).days

    assert days("marché samedi") == "saturday"
    assert days("demain") == "tomorrow"
    assert days("couture du mercredi") == days("le marché du samedi") == ""
    assert days("chaque jeudi") == ""


def test_search_finds_groups_by_name_and_place(
    visitor: FlaskClient, event_app: Any, eva: Moderator, engine: Engine
) -> None:
    founder = Founder(event_app.test_client(), engine)
    publish_group(eva, founder.found(title="Les berges de Rennes", place="Rennes"))
    for q in ("Les berges de Rennes", "berges", "groupes Rennes", "berges Rennes"):
        assert [one["name"] for one in ask(visitor, q)["groups"]] == ["Les berges de Rennes"], q
    assert ask(visitor, "berges Lyon")["groups"] == []
    # A group is on no day.
    assert ask(visitor, "ce week-end à Rennes")["groups"] == []
    assert "Les berges de Rennes" in visitor.get("/recherche?q=berges").text
