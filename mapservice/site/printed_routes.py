"""Pages to print: the flyer of an event or group (A4, A5), the poster of a territory's week.

Paper is chosen by the page itself (CSS `@page`), so that any browser prints it, or keeps it as a
PDF. The map is drawn by us, and shows a mark for a true point alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request

from mapservice.errors import InvalidInput
from mapservice.events import queries as events
from mapservice.events.filters import EventFilters, parse
from mapservice.events.model import OPEN, Event, EventMode, EventStatus
from mapservice.events.recurrence_words import series_words
from mapservice.events.routes import public_event, query_of, territory_of
from mapservice.events.routes import sample_of as sample_of_events
from mapservice.events.routes import words as event_words
from mapservice.geocoding.model import Precision
from mapservice.groups import queries as groups
from mapservice.groups.member_routes import public_group
from mapservice.groups.routes import sample_of as sample_of_groups
from mapservice.groups.routes import words as group_words
from mapservice.groups.words import place_words as group_place
from mapservice.i18n import LANGUAGE, LOCALES, format_date
from mapservice.i18n import gettext as _
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.local_days import area_of, today
from mapservice.site.sharing.model import qr_svg
from mapservice.site.sharing.subjects import territory_today
from mapservice.static_maps.model import LIGHT
from mapservice.static_maps.routes import placed, svg_answer
from mapservice.territories.model import Level, TerritoryRef
from mapservice.web.edge import base_url, only_parameters, services

blueprint = Blueprint("printed", __name__)

FORMATS = ("a4", "a5")
POSTER_FORMATS = ("a4", "a3")
MAP_WIDTH, MAP_HEIGHT = 640, 300
SHOWN_DATES = 4
WEEK_DAYS, SHOWN_ON_POSTER = 7, 60


@blueprint.get("/evenements/<uuid:identifier>/affichette")
def event_flyer(identifier: UUID) -> Response:
    """Of a public event, for anybody; of one that is cancelled it says so."""
    paper = _paper(FORMATS)
    now = datetime.now(UTC)
    with services().autocommit.connect() as connection:
        found = public_event(connection, identifier)
        group = groups.of_series(connection, found.series)
        series = events.find_series(connection, found.series)
        rule = ""
        if series and found.status in OPEN:
            dates = events.of_series(connection, series.id)
            goes_on = events.has_later_parts(connection, series, now)
            rule = series_words(series.times, dates, found, now, goes_on=goes_on)
    page = render_template(
        "printed/event.html",
        event=found,
        group=group,
        rule=rule,
        is_mapped=found.mode is not EventMode.ONLINE
        and found.precision not in (Precision.NATIONAL, Precision.NONE),
        **_sheet(paper, FORMATS, found.url, found.title),
        sample=sample_of_events([found]),
        sample_words=_("cet événement n’existe pas."),
        **event_words(now),
    )
    return make_response(page)


@blueprint.get("/evenements/<uuid:identifier>/plan.svg")
def event_map(identifier: UUID) -> Response:
    """The drawn map of the place of a public event."""
    only_parameters()
    with services().autocommit.connect() as connection:
        found = public_event(connection, identifier)
        point = (found.lon, found.lat) if found.lon is not None and found.lat is not None else None
        ref = territory_of(found)
        frame, drawn = placed(connection, ref, point, MAP_WIDTH, MAP_HEIGHT)
    place = event_words(datetime.now(UTC))["event_place"](found)
    title = _("Carte du lieu : %(place)s", place=place)
    return svg_answer(frame, LIGHT, drawn, title, found.title)


@blueprint.get("/groupes/<uuid:identifier>/affichette")
def group_flyer(identifier: UUID) -> Response:
    """Of a public group, for anybody, with its next dates."""
    paper = _paper(FORMATS)
    now = datetime.now(UTC)
    with services().autocommit.connect() as connection:
        found = public_group(connection, identifier)
        dates = events.of_group(connection, identifier, now, SHOWN_DATES + 1)
    page = render_template(
        "printed/group.html",
        group=found,
        dates=dates,
        is_mapped=found.territory is not None,
        **_sheet(paper, FORMATS, found.url, found.name),
        sample=sample_of_groups([found]),
        sample_words=_("ce groupe n’existe pas."),
        **{**event_words(now), **group_words(now)},
    )
    return make_response(page)


@blueprint.get("/groupes/<uuid:identifier>/plan.svg")
def group_map(identifier: UUID) -> Response:
    """The drawn map of a public group: its point, or the territory that it is for."""
    only_parameters()
    with services().autocommit.connect() as connection:
        found = public_group(connection, identifier)
        point = (found.lon, found.lat) if found.lon is not None and found.lat is not None else None
        frame, drawn = placed(connection, found.territory, point, MAP_WIDTH, MAP_HEIGHT)
    title = _("Carte du lieu : %(place)s", place=group_place(found))
    return svg_answer(frame, LIGHT, drawn, title, found.name)


@blueprint.get("/territoires/<level>/<code>/affiche")
def poster(level: str, code: str) -> Response:
    """What takes place in a territory in seven days, from `from` on (today there, else)."""
    paper = _paper(POSTER_FORMATS, "from")
    now = datetime.now(UTC)
    with services().autocommit.connect() as connection:
        place = territory_today(connection, level, code)
        ref = TerritoryRef(place.level, place.code)
        first = _first_day(ref, events.departement_of(connection, ref))
        end = first + timedelta(days=WEEK_DAYS)
        filters = EventFilters(InitiativeFilters(territory=(ref,)), begin=first, end=end)
        found = list(events.find_page(connection, filters, SHOWN_ON_POSTER, now).items)
        # Whoever saw the poster of the day before is told what is called off.
        called_off = replace(filters, status=(EventStatus.CANCELLED, EventStatus.POSTPONED))
        gone = events.find_page(connection, called_off, SHOWN_ON_POSTER, now).items
        total = events.count(connection, filters, now)
    days = by_day([*found, *gone], first)
    address = f"/evenements{query_of(filters)}"
    page = render_template(
        "printed/poster.html",
        place=place,
        days=[(one, _day_words(one), days[one]) for one in sorted(days)],
        first=_day_words(first),
        last=_day_words(end - timedelta(days=1), with_year=True),
        total=total,
        left=total - len(found),
        is_empty=not found,
        counted_up_to=events.COUNTED_UP_TO,
        **_sheet(paper, POSTER_FORMATS, address, place.name),
        sample=sample_of_events([*found, *gone]),
        sample_words=_("ces événements n’existent pas.")
        if sample_of_events([*found, *gone]) == "all"
        else _("certains de ces événements n’existent pas."),
        **event_words(now),
    )
    return make_response(page)


def by_day(found: Sequence[Event], first: date) -> Mapping[date, list[Event]]:
    """By the day on which each begins there; what is under way already stands on the first."""
    ordered = sorted(found, key=lambda one: (max(one.starts_local.date(), first), one.starts_local))
    return {
        day: list(some)
        for day, some in groupby(ordered, key=lambda one: max(one.starts_local.date(), first))
    }


def _first_day(ref: TerritoryRef, departement: str | None) -> date:
    text = request.args.get("from", "")
    if not text:
        region = ref.code if ref.level is Level.REGION else None
        return today(datetime.now(UTC), area_of(departement, region))
    begin = parse([("from", text)])[0].begin
    if begin is None or isinstance(begin, datetime):
        raise InvalidInput("from", "must be a day")
    return begin


def _paper(formats: Sequence[str], *beside: str) -> str:
    only_parameters("format", *beside)
    paper = request.args.get("format", formats[0])
    if paper not in formats:
        raise InvalidInput("format", f"must be one of {', '.join(formats)}")
    return paper


def _sheet(paper: str, formats: Sequence[str], path: str, title: str) -> dict[str, object]:
    """What all sheets show: the code and the address of the page, and the other formats."""
    address = base_url() + path
    title_of_code = _("Code QR : %(address)s", address=address)
    return {
        "paper": paper,
        "formats": [
            (one, f"{request.path}?{urlencode({**request.args, 'format': one})}") for one in formats
        ],
        "address": address,
        "page_path": path,
        # Our own drawing; its title is escaped.
        "qr": qr_svg(address, title_of_code).decode(),
        "sheet_title": title,
    }


def _day_words(day: date, *, with_year: bool = False) -> str:
    shape = "EEEE d MMMM y" if with_year else "EEEE d MMMM"
    return format_date(day, shape, locale=LOCALES[LANGUAGE.get()])
