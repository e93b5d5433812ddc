"""Choosing between the forms of one resource, by `f=` or by the header Accept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Response, request

from mapservice.errors import InvalidInput
from mapservice.web import edge

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class MediaForm:
    """One form: its name in `f=`, its media type, and others that ask for it too."""

    name: str
    content_type: str
    also: tuple[str, ...] = ()

    @property
    def media_types(self) -> tuple[str, ...]:
        return (self.content_type.partition(";")[0], *self.also)


JSON_FORM = MediaForm("json", "application/json")
HTML_FORM = MediaForm("html", HTML)


def chosen(*forms: MediaForm) -> MediaForm:
    """The form that the request wants most; the first one when it does not care.

    Raises InvalidInput for an `f` that names no form.
    """
    name = request.args.get("f")
    if name is not None:
        found = next((form for form in forms if form.name == name), None)
        if found is None:
            raise InvalidInput("f", f"is not one of {', '.join(form.name for form in forms)}")
        return found
    by_type = {media: form for form in forms for media in form.media_types}
    wanted = request.accept_mimetypes.best_match(list(by_type))
    return by_type[wanted] if wanted else forms[0]


def stamped(
    before: str, after: Sequence[bytes], content_type: str, name: str = "timeStamp"
) -> Response:
    """A JSON body with the time, under this name, before the parts `after`, and a strong ETag.

    The tag holds the digest of all else and the time: a client that has that with an earlier time
    is told that its copy, under the tag that it names, is still the answer.
    """
    start = before.encode()
    digest = edge.etag_of(start, *after)
    held = next((tag for tag in request.if_none_match if tag.startswith(f"{digest}-")), None)
    made = datetime.now(UTC)
    tag = held or f"{digest}-{made:%Y%m%d%H%M%S}"
    time = f'"{name}":"{made:%Y-%m-%dT%H:%M:%SZ}"'.encode()
    body = b"".join((start, time, *after))
    return edge.tagged_answer(body, tag, content_type, edge.FRESH_SECONDS)


def vary(response: Response) -> Response:
    """Says that the answer depends on what the client accepts."""
    response.vary.update(("Accept", "Accept-Encoding"))
    return response
