"""The page that writes the code of a frame for somebody's own page, and shows what it will show."""

from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from mapservice.errors import InvalidInput, NotFound
from mapservice.geocoding.service import GeocoderCache
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.model import Theme
from mapservice.initiatives.params import read_filters
from mapservice.site.embed import model
from mapservice.site.embed.model import EmbedLook, EmbedShow, EmbedView, FrameSize
from mapservice.site.search.model import PlacesFound
from mapservice.site.search.routes import place_context
from mapservice.site.search.service import finder
from mapservice.site.sharing.pages import shared_initiative, shared_listing, with_query
from mapservice.site.sharing.subjects import public_initiative
from mapservice.territories.model import TerritoryRef
from mapservice.web import edge
from mapservice.web.edge import LANGUAGES, base_url, services

blueprint = Blueprint("embed_code", __name__)

# Beside the filter: a place as people write it, one initiative in place of a filter, the frame.
PLACE, INITIATIVE, WIDTH, HEIGHT, LANGUAGE = "place", "initiative", "width", "height", "language"
OWN = (PLACE, INITIATIVE, WIDTH, HEIGHT, LANGUAGE, *model.EMBED_PARAMETERS)
PLACES_SHOWN = 6
LONGEST_PLACE = 200


@blueprint.get("/integrer")
def page() -> ResponseReturnValue:
    """A GET form: what is chosen is in the address. 303 to the place that a text surely means."""
    if not edge.has_frames():
        raise NotFound("This service lets no other site frame its pages.")
    asked = request.args.get
    view = EmbedView.parse(asked(model.SHOW), asked(model.LOOK))
    language = asked(LANGUAGE) or edge.chosen()
    if language not in LANGUAGES:
        raise InvalidInput(LANGUAGE, f"must be one of {', '.join(LANGUAGES)}")
    size = FrameSize.parse(asked(WIDTH), asked(HEIGHT))
    with services().autocommit.connect() as connection:
        filters, paging = read_filters(connection, *OWN)
        written = " ".join(asked(PLACE, "").split())
        places = _places(connection, written)
        if places.best and (places.certain or places.doubt_word):
            response = redirect(_address(places.best.entry.ref), HTTPStatus.SEE_OTHER)
            response.headers["Cache-Control"] = "no-cache"  # a homonym after the next load
            return response
        identifier = asked(INITIATIVE)
        one = public_initiative(connection, identifier) if identifier else None
        shared = shared_initiative(one) if one else shared_listing(filters)
        if one and not asked(HEIGHT):
            size = replace(size, height=model.ONE_HEIGHT)
        rows = [("limit", str(paging.limit))] if paging.limit and not one else []
        path, _, query = shared.embed.partition("?")
        look = [pair for pair in view.to_pairs() if not one or pair[0] == model.LOOK]
        beside = urlencode([*rows, *look, (edge.LANGUAGE_PARAMETER, language)])
        embed = f"{path}?{'&'.join(filter(None, (query, beside)))}"
        site = services().settings.site_name
        return render_template(
            "embed/code.html",
            filters=filters,
            paging=paging,
            view=view,
            size=size,
            typed_width=asked(WIDTH, ""),
            language=language,
            initiative=one,
            shared=shared,
            embed=embed,
            code=model.frame_html(
                base_url() + embed,
                shared.title if shared.title == site else f"{shared.title} · {site}",
                size,
            ),
            written=written,
            places=[
                (hit.entry, place_context(hit.entry), _address(hit.entry.ref))
                for hit in places.hits
            ],
            without_place=_address(None),
            # What the form has no field for travels with it.
            carried=[pair for pair in filters.to_pairs() if pair[0] != "theme"],
            themes=list(Theme),
            shows=list(EmbedShow),
            looks=list(EmbedLook),
            sample=initiatives.sample_share(connection),
        )


def _places(connection: Connection, written: str) -> PlacesFound:
    if not written:
        return PlacesFound()
    if len(written) > LONGEST_PLACE:
        raise InvalidInput(PLACE, f"is longer than {LONGEST_PLACE} characters")
    return finder(connection, services().of(GeocoderCache)).find(written, PLACES_SHOWN)


def _address(ref: TerritoryRef | None) -> str:
    """This page with another place, or none, and all else that was chosen."""
    left_out = (PLACE, "territory", "near", "radius", "bbox")
    pairs = [pair for pair in request.args.items(multi=True) if pair[0] not in left_out and pair[1]]
    return with_query(
        url_for("embed_code.page"), pairs + ([("territory", str(ref))] if ref else [])
    )
