"""What templates of all rooms may call, beside what `i18n` gives them: links, labels, signs."""

from functools import lru_cache

import numpy as np
from flask import Flask, request
from markupsafe import Markup

from mapservice import i18n
from mapservice.accounts.roles.permissions import own_roles
from mapservice.contributions.needs.words import skill_label
from mapservice.dashboards.model import PeerGroup
from mapservice.initiatives import fact_words
from mapservice.initiatives.filter_words import filter_words
from mapservice.initiatives.params import query_string
from mapservice.initiatives.place_words import distance_words, place_name, precision_words
from mapservice.initiatives.queries import Initiative
from mapservice.rollups.territory_model import TerritoryFigures
from mapservice.settings import Settings
from mapservice.site.sharing.pages import oembed_address, shared_gathering
from mapservice.static_maps import place_cards
from mapservice.territories.model import at_territory, of_commune, vintage
from mapservice.web.edge import asset, base_url, has_frames, session_secret, stylesheet


def is_within_chance(own: TerritoryFigures, other: TerritoryFigures) -> bool:
    """Whether chance could leave as many initiatives at the rate of the other (Poisson)."""
    if own.population is None or other.rate is None:
        return True
    limits = PeerGroup(other.rate / 10_000, np.inf).limits(np.array([own.population]))
    return bool(limits.low[0] <= own.initiatives <= limits.high[0])


def icon(name: str, classes: str = "icon") -> Markup:
    """A sign of ours: one drawing style, 24 units, a round line."""
    return _drawn(asset("icons/signs.svg"), name, classes)


def theme_icon(theme: str, classes: str = "icon") -> Markup:
    """The sign of a theme; the same ones are drawn onto the map."""
    return _drawn(asset("icons/themes.svg"), theme, classes)


def place_sign(precision: str) -> Markup:
    """How much is known of a place."""
    known = precision if precision in ("point", "commune") else "wide"
    return icon(f"place-{known}", "icon sign")


@lru_cache(maxsize=1024)
def _drawn(address: str, name: str, classes: str) -> Markup:
    """Made once: a list of forty has some hundred, and a macro of Jinja takes 20 µs for each."""
    return Markup(
        '<svg class="{}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>'
    ).format(classes, address, name)


def created_time(initiative: Initiative) -> Markup:
    """When it was created, as far as anybody told: a day, a month, a year, or nothing."""
    if initiative.created_at:
        day, words = initiative.created_at.date().isoformat(), i18n.day(initiative.created_at)
    elif initiative.created_period:
        day, words = initiative.created_period, i18n.period(initiative.created_period)
    else:
        return Markup("<span>{}</span>").format(i18n.gettext("date inconnue"))
    return Markup('<time datetime="{}">{}</time>').format(day, words)


def register(app: Flask, settings: Settings) -> None:
    app.jinja_env.filters.update(
        theme_label=i18n.theme_label,
        status_label=i18n.status_label,
        audience_label=i18n.audience_label,
        wheelchair_label=i18n.wheelchair_label,
        level_label=i18n.level_label,
        levels_label=i18n.levels_label,
        by_level_label=i18n.by_level_label,
        figure_label=i18n.figure_label,
        post_kind_label=i18n.post_kind_label,
        silence_label=i18n.silence_label,
        vintage=vintage,
        percent=i18n.percent,
        quoted=i18n.quoted,
        file_size=i18n.file_size,
        number_fr=i18n.number,
        rounded=i18n.rounded,
        stylesheet=stylesheet,
        date_fr=i18n.day,
        period_fr=i18n.period,
    )
    app.jinja_env.globals.update(
        colon=i18n.colon,
        metres_words=i18n.metres_words,
        asset=asset,
        icon=icon,
        theme_icon=theme_icon,
        place_sign=place_sign,
        created_time=created_time,
        settings=settings,
        base_url=base_url,
        query_string=query_string,
        shared_gathering=shared_gathering,
        # A page whose address has more than a filter brings its own.
        address_here=lambda filters, **changes: request.path + query_string(filters, **changes),
        filter_words=filter_words,
        has_frames=has_frames,
        oembed_address=oembed_address,
        session_secret=session_secret,
        is_within_chance=is_within_chance,
        own_roles=own_roles,
        days_words=fact_words.days_words,
        short_days=fact_words.short_days,
        hours_lines=fact_words.hours_lines,
        open_state=fact_words.open_state,
        state_words=fact_words.state_words,
        zone_words=fact_words.zone_words,
        is_past=fact_words.is_past,
        host_of=fact_words.host_of,
        places_words=fact_words.places_words,
        skill_label=skill_label,
        precision_words=precision_words,
        place_name=place_name,
        place_card=place_cards.path_of,
        distance_words=distance_words,
        of_name=lambda place: of_commune(place.name, place.article),
        at_territory=at_territory,
        of_commune=of_commune,
    )
