"""Roles, the territories they are for, and what follows from them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from mapservice.errors import InvalidInput
from mapservice.initiatives.filters import parse_territory
from mapservice.territories.model import TerritoryRef

ID_SIGNS = 8
COUNTRY = "country"


class Role(StrEnum):
    """A coordinator reads the queues of some territories; a moderator decides there too."""

    COORDINATOR = "coordinator"
    MODERATOR = "moderator"
    ADMIN = "admin"


class GrantAction(StrEnum):
    """What the log says happened to a grant."""

    GRANT = "grant"
    REVOKE = "revoke"
    ERASE = "erase"
    LAPSE = "lapse"


@dataclass(frozen=True, slots=True)
class TerritoryScope:
    """Some territories with all that is below them, or everywhere.

    Only `everywhere` covers initiatives without a place, or for all of France.
    """

    territories: tuple[TerritoryRef, ...] = ()
    everywhere: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.everywhere and not self.territories


EVERYWHERE = TerritoryScope(everywhere=True)


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """One role for one territory; None for admins: everywhere."""

    role: Role
    territory: TerritoryRef | None = None

    @classmethod
    def parse(cls, role: str, territory: str) -> Self:
        """Raises InvalidInput naming `role` or `territory`."""
        if role not in tuple(Role):
            raise InvalidInput("role", f"is not one of {', '.join(Role)}")
        given = territory.strip()
        if role == Role.ADMIN:
            if given:
                raise InvalidInput("territory", "does not go with admin, who is one everywhere")
            return cls(Role.ADMIN)
        if not given:
            raise InvalidInput("territory", f"is missing: a {role} is one somewhere")
        return cls(Role(role), parse_territory(given))

    @property
    def level(self) -> str:
        """As the tables have it."""
        return str(self.territory.level) if self.territory else COUNTRY

    @property
    def code(self) -> str:
        return self.territory.code if self.territory else ""

    def __str__(self) -> str:
        return f"{self.role} {self.territory}" if self.territory else str(self.role)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts in moderation: the name that is recorded, and where they see and decide."""

    name: str
    person: UUID
    sees: TerritoryScope
    decides: TerritoryScope

    @property
    def is_admin(self) -> bool:
        return self.decides.everywhere


def badge_of(name: str, person: UUID, grants: tuple[RoleGrant, ...]) -> Principal | None:
    """None where there is no role."""
    if not grants:
        return None
    return Principal(
        signature(name, person),
        person,
        sees=_reach(grants),
        decides=_reach(tuple(one for one in grants if one.role is not Role.COORDINATOR)),
    )


def signature(name: str, person: UUID) -> str:
    """How a person is recorded: names are free, so part of the id tells namesakes apart."""
    return " ".join(filter(None, (name, f"#{person.hex[:ID_SIGNS]}")))


def _reach(grants: tuple[RoleGrant, ...]) -> TerritoryScope:
    if any(one.role is Role.ADMIN for one in grants):
        return EVERYWHERE
    return TerritoryScope(tuple(dict.fromkeys(one.territory for one in grants if one.territory)))


@dataclass(frozen=True, slots=True)
class GrantAuthor:
    """Who grants or revokes: a person, or a name without an account (exactly one of them)."""

    person: UUID | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantInForce:
    """A grant in force. `place` is the territory's name, "" for everywhere.

    `today` is that territory, or the only successor of a former commune; `is_known`: whether
    today's COG has one. `confirmed`: whether the person ever signed in.
    """

    person: UUID
    email: str
    name: str
    confirmed: bool
    grant: RoleGrant
    place: str
    is_known: bool
    granted_at: datetime
    today: TerritoryRef | None = None

    @property
    def coordination_url(self) -> str:
        """The figures of its territory as of today's COG."""
        ref = self.today
        return f"/coordination/{ref.level}/{ref.code}" if ref else "/coordination"

    @property
    def queue_url(self) -> str:
        """What waits there."""
        return f"/moderation?territory={self.today}" if self.today else "/moderation"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantLogEntry:
    """A line of the log. `who` and `by` are addresses, or `#` and part of an id once erased."""

    at: datetime
    act: GrantAction
    who: str
    by: str
    grant: RoleGrant
    place: str
