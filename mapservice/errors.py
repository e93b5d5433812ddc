"""The tree of domain errors. One handler (`web/edge.py`) turns them into answers.

Each class names the status it maps to; the message is written for the person who sent the
request and names the field that is wrong.
"""

from http import HTTPStatus


class MapserviceError(Exception):
    """Base of every error that the service raises on purpose."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    title = "Internal error"


class InvalidInput(MapserviceError):
    """The request is malformed; `field` names the parameter or column at fault."""

    status = HTTPStatus.BAD_REQUEST
    title = "Invalid input"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.reason = message


class NotFound(MapserviceError):
    """The named thing does not exist, or is not public."""

    status = HTTPStatus.NOT_FOUND
    title = "Not found"


class StateConflict(MapserviceError):
    """Somebody else was faster: the thing is no longer in the state that the request assumes."""

    status = HTTPStatus.CONFLICT
    title = "Conflict"


class ServiceUnavailable(MapserviceError):
    """A dependency did not answer in time; the client may try again."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Temporarily unavailable"


class TooManyRequests(MapserviceError):
    """Somebody asks for more than their share; others are served. They may try again later."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "Too many requests"

    def __init__(self, message: str, wait: int) -> None:
        super().__init__(message)
        self.wait = wait  # seconds


class SourceError(MapserviceError):
    """A file handed to a command cannot be read or lacks what it needs."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Unreadable source"


class ConfigurationError(MapserviceError):
    """A setting is missing or wrong; the message says which and how to mend it."""
