"""What the pages of moderators share: who enters, which part of the queue, what is said."""

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
from mapservice.audit.model import DecisionVerdict, PastDecision
from mapservice.errors import InvalidInput, NotFound
from mapservice.i18n.text import gettext as _
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filters import parse_territory
from mapservice.initiatives.queries import Initiative
from mapservice.moderation import queries, service
from mapservice.moderation.model import CaseKind, QueuePart
from mapservice.moderation.places.model import PlaceScope
from mapservice.moderation.places.queries import holds
from mapservice.moderation.service import LateReason, ModeratorIdentity, TooLate
from mapservice.territories import queries as territories
from mapservice.territories.model import Level
from mapservice.territories.queries import region_of

NOWHERE = "none"
# Whose page shows what waits; all else is a text.
PAGES = {
    CaseKind.REPORT: "reports.case",
    CaseKind.PLACE: "review.case",
    CaseKind.BURST: "trust.case",
}
TEXT_PAGE = "moderation.case"


@dataclass(frozen=True, slots=True)
class QueueView:
    """Which part of the queue a page is about, with the name and région of its territory.

    `beside` are other parameters of the address, kept in the links to the same part.
    """

    scope: PlaceScope
    name: str = ""
    region: str | None = None
    beside: tuple[tuple[str, str], ...] = ()

    def pairs(self) -> list[tuple[str, str]]:
        territory = NOWHERE if self.scope.nowhere else str(self.scope.territory or "")
        return [(k, v) for k, v in (("territory", territory), *self.beside) if v]


def keep_private(blueprint: Blueprint) -> None:
    """Lets in who has any role; no cache keeps the pages, and no search engine lists them."""
    blueprint.before_request(access.admit_within)
    blueprint.after_request(_mark_private)


def read_view(connection: Connection, **beside: str) -> QueueView:
    """Of the present request. Raises InvalidInput, or NotFound for a part out of reach."""
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
    """What of a part of the queue lies within a reach."""
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
    """Takes what is next in the part that is asked for; its address, else that of the list."""
    part = part_of(connection, read_view(connection).scope, access.decides(), read_kind())
    found = service.claim_next(connection, part, judge(), but)
    path = page_of(*found) if found else url_for("moderation.queue")
    return address(path, part_pairs(), decided=str(decided) if decided else None)


def told(connection: Connection) -> dict[str, Any]:
    """What pages show of the decision taken a moment ago, whatever it was about: `settled`."""
    return {"settled": _settled(connection), "verdict_label": verdict_label}


def _settled(connection: Connection) -> tuple[Initiative, PastDecision] | None:
    identifier = read_id("decided", request.args.get("decided", ""))
    if identifier is None or not queries.is_within(connection, identifier, access.sees()):
        return None
    taken = audit.decisions(connection, identifier)
    known = initiatives.of_any_status(connection, [identifier])
    return (known[identifier], taken[0]) if taken else None


def verdict_label(verdict: str) -> str:
    return {
        DecisionVerdict.PUBLISH: _("publiée"),
        DecisionVerdict.KEEP: _("gardée telle quelle"),
        DecisionVerdict.REJECT: _("refusée"),
        DecisionVerdict.ASK: _("renvoyée à son auteur"),
        DecisionVerdict.MERGE: _("réunie à une autre"),
        DecisionVerdict.UNMERGE: _("séparée à nouveau"),
        DecisionVerdict.PLACE: _("lieu décidé"),
        DecisionVerdict.UNPLACE: _("lieu remis en attente"),
        DecisionVerdict.CLOSE: _("signalement clos"),
    }[DecisionVerdict(verdict)]


def page_of(kind: CaseKind, identifier: UUID) -> str:
    return url_for(PAGES.get(kind, TEXT_PAGE), identifier=identifier)


def judge() -> ModeratorIdentity:
    """Who decides in the present request."""
    badge = access.badge()
    return ModeratorIdentity(name=badge.name, person=badge.person, is_admin=badge.is_admin)


def read_kind() -> CaseKind | None:
    """Raises InvalidInput."""
    text = request.args.get("kind", "")
    if text and text not in tuple(CaseKind):
        raise InvalidInput("kind", f"is not one of {', '.join(CaseKind)}")
    return CaseKind(text) if text else None


def part_pairs(*names: str) -> list[tuple[str, str]]:
    """The parameters that say which part of the queue one walks along."""
    given = ((name, request.args.get(name, "")) for name in names or ("territory", "kind"))
    return [(name, text) for name, text in given if text]


def address(path: str, pairs: Iterable[tuple[str, str]], **more: str | None) -> str:
    """A page with these parameters; those of None or "" are left out."""
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
