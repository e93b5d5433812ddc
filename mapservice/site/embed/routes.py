"""Pages for frames of other sites: a map and a list of any filter, or one initiative.

They set and read no cookie and hold no form. Without scripts the map is a drawing.
"""

from functools import lru_cache
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from sqlalchemy import Connection

from mapservice.errors import NotFound
from mapservice.initiatives import near_areas, queries
from mapservice.initiatives.filter_words import listing_title
from mapservice.initiatives.filters import InitiativeFilters, PageRequest
from mapservice.initiatives.params import query_string, read_filters
from mapservice.site.embed.model import (
    EMBED_PARAMETERS,
    LOOK,
    SHOW,
    EmbedLook,
    EmbedShow,
    EmbedView,
)
from mapservice.site.listing import list_page
from mapservice.site.sharing.pages import shared_initiative, shared_listing
from mapservice.site.sharing.subjects import public_initiative
from mapservice.tiles.live_map import listing_drawings, listing_map
from mapservice.web import edge
from mapservice.web.edge import base_url, framed, only_parameters, services

blueprint = Blueprint("embed", __name__)

HTML = "text/html; charset=utf-8"
STYLES = "tokens components embed"
GIVEN_LOOKS = (EmbedLook.LIGHT, EmbedLook.DARK)
_PREFERS_DARK = "(prefers-color-scheme: dark)"
_BOTH_SCHEMES = "color-scheme: light dark;"


@blueprint.get("/embed")
@framed
def listing() -> Response:
    """`show`, `look` and `lang` beside the whole grammar of filters; pages by `cursor`."""
    view = EmbedView.parse(request.args.get(SHOW), request.args.get(LOOK))
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection, *EMBED_PARAMETERS)
        page = render_template(
            "embed/listing.html",
            **_page_words(connection, view),
            **_listed(connection, filters, paging, view),
        )
    return edge.whole_answer(page, HTML)


@blueprint.get("/embed/initiatives/<identifier>")
@framed
def initiative(identifier: str) -> Response:
    """One initiative: its words, and the drawing of its place."""
    only_parameters(LOOK)
    view = EmbedView.parse(None, request.args.get(LOOK))
    with services().autocommit.connect() as connection:
        found = public_initiative(connection, identifier)
        page = render_template(
            "embed/initiative.html",
            **_page_words(connection, view),
            initiative=found,
            shared=shared_initiative(found),
            drawing=url_for("drawings.initiative_svg", identifier=str(found.id)),
            site_url=_in_language(base_url() + found.url),
        )
    return edge.whole_answer(page, HTML)


@blueprint.get("/embed/<look>/styles.css")
def stylesheet(look: str) -> Response:
    """Our stylesheet, as though the system of every reader were a light or a dark one."""
    if look not in GIVEN_LOOKS:
        raise NotFound("There is no such stylesheet.")
    age = edge.ASSET_SECONDS if "v" in request.args else edge.FRESH_SECONDS
    return edge.whole_answer(_styled(EmbedLook(look)), edge.STYLESHEET, age)


def style_address(look: EmbedLook) -> str:
    if look is EmbedLook.AUTO:
        return edge.stylesheet(STYLES)
    version = edge.etag_of(_styled(look).encode())[:12]
    return url_for("embed.stylesheet", look=str(look), v=version)


@lru_cache
def _styled(look: EmbedLook) -> str:
    text = edge.joined_stylesheet("+".join(STYLES.split()))
    is_dark = look is EmbedLook.DARK
    text = text.replace(_PREFERS_DARK, "all" if is_dark else "not all")
    return text.replace(_BOTH_SCHEMES, f"color-scheme: {look};")


def _page_words(connection: Connection, view: EmbedView) -> dict[str, Any]:
    return {
        "view": view,
        "styles": style_address(view.look),
        "sample": queries.sample_share(connection),
    }


def _listed(
    connection: Connection, filters: InitiativeFilters, paging: PageRequest, view: EmbedView
) -> dict[str, Any]:
    beside = view.to_pairs()
    if edge.asked_language():
        beside.append((edge.LANGUAGE_PARAMETER, edge.chosen()))
    page = list_page(connection, filters, paging, "/embed", beside)
    # A box that holds the place of none may still be touched, as on the page of the list.
    touching = None
    if filters.bbox is not None and not page.total and page.first:
        touching = near_areas.within(connection, filters)
    first = query_string(filters, **dict(beside), limit=paging.limit)
    path = "/initiatives" if view.show is EmbedShow.LIST else "/"
    return {
        "page": page,
        "filters": filters,
        "touching": touching,
        "first_url": f"/embed{first}",
        "page_title": listing_title(filters),
        "shared": shared_listing(filters),
        "map_config": None if view.show is EmbedShow.LIST else _map(filters),
        "site_url": _in_language(base_url() + path + query_string(filters)),
    }


def _map(filters: InitiativeFilters) -> dict[str, Any]:
    """That of the home page, yet of nothing outside the box: no list follows what readers move."""
    chosen = filters.territory[0] if len(filters.territory) == 1 else None
    config = listing_map(filters, chosen)
    if filters.bbox:
        config["filter"] = query_string(filters, sort=None).removeprefix("?")
        config |= listing_drawings(filters, only_box=True)
    return config


def _in_language(address: str) -> str:
    """The address of a page of ours, in the language that the frame was asked for."""
    if not edge.asked_language():
        return address
    return f"{address}{'&' if '?' in address else '?'}{edge.LANGUAGE_PARAMETER}={edge.chosen()}"
