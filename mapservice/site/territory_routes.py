"""Pages of territories: France, and every région, département, EPCI and commune, past ones too."""

from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from mapservice.dashboards.model import AreaClasses, DashboardFigure, DashboardView
from mapservice.dashboards.queries import shades
from mapservice.dashboards.routes import breaks_text, legend_keys
from mapservice.errors import InvalidInput, NotFound
from mapservice.i18n.labels import figure_label
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.rollups import territory_queries
from mapservice.rollups.model import RollupScope
from mapservice.rollups.territory_model import (
    MemberSort,
    TerritoryDescription,
    TerritoryMember,
    ordered,
    silence_of,
)
from mapservice.territories.lineage import queries
from mapservice.territories.lineage.event_words import EventLanguage, day_words
from mapservice.territories.lineage.model import LineageCommune, OnDay
from mapservice.territories.lineage.queries import CurrentCommunes
from mapservice.territories.model import Level, TerritoryRef, leading_article, of_commune
from mapservice.tiles.live_map import FRANCE, map_config
from mapservice.web.edge import base_url, chosen, only_parameters, services

blueprint = Blueprint("territories", __name__)

LATEST = 6
SHOWN_MEMBERS = 20
SHOWN_SILENT = 12
# What is listed of each level, and shaded on its map.
BELOW = {
    Level.REGION: Level.DEPARTEMENT,
    Level.DEPARTEMENT: Level.COMMUNE,
    Level.EPCI: Level.COMMUNE,
}
# What lists the EPCI in it.
WIDE = (Level.REGION, Level.DEPARTEMENT)
FIRST_DAY = date(1943, 1, 1)  # INSEE's movements begin in that year
# A former code may one day be in force again, so that a redirection must not be kept for ever.
REDIRECT_SECONDS = 86_400


@blueprint.get("/territoires")
def index() -> str:
    only_parameters("sort")
    with services().autocommit.connect() as connection:
        regions = territory_queries.everywhere(connection, Level.REGION)
        departements = territory_queries.everywhere(connection, Level.DEPARTEMENT)
        shown = _shades(connection, None, Level.DEPARTEMENT)
        return render_template(
            "territories/index.html",
            france=territory_queries.figures(connection, [])[0],
            regions=ordered(regions, _sort(MemberSort.NAME)),
            by_name=ordered(regions, MemberSort.NAME),
            departements=_by_parent(departements),
            sort=_sort(MemberSort.NAME),
            **_words_of(shown),
            canonical=base_url() + url_for("territories.index"),
            sample=initiatives.sample_share(connection),
            map_config=map_config(InitiativeFilters(), FRANCE)
            | {
                "figures": _shading(Level.DEPARTEMENT, "", shown),
                "drawing": _drawing(None, Level.DEPARTEMENT, shown),
            },
        )


@blueprint.get("/territoires/<level>/<code>")
def page(level: str, code: str) -> ResponseReturnValue:
    """A territory of today; else what became of it. Raises NotFound for a code never valid."""
    only_parameters("sort", "depuis", "at")
    ref = _ref(level, code)
    if ref.code != code:
        return _redirect(ref, **request.args.to_dict())
    day = _day(ref)
    with services().autocommit.connect() as connection:
        described = territory_queries.describe(connection, ref)
        if day and not territory_queries.events_known(connection):
            day = None  # nothing is known of any past day
        if described is None:
            return _former(connection, ref, day)
        return render_template(
            "territories/page.html",
            **_portrait(connection, ref, described),
            **_past(connection, ref, day),
        )


def _portrait(
    connection: Connection, ref: TerritoryRef, described: TerritoryDescription
) -> dict[str, Any]:
    """What every level shows."""
    filters = InitiativeFilters(territory=(ref,))
    places = [described.place, *described.parents]
    config = map_config(filters, described.bounds, ref)
    listed = _listed(connection, ref)
    if ref.level in BELOW:
        shown = _shades(connection, ref, BELOW[ref.level])
        config["figures"] = _shading(BELOW[ref.level], described.place.filter, shown)
        config["drawing"] = _drawing(ref, BELOW[ref.level], shown)
        listed |= _words_of(shown)
    return listed | {
        "described": described,
        "place": described.place,
        "figures": territory_queries.figures(connection, places),
        "latest": initiatives.find_page(connection, filters, LATEST).items,
        "sample": initiatives.sample_share(connection),
        "filters": filters,
        "map_config": config,
        "canonical": base_url() + described.place.url,
        "linked_data": _linked_data(described),
    }


def _listed(connection: Connection, ref: TerritoryRef) -> dict[str, Any]:
    """The territories that a page lists: those within, or a commune's neighbours."""
    sort = _sort(MemberSort.INITIATIVES)
    shared = {"sort": sort, "shown_members": SHOWN_MEMBERS}
    if ref.level is Level.COMMUNE:
        around, touching = territory_queries.neighbours(connection, ref.code)
        neighbours = {"members": ordered(around, sort), "touching": touching}
        return shared | neighbours | {"shades": {}, "below": Level.COMMUNE}
    below = BELOW[ref.level]
    members = territory_queries.members(connection, ref, below)
    silence = (
        silence_of(members, SHOWN_SILENT)
        if below is Level.COMMUNE
        else territory_queries.silence(connection, ref, SHOWN_SILENT)
    )
    return shared | {
        "members": ordered(members, sort),
        "below": below,
        "silence": silence,
        **_epcis(connection, ref),
    }


def _epcis(connection: Connection, ref: TerritoryRef) -> dict[str, Any]:
    """Those that have a commune there, and how many initiatives are known to no more than one that
    straddles."""
    if ref.level not in WIDE:
        return {"epcis": [], "epci_alone": 0}
    members = ordered(territory_queries.members(connection, ref, Level.EPCI), MemberSort.NAME)
    straddling = [member.place.code for member in members if member.partial]
    return {"epcis": members, "epci_alone": territory_queries.epci_alone(connection, straddling)}


def _past(connection: Connection, ref: TerritoryRef, day: date | None) -> dict[str, Any]:
    """Other names and history of a commune, and what a link with a former code is told."""
    if ref.level is not Level.COMMUNE:
        return {}
    return {
        "other_names": territory_queries.other_names(connection, ref.code),
        "events_known": territory_queries.events_known(connection),
        "history": queries.history(connection, ref.code, EventLanguage(chosen())),
        "origin": _origin(connection, ref),
        "then": _then(connection, ref.code, day) if day else None,
    }


def _origin(connection: Connection, ref: TerritoryRef) -> CurrentCommunes | None:
    """The former commune whose code led here; None where none did, or it says so falsely."""
    code = request.args.get("depuis", "").upper()
    if not code or code == ref.code:
        return None
    current = queries.current_of(connection, code, EventLanguage(chosen()))
    led_here = current and ref.code in [c.code for c in (*current.communes, *current.partly)]
    return current if led_here else None


def _then(
    connection: Connection, code: str, day: date
) -> dict[str, OnDay | list[str] | str | None]:
    """A code on a day, and the names of the communes that shared its present ground."""
    lineage = queries.lineage_around(connection, code)
    state = lineage.at(code, day)
    shared = [past.name for past in lineage.ancestors(code) if past.lasts(day)]
    return {
        "day": day_words(day, EventLanguage(chosen())),
        "date": day.isoformat(),
        "state": state,
        "of": " et ".join(_of(commune) for commune in state.within) if state else "",
        "ground": shared if len(shared) > 1 else [],
    }


def _of(commune: LineageCommune) -> str:
    """ "de Rennes", "du Mans"."""
    return of_commune(commune.name, leading_article(commune.name))


def _former(connection: Connection, ref: TerritoryRef, day: date | None) -> ResponseReturnValue:
    current = (
        queries.current_of(connection, ref.code, EventLanguage(chosen()))
        if ref.level is Level.COMMUNE
        else None
    )
    if current is None:
        raise NotFound(f"There is no {ref}.")
    if day is None and len(current.communes) == 1:
        heir = TerritoryRef(Level.COMMUNE, current.communes[0].code)
        return _redirect(heir, depuis=ref.code)
    return render_template(
        "territories/former.html",
        origin=current,
        then=_then(connection, ref.code, day) if day else None,
        history=queries.history(connection, ref.code, EventLanguage(chosen())),
        candidates=_members_of(connection, (*current.communes, *current.partly)),
        sample=initiatives.sample_share(connection),
    )


def _members_of(
    connection: Connection, communes: tuple[LineageCommune, ...]
) -> list[TerritoryMember]:
    codes = [commune.code for commune in communes]
    return territory_queries.by_code(connection, Level.COMMUNE, codes)


def _redirect(ref: TerritoryRef, **parameters: str) -> ResponseReturnValue:
    url = url_for("territories.page", level=ref.level, code=ref.code)
    response = redirect(f"{url}?{urlencode(parameters)}" if parameters else url, 301)
    response.headers["Cache-Control"] = f"public, max-age={REDIRECT_SECONDS}"
    return response


def _ref(level: str, code: str) -> TerritoryRef:
    if level not in tuple(Level) or not (code.isascii() and code.isalnum() and len(code) <= 9):
        raise NotFound("There is no such territory.")
    return TerritoryRef(Level(level), code.upper())


def _sort(default: MemberSort) -> MemberSort:
    text = request.args.get("sort", default)
    if text not in tuple(MemberSort):
        raise InvalidInput("sort", f"must be one of {', '.join(MemberSort)}")
    return MemberSort(text)


def _day(ref: TerritoryRef) -> date | None:
    text = request.args.get("at")
    if not text:
        return None
    if ref.level is not Level.COMMUNE:
        raise InvalidInput("at", "applies to communes alone")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("at", f"{text[:40]!r} is not a date such as 2020-01-31") from None
    if day < FIRST_DAY:
        raise InvalidInput("at", f"communes are known from {FIRST_DAY} on")
    return day


def _by_parent(members: list[TerritoryMember]) -> dict[str, list[TerritoryMember]]:
    grouped: dict[str, list[TerritoryMember]] = {}
    for member in ordered(members, MemberSort.NAME):
        grouped.setdefault(member.parent or "", []).append(member)
    return grouped


def _shades(connection: Connection, ref: TerritoryRef | None, level: Level) -> AreaClasses:
    """The classes of rates: those of the page of coordination for the same territories."""
    return shades(
        connection,
        DashboardView(
            ref, level, RollupScope.of(InitiativeFilters()), datetime.now(UTC), DashboardFigure.RATE
        ),
    )


def _words_of(shown: AreaClasses) -> dict[str, Any]:
    """The class of each by code, and what a key says of them."""
    return {
        "shades": shown.by_code,
        "explained": shown.explained,
        "scale_title": figure_label(DashboardFigure.RATE),
        "scale_keys": legend_keys(DashboardFigure.RATE, shown.breaks, unknown=shown.unknown),
    }


def _drawing(ref: TerritoryRef | None, level: Level, shown: AreaClasses) -> str:
    """That of coordination with these very classes: the first picture, and the only one without
    scripts."""
    return url_for(
        "coordination_maps.figures_svg",
        level=str(ref.level) if ref else None,
        code=ref.code if ref else None,
        figure=str(DashboardFigure.RATE),
        by=str(level),
        breaks=breaks_text(shown.breaks),
        bare="1",
    )


def _shading(level: Level, within: str, shown: AreaClasses) -> dict[str, Any]:
    """What a map is to shade: where figures and outlines are, and which codes each class has."""
    by_class: dict[int, list[str]] = {}
    for code, number in shown.by_code.items():
        if number > 0:
            by_class.setdefault(number, []).append(code)
    url = f"/activity/{level}.geojson{within}"
    return {"level": level, "url": url, "breaks": shown.breaks, "classes": by_class}


def _linked_data(described: TerritoryDescription) -> dict[str, Any]:
    """What search engines read of the page, in the words of schema.org."""
    west, south, east, north = described.bounds
    place = described.place
    area = {
        "@type": "City" if place.level is Level.COMMUNE else "AdministrativeArea",
        "@id": base_url() + place.url,
        "name": place.name,
        "url": base_url() + place.url,
        "identifier": place.code,
        "geo": {"@type": "GeoShape", "box": f"{south:.5f} {west:.5f} {north:.5f} {east:.5f}"},
        "containedInPlace": [
            {"@type": "AdministrativeArea", "@id": base_url() + parent.url, "name": parent.name}
            for parent in described.parents
        ],
    }
    return {"@context": "https://schema.org", "@graph": [area, _breadcrumb(described)]}


def _breadcrumb(described: TerritoryDescription) -> dict[str, Any]:
    steps: list[tuple[str, str]] = [("France", url_for("territories.index"))]
    steps += [(step.name, step.url) for step in (*described.parents, described.place)]
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": n, "name": name, "item": base_url() + url}
            for n, (name, url) in enumerate(steps, start=1)
        ],
    }
