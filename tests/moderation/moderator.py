"""An administrator before the pages of the queue."""

import re
from dataclasses import dataclass
from uuid import UUID

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.accounts.people.mailbox import token_of
from tests.contributions.proposals.desk import hidden

ACT = re.compile(r"/(?:prendre|rendre|suivante|reunir|separer|clore)$")


@dataclass(frozen=True, slots=True)
class Moderator:
    """A browser signed in; `name` is the one that is recorded."""

    client: FlaskClient
    name: str

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def post(self, path: str, page: str = "", **form: str) -> TestResponse:
        """Sends a form with the token of a page that was read before."""
        token = token_of(
            page
            or self.get(
                re.sub(r"/(?:prendre|rendre|suivante|reunir|separer|clore)$", "", path)
            ).text
        )
        return self.client.post(path, data={"token": token, **form})

    def decide(self, identifier: UUID, verdict: str, page: str = "", **form: str) -> TestResponse:
        path = f"/moderation/{identifier}"
        page = page or self.get(path).text
        revision = hidden(page, "revision") if 'name="revision"' in page else "1"
        return self.post(path, page, **{"verdict": verdict, "revision": revision, **form})

    def merge(self, identifier: UUID | str, target: UUID | str, **form: str) -> TestResponse:
        path = f"/moderation/{identifier}"
        page = self.get(path).text
        revision = hidden(page, "revision") if 'name="revision"' in page else "0"
        sent = {"target": str(target), "revision": revision, **form}
        return self.post(f"{path}/reunir", page, **sent)

    def unmerge(self, identifier: UUID | str) -> TestResponse:
        return self.post(f"/moderation/{identifier}/separer")
