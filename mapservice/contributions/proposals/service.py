"""How the place of a proposal is understood, and what authors do: propose, edit, close, withdraw.

Each verb runs in its caller's transaction. What comes from an unconfirmed address stays in the
payload of the mailed link, and becomes an initiative when the link is confirmed.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.accounts.people import service as people
from mapservice.accounts.people.model import Person
from mapservice.accounts.people.service import ConfirmationRequest
from mapservice.contributions.posts import queries as post_queries
from mapservice.contributions.posts import service as posts
from mapservice.contributions.posts.model import NEWS_A_DAY, THANKS_PAUSE, PostKind
from mapservice.contributions.proposals import queries
from mapservice.contributions.proposals.model import (
    CLOSED,
    EDITABLE,
    MAX_REASON,
    Proposal,
    ProposalContent,
    ProposedPlace,
    paragraphs,
)
from mapservice.db.engine import fill
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.geocoding.matching.vocabulary import names_street
from mapservice.geocoding.model import GeocodeQuery, Precision
from mapservice.geocoding.service import Locator, Placement, PlaceQuestion
from mapservice.initiatives import service
from mapservice.initiatives.model import PUBLIC, Status
from mapservice.initiatives.service import InitiativeDraft
from mapservice.mail.model import Letterhead
from mapservice.mail.service import EmailAddress
from mapservice.media import queries as photos
from mapservice.media import service as media
from mapservice.media.model import PhotoState, PhotoWords
from mapservice.territories.model import Level, TerritoryRef

PURPOSE = "propose"
LETTER = "propose"


# Photos of a form whose link was mailed stay a little longer than the link is good for.
PHOTO_LIFE = people.LINK_LIFE + timedelta(days=1)
MAX_OPTIONS = 8
# The share of the best score with which another place is offered beside it.
OPTION_SHARE = 0.3
# What the geocoder takes for the whole country.
COUNTRY = "France"


class TooManyPosts(StateConflict):
    """Another one must wait: mails go to many each time."""


@dataclass(frozen=True, slots=True)
class PlaceOption:
    """A commune that the author may choose; `value` goes into `ProposedPlace.choice`.

    `through` is the former or associated commune whose name was read, or "".
    """

    value: str
    name: str
    departement: str
    through: str = ""


@dataclass(frozen=True, slots=True)
class PlaceReading:
    """Where a proposal will be shown.

    `asks`: the place is open, and the author has not said yet that it may stay so. `pinned` names
    the commune under the pin, where the words speak against it. `through` is the former or
    associated commune that the words name. `street_unknown`: they name a street too, of which
    nothing but the commune is known.
    """

    placement: Placement
    asks: bool
    options: tuple[PlaceOption, ...] = ()
    pinned: str = ""
    through: str = ""
    street_unknown: bool = False


@dataclass(frozen=True, slots=True)
class ProposalSubmission:
    """A form as it was sent. `form` identifies it: sent twice, it is still one proposal."""

    form: UUID
    content: ProposalContent
    name: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"content": self.content.to_json(), "name": self.name}


def territory_of(placement: Placement) -> TerritoryRef | None:
    """The finest territory that the place is known to lie in."""
    name = "commune" if placement.precision is Precision.POINT else str(placement.precision)
    if placement.code is None or name not in tuple(Level):
        return None
    return TerritoryRef(Level(name), placement.code)


def read_place(connection: Connection, locator: Locator, place: ProposedPlace) -> PlaceReading:
    """Understands a place; EPSG:4326. The outside provider is asked where one is set."""
    if place.choice == "point" and place.point:
        question = PlaceQuestion(GeocodeQuery(), *place.point)
    elif not place.words and not place.point:
        question = PlaceQuestion(GeocodeQuery(text=COUNTRY))
    else:
        pin = place.point if not place.choice.startswith("only:") else None
        query = GeocodeQuery(text=place.words, context=place.commune)
        question = PlaceQuestion(query, *pin) if pin else PlaceQuestion(query)
    (placement,) = locator.place(connection, [question])

    if not placement.to_review:
        through = ""
        best = placement.match.best.place if placement.match.best else None
        is_local = placement.precision in (Precision.POINT, Precision.COMMUNE)
        if best and is_local and best.commune == placement.code and best.name != best.commune_name:
            through = best.name
        is_commune = placement.precision is Precision.COMMUNE
        unknown = is_commune and place.choice != "point" and names_street(place.words)
        return PlaceReading(placement, False, through=through, street_unknown=unknown)

    # Each commune once, under the name that fits best; none that has but a word in common.
    options: dict[str, PlaceOption] = {}
    scored = placement.match.candidates
    least = max((one.score for one in scored), default=0) * OPTION_SHARE
    for one in (candidate.place for candidate in scored if candidate.score >= least):
        value = f"{'only' if place.point else 'commune'}:{one.commune}"
        through = one.name if one.name != one.commune_name else ""
        option = PlaceOption(value, one.commune_name, one.departement_name, through)
        options.setdefault(one.commune, option)
    pinned = ""
    if place.point:
        (alone,) = locator.place(connection, [PlaceQuestion(GeocodeQuery(), *place.point)])
        known = locator.communes.get(alone.code or "")
        if known and alone.precision is Precision.POINT:
            pinned = known.commune_name
    offered = tuple(options.values())[:MAX_OPTIONS]
    return PlaceReading(placement, place.choice != "open", offered, pinned)


def ask(
    connection: Connection,
    site: Letterhead,
    email: EmailAddress,
    submission: ProposalSubmission,
    locale: str,
) -> None:
    """Mails the link that confirms a proposal; a form that is sent twice is mailed once."""
    people.ask_confirmation_once(
        connection,
        site,
        email,
        ConfirmationRequest(
            purpose=PURPOSE,
            letter=LETTER,
            subject=submission.form,
            payload=submission.to_json(),
            values={"title": submission.content.title},
            locale=locale,
        ),
    )


def keep_photos(connection: Connection, form: UUID) -> None:
    """Those of a form stay as long as its confirmation may come."""
    media.keep_drafts(connection, form, PHOTO_LIFE)


def submit(
    connection: Connection,
    locator: Locator,
    person: Person,
    submission: ProposalSubmission,
    *,
    at_once: bool,
) -> UUID:
    """Makes the initiative, `at_once` public or waiting for a moderator; returns its id.

    A form that has made one makes no other. Raises StateConflict where that one is somebody else's.
    """
    _hold_territories(connection)
    people.one_form_at_a_time(connection, PURPOSE, submission.form)
    known = queries.of_form(connection, submission.form)
    if known:
        if known[1] != person.id:
            raise StateConflict("This form was sent already.")
        return known[0]
    status = Status.PUBLISHED if at_once else Status.PENDING
    content, now = submission.content, datetime.now(UTC)
    draft = InitiativeDraft(
        id=None,
        title=content.title,
        summary=content.summary,
        description=content.description,
        theme=content.theme,
        scale=content.scale,
        status=status,
        created_at=now,
        created_period=None,
        updated_at=now,
        source_platform="",
        source_id=None,
        source_url="",
        source_licence="",
        source_digest=None,
        place_text=content.place.words,
        placement=read_place(connection, locator, content.place).placement,
        facts=content.facts,
    )
    (identifier,) = service.save(connection, [draft])
    bound = {"id": identifier, "form": submission.form, "person": person.id, "public": at_once}
    connection.execute(text(PROPOSE), bound)
    media.attach(connection, submission.form, identifier, person.id, photo_state(at_once=at_once))
    _keep_revision(connection, identifier, person.id, 1, content)
    if submission.name and submission.name != person.name:
        people.change(
            connection,
            person.id,
            name=submission.name,
            locale=person.locale,
            commune=person.commune,
        )
    return identifier


def edit(
    connection: Connection,
    locator: Locator,
    identifier: UUID,
    person: UUID,
    content: ProposalContent,
    seen: int,
) -> Proposal:
    """Keeps a new version; a public one changes at once and is reviewed afterwards.

    `seen` is the version that the author changed. Raises NotFound for one that is not theirs,
    StateConflict when there is a newer version or the state allows no change. Returns the proposal
    as it was before.
    """
    _hold_territories(connection)
    former = _own(connection, identifier, person)
    if former.status not in EDITABLE:
        raise StateConflict("This can no longer be changed.")
    if former.revision != seen:
        raise StateConflict("There is a newer version.")
    if content != former.content:
        _keep_revision(connection, identifier, person, seen + 1, content)
        connection.execute(text(CHANGE), _words(content) | {"id": identifier})
        if content.facts != former.content.facts:
            service.tell_facts(connection, identifier, content.facts)
        if content.place != former.content.place:
            found = read_place(connection, locator, content.place)
            service.move(connection, identifier, found.placement)
    elif former.status is not Status.DRAFT:
        return former
    if former.status is Status.DRAFT:
        _set_status(connection, identifier, Status.PENDING)
    connection.execute(text(QUEUE), {"id": identifier})
    return former


def photo_state(*, at_once: bool) -> PhotoState:
    """Of a photo that comes in: `at_once` public, where texts are too, or waiting."""
    return PhotoState.PUBLIC if at_once else PhotoState.WAITING


def may_add_photos(connection: Connection, identifier: UUID, person: UUID) -> None:
    """Raises NotFound for one that is not theirs, StateConflict where nothing may be added."""
    found = queries.of_author(connection, identifier, person)
    if found is None:
        raise NotFound("There is no such proposal of yours.")
    if found.status not in EDITABLE:
        raise StateConflict("This can no longer be changed.")


def add_photo(
    connection: Connection, identifier: UUID, person: UUID, insert: Callable[[], bool]
) -> None:
    """A version of its own with the photo that comes in; moderators are to look at it.

    In one transaction: nobody can decide about the version before, and let the photo pass unseen.
    """
    change_beside(connection, identifier, person, insert)


def describe_photo(
    connection: Connection, identifier: UUID, person: UUID, photo: UUID, words: PhotoWords
) -> None:
    """Other words are a version of their own, to be looked at; what stays in view is none.

    Raises NotFound, StateConflict.
    """
    _own_photo(connection, identifier, photo)
    change_beside(connection, identifier, person, lambda: media.describe(connection, photo, words))


def move_photo(
    connection: Connection, identifier: UUID, person: UUID, photo: UUID, step: int
) -> None:
    """Up (-1) or down (1). Raises NotFound."""
    _own(connection, identifier, person)
    media.move(connection, identifier, photo, step)


def remove_photo(connection: Connection, identifier: UUID, person: UUID, photo: UUID) -> None:
    """Whatever the state of the proposal: a picture is its author's to take away."""
    _hold_territories(connection)
    _own(connection, identifier, person)
    _own_photo(connection, identifier, photo)
    media.remove(connection, photo)


def _own_photo(connection: Connection, identifier: UUID, photo: UUID) -> None:
    if photos.find(connection, photo, identifier) is None:
        raise NotFound("There is no such photo.")


def change_beside(
    connection: Connection, identifier: UUID, person: UUID, change: Callable[[], bool]
) -> None:
    """Keeps a version, and has it looked at, if `change` says that there is something to see."""
    _hold_territories(connection)
    found = _own(connection, identifier, person)
    if found.status not in EDITABLE:
        raise StateConflict("This can no longer be changed.")
    if not change():
        return
    _keep_revision(connection, identifier, person, found.revision + 1, found.content)
    # One that was sent back waits once its author sends it again.
    if found.status is not Status.DRAFT:
        connection.execute(text(QUEUE), {"id": identifier})


def close(
    connection: Connection,
    identifier: UUID,
    person: UUID,
    status: Status,
    words: str = "",
    *,
    at_once: bool = False,
) -> None:
    """Done, archived, or under way again. Raises NotFound; StateConflict unless it is public.

    `words` are the author's about that end, `at_once` public or read first. Its followers are told
    of the end, with words once these are public.
    """
    if status not in (*CLOSED, Status.PUBLISHED):
        raise InvalidInput("status", "is not one of those offered")
    _hold_territories(connection)
    found = _own(connection, identifier, person)
    if found.status not in PUBLIC:
        raise StateConflict("This is not public.")
    if found.status is not status:
        _set_status(connection, identifier, status)
        connection.execute(text(CLOSE), {"id": identifier, "status": str(status)})
        if status in CLOSED:
            posts.keep(
                connection,
                identifier,
                person,
                PostKind.CLOSING,
                words,
                at_once=at_once,
                closed_as=status,
            )


def write_news(
    connection: Connection,
    identifier: UUID,
    person: UUID,
    words: str,
    *,
    at_once: bool,
    post: UUID | None = None,
) -> UUID:
    """News of a public initiative, by its author. Raises NotFound, StateConflict, TooManyPosts."""
    _own_public(connection, identifier, person)
    since = datetime.now(UTC) - timedelta(days=1)
    written = post_queries.count_since(connection, identifier, PostKind.NEWS, since)
    if written >= NEWS_A_DAY:
        raise TooManyPosts("So many news a day are enough.")
    return posts.keep(
        connection, identifier, person, PostKind.NEWS, words, at_once=at_once, identifier=post
    )


def thank(
    connection: Connection, identifier: UUID, person: UUID, words: str, *, at_once: bool
) -> UUID:
    """One message to the supporters who follow it. Raises NotFound, StateConflict, TooManyPosts."""
    _own_public(connection, identifier, person)
    since = datetime.now(UTC) - THANKS_PAUSE
    if post_queries.count_since(connection, identifier, PostKind.THANKS, since):
        raise TooManyPosts("Its supporters were thanked a short while ago.")
    return posts.keep(connection, identifier, person, PostKind.THANKS, words, at_once=at_once)


def remove_post(connection: Connection, identifier: UUID, person: UUID, post: UUID) -> None:
    """What an author said may be taken back, whatever its state. Raises NotFound."""
    _own(connection, identifier, person)
    posts.remove(connection, post, identifier, person)


def _own_public(connection: Connection, identifier: UUID, person: UUID) -> Proposal:
    """Locks it, so that what counts what was written counts right."""
    _hold_territories(connection)
    found = _own(connection, identifier, person)
    if found.status not in PUBLIC:
        raise StateConflict("This is not public.")
    return found


def appeal(connection: Connection, identifier: UUID, person: UUID, words: str) -> None:
    """Asks for a second look, once a rejection. Raises NotFound, StateConflict, InvalidInput."""
    clean = paragraphs(words)
    if not clean or len(clean) > MAX_REASON:
        raise InvalidInput("words", f"needs 1 to {MAX_REASON} characters")
    _hold_territories(connection)
    found = _own(connection, identifier, person)
    rejection = queries.open_rejection(connection, identifier)
    if found.status is not Status.REJECTED or rejection is None:
        raise StateConflict("There is no rejection to appeal against.")
    bound = {"id": identifier, "decision": rejection, "words": clean}
    connection.execute(text(APPEAL), bound)
    connection.execute(text(QUEUE), bound)


def withdraw(connection: Connection, identifier: UUID, person: UUID) -> None:
    """Deletes one that is not public, with all traces. Raises NotFound, StateConflict."""
    _hold_merges(connection)
    _hold_territories(connection)
    _own(connection, identifier, person)
    if queries.lasting_status(connection, identifier) in PUBLIC:
        raise StateConflict("What is public can be archived.")
    connection.execute(text("DELETE FROM initiative WHERE id = :id"), {"id": identifier})


def erase(connection: Connection, person: UUID) -> None:
    """What is or will be public again stays, without its author; the rest is deleted."""
    connection.execute(text(LOCK_PERSON), {"person": person})
    _hold_merges(connection)
    _hold_territories(connection)
    media.erase(connection, person)
    posts.erase(connection, person)
    for statement in ERASE:
        connection.execute(text(statement), {"person": person, "public": [*map(str, PUBLIC)]})


def _own(connection: Connection, identifier: UUID, person: UUID) -> Proposal:
    found = queries.of_author(connection, identifier, person, lock=True)
    if found is None:
        raise NotFound("There is no such proposal of yours.")
    return found


def _keep_revision(
    connection: Connection, identifier: UUID, person: UUID, number: int, content: ProposalContent
) -> None:
    bound: dict[str, Any] = _words(content) | {
        "id": identifier,
        "person": person,
        "number": number,
        "place": json.dumps(asdict(content.place)),
        "facts": json.dumps(content.facts.to_json()),
    }
    connection.execute(
        text(fill(KEEP_REVISION, {"photos": photos.SNAPSHOT, "needs": NEEDS})), bound
    )


def _words(content: ProposalContent) -> dict[str, str]:
    return {
        "title": content.title,
        "summary": content.summary,
        "description": content.description,
        "theme": str(content.theme),
        "scale": str(content.scale),
        "place_text": content.place.words,
    }


def _set_status(connection: Connection, identifier: UUID, status: Status) -> None:
    statement = text("UPDATE initiative SET status = :status WHERE id = :id")
    connection.execute(statement, {"id": identifier, "status": str(status)})


def _hold_territories(connection: Connection) -> None:
    """Waits for a load of territories, which locks the table before any row, as is done here."""
    connection.execute(text("LOCK TABLE initiative IN ROW EXCLUSIVE MODE"))


def _hold_merges(connection: Connection) -> None:
    """Before any row is locked: a deletion changes what others are merged into."""
    connection.execute(text("SELECT merge_alone()"))


# As supporting and reporting do first.
LOCK_PERSON = "SELECT FROM person WHERE id = :person FOR NO KEY UPDATE"

PROPOSE = """
INSERT INTO proposal (initiative, form, person, queued_at, published_at, published_revision)
SELECT :id, :form, :person, now(), CASE WHEN public THEN now() END, CASE WHEN public THEN 1 END
  FROM (SELECT CAST(:public AS boolean) AS public) AS given"""

KEEP_REVISION = """
INSERT INTO initiative_revision
       (initiative, number, person, title, summary, description, theme, scale, place, facts, photos,
        needs)
VALUES (:id, :number, :person, :title, :summary, :description, :theme, :scale,
        CAST(:place AS jsonb), CAST(:facts AS jsonb), {photos}, {needs})"""

# What is asked for at that moment, as `photos.SNAPSHOT`.
NEEDS = """
(SELECT coalesce(jsonb_agg(jsonb_build_object('id', need.id, 'words', need.words, 'day', need.day,
                                              'places', need.places)
                           ORDER BY need.day, need.id), '[]')
   FROM need WHERE need.initiative = :id)"""

CHANGE = """
UPDATE initiative
   SET title = :title, summary = :summary, description = :description, theme = :theme,
       scale = :scale, place_text = :place_text
 WHERE id = :id"""

APPEAL = "INSERT INTO appeal (decision, initiative, words) VALUES (:decision, :id, :words)"

QUEUE = "UPDATE proposal SET queued_at = coalesce(queued_at, now()) WHERE initiative = :id"

CLOSE = """
UPDATE proposal
   SET done_at = CASE CAST(:status AS text) WHEN 'done' THEN now() WHEN 'archived' THEN done_at END,
       archived_at = CASE CAST(:status AS text) WHEN 'archived' THEN now() END
 WHERE initiative = :id"""

ERASE = (
    "SELECT FROM proposal WHERE person = :person ORDER BY initiative FOR UPDATE",
    """
    DELETE FROM initiative USING proposal
     WHERE proposal.initiative = initiative.id AND proposal.person = :person
       AND coalesce((SELECT former FROM merge WHERE merge.initiative = initiative.id),
                    initiative.status) <> ALL(:public)""",
    """
    DELETE FROM initiative_revision AS revision USING proposal
     WHERE proposal.initiative = revision.initiative AND proposal.person = :person
       AND revision.number < proposal.published_revision""",
    "UPDATE initiative_revision SET person = NULL WHERE person = :person",
    "UPDATE proposal SET person = NULL WHERE person = :person",
)
