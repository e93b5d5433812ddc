"""Keeping photos, showing them, and letting them go.

Files are in the store before the row that names them is committed, and leave it after the row is
gone: so whatever ends a process, no row names a file that is not there. What is left without a row
is swept after a day.
"""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Connection, Engine, text

from mapservice.errors import InvalidInput, NotFound, ServiceUnavailable
from mapservice.media import queries
from mapservice.media.encoding import PhotoRefused, encode
from mapservice.media.model import (
    CONTENT_TYPES,
    MAX_PHOTOS,
    EncodedPhoto,
    PhotoMistake,
    PhotoState,
    PhotoWords,
    file_name,
    parse_file_name,
)
from mapservice.media.storage import UNFINISHED, MediaStore

log = structlog.get_logger()

DRAFT_LIFE = timedelta(days=1)
# For the author to see what was refused, and to answer.
REFUSED_LIFE = timedelta(days=30)
# A file without a row may belong to one that is about to be committed.
ORPHAN_SECONDS = 86_400
PER_LOOK = 500
REMOVALS = 100
# Photos that one form may send are read within this time; what is left then is sent again.
LONGEST_READING = 45.0


@dataclass(frozen=True, slots=True)
class PhotoOwner:
    """Whose photo it will be: of an initiative or a post about it, in a state, or of a form."""

    initiative: UUID | None = None
    form: UUID | None = None
    person: UUID | None = None
    state: PhotoState = PhotoState.DRAFT
    post: UUID | None = None

    @property
    def key(self) -> str:
        return f"photos {self.post or self.initiative or self.form}"


# Runs the insertion of a row where it belongs in a transaction of another room.
PhotoTransaction = Callable[[Connection, Callable[[], bool]], None]


def add(
    engine: Engine,
    store: MediaStore,
    owner: PhotoOwner,
    source: IO[bytes],
    most_bytes: int,
    within: PhotoTransaction | None = None,
) -> UUID:
    """Reads a file and keeps the photo it holds. Once this returns, it is safe.

    `within` is called with the transaction, and with what inserts the row.

    Raises PhotoRefused; ServiceUnavailable while too much is being read, or the store is away.
    """
    with engine.connect() as connection:
        if _count(connection, owner) >= MAX_PHOTOS:
            raise PhotoRefused(PhotoMistake.COUNT)
    encoded = encode(source, most_bytes)
    identifier = uuid4()
    name = name_of(identifier, encoded)
    for one in encoded.files:
        store.put(file_name(name, one.width, one.suffix), one.content, CONTENT_TYPES[one.suffix])
    with engine.begin() as connection:

        def insert() -> bool:
            # One photo of an owner at a time, so that none is over the count.
            statement = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
            connection.execute(statement, {"key": owner.key})
            if _count(connection, owner) >= MAX_PHOTOS:
                raise PhotoRefused(PhotoMistake.COUNT)
            connection.execute(text(KEEP), _values(identifier, name, encoded, owner))
            return True

        if within:
            within(connection, insert)
        else:
            insert()
    return identifier


def restore(
    engine: Engine,
    store: MediaStore,
    identifier: UUID,
    owner: PhotoOwner,
    source: IO[bytes],
    most_bytes: int,
    words: PhotoWords,
    position: int,
    added_at: datetime,
) -> bool:
    """Keeps a photo under the id that it had elsewhere; False if it is here already.

    Its pixels are made anew, as of any other. Raises PhotoRefused, ServiceUnavailable, and the
    database's refusal of an owner that is not there.
    """
    encoded = encode(source, most_bytes)
    name = name_of(identifier, encoded)
    for one in encoded.files:
        store.put(file_name(name, one.width, one.suffix), one.content, CONTENT_TYPES[one.suffix])
    told = {
        "alt": words.alt,
        "credit": words.credit,
        "focal_x": words.focal_x,
        "focal_y": words.focal_y,
        "position": position,
        "added_at": added_at,
    }
    with engine.begin() as connection:
        bound = _values(identifier, name, encoded, owner) | told
        return connection.execute(text(RESTORE), bound).rowcount > 0


def is_kept(connection: Connection, identifier: UUID) -> bool:
    """Whether there is a photo of this id, in any state."""
    statement = text("SELECT EXISTS (SELECT FROM photo WHERE id = :id)")
    return bool(connection.execute(statement, {"id": identifier}).scalar_one())


def add_all(
    engine: Engine,
    store: MediaStore,
    owner: PhotoOwner,
    sources: Sequence[IO[bytes]],
    most_bytes: int,
    within: PhotoTransaction | None = None,
) -> tuple[list[UUID], list[tuple[int, PhotoMistake]]]:
    """Ids of those kept, and of the others their place in the order they came and what is wrong."""
    kept: list[UUID] = []
    mistakes: list[tuple[int, PhotoMistake]] = []
    end = time.monotonic() + LONGEST_READING
    for number, source in enumerate(sources):
        try:
            if time.monotonic() > end:
                raise PhotoRefused(PhotoMistake.SLOW)
            kept.append(add(engine, store, owner, source, most_bytes, within))
        except PhotoRefused as refused:
            mistakes.append((number, refused.mistake))
    return kept, mistakes


def name_of(identifier: UUID, encoded: EncodedPhoto) -> str:
    """Names files by what is in them, and by whose they are: never the same for two photos."""
    found = hashlib.sha256(identifier.bytes)
    for one in encoded.files:
        found.update(one.content)
    return found.hexdigest()[:32]


def keep_drafts(connection: Connection, form: UUID, life: timedelta) -> None:
    """Those of a form whose confirmation is asked for stay as long as that may come."""
    connection.execute(text(PROLONG), {"form": form, "life": life})


def attach(
    connection: Connection, form: UUID, initiative: UUID, person: UUID, state: PhotoState
) -> None:
    """The drafts of a form become photos of the initiative that it made."""
    bound = {"form": form, "initiative": initiative, "person": person, "state": str(state)}
    connection.execute(text(ATTACH), bound)


def describe(
    connection: Connection, photo: UUID, words: PhotoWords, *, form: UUID | None = None
) -> bool:
    """Keeps what is said about a photo (of a form, where one is named); whether the words differ.

    The point that stays in view is no word.
    """
    bound = {
        "id": photo,
        "form": form,
        "alt": words.alt,
        "credit": words.credit,
        "x": words.focal_x,
        "y": words.focal_y,
    }
    return bool(connection.execute(text(DESCRIBE), bound).scalar_one_or_none())


def move(connection: Connection, initiative: UUID, photo: UUID, step: int) -> None:
    """Up (-1) or down (1) among those of its initiative."""
    ids = [one.id for one in queries.of_initiative(connection, initiative)]
    if photo not in ids:
        raise NotFound("There is no such photo.")
    at = ids.index(photo)
    to = min(max(at + step, 0), len(ids) - 1)
    ids.insert(to, ids.pop(at))
    connection.execute(text(PLACE), {"ids": ids})


def remove(connection: Connection, photo: UUID, *, form: UUID | None = None) -> None:
    """Its files follow once the transaction is committed: `delete_removed`."""
    connection.execute(text(REMOVE), {"id": photo, "form": form})


def publish(connection: Connection, initiative: UUID) -> None:
    """Those that wait become public with their text."""
    connection.execute(text(PUBLISH), {"initiative": initiative})


def describe_of_post(connection: Connection, post: UUID, words: PhotoWords) -> None:
    """What its author says about the photo of a post."""
    bound = {"post": post, "alt": words.alt, "credit": words.credit}
    connection.execute(text(DESCRIBE_OF_POST), bound)


def publish_of_post(connection: Connection, post: UUID) -> None:
    connection.execute(text(PUBLISH_OF_POST), {"post": post})


def refuse_of_post(connection: Connection, post: UUID, reason: str) -> None:
    """With the words that it came with."""
    bound = {"post": post, "reason": reason, "life": REFUSED_LIFE}
    connection.execute(text(REFUSE_OF_POST), bound)


def refuse(connection: Connection, photo: UUID, reason: str) -> None:
    """Raises InvalidInput without a reason, NotFound for what is gone or refused already."""
    if not reason:
        raise InvalidInput("reason", "is missing")
    bound = {"id": photo, "reason": reason, "life": REFUSED_LIFE}
    if not connection.execute(text(REFUSE), bound).rowcount:
        raise NotFound("There is no such photo.")


def erase(connection: Connection, person: UUID) -> None:
    """All that a person added: what pictures show is theirs to take away."""
    connection.execute(text("DELETE FROM photo WHERE person = :person"), {"person": person})


# --- What goes away ------------------------------------------------------------------------------


def delete_removed(engine: Engine, store: MediaStore) -> int:
    """Deletes the files of photos whose rows are gone; how many photos that were.

    Who is in a hurry may call it after a commit; the worker does each minute. While a backup copies
    files (`files_stay`) none is deleted.
    """
    done = 0
    while True:
        with engine.begin() as connection:
            if not connection.execute(text(MAY_DELETE)).scalar_one():
                return done
            rows = connection.execute(text(REMOVALS_NOW), {"most": REMOVALS}).all()
            for row in rows:
                for name in row.files:
                    store.delete(name)
            names = [row.name for row in rows]
            connection.execute(text(FORGET_REMOVALS), {"names": names})
        done += len(rows)
        if len(rows) < REMOVALS:
            return done


def tidy(engine: Engine, store: MediaStore) -> None:
    """Drafts and refused photos past their time, and all files that rows left behind."""
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM photo WHERE expires_at <= now()"))
    with contextlib.suppress(ServiceUnavailable):
        delete_removed(engine, store)


def sweep(engine: Engine, store: MediaStore, now: float | None = None) -> list[str]:
    """Deletes files older than a day that no row names; returns their names.

    Files that are none of ours by their names stay.
    """
    old = (time.time() if now is None else now) - ORPHAN_SECONDS
    swept: list[str] = []
    for names in _packs(store, old):
        photos = {name: (parse_file_name(name) or ("",))[0] for name in names}
        with engine.connect() as connection:
            known = queries.known_names(connection, [one for one in photos.values() if one])
        for name, photo in photos.items():
            if photo not in known:
                store.delete(name)
                swept.append(name)
    if swept:
        log.info("photos_swept", files=len(swept))
    return swept


def _packs(store: MediaStore, old: float) -> Iterator[list[str]]:
    """Files of ours that are older than that, some at a time."""
    pack: list[str] = []
    for one in store.stored():
        ours = parse_file_name(one.name) or one.name.endswith(UNFINISHED)
        if ours and one.put_at < old:
            pack.append(one.name)
        if len(pack) == PER_LOOK:
            yield pack
            pack = []
    if pack:
        yield pack


@contextlib.contextmanager
def files_stay(engine: Engine) -> Iterator[None]:
    """While it lasts no file of a photo is deleted: all that a snapshot names can be copied."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(HOLD_FILES))
        try:
            yield
        finally:
            connection.execute(text(LET_FILES_GO))


def named(connection: Connection) -> set[str]:
    """The files of all photos that there are."""
    rows = connection.execute(text(ALL_FILES)).all()
    wanted = {file_name(row.name, width) for row in rows for width in row.widths}
    return wanted | {file_name(row.name, row.shared_width, "jpg") for row in rows}


def missing(connection: Connection, store: MediaStore) -> list[str]:
    """Files that a row names and the store has not: none, unless one was lost outside."""
    return sorted(named(connection) - {one.name for one in store.stored()})


def _count(connection: Connection, owner: PhotoOwner) -> int:
    """Those that were refused take no place. A post has one, which comes with it."""
    if owner.post:
        return 0
    bound = {"initiative": owner.initiative, "form": owner.form}
    return int(connection.execute(text(COUNT), bound).scalar_one())


def _values(
    identifier: UUID, name: str, encoded: EncodedPhoto, owner: PhotoOwner
) -> dict[str, object]:
    widest, shared = encoded.webp[-1], encoded.shared
    return {
        "id": identifier,
        "name": name,
        "initiative": owner.initiative,
        "form": owner.form,
        "post": owner.post,
        "person": owner.person,
        "state": str(owner.state),
        "life": DRAFT_LIFE if owner.state is PhotoState.DRAFT else None,
        "widths": [one.width for one in encoded.webp],
        "width": widest.width,
        "height": widest.height,
        "shared_width": shared.width,
        "shared_height": shared.height,
        "shared_bytes": len(shared.content),
    }


COUNT = """
SELECT count(*) FROM photo
 WHERE (initiative = CAST(:initiative AS uuid) OR form = CAST(:form AS uuid))
   AND post IS NULL AND state <> 'refused'"""

KEEP = """
INSERT INTO photo (id, name, initiative, form, post, person, position, state, expires_at, widths,
                   width, height, shared_width, shared_height, shared_bytes)
SELECT :id, :name, CAST(:initiative AS uuid), CAST(:form AS uuid), CAST(:post AS uuid),
       CAST(:person AS uuid),
       (SELECT coalesce(max(position) + 1, 0) FROM photo
         WHERE initiative = CAST(:initiative AS uuid) OR form = CAST(:form AS uuid)),
       :state, now() + CAST(:life AS interval), :widths, :width, :height, :shared_width,
       :shared_height, :shared_bytes"""

RESTORE = """
INSERT INTO photo (id, name, initiative, post, position, state, widths, width, height, shared_width,
                   shared_height, shared_bytes, alt, credit, focal_x, focal_y, added_at)
VALUES (:id, :name, :initiative, :post, :position, :state, :widths, :width, :height, :shared_width,
        :shared_height, :shared_bytes, :alt, :credit, :focal_x, :focal_y, :added_at)
    ON CONFLICT (id) DO NOTHING"""

PROLONG = """
UPDATE photo SET expires_at = greatest(expires_at, now() + :life) WHERE form = :form"""

ATTACH = """
UPDATE photo
   SET initiative = :initiative, form = NULL, person = :person, state = :state, expires_at = NULL
 WHERE form = :form"""

DESCRIBE = """
UPDATE photo AS kept
   SET alt = :alt, credit = :credit, focal_x = :x, focal_y = :y
  FROM photo AS former
 WHERE kept.id = :id AND former.id = kept.id AND kept.state <> 'refused'
   AND kept.form IS NOT DISTINCT FROM CAST(:form AS uuid)
RETURNING (former.alt, former.credit) <> (kept.alt, kept.credit)"""

PLACE = """
UPDATE photo SET position = wanted.place - 1
  FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS wanted (id, place)
 WHERE photo.id = wanted.id"""

REMOVE = """
DELETE FROM photo WHERE id = :id AND form IS NOT DISTINCT FROM CAST(:form AS uuid)"""

PUBLISH = """
UPDATE photo SET state = 'public'
 WHERE initiative = :initiative AND post IS NULL AND state = 'waiting'"""

DESCRIBE_OF_POST = "UPDATE photo SET alt = :alt, credit = :credit WHERE post = :post"

PUBLISH_OF_POST = "UPDATE photo SET state = 'public' WHERE post = :post AND state = 'waiting'"

REFUSE_OF_POST = """
UPDATE photo SET state = 'refused', reason = :reason, expires_at = now() + :life
 WHERE post = :post AND state IN ('waiting', 'public')"""

REFUSE = """
UPDATE photo SET state = 'refused', reason = :reason, expires_at = now() + :life
 WHERE id = :id AND state IN ('waiting', 'public')"""

REMOVALS_NOW = """
SELECT name, files FROM photo_removal
 ORDER BY removed_at, name LIMIT :most FOR UPDATE SKIP LOCKED"""

# Shared by all that delete files, kept from them by a backup.
MAY_DELETE = "SELECT pg_try_advisory_xact_lock_shared(hashtext('photos'), 1)"
HOLD_FILES = "SELECT pg_advisory_lock(hashtext('photos'), 1)"
LET_FILES_GO = "SELECT pg_advisory_unlock(hashtext('photos'), 1)"

FORGET_REMOVALS = "DELETE FROM photo_removal WHERE name = ANY(:names)"

ALL_FILES = "SELECT name, widths, shared_width FROM photo"
