"""A browser as small as can be: cookies, the forms of a page, no redirect that it follows."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE = 45.0  # seconds that a person waits for a page


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one request. `status` is 0 where none came: what it did is then unknown."""

    status: int
    location: str = ""
    body: str = ""
    retry_after: str = ""

    @property
    def is_unknown(self) -> bool:
        """Whether the write that was asked for may have happened or not."""
        return self.status == 0 or self.status >= 500


@dataclass(frozen=True, slots=True)
class Form:
    """Where it goes, and its fields as they stand when the page opens."""

    action: str
    fields: Mapping[str, str]


@dataclass(slots=True)
class Visitor:
    """`network` is the address that the service sees, through a proxy that it trusts."""

    port: int
    network: str
    cookies: dict[str, str] = field(default_factory=dict)
    patience: float = PATIENCE

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None)

    def post(self, path: str, fields: Mapping[str, str]) -> Answer:
        return self._ask("POST", path, urlencode(fields))

    def forms(self, path: str) -> tuple[Answer, "Sequence[Form]"]:
        """A page and its forms; none where the page is not shown."""
        answer = self.get(path)
        return answer, forms_of(answer.body, path) if answer.status == 200 else []

    def _ask(self, method: str, path: str, body: str | None) -> Answer:
        headers = {"Host": f"127.0.0.1:{self.port}", "X-Forwarded-For": self.network}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={word}" for name, word in self.cookies.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.patience)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            return Answer(0)
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie") or ():
            name, _, word = line.partition(";")[0].partition("=")
            self.cookies[name.strip()] = word
            if not word:
                del self.cookies[name.strip()]
        location = urlsplit(answer.headers.get("Location", ""))
        address = location.path + (f"?{location.query}" if location.query else "")
        return Answer(answer.status, address, text, answer.headers.get("Retry-After", ""))


def forms_of(page: str, path: str) -> list[Form]:
    """Those of a page at this path, which a form without an action goes to."""
    parser = _FormParser(path)
    parser.feed(page)
    return parser.forms


class _FormParser(HTMLParser):
    """Buttons are left out: whoever sends the form says which one was pressed."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path, self.forms = path, list[Form]()
        self.fields: dict[str, str] = {}
        self.area, self.choice = "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: word or "" for name, word in attrs}
        name = said.get("name", "")
        if tag == "form":
            self.fields = {}
            action = urlsplit(said.get("action") or self.path).path
            self.forms.append(Form(action, self.fields))
        elif tag == "input" and name:
            kind = said.get("type", "text")
            if kind not in ("checkbox", "radio", "submit", "file") or (
                kind in ("checkbox", "radio") and "checked" in said
            ):
                self.fields[name] = said.get("value", "")
        elif tag == "textarea":
            self.area = name
            self.fields[name] = ""
        elif tag == "select":
            self.choice = name
        elif (
            tag == "option"
            and self.choice
            and (self.choice not in self.fields or "selected" in said)
        ):
            self.fields[self.choice] = said.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.area = ""
        elif tag == "select":
            self.choice = ""

    def handle_data(self, data: str) -> None:
        if self.area:
            self.fields[self.area] += data
