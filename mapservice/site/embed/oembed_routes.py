"""oEmbed (https://oembed.com): how another site shows a page of ours, told by the page's address.

Of what the specification calls errors, 404 is for an address that has no frame and 501 for a format
other than JSON and XML; a parameter that is malformed is a 400, as everywhere.
"""

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree as ET

from flask import Blueprint, Response, request, url_for
from sqlalchemy import Connection

from mapservice.errors import InvalidInput, NotFound
from mapservice.i18n import LANGUAGE
from mapservice.initiatives.filters import InitiativeFilters, parse
from mapservice.initiatives.params import with_known_places
from mapservice.site.embed import model
from mapservice.site.embed.model import EMBED_PARAMETERS, EmbedView, FrameSize
from mapservice.site.sharing.model import SharedPage
from mapservice.site.sharing.pages import (
    HOME,
    LISTING,
    shared_initiative,
    shared_listing,
    shared_territory,
    with_query,
)
from mapservice.site.sharing.pictures import (
    initiative_picture,
    listing_picture,
    territory_picture,
)
from mapservice.site.sharing.subjects import public_initiative, territory_today
from mapservice.static_maps.model import CARD_HEIGHT, CARD_WIDTH
from mapservice.territories.model import TerritoryRef
from mapservice.web import edge
from mapservice.web.edge import LANGUAGE_PARAMETER, LANGUAGES, base_url, only_parameters, services

blueprint = Blueprint("oembed", __name__)

XML = "text/xml; charset=utf-8"
FRESH_SECONDS = 3_600
TERRITORIES = "/territoires"


@dataclass(frozen=True, slots=True)
class EmbeddedPage:
    """The frame of an address: what it is about, what it shows, how high that is, its picture."""

    shared: SharedPage
    embed: str
    height: int
    picture: str


@blueprint.get("/oembed")
def oembed() -> Response:
    only_parameters("url", "format", "maxwidth", "maxheight")
    url = request.args.get("url", "")
    if not url:
        raise InvalidInput("url", "is missing: the address of a page of this service")
    form = request.args.get("format") or "json"
    if form not in ("json", "xml"):
        detail = f"format: {form[:40]!r} is not one of json, xml"
        return edge.problem(HTTPStatus.NOT_IMPLEMENTED, detail, "format")
    width, height = (
        model.most_side(name, request.args.get(name)) for name in ("maxwidth", "maxheight")
    )
    try:
        with services().autocommit.connect() as connection:
            page = embedded(connection, url)
    except (InvalidInput, NotFound) as error:
        # What the address holds is no parameter of ours: to the consumer there is no such frame.
        return edge.problem(HTTPStatus.NOT_FOUND, f"url: {error}", "url")
    told = described(page, width, height)
    if form == "xml":
        root = ET.Element("oembed")
        for name, value in told.items():
            ET.SubElement(root, name).text = _NO_XML.sub(" ", str(value))
        body = bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
        return edge.whole_answer(body, XML, FRESH_SECONDS)
    return edge.whole_answer(json.dumps(told, ensure_ascii=False), edge.JSON, FRESH_SECONDS)


def described(page: EmbeddedPage, width: int | None, height: int | None) -> dict[str, str | int]:
    """The members of a `rich` response; bounds are the consumer's, in pixels."""
    wanted = FrameSize(model.DEFAULT_WIDTH, page.height)
    size = model.frame_within(wanted, width, height)
    title, site = page.shared.title, services().settings.site_name
    told: dict[str, str | int] = {
        "version": "1.0",
        "type": "rich",
        "title": title,
        "provider_name": site,
        "provider_url": f"{base_url()}/",
        "cache_age": FRESH_SECONDS,
        "html": model.frame_html(base_url() + page.embed, f"{title} · {site}", size),
        "width": size.width or model.DEFAULT_WIDTH,
        "height": size.height,
    }
    # No thumbnail may be larger than the bounds, and there is one size of it.
    if (width or CARD_WIDTH) >= CARD_WIDTH and (height or CARD_HEIGHT) >= CARD_HEIGHT:
        told |= {
            "thumbnail_url": base_url() + page.picture,
            "thumbnail_width": CARD_WIDTH,
            "thumbnail_height": CARD_HEIGHT,
        }
    return told


def embedded(connection: Connection, url: str) -> EmbeddedPage:
    """The frame of an address of ours. Raises NotFound or InvalidInput where there is none."""
    if not edge.has_frames():
        raise NotFound("This service lets no other site frame its pages.")
    path, pairs = _own(url)
    languages = [value for name, value in pairs if name == LANGUAGE_PARAMETER and value]
    if any(one not in LANGUAGES for one in languages):
        raise InvalidInput(LANGUAGE_PARAMETER, f"must be one of {', '.join(LANGUAGES)}")
    pairs = [pair for pair in pairs if pair[0] != LANGUAGE_PARAMETER]
    kept = [(LANGUAGE_PARAMETER, one) for one in languages[-1:]]
    if languages:
        LANGUAGE.set(languages[-1])  # that of the title; the edge forgets it with the request
    parts = path.strip("/").split("/")
    match parts:
        case [""] | ["initiatives"]:
            return _listing(connection, path, pairs, kept)
        case ["embed"]:
            values = dict(pairs)
            view = EmbedView.parse(values.get(model.SHOW), values.get(model.LOOK))
            rest = [pair for pair in pairs if pair[0] not in EMBED_PARAMETERS]
            return _listing(connection, LISTING, rest, [*view.to_pairs(), *kept])
        case ["initiatives", identifier]:
            return _initiative(connection, identifier, kept)
        case ["embed", "initiatives", identifier]:
            view = EmbedView.parse(None, dict(pairs).get(model.LOOK))
            return _initiative(connection, identifier, [*view.to_pairs(), *kept])
        case ["territoires"]:
            return _listing(connection, HOME, [], kept)
        case ["territoires", level, code]:
            return _territory(connection, level, code, kept)
    raise NotFound("There is no frame for this address.")


def _own(url: str) -> tuple[str, list[tuple[str, str]]]:
    """Path and query of an address of this service, by its public name or that of the request."""
    try:
        asked = urlsplit(url)
        names = {urlsplit(base_url()).netloc.lower(), request.host.lower()}
        is_ours = asked.scheme in ("http", "https") and asked.netloc.lower() in names
    except ValueError:
        is_ours = False
    if not is_ours:
        raise NotFound("This is no address of this service.")
    return unquote(asked.path), parse_qsl(asked.query, keep_blank_values=True)


def _listing(
    connection: Connection,
    path: str,
    pairs: list[tuple[str, str]],
    beside: list[tuple[str, str]],
) -> EmbeddedPage:
    asked, paging = parse(pairs)
    filters = with_known_places(connection, asked)
    shared = shared_listing(filters, HOME if path.strip("/") == "" else LISTING)
    rows = [("limit", str(paging.limit))] if paging.limit else []
    embed = with_query("/embed", [*filters.to_pairs(), *rows, *beside])
    return EmbeddedPage(shared, embed, model.DEFAULT_HEIGHT, listing_picture(filters))


def _initiative(
    connection: Connection, identifier: str, beside: list[tuple[str, str]]
) -> EmbeddedPage:
    found = public_initiative(connection, identifier)
    shared = shared_initiative(found)
    embed = with_query(url_for("embed.initiative", identifier=str(found.id)), beside)
    return EmbeddedPage(shared, embed, model.ONE_HEIGHT, initiative_picture(found.id))


def _territory(
    connection: Connection, level: str, code: str, beside: list[tuple[str, str]]
) -> EmbeddedPage:
    found = territory_today(connection, level, code)
    ref = TerritoryRef(found.level, found.code)
    shared = shared_territory(ref, found.name)
    embed = with_query("/embed", [*InitiativeFilters(territory=(ref,)).to_pairs(), *beside])
    return EmbeddedPage(shared, embed, model.DEFAULT_HEIGHT, territory_picture(ref))


# What XML 1.0 has no way to write (2.2).
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
