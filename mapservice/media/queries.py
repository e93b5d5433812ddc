"""Reading photos: those of an initiative, of a form, one by the name of its files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from mapservice.initiatives.model import PUBLIC
from mapservice.media.model import Photo, PhotoState

COLUMNS = """
SELECT id, name, initiative, person, position, state, widths, width, height, shared_width,
       shared_height, shared_bytes, alt, credit, focal_x, focal_y, added_at, reason
  FROM photo"""

ORDER = " ORDER BY position, id"

OF_POSTS = f"{COLUMNS.replace('  FROM', '       , post FROM')} WHERE post = ANY(:posts)"

# One query for whoever asks: what the public may see, and what needs a key.
SERVED = """
SELECT photo.state = 'public' AND initiative.status = ANY(:public) AS is_public
  FROM photo LEFT JOIN initiative ON initiative.id = photo.initiative
 WHERE photo.name = :name"""

EXPORT = """
SELECT photo.id, photo.initiative, photo.name, photo.state, photo.alt, photo.credit,
       photo.focal_x, photo.focal_y, photo.added_at, photo.reason
  FROM photo
 WHERE photo.person = :person
 ORDER BY photo.added_at, photo.id"""

# Of what a version shows, what still is: {"id", "alt", "credit"} of each.
SNAPSHOT = """
(SELECT coalesce(jsonb_agg(jsonb_build_object('id', shown.id, 'alt', shown.alt,
                                              'credit', shown.credit)
                           ORDER BY shown.position, shown.id), '[]')
   FROM photo AS shown
  WHERE shown.initiative = :id AND shown.post IS NULL AND shown.state <> 'refused')"""


@dataclass(frozen=True, slots=True)
class ServedPhoto:
    """Whether anybody may see a photo."""

    is_public: bool


def of_initiative(connection: Connection, initiative: UUID) -> list[Photo]:
    """All of them, in their order: for the author and for moderators. Those of news are apart."""
    rows = connection.execute(
        text(f"{COLUMNS} WHERE initiative = :id AND post IS NULL{ORDER}"), {"id": initiative}
    )
    return [_photo(row) for row in rows]


def of_initiatives(
    connection: Connection, initiatives: Sequence[UUID]
) -> Mapping[UUID, list[Photo]]:
    """Those that wait or are public, of each that has one."""
    found: dict[UUID, list[Photo]] = {}
    rows = connection.execute(
        text(
            f"{COLUMNS} WHERE initiative = ANY(:ids) AND post IS NULL AND state <> 'refused'{ORDER}"
        ),
        {"ids": list(initiatives)},
    )
    for photo in map(_photo, rows):
        assert photo.initiative is not None, "asked for"
        found.setdefault(photo.initiative, []).append(photo)
    return found


def public_of(connection: Connection, initiative: UUID) -> list[Photo]:
    """Those that the public may see, if it may see the initiative."""
    rows = connection.execute(
        text(f"{COLUMNS} WHERE initiative = :id AND post IS NULL AND state = 'public'{ORDER}"),
        {"id": initiative},
    )
    return [_photo(row) for row in rows]


def of_form(connection: Connection, form: UUID) -> list[Photo]:
    """Those that were sent with a form that is not an initiative yet."""
    rows = connection.execute(text(f"{COLUMNS} WHERE form = :id{ORDER}"), {"id": form})
    return [_photo(row) for row in rows]


def of_posts(connection: Connection, posts: Sequence[UUID]) -> dict[UUID, Photo]:
    """The photo of each piece of news that has one, whatever its state."""
    if not posts:
        return {}
    rows = connection.execute(text(OF_POSTS), {"posts": list(posts)})
    found: dict[UUID, Photo] = {}
    for row in rows:
        values = dict(row._mapping)
        post = values.pop("post")
        found[post] = _of_values(values)
    return found


def find(connection: Connection, identifier: UUID, initiative: UUID) -> Photo | None:
    """One of the photos of an initiative."""
    row = connection.execute(
        text(f"{COLUMNS} WHERE id = :id AND initiative = :initiative AND post IS NULL"),
        {"id": identifier, "initiative": initiative},
    ).one_or_none()
    return _photo(row) if row else None


def served(connection: Connection, name: str) -> ServedPhoto | None:
    """By the name of its files; None for none."""
    bound = {"name": name, "public": [str(status) for status in PUBLIC]}
    row = connection.execute(text(SERVED), bound).one_or_none()
    return ServedPhoto(bool(row.is_public)) if row else None


def export(connection: Connection, person: UUID) -> list[dict[str, Any]]:
    """For the export of their data."""
    return [dict(row._mapping) for row in connection.execute(text(EXPORT), {"person": person})]


def known_names(connection: Connection, names: list[str]) -> set[str]:
    """Of these names of photos, those that a row has."""
    rows = connection.execute(
        text("SELECT name FROM photo WHERE name = ANY(:names)"), {"names": names}
    )
    return set(rows.scalars())


def _photo(row: Row[Any]) -> Photo:
    return _of_values(dict(row._mapping))


def _of_values(values: dict[str, Any]) -> Photo:
    read = {"state": PhotoState(values["state"]), "widths": tuple(values["widths"])}
    return Photo(**values | read)
