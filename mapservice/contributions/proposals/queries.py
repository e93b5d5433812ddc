"""Reading proposals and their versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from mapservice.contributions.proposals.model import (
    Proposal,
    ProposalContent,
    ProposalRevision,
    ProposedPlace,
    RevisionNeed,
    RevisionPhoto,
)
from mapservice.db.engine import fill
from mapservice.initiatives.facts import InitiativeFacts
from mapservice.initiatives.model import LISTED, PUBLIC, Scale, Status, Theme

CONTENT = """
revision.title, revision.summary, revision.description, revision.theme, revision.scale,
revision.place, revision.facts"""

PROPOSAL = """
SELECT proposal.initiative AS id, proposal.person, coalesce(person.name, '') AS author,
       initiative.status, proposal.submitted_at, proposal.published_at,
       proposal.published_revision, proposal.rejected_at, proposal.done_at, proposal.archived_at,
       proposal.reason, proposal.queued_at, revision.number AS revision, {content}
  FROM proposal
  JOIN initiative ON initiative.id = proposal.initiative
  JOIN LATERAL (SELECT * FROM initiative_revision
                 WHERE initiative_revision.initiative = proposal.initiative
                 ORDER BY number DESC LIMIT 1) AS revision ON true
  LEFT JOIN person ON person.id = proposal.person"""

LASTING = """
SELECT coalesce(merge.former, initiative.status)
  FROM initiative LEFT JOIN merge ON merge.initiative = initiative.id
 WHERE initiative.id = :id"""

OPEN_REJECTION = """
SELECT id
  FROM (SELECT max(id) AS id FROM decision
         WHERE initiative = :id AND verdict = 'reject') AS latest
 WHERE id IS NOT NULL AND NOT EXISTS (SELECT FROM appeal WHERE appeal.decision = latest.id)"""

APPEALS = "SELECT made_at, words FROM appeal WHERE initiative = :id ORDER BY decision DESC"

OF_FORM = "SELECT initiative, person FROM proposal WHERE form = :form"

REVISIONS = """
SELECT revision.number, revision.made_at, revision.photos, revision.needs, {content}
  FROM initiative_revision AS revision
 WHERE revision.initiative = :id AND revision.number >= :since
 ORDER BY revision.number DESC"""

MINE = """
SELECT initiative.id, initiative.title, initiative.status, initiative.theme,
       initiative.supporters, proposal.submitted_at
  FROM proposal
  JOIN initiative ON initiative.id = proposal.initiative
 WHERE proposal.person = :person
 ORDER BY proposal.submitted_at DESC, initiative.id"""

AUTHOR = """
SELECT coalesce(person.name, '') AS name, person.slug, proposal.person,
       (SELECT max(number) FROM initiative_revision WHERE initiative = proposal.initiative)
           > proposal.published_revision AS edited
  FROM proposal LEFT JOIN person ON person.id = proposal.person
 WHERE proposal.initiative = :id"""

AUTHOR_PAGE = """
SELECT id AS person, name, slug FROM person
 WHERE slug = :slug AND confirmed_at IS NOT NULL AND erased_at IS NULL"""

PUBLIC_OF = """
SELECT initiative.id, count(*) OVER () AS total
  FROM proposal JOIN initiative ON initiative.id = proposal.initiative
 WHERE proposal.person = :person AND initiative.status = ANY(:listed)
 ORDER BY initiative.created_at DESC NULLS LAST, initiative.id DESC
 LIMIT :limit"""

# Each word by its beginning, as people type it; pages are few beside initiatives.
FIND_PAGES = """
SELECT person.id AS person, person.name, person.slug
  FROM person
 WHERE slug IS NOT NULL
   AND to_tsvector('french_unaccent', name) @@ to_tsquery('french_unaccent', :words)
 ORDER BY length(name), name, slug
 LIMIT :limit"""

EXPORT = """
SELECT revision.initiative, revision.number, revision.made_at, initiative.status,
       proposal.submitted_at, proposal.published_at, proposal.rejected_at, proposal.done_at,
       proposal.archived_at, proposal.reason, {content}
  FROM initiative_revision AS revision
  JOIN proposal ON proposal.initiative = revision.initiative
  JOIN initiative ON initiative.id = revision.initiative
 WHERE proposal.person = :person
 ORDER BY proposal.submitted_at, revision.initiative, revision.number"""


@dataclass(frozen=True, slots=True)
class OwnProposal:
    """One line of the list of a person's proposals."""

    id: UUID
    title: str
    status: Status
    theme: Theme
    supporters: int
    submitted_at: datetime


@dataclass(frozen=True, slots=True)
class ProposalAuthor:
    """The author's public name, or "", and whether the text was edited since its publication.

    `slug` names their public page, if they chose to have one.
    """

    name: str
    person: UUID | None
    edited: bool
    slug: str | None = None


@dataclass(frozen=True, slots=True)
class AuthorPage:
    """The public page of an author who chose to have one."""

    person: UUID
    name: str
    slug: str


def author_page(connection: Connection, slug: str) -> AuthorPage | None:
    row = connection.execute(text(AUTHOR_PAGE), {"slug": slug}).one_or_none()
    return AuthorPage(**row._mapping) if row else None


def find_author_pages(connection: Connection, words: str, limit: int) -> list[AuthorPage]:
    """Those whose names have words that begin so; `words` are plain, between spaces."""
    asked = " & ".join(f"{word}:*" for word in words.split())
    if not asked:
        return []
    rows = connection.execute(text(FIND_PAGES), {"words": asked, "limit": limit})
    return [AuthorPage(**row._mapping) for row in rows]


def public_of(connection: Connection, person: UUID, limit: int) -> tuple[list[UUID], int]:
    """The listed initiatives of a person, the newest first, and how many there are in all."""
    bound = {"person": person, "listed": [*map(str, LISTED)], "limit": limit}
    rows = connection.execute(text(PUBLIC_OF), bound).all()
    return [row.id for row in rows], rows[0].total if rows else 0


def find(connection: Connection, identifier: UUID, *, lock: bool = False) -> Proposal | None:
    """Whatever its status; `lock` holds it until the transaction ends."""
    if lock:
        connection.execute(
            text("SELECT FROM proposal WHERE initiative = :id FOR UPDATE"), {"id": identifier}
        )
    statement = fill(PROPOSAL, {"content": CONTENT}) + " WHERE proposal.initiative = :id"
    row = connection.execute(text(statement), {"id": identifier}).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)
    for name in ("title", "summary", "description", "theme", "scale", "place", "facts"):
        del values[name]
    return Proposal(**values | {"status": Status(row.status), "content": _content(row)})


def of_author(
    connection: Connection, identifier: UUID, person: UUID, *, lock: bool = False
) -> Proposal | None:
    """A person's own; None for any other, whether it exists or not."""
    found = find(connection, identifier, lock=lock)
    return found if found and found.person == person else None


def of_form(connection: Connection, form: UUID) -> tuple[UUID, UUID | None] | None:
    """The initiative that a form has made already, and its author."""
    row = connection.execute(text(OF_FORM), {"form": form}).one_or_none()
    return (row.initiative, row.person) if row else None


def revisions(connection: Connection, identifier: UUID, since: int = 1) -> list[ProposalRevision]:
    """The versions from a number on, the newest first."""
    statement = text(fill(REVISIONS, {"content": CONTENT}))
    rows = connection.execute(statement, {"id": identifier, "since": since})
    return [
        ProposalRevision(
            row.number,
            row.made_at,
            _content(row),
            tuple(RevisionPhoto(UUID(one["id"]), one["alt"], one["credit"]) for one in row.photos),
            tuple(RevisionNeed(**one | {"id": UUID(one["id"])}) for one in row.needs),
        )
        for row in rows
    ]


def mine(connection: Connection, person: UUID) -> Sequence[OwnProposal]:
    rows = connection.execute(text(MINE), {"person": person})
    return [
        OwnProposal(
            row.id,
            row.title,
            Status(row.status),
            Theme(row.theme),
            row.supporters,
            row.submitted_at,
        )
        for row in rows
    ]


def author(connection: Connection, identifier: UUID) -> ProposalAuthor | None:
    """None for an initiative that nobody proposed here."""
    row = connection.execute(text(AUTHOR), {"id": identifier}).one_or_none()
    return ProposalAuthor(row.name, row.person, bool(row.edited), row.slug) if row else None


def export(connection: Connection, person: UUID) -> list[dict[str, Any]]:
    """Every version of every proposal of a person, with their appeals, for their export."""
    statement = text(fill(EXPORT, {"content": CONTENT}))
    return [
        dict(row._mapping) | {"appeals": appeals(connection, row.initiative)}
        for row in connection.execute(statement, {"person": person})
    ]


def _content(row: Row[Any]) -> ProposalContent:
    return ProposalContent(
        row.title,
        row.summary,
        row.description,
        Theme(row.theme),
        Scale(row.scale),
        ProposedPlace(**row.place),
        InitiativeFacts.from_json(row.facts),
    )


def lasting_status(connection: Connection, identifier: UUID) -> Status:
    """The status; if merged, the one that it will have again when unmerged."""
    return Status(connection.execute(text(LASTING), {"id": identifier}).scalar_one())


def open_rejection(connection: Connection, identifier: UUID) -> int | None:
    """The latest rejection in the log, if its author has not appealed against it yet."""
    found: int | None = connection.execute(
        text(OPEN_REJECTION), {"id": identifier}
    ).scalar_one_or_none()
    return found


def appeals(connection: Connection, identifier: UUID) -> list[tuple[datetime, str]]:
    """When its author appealed and in which words, the latest first."""
    rows = connection.execute(text(APPEALS), {"id": identifier})
    return [(row.made_at, row.words) for row in rows]


def public_revisions(connection: Connection, proposal: Proposal) -> list[ProposalRevision]:
    """The versions that were public, the newest first; none unless it is public now."""
    if proposal.published_revision is None or proposal.status not in PUBLIC:
        return []
    return revisions(connection, proposal.id, proposal.published_revision)
