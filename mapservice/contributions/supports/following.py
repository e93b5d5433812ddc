"""Following an initiative when one supports it: the room that tells news stands higher."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

FollowInitiative = Callable[[Connection, UUID, UUID, str], None]
"""A person follows an initiative from now on; the last is the address that links begin with."""


@dataclass(frozen=True, slots=True)
class NewsFollowing:
    """What `app.py` hands over."""

    follow: FollowInitiative
