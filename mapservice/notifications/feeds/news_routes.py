"""`/initiatives/{id}.atom`: the news of one initiative, to follow without an address."""

from datetime import datetime
from uuid import UUID

from flask import Blueprint, Response

from mapservice.contributions.posts import queries as posts
from mapservice.contributions.posts.model import Post
from mapservice.errors import NotFound
from mapservice.i18n import gettext as _
from mapservice.initiatives import queries
from mapservice.initiatives.model import Status
from mapservice.media.routes import photo_shared
from mapservice.notifications.feeds import formats
from mapservice.notifications.feeds.formats import EnclosedPhoto, NewsEntry, NewsFeed
from mapservice.notifications.feeds.routes import ATOM, ATOM_SIZE, FRESH_SECONDS
from mapservice.web import edge
from mapservice.web.edge import base_url, only_parameters, services

blueprint = Blueprint("news_feed", __name__)


@blueprint.get("/initiatives/<uuid:identifier>.atom")
def atom(identifier: UUID) -> Response:
    """News and the words at the end, the newest first."""
    only_parameters()
    with services().autocommit.connect() as connection:
        initiative = queries.find(connection, identifier)
        if initiative is None:
            raise NotFound("There is no such initiative, or it is not public.")
        told = posts.news_of(connection, identifier, ATOM_SIZE)
        closing = posts.closing_of(connection, identifier)
    if closing:
        told = sorted([*told, closing], key=_published, reverse=True)
    page = base_url() + initiative.url
    name = services().settings.site_name
    feed = NewsFeed(
        title=_("Nouvelles de « %(title)s »", title=initiative.title),
        author=name,
        language="fr",
        url=f"{page}.atom",
        page=page,
        since=initiative.changed_at,
        entries=[
            NewsEntry(
                id=one.id,
                title=_title(one, initiative.title),
                text=one.text,
                published=_published(one),
                url=f"{page}#post-{one.id}",
                photo=_photo(one),
            )
            for one in told
        ],
    )
    return edge.whole_answer(formats.news_atom(feed), ATOM, FRESH_SECONDS)


def _published(one: Post) -> datetime:
    return one.published_at or one.made_at


def _title(one: Post, title: str) -> str:
    if one.closed_as is Status.DONE:
        return _("C’est réalisé : %(title)s", title=title)
    return _("Le mot de la fin : %(title)s", title=title) if one.closed_as else title


def _photo(one: Post) -> EnclosedPhoto | None:
    if one.photo is None or not one.photo.is_public:
        return None
    shown = one.photo
    return EnclosedPhoto(f"{base_url()}{photo_shared(shown)}", shown.shared_bytes, shown.alt)
