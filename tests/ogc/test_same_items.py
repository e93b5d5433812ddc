"""One filter, several spellings: the grammar's door, parameters of the OGC, CQL2."""

import json
from urllib.parse import urlencode

import pytest

from tests.ogc.web import Service, fetch

# The grammar's own words, and the same in CQL2 where it has words for it.
SPELLINGS = [
    ({}, None),
    ({"theme": "culture,habitat"}, "theme IN ('culture','habitat')"),
    ({"status": "published"}, "status = 'published'"),
    ({"status": "archived"}, None),  # a filter narrows what is listed: it cannot ask for more
    ({"status": "done", "theme": "culture"}, "theme = 'culture' AND status = 'done'"),
    ({"territory": "region:53"}, "region = '53'"),
    (
        {"territory": "departement:35,commune:75056"},
        "departement = '35' OR commune = '75056'",
    ),
    ({"bbox": "-3,47,1,49"}, "S_INTERSECTS(geometry, BBOX(-3,47,1,49))"),
    ({"since": "2025-01-01"}, "created_at >= DATE('2025-01-01')"),
    ({"since": "2024-01-01", "until": "2024-12-31"}, "T_DURING(created_at, {whole})"),
    ({"precision": "point"}, "geometry IS NOT NULL"),
    ({"precision": "commune,point"}, "NOT (commune IS NULL)"),
    ({"q": "jardin"}, None),
    ({"near": "2.35,48.86", "radius": "20000"}, None),
    ({"near": "2.35,48.86", "theme": "culture", "q": "atelier or fête"}, None),
]
WHOLE_YEAR = "INTERVAL('2023-12-31T23:59:59Z','2025-01-01T00:00:00Z')"


@pytest.mark.parametrize(("asked", "cql2"), SPELLINGS)
def test_every_spelling_selects_the_same(
    live_server: str, asked: dict[str, str], cql2: str | None
) -> None:
    ogc = Service(f"{live_server}/ogc")
    listed = fetch(f"{live_server}/initiatives.geojson?{urlencode(asked)}").json["features"]
    expected = {feature["id"] for feature in listed}
    assert ogc.ids("initiatives", limit="100", **asked) == expected
    hits = ogc.items("initiatives", resultType="hits", **asked).json
    assert hits["numberMatched"] == len(expected)
    if cql2:
        found = ogc.ids("initiatives", limit="100", filter=cql2.format(whole=WHOLE_YEAR))
        assert found == expected


def test_features_are_the_same_as_at_the_other_door(live_server: str) -> None:
    ogc = Service(f"{live_server}/ogc")
    listed = fetch(f"{live_server}/initiatives.geojson?limit=50").json["features"]
    for feature in listed:
        # What a source says beyond the fields has no place in a schema that is told beforehand.
        del feature["properties"]["attributes"]
    assert ogc.items("initiatives", limit="50").json["features"] == listed


def test_figures_are_those_of_the_activity_door(live_server: str) -> None:
    ogc = Service(f"{live_server}/ogc")
    asked = {"theme": "culture", "status": "archived,done"}
    figures = fetch(f"{live_server}/activity/region.json?{urlencode(asked)}").json["territories"]
    items = ogc.items("activity-region", limit="100", **asked).json["features"]
    names = ("code", "name", "initiatives", "supporters", "per_10000_inhabitants")
    assert [[item["properties"][name] for name in names] for item in items] == [
        [figure[name] for name in names] for figure in figures
    ]


def test_places_that_do_not_exist_are_refused(live_server: str) -> None:
    refusal = Service(f"{live_server}/ogc").items("initiatives", territory="commune:99999")
    assert (refusal.status, refusal.json["field"]) == (400, "territory")


def test_tiles_follow_the_grammar_too(live_server: str) -> None:
    tile = f"{live_server}/ogc/collections/initiatives/tiles/WebMercatorQuad/0/0/0?f=geojson"
    clusters = json.loads(fetch(f"{tile}&theme=culture").body)["features"]
    ogc = Service(f"{live_server}/ogc")
    placed = ogc.ids("initiatives", theme="culture", bbox="-180,-90,180,90")
    assert sum(one["properties"]["count"] for one in clusters) == len(placed)
