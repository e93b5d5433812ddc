"""The same filter gives the same initiatives at every door."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import mapbox_vector_tile
import pytest
from flask.testing import FlaskClient
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pyproj import Geod

from mapservice.geocoding.model import Precision
from mapservice.initiatives import local_days
from mapservice.initiatives.facts import FACT_COLUMNS, Audience, Wheelchair
from mapservice.initiatives.filters import (
    AccessAsked,
    InitiativeFilters,
    ListingSort,
    OpenAsked,
    parse,
)
from mapservice.initiatives.kept_attributes import AttributeAsked
from mapservice.initiatives.local_days import DaysAsked, area_of, days_of, is_holiday, zone_of
from mapservice.initiatives.model import PUBLIC, Theme
from mapservice.initiatives.opening_hours import parse as parse_hours
from mapservice.territories.coordinates import BBox, LonLat
from mapservice.territories.model import Level, TerritoryRef
from tests.conftest import LONG
from tests.web.population import FIRST_DAY, KIND, MINUTE, POINTS, SEATS, SINCE, Kept, tiles_of

# What a text search finds, by words of the titles.
FOUND = {
    "jardin": ("Jardin",),
    "JARDINS partages": ("Jardin",),
    "velo": ("Atelier",),
    '"atelier vélo"': ("Atelier",),
    "jardin or chorale": ("Jardin", "Chorale"),
    "jardin chorale": (),
    "epicerie ete": ("Épicerie",),
    "'; DROP TABLE initiative; --": (),
}
PROPERTIES = (
    "id title summary theme status scale commune commune_name epci departement region"
    " region_name precision supporters created_at created_period updated_at url"
    " source source_url licence attribution source_supporters"
    f" {' '.join(FACT_COLUMNS)} attributes"
)
BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
# Without the shrinking of a failure, which takes minutes for so many doors.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
WGS84 = Geod(ellps="WGS84")
# Positions so near to a limit may fall on either side of it: floats of boxes in an index.
DOUBT_METRES = 5.0


def get(client: FlaskClient, address: str) -> Any:
    response = client.get(address, buffered=True)  # a stream gives its connection back when closed
    assert response.status_code in (200, 204), (address, response.text)
    return response


@pytest.fixture(scope="module", autouse=True)
def _one_minute() -> Iterator[None]:
    """What goes by the clock is asked for at `MINUTE`, however long the asking takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_days, "now", lambda: MINUTE)
        yield


def of_list(client: FlaskClient, query: str, limit: int) -> list[str]:
    """Ids of the pages for people, from the first to the last."""
    found: list[str] = []
    address: str | None = f"/initiatives?{query}&limit={limit}"
    while address:
        page = get(client, address).text
        found += re.findall(r'data-id="([^"]+)"', page)
        following = re.search(r'data-next href="([^"]+)"', page)
        address = unescape(following[1]) if following else None
    return found


def of_embed(client: FlaskClient, query: str, limit: int) -> list[str]:
    """Ids of the pages of a frame for other sites."""
    found: list[str] = []
    address: str | None = f"/embed?{query}&limit={limit}&show=list&lang=en"
    while address:
        page = get(client, address).text
        found += re.findall(r'data-id="([^"]+)"', page)
        following = re.search(r'data-next href="([^"]+)"', page)
        address = unescape(following[1]) if following else None
        assert address is None or "show=list" in address
    return found


def of_geojson(client: FlaskClient, query: str) -> list[str]:
    features = get(client, f"/initiatives.geojson?{query}").json["features"]
    return [feature["id"] for feature in features]


def of_geojson_pages(client: FlaskClient, query: str, limit: int) -> list[str]:
    found: list[str] = []
    address: str | None = f"/initiatives.geojson?{query}&limit={limit}"
    while address:
        page = get(client, address).json
        assert page["numberReturned"] == len(page["features"]) <= limit
        found += [feature["id"] for feature in page["features"]]
        address = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    return found


def of_csv(client: FlaskClient, query: str) -> list[str]:
    rows = csv.DictReader(io.StringIO(get(client, f"/initiatives.csv?{query}").text))
    return [row["id"] for row in rows]


def of_lines(client: FlaskClient, query: str) -> list[str]:
    """Ids of both forms of a feature a line, which must agree."""
    plain = get(client, f"/initiatives.geojsonl?{query}").text.split("\n")[:-1]
    marked = get(client, f"/initiatives.geojsons?{query}").text.split("\n")[:-1]
    assert [line.removeprefix("\x1e") for line in marked] == plain
    return [json.loads(line)["id"] for line in plain]


def of_atom(client: FlaskClient, query: str, limit: int) -> list[str]:
    """Ids of all pages of the feed."""
    found: list[str] = []
    address: str | None = f"/initiatives.atom?{query}&limit={limit}"
    while address:
        feed = get(client, address).text
        found += re.findall(r"<id>urn:uuid:([^<]+)</id>", feed)
        following = re.search(r'<link rel="next" href="([^"]+)"', feed)
        address = unescape(following[1]) if following else None
    return found


def of_calendar(client: FlaskClient, query: str) -> list[str]:
    calendar = get(client, f"/initiatives.ics?{query}&limit=1000").text
    return re.findall(r"^UID:(\S+)", calendar, re.MULTILINE)


def of_harvest(client: FlaskClient, query: str) -> list[str]:
    """Ids of what changed since long ago and matches."""
    pairs = [pair for pair in query.split("&") if pair and not pair.startswith("sort=")]
    asked = "&".join([*pairs, "updated_since=2000-01-01"])
    features = get(client, f"/initiatives.geojson?{asked}").json["features"]
    return [one["id"] for one in features if not one["properties"].get("removed")]


def of_tiles(client: FlaskClient, query: str, tiles: list[tuple[int, int, int]]) -> list[str]:
    """Ids in both formats of each tile, which must agree."""
    found: list[str] = []
    for z, x, y in tiles:
        vector = get(client, f"/tiles/initiatives/{z}/{x}/{y}.pbf?{query}")
        collection = get(client, f"/tiles/initiatives/{z}/{x}/{y}.geojson?{query}").json
        shown = [feature["properties"]["id"] for feature in collection["features"]]
        assert sorted(ids_of_mvt(vector.data)) == sorted(shown)
        found += shown
    return found


def counted_by_tiles(client: FlaskClient, query: str, tiles: list[tuple[int, int, int]]) -> int:
    """How many the tiles show, alone or within clusters; both formats must agree."""
    total = 0
    for z, x, y in tiles:
        vector = get(client, f"/tiles/initiatives/{z}/{x}/{y}.pbf?{query}").data
        collection = get(client, f"/tiles/initiatives/{z}/{x}/{y}.geojson?{query}").json
        drawn = mapbox_vector_tile.decode(vector)["initiatives"]["features"] if vector else []
        shown = sum(one["properties"]["count"] for one in collection["features"])
        assert sum(one["properties"]["count"] for one in drawn) == shown
        total += shown
    return total


ORDERS = (
    "",
    "created_at,id",
    "-created_at,-id",
    "-created_at,id",
    "created_at,-id",
    "updated_at",
    "-updated_at",
    "updated_at,-title,id",
    "theme,-created_at",
    "created_period,-id",
    "-licence,created_at",
)


def of_ogc(
    client: FlaskClient, pairs: list[tuple[str, str]], limit: int, order: str = ""
) -> list[str]:
    """Ids of all pages of the items of OGC API Features; the first page counts them."""
    pairs = [*pairs, ("sortby", order)] if order else pairs
    asked = [pair for pair in pairs if pair[0] != "sort"]
    found: list[str] = []
    matched = None
    address = f"/ogc/collections/initiatives/items?{urlencode([*asked, ('limit', str(limit))])}"
    while address:
        page = get(client, address).json
        matched = page["numberMatched"] if matched is None else matched
        found += [feature["id"] for feature in page["features"]]
        address = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
    assert matched == len(found) == len(set(found))
    return found


def in_cql2(filters: InitiativeFilters) -> list[tuple[str, str]]:
    """The filter in CQL2, beside it what CQL2 has no words for.

    It only narrows: of what is not listed by itself, all that is public is asked for beside it.
    """
    conditions = [
        _any_of("theme", filters.theme),
        _any_of("status", filters.status),
        _any_of("precision", filters.precision),
        "wheelchair = 'yes'" if filters.access else "",
        " OR ".join(f"{ref.level} = '{ref.code}'" for ref in filters.territory),
        f"S_INTERSECTS(geometry, BBOX({_sides(filters.bbox)}))" if filters.bbox else "",
        f"created_at >= TIMESTAMP('{filters.since:%Y-%m-%dT%H:%M:%SZ}')" if filters.since else "",
        f"created_at < TIMESTAMP('{filters.until:%Y-%m-%dT%H:%M:%SZ}')" if filters.until else "",
    ]
    listed = PUBLIC if filters.status else ()
    wordless = InitiativeFilters(
        q=filters.q,
        near=filters.near,
        radius=filters.radius,
        status=listed,
        when=filters.when,
        open=filters.open,
        tag=filters.tag,
        audience=filters.audience,
        attr=filters.attr,
    ).to_pairs()
    text = " AND ".join(f"({one})" for one in conditions if one)
    return [*wordless, ("filter", text)] if text else wordless


def _any_of(name: str, values: tuple[Any, ...]) -> str:
    listed = ",".join(f"'{value}'" for value in values)
    return f"{name} IN ({listed})" if listed else ""


def _sides(box: BBox) -> str:
    return f"{box.west!r},{box.south!r},{box.east!r},{box.north!r}"


def ids_of_mvt(content: bytes) -> Iterator[str]:
    if content:
        layer = mapbox_vector_tile.decode(content)["initiatives"]
        yield from (feature["properties"]["id"] for feature in layer["features"])


# Filters over the places, days and words that the initiatives have, and some that none has.


def some(*options: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.just(()) | st.sets(st.sampled_from(options), max_size=3).map(
        lambda few: tuple(filter(few.__contains__, options))
    )


def rarely(*options: Any) -> st.SearchStrategy[Any]:
    return st.none() | st.none() | st.sampled_from(options)


days = st.integers(0, 120).map(lambda number: FIRST_DAY + timedelta(days=number))
positions = st.builds(
    lambda point, east, north: LonLat(point[1] + east, point[2] + north),
    st.sampled_from(POINTS),
    st.floats(-0.02, 0.02),
    st.floats(-0.02, 0.02),
)
boxes = st.builds(
    lambda middle, width, height: BBox(
        middle.lon - width, middle.lat - height, middle.lon + width, middle.lat + height
    ),
    positions,
    st.sampled_from((0.005, 0.02, 2.0, 50.0)),
    st.sampled_from((0.005, 0.02, 2.0, 40.0)),
)
territories = st.sampled_from(
    [
        (TerritoryRef(Level.COMMUNE, "35238"),),
        (TerritoryRef(Level.COMMUNE, "29155"), TerritoryRef(Level.COMMUNE, "35051")),
        (TerritoryRef(Level.COMMUNE, "01001"),),
        (TerritoryRef(Level.EPCI, "243500139"),),
        (TerritoryRef(Level.DEPARTEMENT, "2A"), TerritoryRef(Level.REGION, "04")),
        (TerritoryRef(Level.DEPARTEMENT, "79"),),
        (TerritoryRef(Level.REGION, "11"), TerritoryRef(Level.REGION, "53")),
    ]
)


def _sound(filters: InitiativeFilters) -> InitiativeFilters:
    if filters.since and filters.until and filters.since >= filters.until:
        filters = replace(filters, until=None)
    if filters.near is None:
        sort = ListingSort.RECENT if filters.sort is ListingSort.NEAR else filters.sort
        return replace(filters, radius=None, sort=sort)
    return replace(filters, radius=filters.radius or 10_000)


# Columns of sources, and which of their values are meant.
ASKED: dict[AttributeAsked, Callable[[Any], bool]] = {
    AttributeAsked(KIND, "Ferme, verger"): lambda told: told == "Ferme, verger",
    AttributeAsked(KIND, "Lieu 100 % %s"): lambda told: told == "Lieu 100 % %s",
    AttributeAsked(SEATS, "12"): lambda told: told in (12, "12"),
    AttributeAsked(SEATS, "12,5..40"): lambda told: told in (12.5, 40),
    AttributeAsked(SEATS, "..12"): lambda told: told in (5, 12),
    AttributeAsked(SINCE, "2026-01-01.."): lambda told: told == "2026-01-31",
    AttributeAsked(SINCE, "oui"): lambda told: told is True,
    AttributeAsked("Contact", "Ferme, verger"): lambda _: False,
}

filters_of_these = st.builds(
    InitiativeFilters,
    q=st.just("") | st.just("") | st.sampled_from(sorted(FOUND)),
    theme=some(*Theme),
    status=some(*PUBLIC),
    territory=st.just(()) | territories,
    bbox=st.none() | st.none() | boxes,
    near=st.none() | positions,
    radius=st.none() | st.sampled_from((300.0, 1500.0, 5000.0, 900_000.0)),
    since=st.none() | days,
    until=st.none() | days,
    precision=some(*Precision),
    when=rarely(*DaysAsked),
    open=rarely(OpenAsked.NOW),
    access=st.just(()) | some(AccessAsked.WHEELCHAIR),
    tag=st.just(()) | some("jardin", "vélo", "unheard-of"),
    audience=st.just(()) | some(*Audience),
    attr=st.just(()) | st.just(()) | st.sampled_from(sorted(ASKED)).map(lambda one: (one,)),
    sort=st.sampled_from(ListingSort),
).map(_sound)


# What a filter means, said once more without SQL. None is in doubt.


def meant(filters: InitiativeFilters, one: Kept) -> bool | None:
    plain = (
        one.status in filters.statuses
        and (not filters.theme or one.theme in filters.theme)
        and (not filters.precision or one.precision in filters.precision)
        and (not filters.q or one.title.split()[0] in FOUND[filters.q])
        and (not filters.territory or any(lies_in(one, ref) for ref in filters.territory))
        and in_period(filters, one.created_at)
        and (not filters.access or one.facts.wheelchair is Wheelchair.YES)
        and (not filters.tag or bool(set(filters.tag) & set(one.facts.tags)))
        and (not filters.audience or bool(set(filters.audience) & set(one.facts.audience)))
        and all(ASKED[asked](one.attributes.get(asked.name)) for asked in filters.attr)
        and (filters.when is None or takes_place(filters.when, one))
        and (filters.open is None or is_open_now(one))
    )
    verdicts = [plain, in_box(filters.bbox, one), in_circle(filters, one)]
    if False in verdicts:
        return False
    return None if None in verdicts else True


def in_period(filters: InitiativeFilters, day: datetime | None) -> bool:
    """What has no known day lies in no period."""
    if filters.since is None and filters.until is None:
        return True
    if day is None:
        return False
    return (filters.since or day) <= day and (filters.until is None or day < filters.until)


def is_open_now(one: Kept) -> bool:
    """By the clock of its place, on a day of its own if it has any; what is over is closed."""
    facts, area = one.facts, area_of(one.departement, one.region)
    if one.status != "published" or not facts.opening_hours:
        return False
    here = MINUTE.astimezone(zone_of(area))
    hours = parse_hours(facts.opening_hours)
    # That day and the day before are holidays nowhere.
    night = here - timedelta(days=1)
    from_today = hours.is_open(here, is_holiday=False, was_holiday=True)
    either = hours.is_open(here, is_holiday=False, was_holiday=False)
    if on_its_days(one, here.date()) and from_today:
        return True
    return on_its_days(one, night.date()) and either and not from_today


def on_its_days(one: Kept, day: date) -> bool:
    start, end = one.facts.start_day, one.facts.end_day
    return start is None or end is None or start <= day <= end


def takes_place(when: str, one: Kept) -> bool:
    """On one of the days asked for, and open then where its hours are told."""
    facts, area = one.facts, area_of(one.departement, one.region)
    if one.status != "published" or not (facts.start_day or facts.opening_hours):
        return False
    hours = parse_hours(facts.opening_hours) if facts.opening_hours else None
    for day in days_of(when, MINUTE.astimezone(zone_of(area)).date()):
        holiday = is_holiday(day, area)
        if not on_its_days(one, day) or (hours and holiday is None):
            continue
        number, last = (day.day + 6) // 7, (day + timedelta(days=7)).month != day.month
        name = 7 if holiday else day.weekday()
        if hours is None or hours.spans(day.month, name, number, is_last=last):
            return True
    return False


def lies_in(one: Kept, ref: TerritoryRef) -> bool:
    return bool(getattr(one, ref.level) == ref.code)


def in_box(box: BBox | None, one: Kept) -> bool | None:
    if box is None:
        return True
    if one.lon is None or one.lat is None:
        return False
    slack = DOUBT_METRES / 70_000
    inner = min(one.lon - box.west, box.east - one.lon, one.lat - box.south, box.north - one.lat)
    return None if abs(inner) < slack else inner > 0


def in_circle(filters: InitiativeFilters, one: Kept) -> bool | None:
    if filters.near is None or filters.radius is None:
        return True
    far = metres(filters.near, one)
    return None if abs(far - filters.radius) < DOUBT_METRES else far < filters.radius


def metres(near: LonLat, one: Kept) -> float:
    if one.lon is None or one.lat is None:
        return float("inf")
    return float(WGS84.inv(near.lon, near.lat, one.lon, one.lat)[2])


def rank(filters: InitiativeFilters) -> Callable[[Kept], tuple[float | datetime, str]]:
    if filters.sort is ListingSort.SUPPORTED:
        return lambda one: (one.supporters, one.id)
    return lambda one: (one.created_at or BEFORE_ALL, one.id)


def check_order(filters: InitiativeFilters, found: list[Kept]) -> None:
    if filters.sort is ListingSort.NEAR and filters.near:
        far = [metres(filters.near, one) for one in found]
        assert all(later > former - 0.001 for former, later in pairwise(far))
    else:
        assert found == sorted(found, key=rank(filters), reverse=True)


@pytest.mark.sampled
@settings(max_examples=25 if LONG else 10, deadline=None, phases=PHASES)
@given(
    filters=filters_of_these,
    limit=st.sampled_from((1, 7, 40, 1000)),
    far=st.sampled_from((0, 3, 6, 9, 11, 13)),
    order=st.sampled_from(ORDERS),
)
def test_every_door_gives_the_same_initiatives(
    doors: FlaskClient,
    initiatives: list[Kept],
    filters: InitiativeFilters,
    limit: int,
    far: int,
    order: str,
) -> None:
    query = urlencode(filters.to_pairs())
    whole = of_geojson(doors, query)
    paged = max(limit, len(whole) // 8, 1)

    known = {one.id: one for one in initiatives}
    verdicts = {one.id: meant(filters, one) for one in initiatives}
    assert {key for key, verdict in verdicts.items() if verdict} <= set(whole)
    assert not {key for key in whole if verdicts[key] is False}
    check_order(filters, [known[key] for key in whole])

    assert of_geojson_pages(doors, query, paged) == whole
    assert of_list(doors, query, paged) == whole
    assert of_embed(doors, query, paged) == whole
    assert of_csv(doors, query) == whole
    assert of_lines(doors, query) == whole
    assert of_atom(doors, query, paged) == whole
    assert of_calendar(doors, query) == whole

    tiles = list(tiles_of(initiatives, 14))
    anchored = sorted(key for key in whole if known[key].lon is not None)
    assert sorted(of_tiles(doors, query, tiles)) == anchored
    assert counted_by_tiles(doors, query, list(tiles_of(initiatives, far))) == len(anchored)

    assert sorted(of_harvest(doors, query)) == sorted(whole)
    assert sorted(of_ogc(doors, filters.to_pairs(), paged, order)) == sorted(whole)
    in_doubt = {key for key, verdict in verdicts.items() if verdict is None}
    by_cql2 = set(of_ogc(doors, in_cql2(filters), paged))
    assert by_cql2 - in_doubt == set(whole) - in_doubt


@pytest.mark.parametrize("sort", ["recent", "supported"])
def test_pages_of_one_lose_and_repeat_nothing(
    doors: FlaskClient, initiatives: list[Kept], sort: str
) -> None:
    query = f"sort={sort}&territory=region:53&status=published,done,archived"
    pages = of_geojson_pages(doors, query, 1)
    assert len(set(pages)) == len(pages) > 30
    assert pages == of_geojson(doors, query)


@pytest.mark.parametrize("order", ORDERS)
def test_no_order_of_items_loses_what_has_no_date(
    doors: FlaskClient, initiatives: list[Kept], order: str
) -> None:
    """In pages of three, some of which begin before, at and after the last that has a date."""
    everything = [("status", "published,done,archived")]
    public = {one.id for one in initiatives if one.status in PUBLIC}
    known = {one.id: one.created_at for one in initiatives}
    assert 20 < sum(known[key] is None for key in public) < len(public) - 20
    found = of_ogc(doors, everything, 3, order)
    assert set(found) == public
    assert found == of_ogc(doors, everything, 1000, order)
    if order.removeprefix("-").startswith(("created_at", "updated_at")):
        dates = [known[key] for key in found]
        held = [one for one in dates if one]
        assert dates == held + [None] * (len(dates) - len(held))
        if "created_at" in order:  # a support here has moved the other
            assert held == sorted(held, reverse=order.startswith("-"))


def test_equal_distances_are_paged_by_id(doors: FlaskClient, initiatives: list[Kept]) -> None:
    """Every initiative known only to the commune of Rennes has the same anchor."""
    query = "near=-1.675,48.09&precision=commune&territory=commune:35238"
    pages = of_geojson_pages(doors, query, 1)
    assert pages == sorted(pages)
    assert len(pages) == len(set(of_geojson(doors, query))) > 1


def test_what_has_no_place_is_in_lists_alone(doors: FlaskClient, initiatives: list[Kept]) -> None:
    placeless = of_geojson(doors, "precision=national,none")
    assert len(placeless) > 10
    assert of_csv(doors, "precision=national,none") == placeless
    assert of_tiles(doors, "precision=national,none", [(0, 0, 0)]) == []


def test_what_is_not_public_is_at_no_door(doors: FlaskClient, initiatives: list[Kept]) -> None:
    hidden = {one.id for one in initiatives if one.status in ("draft", "pending", "rejected")}
    assert len(hidden) > 30
    everything = "status=published,done,archived"
    assert hidden.isdisjoint(of_geojson(doors, everything))
    assert hidden.isdisjoint(of_list(doors, everything, 100))
    assert hidden.isdisjoint(of_tiles(doors, everything, list(tiles_of(initiatives, 14))))
    assert {doors.get(f"/initiatives/{key}").status_code for key in hidden} == {404}


def test_the_total_of_a_page_is_how_many_it_lists(
    doors: FlaskClient, initiatives: list[Kept]
) -> None:
    for query in ("", "theme=culture,mobilite", "territory=departement:35", "q=jardin"):
        page = get(doors, f"/initiatives?{query}").text
        assert f'data-total="{len(of_geojson(doors, query))}"' in page


def test_properties_are_the_same_at_both_machine_doors(
    doors: FlaskClient, initiatives: list[Kept]
) -> None:
    names = PROPERTIES.split()
    features = get(doors, "/initiatives.geojson").json["features"]
    rows = list(csv.DictReader(io.StringIO(get(doors, "/initiatives.csv").text)))
    # A file is to be whole: it has the text and the id at the source too.
    assert list(rows[0]) == [*names, "description", "source_id", "lon", "lat"]
    for feature, row in zip(features, rows, strict=True):
        properties = feature["properties"]
        assert list(properties) == names
        assert {name: written(properties[name]) for name in names if name != "supporters"} == {
            name: row[name] for name in names if name != "supporters"
        }
        assert properties["supporters"] == int(row["supporters"])
        point = feature["geometry"] and feature["geometry"]["coordinates"]
        assert point == ([float(row["lon"]), float(row["lat"])] if row["lon"] else None)
        assert (point is not None) == (properties["precision"] == "point")


def written(value: Any) -> str:
    """A value of JSON as a table has it."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_links_are_of_the_public_address_and_keep_the_filter(
    doors: FlaskClient, initiatives: list[Kept]
) -> None:
    page = get(doors, "/initiatives.geojson?theme=culture&limit=2").json
    links = {link["rel"]: link["href"] for link in page["links"]}
    assert links["self"] == "http://map.test/initiatives.geojson?theme=culture&limit=2"
    assert links["next"].startswith("http://map.test/initiatives.geojson?theme=culture&limit=2&")
    assert page["features"][0]["properties"]["url"] == (
        f"http://map.test/initiatives/{page['features'][0]['id']}"
    )


def test_tilejson_carries_the_filter_in_its_template(
    doors: FlaskClient, initiatives: list[Kept]
) -> None:
    filters = "theme=culture&territory=departement:79&since=2026-01-01"
    template = get(doors, f"/tiles/initiatives.json?{filters}").json["tiles"][0]
    address, _, query = template.partition("?")
    assert address == "http://map.test/tiles/initiatives/{z}/{x}/{y}.pbf"
    pairs = [tuple(pair.split("=")) for pair in query.split("&")]
    assert parse([(name, value) for name, value in pairs])[0].to_pairs() == pairs
    assert query == filters


def test_a_value_of_a_column_leads_to_all_that_say_the_same(
    doors: FlaskClient, initiatives: list[Kept]
) -> None:
    listed = of_geojson(doors, urlencode({f"attr.{KIND}": "Ferme, verger"}))
    page = get(doors, f"/initiatives/{listed[0]}").text
    links = [unescape(one) for one in re.findall(r'href="(/initiatives\?attr[^"]*)"', page)]
    same = [link for link in links if link.endswith("verger")]
    assert len(same) == 1
    shown = get(doors, f"{same[0]}&limit=100").text
    assert re.findall(r'data-id="([^"]+)"', shown) == listed[:100]
    assert re.search(rf"{KIND}\s: Ferme, verger</span>", unescape(shown)), "what was asked is told"
    without = re.search(r'chip-chosen" data-filter href="([^"]+)"', shown)
    assert without
    assert unescape(without[1]) == "/initiatives"


@pytest.mark.parametrize("name", ["attr.", "attr.a\x7f"])
def test_a_name_that_no_column_has_is_refused_at_every_door(
    doors: FlaskClient, initiatives: list[Kept], name: str
) -> None:
    query = urlencode({name: "x"})
    for path in (
        *("/initiatives", "/initiatives.geojson", "/initiatives.csv", "/initiatives.geojsonl"),
        *("/tiles/initiatives/0/0/0.pbf", "/tiles/initiatives.json", "/initiatives.atom"),
        *("/initiatives.geojsons", "/ogc/collections/initiatives/items"),
        "/ogc/collections/initiatives/tiles/WebMercatorQuad/0/0/0?f=mvt",
    ):
        answer = doors.get(f"{path}{'&' if '?' in path else '?'}{query}")
        assert answer.status_code == 400, path
        if path != "/initiatives":
            assert json.loads(answer.text)["field"] == name, path
    # What does not list initiatives does not know such a name at all.
    for path in ("/events.geojson", "/activity/region.json", "/ogc/collections/communes/items"):
        assert doors.get(f"{path}?{urlencode({'attr.a': 'x'})}").status_code in (400, 404), path
