"""How each page of ours is passed on: by its address, its words, a code, a frame."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from mapservice.i18n import gettext as _
from mapservice.initiatives.filter_words import listing_title
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.place_words import precision_words
from mapservice.initiatives.queries import Initiative
from mapservice.site.sharing.model import SharedPage, has_qr
from mapservice.territories.model import TerritoryRef
from mapservice.web.edge import asked_language, base_url

HOME, LISTING = "/", "/initiatives"
QR_FILES = {HOME: "/qr.svg", LISTING: "/initiatives/qr.svg"}


def shared_listing(
    filters: InitiativeFilters, path: str = LISTING, beside: Mapping[str, str] | None = None
) -> SharedPage:
    """The list, or the home page with its map, of a filter; `beside` are parameters of the page
    that its frame does not have."""
    pairs = filters.to_pairs()
    title = listing_title(filters)
    query = [*pairs, *(beside or {}).items()]
    return _shared(path, query, title, "", QR_FILES[path], ("/embed", pairs), pairs)


def shared_territory(
    ref: TerritoryRef, name: str, filters: InitiativeFilters | None = None
) -> SharedPage:
    path = f"/territoires/{ref.level}/{ref.code}"
    pairs = (filters or InitiativeFilters(territory=(ref,))).to_pairs()
    title = _("Initiatives : %(place)s", place=name)
    return _shared(path, [], title, "", f"{path}/qr.svg", ("/embed", pairs), pairs)


def shared_initiative(initiative: Initiative) -> SharedPage:
    path, identifier = initiative.url, str(initiative.id)
    embed = f"/embed/initiatives/{identifier}"
    code = [("initiative", identifier)]
    words = precision_words(initiative)
    return _shared(path, [], initiative.title, words, f"{path}/qr.svg", (embed, []), code)


def shared_gathering(path: str, title: str, words: str) -> SharedPage:
    """The page of an event or a group, which has no frame of its own."""
    qr = f"{path}/qr.svg"
    address = base_url() + path
    return SharedPage(address, title, words, qr if has_qr(address) else "", embed="", code="")


def oembed_address(shared: SharedPage, form: str) -> str:
    """Where a page's frame is told of (oEmbed, section 4), in the language that was asked for."""
    address = shared.address
    if asked_language():
        address += f"{'&' if '?' in address else '?'}lang={asked_language()}"
    return f"{base_url()}/oembed?{urlencode({'url': address, 'format': form})}"


def with_query(path: str, pairs: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(pairs, safe=',:')}" if pairs else path


def _shared(
    path: str,
    query: Sequence[tuple[str, str]],
    title: str,
    words: str,
    qr: str,
    embed: tuple[str, Sequence[tuple[str, str]]],
    code: Sequence[tuple[str, str]],
) -> SharedPage:
    address = base_url() + with_query(path, query)
    return SharedPage(
        address=address,
        title=title,
        words=words,
        qr=with_query(qr, query) if has_qr(address) else "",
        embed=with_query(*embed),
        code=with_query("/integrer", code),
    )
