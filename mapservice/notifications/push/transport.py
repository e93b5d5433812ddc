"""One POST to a browser vendor's push service, at a public address that was looked up itself.

How a public address is told, and kept to, is that of `outgoing/guarded_client.py`. Redirects are
not followed.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus

from mapservice.errors import InvalidInput
from mapservice.notifications.push.encryption import VapidKey, encrypt
from mapservice.notifications.push.model import (
    GIVE_UP_AFTER,
    PushMessage,
    check_endpoint,
)
from mapservice.outgoing.guarded_client import (
    FetchFailed,
    FetchLimits,
    FetchRefused,
    GuardedClient,
)
from mapservice.outgoing.way_out import WayOut
from mapservice.settings import Settings

TIMEOUT_SECONDS = 10.0
LONGEST_WAIT = timedelta(days=1)
TAKEN = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT})
GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)})


class PushRefused(Exception):
    """Not taken; `permanent` if trying again is of no use."""

    def __init__(self, words: str, *, permanent: bool, wait: timedelta | None = None) -> None:
        super().__init__(words)
        self.permanent = permanent
        self.wait = wait


class PushGone(Exception):
    """The browser has ended this subscription: its endpoint is to be forgotten."""


SendPush = Callable[[PushMessage], None]


def refuse(message: PushMessage) -> None:
    """In place of a transport where no key is set any more."""
    del message
    raise PushRefused("no key is set", permanent=True)


@dataclass(frozen=True, slots=True)
class PushTransport:
    """Sends notifications, signed by this key. `allowed` as `model.check_endpoint` says."""

    key: VapidKey
    subject: str
    allowed: frozenset[str]
    way: WayOut = field(default_factory=WayOut)

    @classmethod
    def of(cls, key: VapidKey, settings: Settings) -> "PushTransport":
        return cls(
            key, _subject(settings), allowed_hosts(settings), WayOut.parse(settings.outgoing_proxy)
        )

    def __call__(self, message: PushMessage) -> None:
        """Raises PushGone or PushRefused."""
        target = message.target
        try:
            check_endpoint(target.endpoint, self.allowed)
            body = encrypt(message.payload.encode(), target)
        except (InvalidInput, ValueError) as error:
            raise PushRefused(str(error), permanent=True) from None
        headers = {
            "Authorization": self.key.authorization(target.endpoint, self.subject, time.time()),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(GIVE_UP_AFTER.total_seconds())),
            "Urgency": "low",
        }
        client = GuardedClient(self.allowed, FetchLimits(seconds=TIMEOUT_SECONDS), self.way)
        try:
            answer = client.post(target.endpoint, body, headers)
        except (FetchRefused, FetchFailed) as error:
            permanent = isinstance(error, FetchRefused)
            raise PushRefused(str(error), permanent=permanent) from None
        if answer.status in GONE:
            raise PushGone(str(answer.status))
        if answer.status not in TAKEN:
            permanent, wait = answer.status not in AGAIN, answer.wait
            raise PushRefused(
                f"HTTP {answer.status}",
                permanent=permanent,
                wait=None if wait is None else min(timedelta(seconds=wait), LONGEST_WAIT),
            )


def allowed_hosts(settings: Settings) -> frozenset[str]:
    return frozenset(settings.push_hosts.replace(",", " ").split())


def _subject(settings: Settings) -> str:
    """Whom a vendor may ask about our notifications (RFC 8292, section 2.1)."""
    if settings.contact_email:
        return f"mailto:{settings.contact_email}"
    if settings.public_url.startswith("https://"):
        return settings.public_url
    return f"mailto:{settings.mail_from.rpartition('<')[2].rstrip('>')}"
