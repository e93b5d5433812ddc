"""What moderation pages share: access, the part of the queue that is shown, and messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.roles import permissions as access
from mapservice.accounts.roles.model import TerritoryScope
from mapservice.accounts.roles.queries import overlaps
from mapservice.audit import queries as audit
from mapservice.errors import InvalidInput, NotFound
from mapservice.i18n import gettext as _
from mapservice.i18n import verdict_label
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filters import parse_territory
from mapservice.moderation import queries, service
from mapservice.moderation.model import CaseKind, QueuePart
from mapservice.moderation.places.model import PlaceScope
from mapservice.moderation.places.queries import holds
from mapservice.moderation.service import LateReason, ModeratorIdentity, TooLate
from mapservice.moderation.subjects import CaseProviders
from mapservice.territories import queries as territories
from mapservice.territories.model import Level
from mapservice.territories.queries import region_of
from mapservice.web.edge import services

NOWHERE = "none"
# The endpoint that shows a case, by kind; all others are texts, or those of a `CaseProvider`.
PAGES = {
    CaseKind.REPORT: "reports.case",
    CaseKind.PLACE: "review.case",
    CaseKind.BURST: "trust.case",
    CaseKind.POST: "moderation_posts.case",
}
TEXT_PAGE = "moderation.case"


@dataclass(frozen=True, slots=True)
class QueueView:
    """The part of the queue that a page is about, with the name and région of its territory.

    `beside` are other parameters of the URL, kept in the links to the same part.
    """

    scope: PlaceScope
    name: str = ""
    region: str | None = None
    beside: tuple[tuple[str, str], ...] = ()

    def pairs(self) -> list[tuple[str, str]]:
        territory = NOWHERE if self.scope.nowhere else str(self.scope.territory or "")
        return [(k, v) for k, v in (("territory", territory), *self.beside) if v]


def keep_private(blueprint: Blueprint) -> None:
    """Admits people with any role; no cache stores the pages, and no search engine lists them."""
    blueprint.before_request(access.admit_within)
    blueprint.after_request(_mark_private)


def read_view(connection: Connection, **beside: str) -> QueueView:
    """The part that the request names. Raises InvalidInput, or NotFound if out of scope."""
    text = request.args.get("territory", "").strip()
    reach, kept = access.sees(), tuple(beside.items())
    if text == NOWHERE and not reach.everywhere:
        raise NotFound("There is no such part of the queue.")
    if text in ("", NOWHERE):
        return QueueView(PlaceScope(nowhere=text == NOWHERE, reach=reach), beside=kept)
    ref = parse_territory(text)
    place = territories.find(connection, ref)
    if place is None:
        raise InvalidInput("territory", f"there is no {ref}")
    if not reach.everywhere and not overlaps(connection, ref, reach):
        raise NotFound("There is no such part of the queue.")
    region = ref.code if ref.level is Level.REGION else region_of(connection, ref)
    return QueueView(PlaceScope(ref, reach=reach), place.name, region, kept)


def part_of(
    connection: Connection, scope: PlaceScope, reach: TerritoryScope, kind: CaseKind | None = None
) -> QueuePart:
    """What lies within a territorial scope of a part of the queue."""
    if scope.nowhere:
        return QueuePart((NOWHERE,) if reach.everywhere else (), kind=kind)
    asked = str(scope.territory or "")
    if reach.everywhere:
        return QueuePart((asked or "all",), kind=kind)
    own = tuple(str(ref) for ref in reach.territories)
    if scope.territory is None:
        return QueuePart(own, kind=kind)
    whole = holds(connection, reach, scope.territory.level, scope.territory.code)
    return QueuePart((asked,), kind=kind) if whole else QueuePart(own, asked, kind)


def onward(connection: Connection, decided: UUID | None = None, but: UUID | None = None) -> str:
    """Claims the next case of the requested part; returns its URL, else that of the list."""
    part = part_of(connection, read_view(connection).scope, access.decides(), read_kind())
    found = service.claim_next(connection, part, moderator(), but)
    path = page_of(*found) if found else url_for("moderation.queue")
    return address(path, part_pairs(), decided=str(decided) if decided else None)


def settled_decision(connection: Connection) -> dict[str, Any]:
    """Context of the message about the decision just taken, whatever its kind: `settled`."""
    settled, identifier = None, read_id("decided", request.args.get("decided", ""))
    if identifier is not None and queries.is_within(connection, identifier, access.sees()):
        taken = audit.decisions(connection, identifier)
        known = initiatives.of_any_status(connection, [identifier])
        settled = (known[identifier], taken[0]) if taken else None
    return {"settled": settled, "verdict_label": verdict_label}


def page_of(kind: CaseKind, identifier: UUID) -> str:
    provider = services().of(CaseProviders).of(kind)
    endpoint = provider.endpoint if provider else PAGES.get(kind, TEXT_PAGE)
    return url_for(endpoint, identifier=identifier)


def moderator() -> ModeratorIdentity:
    """The moderator who makes this request."""
    badge = access.badge()
    return ModeratorIdentity(name=badge.name, person=badge.person, is_admin=badge.is_admin)


def read_kind() -> CaseKind | None:
    """Raises InvalidInput."""
    text = request.args.get("kind", "")
    if text and text not in tuple(CaseKind):
        raise InvalidInput("kind", f"is not one of {', '.join(CaseKind)}")
    return CaseKind(text) if text else None


def part_pairs(*names: str) -> list[tuple[str, str]]:
    """The parameters that say which part of the queue a moderator works through."""
    given = ((name, request.args.get(name, "")) for name in names or ("territory", "kind"))
    return [(name, text) for name, text in given if text]


def address(path: str, pairs: Iterable[tuple[str, str]], **more: str | None) -> str:
    """A URL with these parameters; those that are None or "" are left out."""
    given = {**dict(pairs), **more}
    query = urlencode({name: text for name, text in given.items() if text}, safe=",:")
    return f"{path}?{query}" if query else path


def see(location: str) -> Response:
    return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": location})


def read_id(name: str, text: str) -> UUID | None:
    """None for none. Raises InvalidInput naming the parameter."""
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidInput(name, "is not the id of a case") from None


def expired() -> str:
    return _("Ce formulaire a expiré, ou ne vient pas de cette page. Rien n’a été enregistré.")


def late(error: TooLate) -> str:
    if error.why is LateReason.CLAIMED:
        return _("%(name)s s’en occupe en ce moment. Rien n’a été enregistré.", name=error.who)
    if error.why is LateReason.EDITED:
        return _("L’auteur a modifié son texte entre-temps : relisez-le. Rien n’a été enregistré.")
    if error.why is LateReason.OWN:
        return _("Ce recours est contre votre décision : une autre personne y répond.")
    if error.who:
        return _("Déjà décidé par %(name)s. Rien n’a été enregistré.", name=error.who)
    return _("Cette proposition n’attend plus de décision. Rien n’a été enregistré.")


def _mark_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
