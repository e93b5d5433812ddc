"""Pages of territories: France, and every région, département, EPCI and commune, past ones too."""

from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from mapservice.dashboards.model import AreaClasses, DashboardFigure, DashboardView
from mapservice.dashboards.queries import shades
from mapservice.dashboards.routes import breaks_text, legend_keys, territory_of
from mapservice.errors import InvalidInput, NotFound
from mapservice.events.nearby import events_soon
from mapservice.events.routes import words as event_words
from mapservice.groups.nearby import groups_there
from mapservice.groups.routes import words as group_words
from mapservice.i18n import gettext as _
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filters import InitiativeFilters, RollupScope
from mapservice.rollups import territory_queries
from mapservice.rollups.territory_model import (
    MemberSort,
    TerritoryDescription,
    TerritoryMember,
    ordered,
    silence_of,
)
from mapservice.site import linked_data
from mapservice.site.sharing.pages import shared_territory
from mapservice.site.sharing.pictures import listing_picture, territory_picture
from mapservice.territories.lineage import queries
from mapservice.territories.lineage.event_words import EventLanguage, day_words
from mapservice.territories.lineage.model import OnDay
from mapservice.territories.model import Level, TerritoryRef, leading_article, of_commune
from mapservice.tiles.live_map import FRANCE, map_config
from mapservice.web.edge import base_url, chosen, only_parameters, same_for_all, services

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
    same_for_all()
    sort = _sort(MemberSort.NAME)
    with services().autocommit.connect() as connection:
        regions = territory_queries.everywhere(connection, Level.REGION)
        departements: dict[str, list[TerritoryMember]] = {}
        found = territory_queries.everywhere(connection, Level.DEPARTEMENT)
        for member in ordered(found, MemberSort.NAME):
            departements.setdefault(member.parent or "", []).append(member)
        shown = _shades(connection, None, Level.DEPARTEMENT)
        return render_template(
            "territories/index.html",
            france=territory_queries.figures(connection, [])[0],
            regions=ordered(regions, sort),
            by_name=ordered(regions, MemberSort.NAME),
            departements=departements,
            sort=sort,
            **_words_of(shown),
            canonical=base_url() + url_for("territories.index"),
            picture=listing_picture(InitiativeFilters()),
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
    same_for_all()
    ref = territory_of(level, code)
    assert ref is not None, "the path names a level"
    if ref.code != code:
        return _redirect(ref, **request.args.to_dict())
    day, text = None, request.args.get("at")
    if text:
        if ref.level is not Level.COMMUNE:
            raise InvalidInput("at", "applies to communes alone")
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise InvalidInput("at", f"{text[:40]!r} is not a date such as 2020-01-31") from None
        if day < FIRST_DAY:
            raise InvalidInput("at", f"communes are known from {FIRST_DAY} on")
    with (
        services().autocommit.connect() as connection,
        # What is looked up by its key has one plan, and planning it takes longer than running it.
        services().generic_plan.connect() as by_key,
    ):
        described = territory_queries.describe(by_key, ref)
        if day and not territory_queries.events_known(connection):
            day = None  # nothing is known of any past day
        if described is None:
            return _former(connection, ref, day)
        shown = _portrait(connection, by_key, ref, described)
        if ref.level is Level.COMMUNE:
            # The former commune whose code led here, unless the parameter says so falsely.
            former, origin = request.args.get("depuis", "").upper(), None
            if former and former != ref.code:
                origin = queries.current_of(by_key, former, EventLanguage(chosen()))
            heirs = (*origin.communes, *origin.partly) if origin else ()
            shown |= {
                "other_names": territory_queries.other_names(by_key, ref.code),
                "events_known": territory_queries.events_known(by_key),
                "history": queries.history(by_key, ref.code, EventLanguage(chosen())),
                "origin": origin if ref.code in [heir.code for heir in heirs] else None,
                "then": _then(connection, ref.code, day) if day else None,
            }
        return render_template("territories/page.html", **shown)


def _portrait(
    connection: Connection, by_key: Connection, ref: TerritoryRef, described: TerritoryDescription
) -> dict[str, Any]:
    """What every level shows. Territories listed are those within, or a commune’s neighbours."""
    filters, now = InitiativeFilters(territory=(ref,)), datetime.now(UTC)
    places = [described.place, *described.parents]
    config = map_config(filters, described.bounds, ref)
    sort = _sort(MemberSort.INITIATIVES)
    below = BELOW.get(ref.level)
    if below is None:
        around, touching = territory_queries.neighbours(by_key, ref.code)
        listed = {
            "members": ordered(around, sort),
            "touching": touching,
            "shades": {},
            "below": Level.COMMUNE,
        }
    else:
        shown = _shades(connection, ref, below)
        config["figures"] = _shading(below, described.place.filter, shown)
        config["drawing"] = _drawing(ref, below, shown)
        members = territory_queries.members(connection, ref, below)
        if below is Level.COMMUNE:
            silence = silence_of(members, SHOWN_SILENT)
        else:
            silence = territory_queries.silence(connection, ref, SHOWN_SILENT)
        # EPCI that have a commune there, and how many initiatives are known no better than by the
        # name of one that straddles.
        epcis, epci_alone = [], 0
        if ref.level in WIDE:
            found = territory_queries.members(connection, ref, Level.EPCI)
            epcis = ordered(found, MemberSort.NAME)
            straddling = [member.place.code for member in epcis if member.partial]
            epci_alone = territory_queries.epci_alone(connection, straddling)
        listed = _words_of(shown) | {
            "members": ordered(members, sort),
            "below": below,
            "silence": silence,
            "epcis": epcis,
            "epci_alone": epci_alone,
        }
    return listed | {
        "sort": sort,
        "shown_members": SHOWN_MEMBERS,
        "described": described,
        "place": described.place,
        "figures": territory_queries.figures(by_key, places),
        "latest": initiatives.find_page(connection, filters, LATEST).items,
        "events": events_soon(connection, ref, now),
        "groups": groups_there(connection, ref, now),
        **group_words(now),
        **event_words(now),
        "sample": initiatives.sample_share(connection),
        "filters": filters,
        "map_config": config,
        "canonical": base_url() + described.place.url,
        "linked_data": linked_data.territory(described),
        "shared": shared_territory(ref, described.place.name, filters),
        "picture": territory_picture(ref),
    }


def _then(
    connection: Connection, code: str, day: date
) -> dict[str, OnDay | list[str] | str | None]:
    """A code on a day, and the names of the communes that shared its present ground."""
    lineage = queries.lineage_around(connection, code)
    state = lineage.at(code, day)
    shared = [past.name for past in lineage.ancestors(code) if past.lasts(day)]
    within = state.within if state else ()
    return {
        "day": day_words(day, EventLanguage(chosen())),
        "date": day.isoformat(),
        "state": state,
        # "de Rennes", "du Mans"
        "of": " et ".join(of_commune(one.name, leading_article(one.name)) for one in within),
        "ground": shared if len(shared) > 1 else [],
    }


def _former(connection: Connection, ref: TerritoryRef, day: date | None) -> ResponseReturnValue:
    current = None
    if ref.level is Level.COMMUNE:
        current = queries.current_of(connection, ref.code, EventLanguage(chosen()))
    if current is None:
        raise NotFound(f"There is no {ref}.")
    if day is None and len(current.communes) == 1:
        heir = TerritoryRef(Level.COMMUNE, current.communes[0].code)
        return _redirect(heir, depuis=ref.code)
    candidates = [commune.code for commune in (*current.communes, *current.partly)]
    return render_template(
        "territories/former.html",
        origin=current,
        then=_then(connection, ref.code, day) if day else None,
        history=queries.history(connection, ref.code, EventLanguage(chosen())),
        candidates=territory_queries.by_code(connection, Level.COMMUNE, candidates),
        sample=initiatives.sample_share(connection),
    )


def _redirect(ref: TerritoryRef, **parameters: str) -> ResponseReturnValue:
    url = url_for("territories.page", level=ref.level, code=ref.code)
    response = redirect(f"{url}?{urlencode(parameters)}" if parameters else url, 301)
    response.headers["Cache-Control"] = f"public, max-age={REDIRECT_SECONDS}"
    return response


def _sort(default: MemberSort) -> MemberSort:
    text = request.args.get("sort", default)
    if text not in tuple(MemberSort):
        raise InvalidInput("sort", f"must be one of {', '.join(MemberSort)}")
    return MemberSort(text)


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
        "scale_title": _(
            "Initiatives pour 10 000 habitants ; teintes prudentes là où vivent peu de gens"
        ),
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
