"""`/evenements`: the list and its map, one event, and the same for machines."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy import Connection

from mapservice.accounts.people import service as people
from mapservice.accounts.people import session
from mapservice.accounts.roles import permissions
from mapservice.contributions.needs import queries as needs
from mapservice.contributions.needs.model import NeedOwner
from mapservice.errors import InvalidInput, NotFound
from mapservice.events import formats, openagenda_format, queries, registration_service
from mapservice.events.calendar_format import (
    CalendarEntry,
    CalendarFeed,
    calendar,
    series_calendar,
)
from mapservice.events.filters import EventFilters, EventPageRequest, parse, with_about, within_days
from mapservice.events.model import (
    MADE_UP,
    OPEN,
    PUBLIC,
    Event,
    EventStatus,
    RegistrationState,
)
from mapservice.events.recurrence import wall_time, within_year
from mapservice.events.recurrence_words import series_words
from mapservice.events.words import (
    day_and_hours,
    event_status_label,
    how_far,
    one_card_per_series,
    place_words,
    short_day,
    when_words,
)
from mapservice.geocoding.service import GeocoderCache
from mapservice.groups import queries as groups
from mapservice.i18n import gettext as _
from mapservice.i18n import quoted, theme_label
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.local_days import DaysAsked
from mapservice.initiatives.markdown import to_html
from mapservice.initiatives.model import Theme
from mapservice.initiatives.params import NamedTerritory, with_known_places
from mapservice.initiatives.place_asked import (
    COMMUNE,
    PLACE,
    PLACE_PAIRS,
    PLACE_PARAMETERS,
    PlaceAround,
    farther,
    parts_of,
    place_around,
    place_asked,
    within_reach,
)
from mapservice.initiatives.place_words import around_words
from mapservice.moderation.model import CaseKind
from mapservice.territories.model import Level, TerritoryRef
from mapservice.tiles.live_map import bounds_of, listing_drawings, map_config, place_map
from mapservice.tiles.map_kinds import MapKind
from mapservice.web import edge
from mapservice.web.atom import AtomFeed, atom
from mapservice.web.edge import base_url, only_parameters, same_for_all, services

blueprint = Blueprint("events", __name__)

PAGE_SIZE, MAX_PAGE_SIZE = 40, 1000
GEOJSON_SIZE, ATOM_SIZE = 500, 50
# What a calendar holds that is asked for no days; a calendar has no second page.
CALENDAR_DAYS = 60
MAX_CALENDAR = 10_000
FRESH_SECONDS = 300
ATOM = "application/atom+xml; charset=utf-8"
CALENDAR = "text/calendar; charset=utf-8"
LINKED_DATA = "application/ld+json"
VIEW = "vue"
MONTH = "month"


def read_filters(connection: Connection, *beside: str) -> tuple[EventFilters, EventPageRequest]:
    """Filters and paging of the present request, with places that exist and are known by name.

    Raises InvalidInput naming the parameter.
    """
    pairs = [pair for pair in request.args.items(multi=True) if pair[0] not in beside]
    filters, paging = parse(pairs)
    return with_about(filters, with_known_places(connection, filters.about)), paging


@blueprint.get("/evenements")
def listing() -> ResponseReturnValue:
    """What is not over yet, or whatever the filter asks for; `vue=carte` shows the map too.

    A place that is typed (`lieu`) leads to what lies around its commune.
    """
    now = datetime.now(UTC)
    view = request.args.get(VIEW, "")
    if view not in ("", "carte"):
        raise InvalidInput(VIEW, "is not carte")
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection, VIEW, *PLACE_PARAMETERS)
        geocoders = services().of(GeocoderCache)
        asked = None
        if request.args.get(PLACE, "").strip():
            asked = place_asked(connection, geocoders, request.args[PLACE])
        if asked and asked.here:
            return redirect(_around(connection, filters, asked.here, view), HTTPStatus.SEE_OTHER)
        around = place_around(connection, geocoders, filters.about, request.args)
        here = around.here if around else {}
        if filters.about.near is None and asked is None:
            same_for_all()
        limit = paging.limit or PAGE_SIZE
        if limit > MAX_PAGE_SIZE:
            raise InvalidInput("limit", f"pages for people hold at most {MAX_PAGE_SIZE}")
        page = queries.find_page(connection, filters, limit, now, paging.cursor)
        if around:
            # Metres from the middle of communes would be metres from nowhere.
            page = replace(page, items=[replace(one, distance=None) for one in page.items])
        total, series = queries.count_dates(connection, filters, now)
        named = [ref for ref in filters.about.territory if isinstance(ref, NamedTerritory)]
        pairs = filters.to_pairs()
        return render_template(
            "events/list.html",
            page=page,
            filters=filters,
            pairs=pairs,
            place_carried=[
                *((name, text) for name, text in pairs if name not in PLACE_PAIRS),
                (VIEW, view),
            ],
            total=total,
            series=series,
            more=total >= queries.COUNTED_UP_TO,
            first=paging.cursor is None,
            next_url=next_address("/evenements", filters, page, paging, {VIEW: view, **here}),
            title=listing_title(filters, around),
            around=around,
            asked=asked,
            choices=[
                (one, _around(connection, filters, {COMMUNE: one.commune}, view))
                for one in (asked.choices if asked else ())
            ],
            farther=_farther(filters, around, view),
            parts=parts_of(around, lambda one: _around(connection, filters, one, view)),
            named=named,
            themes=list(Theme),
            whens=[
                (DaysAsked.TODAY, _("Aujourd’hui")),
                (DaysAsked.WEEKEND, _("Ce week-end")),
                (DaysAsked.WEEK, _("Cette semaine")),
                (DaysAsked.FORTNIGHT, _("D’ici deux semaines")),
            ],
            with_query=with_query(filters, {VIEW: view, **here}),
            event_address=lambda ending: f"/evenements{ending}{query_of(filters)}",
            month_address=month_address(filters, here),
            shown_day=lambda name: dict(pairs).get(name, "")[:10],
            shows_map=view == "carte",
            map_config=events_map(filters) if view == "carte" else None,
            sample=sample_of(page.items),
            sample_words=_("ces événements n’existent pas.")
            if sample_of(page.items) == "all"
            else _("certains de ces événements n’existent pas."),
            indexed=not pairs and not view and not asked and paging == EventPageRequest(),
            canonical=f"{base_url()}/evenements",
            **words(now),
        )


def _farther(filters: EventFilters, around: PlaceAround | None, view: str) -> str:
    """The list of a wider circle around the same place, "" where there is none."""
    about = farther(around, filters.about)
    if around is None or about is None:
        return ""
    return f"/evenements{query_of(replace(filters, about=about), **around.here, **{VIEW: view})}"


def _around(
    connection: Connection, filters: EventFilters, here: Mapping[str, str], view: str
) -> str:
    about = within_reach(connection, services().of(GeocoderCache), filters.about, here)
    return f"/evenements{query_of(replace(filters, about=about), **here, **{VIEW: view})}"


@blueprint.get("/evenements.geojson")
def as_geojson() -> Response:
    now = datetime.now(UTC)
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection)
        limit = _limit(paging, GEOJSON_SIZE)
        page = queries.find_page(connection, filters, limit, now, paging.cursor)
    following = next_address("/evenements.geojson", filters, page, paging)
    document: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": [formats.feature(one, base_url()) for one in page.items],
        "numberReturned": len(page.items),
    }
    if following:
        document["links"] = [{"rel": "next", "href": base_url() + following, "type": edge.GEOJSON}]
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    response = edge.whole_answer(body, edge.GEOJSON)
    return _with_next(response, following)


@blueprint.get("/evenements.jsonld")
def as_linked_data() -> Response:
    """As schema.org has events; pages as the GeoJSON does."""
    now = datetime.now(UTC)
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection)
        limit = _limit(paging, GEOJSON_SIZE)
        page = queries.find_page(connection, filters, limit, now, paging.cursor)
    things = [formats.schema_event(one, base_url(), place_words(one)) for one in page.items]
    for thing in things:
        del thing["@context"]
    document = {"@context": "https://schema.org", "@graph": things}
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    response = edge.whole_answer(body, LINKED_DATA)
    return _with_next(response, next_address("/evenements.jsonld", filters, page, paging))


@blueprint.get("/evenements.json")
def as_agenda() -> Response:
    """In the shape of OpenAgenda v2, by its cursor: each series with all dates of it that are
    meant."""
    now = datetime.now(UTC)
    own = [pair for pair in request.args.items(multi=True) if pair[0] in openagenda_format.OWN]
    asked = openagenda_format.read_page(own)
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection, *openagenda_format.OWN)
        if paging != EventPageRequest():
            raise InvalidInput("limit" if paging.limit else "cursor", "are size and after[] here")
        series, following = queries.find_by_series(
            connection, filters, asked.size, now, asked.after
        )
    document = openagenda_format.agenda(
        series, following, is_first=asked.after is None, base_url=base_url()
    )
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return edge.whole_answer(body, "application/json")


@blueprint.get("/evenements.csv")
def as_csv() -> Response:
    """All that the filter finds, sent as it is read; `limit` ends it sooner."""
    now = datetime.now(UTC)
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection)
    base = base_url()

    def blocks(connection: Connection) -> Any:
        left, cursor = paging.limit or 10**9, paging.cursor
        yield formats.HEADER.encode()
        while left > 0:
            size = min(left, MAX_PAGE_SIZE)
            page = queries.find_page(connection, filters, size, now, cursor)
            if page.items:
                yield formats.csv_text(page.items, base, header=False)
            left, cursor = left - size, page.next
            if cursor is None:
                return

    return edge.stream_answer(edge.CSV, "evenements.csv", blocks)


@blueprint.get("/evenements.atom")
def as_atom() -> Response:
    now = datetime.now(UTC)
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection)
        limit = _limit(paging, ATOM_SIZE)
        page = queries.find_page(connection, filters, limit, now, paging.cursor)
    following = next_address("/evenements.atom", filters, page, paging)
    base = base_url()
    feed = AtomFeed(
        title=f"{services().settings.site_name} · {listing_title(filters)}",
        author=services().settings.site_name,
        url=f"{base_url()}{request.full_path.rstrip('?')}",
        page=f"{base_url()}/evenements{query_of(filters)}",
        next=base_url() + following if following else None,
        entries=[
            formats.atom_entry(one, base, when_words(one), place_words(one)) for one in page.items
        ],
    )
    return edge.whole_answer(atom(feed), ATOM, FRESH_SECONDS)


@blueprint.get("/evenements.ics")
def as_calendar() -> Response:
    """All of the next sixty days (of a group: of a year), or of the days asked for, and what was
    cancelled lately.

    A calendar program follows no link to a next page: so it is whole, or refused.
    """
    now = datetime.now(UTC)
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection)
        if paging.cursor is not None:
            raise InvalidInput("cursor", "a calendar has no pages")
        wanted = filters
        if not filters.has_days:
            end = within_year(now) if filters.group else now + timedelta(days=CALENDAR_DAYS)
            wanted = replace(filters, begin=now, end=end)
        limit = paging.limit or MAX_CALENDAR
        page = queries.find_page(connection, wanted, limit, now)
        if page.next and not paging.limit:
            raise InvalidInput(
                "territory", f"must narrow this down: more than {MAX_CALENDAR} events are meant"
            )
        items = list(page.items)
        if not filters.status:
            items += queries.gone_lately(connection, wanted, now, MAX_CALENDAR)
        group = groups.find(connection, filters.group) if filters.group else None
    named = group.name if group and group.is_public else listing_title(filters)
    feed = CalendarFeed(
        title=f"{services().settings.site_name} · {named}",
        page=f"{base_url()}/evenements{query_of(filters)}",
        entries=calendar_entries(items),
    )
    return edge.whole_answer(calendar(feed), CALENDAR, FRESH_SECONDS)


@blueprint.get("/evenements/<uuid:identifier>.ics")
def one_calendar(identifier: UUID) -> Response:
    only_parameters()
    with services().autocommit.connect() as connection:
        found = public_event(connection, identifier)
    feed = CalendarFeed(found.title, base_url() + found.url, calendar_entries([found]))
    return edge.whole_answer(calendar(feed), CALENDAR, FRESH_SECONDS)


@blueprint.get("/evenements/<uuid:identifier>/serie.ics")
def whole_series(identifier: UUID) -> Response:
    """The series that an event belongs to, with its rule, and those that it continues or that
    continue it. Raises NotFound."""
    only_parameters()
    now = datetime.now(UTC)
    with services().autocommit.connect() as connection:
        found = public_event(connection, identifier)
        series = queries.find_series(connection, found.series)
        assert series is not None, "an event has a series"
        parts = []
        for identifier in queries.series_linked_to(connection, series):
            part = queries.find_series(connection, identifier)
            every = [
                one for one in queries.of_series(connection, identifier) if one.status in PUBLIC
            ]
            if part and every:
                parts.append((part, calendar_entries(every)))
    body = series_calendar(parts, found.title, now)
    return edge.whole_answer(body, CALENDAR, FRESH_SECONDS)


@blueprint.get("/evenements/agenda/<secret:code>.ics")
def personal_calendar(code: str) -> Response:
    """What somebody organises or comes to; whoever has the address reads it, until it is ended."""
    only_parameters()
    now = datetime.now(UTC)
    with services().autocommit.connect() as connection:
        person = registration_service.calendar_of(connection, people.digest(code))
        if person is None:
            raise NotFound("There is no such calendar, or it was ended.")
        ids = registration_service.agenda(connection, person, now)
        known = queries.of_ids(connection, ids)
        mine = registration_service.coming_to(connection, person)
    entries = []
    for entry in calendar_entries([known[one] for one in ids if one in known]):
        own = mine.get(entry.event.id)
        words = entry.status
        if own and own.state is not RegistrationState.CONFIRMED:
            from mapservice.events.words import registration_state_label

            words = " · ".join(filter(None, (words, registration_state_label(own.state))))
        entries.append(CalendarEntry(entry.event, entry.place, entry.theme, entry.url, words))
    feed = CalendarFeed(
        _("Mes événements · %(site)s", site=services().settings.site_name),
        f"{base_url()}/compte",
        entries,
    )
    return edge.secret_answer(Response(calendar(feed), content_type=CALENDAR))


@blueprint.get("/evenements/<uuid:identifier>")
def detail(identifier: UUID) -> Response:
    only_parameters()
    same_for_all()
    now = datetime.now(UTC)
    person = session.current_person()
    with services().autocommit.connect() as connection:
        found = queries.find(connection, identifier)
        series = queries.find_series(connection, found.series) if found else None
        is_own = bool(series and person and queries.organises(connection, series, person.id))
        if found is None or series is None or not (found.is_public or is_own):
            raise NotFound("There is no such event, or it is not public.")
        may_decide = permissions.decides_within(
            lambda reach: queries.is_within(connection, series.id, reach)
        )
        linked_series = queries.series_linked_to(connection, series)
        dates = {part: queries.of_series(connection, part) for part in linked_series}
        others = [
            one
            for part in linked_series
            for one in dates[part]
            if one.id != found.id and one.is_public and one.ends_at > now
        ]
        later = linked_series[linked_series.index(series.id) + 1 :]
        goes_on = any(one.series in later and one.status in OPEN for one in others)
        linked = initiatives.find(connection, found.initiative) if found.initiative else None
        page = render_template(
            "events/detail.html",
            event=found,
            series=series,
            rule=series_words(series.times, dates[series.id], found, now, goes_on=goes_on),
            others=others,
            linked=linked,
            of_group=groups.of_series(connection, series.id),
            needs=needs.of_owner(
                connection, NeedOwner.EVENT, found.id, wall_time(now, found.zone).date()
            )
            if found.status in OPEN and (is_own or found.is_public)
            else [],
            is_own=is_own,
            may_decide=may_decide,
            description_html=Markup(to_html(found.description)),
            counts=registration_service.counts(connection, found),
            names=registration_service.public_names(connection, found.id),
            mine=registration_service.of_person(connection, found.id, person.id)
            if person
            else None,
            person=person,
            map_config=place_map(
                connection,
                territory_of(found),
                (found.lon, found.lat) if found.lon is not None and found.lat is not None else None,
                drawing="",
            )
            if found.region or found.precision == "national"
            else None,
            sample=sample_of([found]),
            sample_words=_("cet événement n’existe pas."),
            linked_data=formats.schema_event(found, base_url(), place_words(found))
            if found.is_public
            else None,
            canonical=base_url() + found.url,
            **words(now),
        )
    response = make_response(page)
    if person:
        response.headers["Cache-Control"] = "private, no-store"
    return response


def public_event(connection: Connection, identifier: UUID) -> Event:
    """Raises NotFound for what is not public, whether it exists or not."""
    found = queries.find(connection, identifier)
    if found is None or not found.is_public:
        raise NotFound("There is no such event, or it is not public.")
    return found


def calendar_entries(items: Sequence[Event]) -> list[CalendarEntry]:
    told = (EventStatus.MOVED, EventStatus.POSTPONED, EventStatus.CANCELLED)
    return [
        CalendarEntry(
            event=one,
            place=place_words(one),
            theme=theme_label(one.theme),
            url=base_url() + one.url,
            status=event_status_label(one.status) if one.status in told else "",
        )
        for one in items
    ]


def words(now: datetime) -> dict[str, Any]:
    """What templates of events call."""
    return {
        "now": now,
        "when_words": when_words,
        "day_and_hours": day_and_hours,
        "one_card_per_series": one_card_per_series,
        "event_place": place_words,
        "how_far": how_far,
        "short_day": short_day,
        "event_status": event_status_label,
        "CaseKind": CaseKind,
    }


def events_map(filters: EventFilters) -> dict[str, Any]:
    """The map of a filter: its own tiles, and the ground of all maps."""
    about = filters.about
    named = [ref for ref in about.territory if isinstance(ref, NamedTerritory)]
    config = map_config(about, bounds_of(about), named[0] if len(named) == 1 else None)
    # To the minute, as the address of a page that is kept; the script adds the box of a spot.
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    anywhere = replace(filters, about=replace(about, bbox=None))
    spots = {
        "tiles": f"/tiles/events.json{query_of(filters)}",
        "list": f"/evenements.geojson{query_of(within_days(anywhere, now))}",
    }
    kinds = {"kinds": [MapKind.EVENTS], "spots": {MapKind.EVENTS: spots}}
    return config | kinds | listing_drawings(filters, url_for("event_drawings.drawing"))


def listing_title(filters: EventFilters, around: PlaceAround | None = None) -> str:
    """What a list of the filter is called; `around` is the place that its circle surrounds."""
    about = filters.about
    parts = [
        *(ref.name for ref in about.territory if isinstance(ref, NamedTerritory)),
        *(theme_label(theme) for theme in about.theme),
        *([quoted(about.q)] if about.q else []),
        *([around_words(around)] if about.near else []),
        *(
            [
                {
                    DaysAsked.TODAY: _("aujourd’hui"),
                    DaysAsked.WEEKEND: _("ce week-end"),
                    DaysAsked.WEEK: _("cette semaine"),
                    DaysAsked.FORTNIGHT: _("d’ici deux semaines"),
                }[filters.when]
            ]
            if filters.when
            else []
        ),
    ]
    return _("Événements : %(about)s", about=", ".join(parts)) if parts else _("Événements locaux")


def territory_of(event: Event) -> TerritoryRef | None:
    """The finest territory known of its place."""
    for level in (Level.COMMUNE, Level.EPCI, Level.DEPARTEMENT, Level.REGION):
        code = getattr(event, str(level))
        if code:
            return TerritoryRef(level, code)
    return None


def sample_of(items: Sequence[Event]) -> str:
    """Whether what is shown is made up: all, some, or "" for none."""
    made_up = [one.source in MADE_UP for one in items]
    if not any(made_up):
        return ""
    return "all" if all(made_up) else "some"


def query_of(filters: EventFilters, **changes: str | None) -> str:
    """The filter's canonical query string with some of it changed; None takes one away."""
    pairs = [pair for pair in filters.to_pairs() if pair[0] not in changes]
    pairs += [(name, text) for name, text in changes.items() if text]
    return f"?{urlencode(pairs, safe=',:')}" if pairs else ""


def month_address(filters: EventFilters, here: Mapping[str, str], month: str = "") -> str:
    """The month view of a filter, whose own days it leaves out; `here` as a page says its place."""
    wanted = replace(filters, begin=None, end=None, when=None)
    return f"/evenements/mois{query_of(wanted, **here, **{MONTH: month})}"


def with_query(filters: EventFilters, beside: Mapping[str, str]) -> Any:
    """For templates: the address of the list with some of its filter changed; `beside` are the
    parameters of the page."""

    def address(**changes: str | None) -> str:
        kept: dict[str, str | None] = {**beside, **changes}
        if "when" in changes:
            kept |= {"from": None, "to": None}
        return f"/evenements{query_of(filters, **kept)}"

    return address


def next_address(
    path: str,
    filters: EventFilters,
    page: queries.EventPage,
    paging: EventPageRequest,
    beside: Mapping[str, str] | None = None,
) -> str | None:
    """That of the following page; `beside` are the parameters of the page."""
    if page.next is None:
        return None
    pairs = [*filters.to_pairs(), *((name, told) for name, told in (beside or {}).items() if told)]
    pairs += [("limit", str(paging.limit))] if paging.limit else []
    return f"{path}?{urlencode([*pairs, ('cursor', page.next.encode())], safe=',:')}"


def _limit(paging: EventPageRequest, default: int) -> int:
    limit = paging.limit or default
    if limit > MAX_PAGE_SIZE:
        raise InvalidInput("limit", f"must be at most {MAX_PAGE_SIZE}")
    return limit


def _with_next(response: Response, following: str | None) -> Response:
    if following:
        response.headers["Link"] = f'<{base_url()}{following}>; rel="next"'
    return response
