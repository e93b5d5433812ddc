"""Keeping posts, deciding about them, and letting them go.

Who may write what is the caller's to know. A trigger notes, in the transaction that makes a post
public, which followers are to be told of it.
"""

from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from mapservice.contributions.posts import queries
from mapservice.contributions.posts.model import Post, PostKind, PostState
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.initiatives.model import Status
from mapservice.media import service as media


def keep(
    connection: Connection,
    initiative: UUID,
    person: UUID,
    kind: PostKind,
    words: str,
    *,
    at_once: bool,
    closed_as: Status | None = None,
    identifier: UUID | None = None,
) -> UUID:
    """A new post, `at_once` public or waiting for a moderator, who looks at it in both cases.

    What says nothing needs no look: an end without a word is public at once.
    """
    silent = kind is PostKind.CLOSING and not words
    bound = {
        "id": identifier or uuid4(),
        "initiative": initiative,
        "person": person,
        "kind": str(kind),
        "text": words,
        "closed_as": str(closed_as) if closed_as else None,
        "public": at_once or silent,
        "looked_at": not silent,
    }
    made: UUID = connection.execute(text(KEEP), bound).scalar_one()
    return made


def publish(connection: Connection, identifier: UUID) -> Post:
    """Public from now on, or kept so; nobody need look at it any more.

    Returns it as it was. Raises NotFound, StateConflict for one that was refused.
    """
    found = _held(connection, identifier)
    if found.state is PostState.REFUSED:
        raise StateConflict("It was refused already.")
    connection.execute(text(PUBLISH), {"id": identifier})
    media.publish_of_post(connection, identifier)
    return found


def refuse(connection: Connection, identifier: UUID, reason: str) -> Post:
    """Taken out, with its photo; whoever was not told yet is not told any more.

    Returns it as it was. Raises NotFound, InvalidInput without a reason, StateConflict.
    """
    if not reason:
        raise InvalidInput("reason", "is missing")
    found = _held(connection, identifier)
    if found.state is PostState.REFUSED:
        raise StateConflict("It was refused already.")
    connection.execute(text(REFUSE), {"id": identifier, "reason": reason})
    media.refuse_of_post(connection, identifier, reason)
    return found


def remove(connection: Connection, identifier: UUID, initiative: UUID, person: UUID) -> None:
    """By who wrote it, whatever its state, with its photo. Raises NotFound."""
    bound = {"id": identifier, "initiative": initiative, "person": person}
    if not connection.execute(text(REMOVE), bound).rowcount:
        raise NotFound("There is no such post of yours.")


def erase(connection: Connection, person: UUID) -> None:
    """News that is public stays without its author, as its initiative does; the rest goes."""
    for statement in ERASE:
        connection.execute(text(statement), {"person": person})


def _held(connection: Connection, identifier: UUID) -> Post:
    found = queries.find(connection, identifier, lock=True)
    if found is None:
        raise NotFound("There is no such post.")
    return found


KEEP = """
INSERT INTO post (id, initiative, person, kind, text, closed_as, state, queued_at, published_at)
SELECT :id, :initiative, :person, :kind, :text, CAST(:closed_as AS text),
       CASE WHEN public THEN 'public' ELSE 'waiting' END,
       CASE WHEN CAST(:looked_at AS boolean) THEN now() END, CASE WHEN public THEN now() END
  FROM (SELECT CAST(:public AS boolean) AS public) AS given
RETURNING id"""

PUBLISH = """
UPDATE post
   SET state = 'public', published_at = coalesce(published_at, now()), queued_at = NULL
 WHERE id = :id"""

REFUSE = "UPDATE post SET state = 'refused', reason = :reason, queued_at = NULL WHERE id = :id"

REMOVE = "DELETE FROM post WHERE id = :id AND initiative = :initiative AND person = :person"

ERASE = (
    """
    DELETE FROM post
     WHERE person = :person AND (state <> 'public' OR kind NOT IN ('news', 'closing'))""",
    "UPDATE post SET person = NULL WHERE person = :person",
)
