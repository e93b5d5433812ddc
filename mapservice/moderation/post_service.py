"""Deciding about what was said of an initiative: news, thanks, closing words, comments."""

from uuid import UUID

from sqlalchemy import Connection

from mapservice.accounts.people import queries as people
from mapservice.audit import log
from mapservice.audit.model import DecisionRecord, DecisionVerdict
from mapservice.contributions.posts import service as posts
from mapservice.contributions.posts.model import Post
from mapservice.errors import InvalidInput, StateConflict
from mapservice.initiatives import queries as initiatives
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead
from mapservice.moderation import service
from mapservice.moderation.model import CaseKind
from mapservice.moderation.service import LateReason, ModeratorIdentity, TooLate

LETTER = "post_refused"


def decide(
    connection: Connection,
    site: Letterhead,
    identifier: UUID,
    verdict: DecisionVerdict,
    moderator: ModeratorIdentity,
    *,
    reason: str = "",
) -> Post:
    """Lets a post stand (POST), or takes it out (UNPOST), public or not; its writer is told why.

    Returns it as it was. Raises NotFound, TooLate for one that was refused already or that somebody
    else looks at, InvalidInput naming the field.
    """
    service.check_holder(connection, identifier, moderator.name, CaseKind.POST)
    reason = service.clean_reason(reason) if verdict is DecisionVerdict.UNPOST else ""
    try:
        if verdict is DecisionVerdict.POST:
            found = posts.publish(connection, identifier)
        elif verdict is DecisionVerdict.UNPOST:
            found = posts.refuse(connection, identifier, reason)
        else:
            raise InvalidInput("verdict", "is not one of those offered")
    except StateConflict:
        raise TooLate(LateReason.DECIDED) from None
    line = DecisionRecord(
        initiative=found.initiative,
        verdict=verdict,
        by=moderator.name,
        person=moderator.person,
        reason=reason,
    )
    log.keep(connection, line)
    writer = None
    if verdict is DecisionVerdict.UNPOST and found.person:
        writer = people.find(connection, found.person)
    if writer:
        about = initiatives.of_any_status(connection, [found.initiative])[found.initiative]
        values = {
            "title": about.title,
            "words": found.text,
            "reason": reason,
            "link": f"{site.base_url}/initiatives/{found.initiative}",
        }
        mail.enqueue(
            connection,
            mail.write(site, LETTER, writer.email, values, locale=writer.locale, person=writer.id),
        )
    return found
