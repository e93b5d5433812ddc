"""Reading posts: those of an initiative, one, those that a search finds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, literal, or_, select, text

from mapservice.accounts.roles.model import TerritoryScope
from mapservice.accounts.roles.reach import bound as bound_reach
from mapservice.accounts.roles.reach import condition as within
from mapservice.contributions.posts.model import FoundPost, Post, PostKind, PostState
from mapservice.db.engine import fill
from mapservice.db.people_tables import post
from mapservice.db.tables import initiative
from mapservice.db.tables import territory as place
from mapservice.initiatives.conditions import where, words
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.model import Status
from mapservice.media import queries as photos
from mapservice.media.model import Photo

COLUMNS = """
SELECT post.id, post.initiative, post.person, coalesce(person.name, '') AS author, person.slug,
       post.kind, post.text, post.closed_as, post.state, post.made_at, post.queued_at,
       post.published_at, post.reason
  FROM post LEFT JOIN person ON person.id = post.person"""

# What was merged into it is told of here, as its supports count here.
PUBLIC = """
 WHERE post.initiative IN (SELECT merge_tree(:id)) AND post.state = 'public'
   AND post.kind = ANY(:kinds)
 ORDER BY post.published_at DESC, post.id DESC
 LIMIT :limit"""

# Words at the end hold as long as what they say does.
CLOSING = """
  JOIN initiative ON initiative.id = post.initiative AND initiative.status = post.closed_as
 WHERE post.initiative = :id AND post.kind = 'closing' AND post.state = 'public'
   AND post.text <> ''
 ORDER BY post.published_at DESC, post.id DESC
 LIMIT 1"""

OF_AUTHOR = """
 WHERE post.initiative = :id AND post.person = :person AND post.kind <> 'comment'
 ORDER BY post.made_at DESC, post.id DESC
 LIMIT :limit"""

ONE = " WHERE post.id = :id"

EXPORT = """
SELECT initiative, kind, text, closed_as, state, made_at, published_at, reason
  FROM post WHERE person = :person ORDER BY made_at, id"""

IS_WITHIN = """
SELECT EXISTS (SELECT FROM post JOIN initiative ON initiative.id = post.initiative
                WHERE post.id = :id AND {within})"""

SINCE = """
SELECT count(*) FROM post
 WHERE initiative = :id AND kind = :kind AND state <> 'refused' AND made_at > :since"""

COUNT = """
SELECT count(*) FROM post
 WHERE initiative IN (SELECT merge_tree(:id)) AND state = 'public' AND kind = :kind"""

FOLLOWING_SUPPORTERS = """
SELECT count(DISTINCT support.person)
  FROM support
  JOIN initiative_subscription AS following
    ON following.person = support.person
   AND following.initiative IN (SELECT merge_tree(:id))
 WHERE support.initiative IN (SELECT merge_tree(:id)) AND withdrawn_at IS NULL
   AND held_at IS NULL"""


def news_of(connection: Connection, identifier: UUID, limit: int) -> list[Post]:
    """News that the public may see, the newest first."""
    return _public(connection, identifier, PostKind.NEWS, limit)


def comments_of(connection: Connection, identifier: UUID, limit: int) -> list[Post]:
    """The newest that the public may see, in the order in which they were written."""
    return _public(connection, identifier, PostKind.COMMENT, limit)[::-1]


def count(connection: Connection, identifier: UUID, kind: PostKind) -> int:
    """How many of a kind the public may see."""
    bound = {"id": identifier, "kind": str(kind)}
    return int(connection.execute(text(COUNT), bound).scalar_one())


def closing_of(connection: Connection, identifier: UUID) -> Post | None:
    """The author's words about its end; None where there are none, or it was opened again."""
    rows = connection.execute(text(COLUMNS + CLOSING), {"id": identifier}).all()
    return next(iter(_posts(connection, rows)), None)


def of_author(connection: Connection, identifier: UUID, person: UUID, limit: int) -> list[Post]:
    """All that its author said about it, whatever became of that, the newest first."""
    bound = {"id": identifier, "person": person, "limit": limit}
    return _posts(connection, connection.execute(text(COLUMNS + OF_AUTHOR), bound).all())


def find(connection: Connection, identifier: UUID, *, lock: bool = False) -> Post | None:
    """Whatever its state; `lock` holds it until the transaction ends."""
    if lock:
        connection.execute(text("SELECT FROM post WHERE id = :id FOR UPDATE"), {"id": identifier})
    rows = connection.execute(text(COLUMNS + ONE), {"id": identifier}).all()
    return next(iter(_posts(connection, rows)), None)


def is_within(connection: Connection, identifier: UUID, reach: TerritoryScope) -> bool:
    """Whether there is such a post, about an initiative within a reach."""
    statement = fill(IS_WITHIN, {"within": within(reach, "initiative.")})
    bound = bound_reach(reach) | {"id": identifier}
    return bool(connection.execute(text(statement), bound).scalar_one())


def count_since(connection: Connection, identifier: UUID, kind: PostKind, since: datetime) -> int:
    """How many of a kind were written about it since then; those refused do not count."""
    bound = {"id": identifier, "kind": str(kind), "since": since}
    return int(connection.execute(text(SINCE), bound).scalar_one())


def following_supporters(connection: Connection, identifier: UUID) -> int:
    """How many of its counted supporters follow it: whom thanks would reach."""
    return int(connection.execute(text(FOLLOWING_SUPPORTERS), {"id": identifier}).scalar_one())


def export(connection: Connection, person: UUID) -> list[dict[str, Any]]:
    """For the export of their data."""
    return [dict(row._mapping) for row in connection.execute(text(EXPORT), {"person": person})]


def search(connection: Connection, filters: InitiativeFilters, limit: int) -> list[FoundPost]:
    """News and closing words that say the words of a filter, about what the rest of it finds."""
    beside = InitiativeFilters(
        theme=filters.theme, status=filters.status, territory=filters.territory
    )
    hits = (
        select(
            post.c.id,
            post.c.initiative,
            post.c.text,
            post.c.published_at,
            initiative.c.title,
            initiative.c.departement,
            place.c.name.label("commune_name"),
        )
        .join(initiative, initiative.c.id == post.c.initiative)
        .outerjoin(place, (place.c.level == "commune") & (place.c.code == initiative.c.commune))
        .where(
            post.c.state == "public",
            post.c.kind.in_(("news", "closing")),
            or_(post.c.kind == "news", post.c.closed_as == initiative.c.status),
            *where(beside),
        )
        .order_by(post.c.published_at.desc(), post.c.id.desc())
        .limit(limit)
    )
    if filters.q:
        hits = hits.where(post.c.search.op("@@")(words(filters.q)))
    else:
        hits = hits.where(func.length(post.c.text) > literal(0))
    return [FoundPost(**row._mapping) for row in connection.execute(hits)]


def _public(connection: Connection, identifier: UUID, kind: PostKind, limit: int) -> list[Post]:
    bound = {"id": identifier, "kinds": [str(kind)], "limit": limit}
    return _posts(connection, connection.execute(text(COLUMNS + PUBLIC), bound).all())


def _posts(connection: Connection, rows: Sequence[Row[Any]]) -> list[Post]:
    shown: dict[UUID, Photo] = photos.of_posts(connection, [row.id for row in rows])
    return [
        Post(
            **{
                **row._mapping,
                "kind": PostKind(row.kind),
                "state": PostState(row.state),
                "closed_as": Status(row.closed_as) if row.closed_as else None,
                "photo": shown.get(row.id),
            }
        )
        for row in rows
    ]
