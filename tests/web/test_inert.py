"""What people write is shown as they wrote it, and does nothing."""

import csv
import io
import json
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from tests.emptied import empty
from tests.web.population import Made, column_row, insert

TRICKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</script><script>alert(1)</script>",
    "</title></head><body onload=alert(1)>",
    "<svg/onload=alert(1)>",
    "{{ 7*7 }}{% include 'x' %}",
    "&lt;script&gt;&#x3c;b&#x3e;",
    "javascript:alert(1)",
    "<!--<script>",
    "]]><script>",
    "\u2028\u2029</style><style>*{display:none}",
    "\x01<b\x0bonclick=alert(1)>",
)
MARKDOWN = (
    "[press](javascript:alert(1))",
    "[press](JaVaScRiPt:alert(1))",
    "[press](\x01javascript:alert(1))",
    "[press](java\nscript:alert(1))",
    "[press](data:text/html,<script>alert(1)</script>)",
    "[press](vbscript:alert(1))",
    "[press](//evil.example)",
    "![a](https://evil.example/pixel.png)",
    '![a](x "onerror=alert(1)")',
    "<javascript:alert(1)>",
    "<iframe src=https://evil.example></iframe>",
    "<a href='https://x' onclick='alert(1)'>a</a>",
    "<form action=https://evil.example><input name=q></form>",
    "<style>*{display:none}</style>",
    "[a]\n\n[a]: javascript:alert(1)",
    '[a](https://x.example "\\" onclick=\\"alert(1)")',
    "# <script>alert(1)</script>",
    "`<script>alert(1)</script>`",
    "> <img src=x onerror=alert(1)>",
)
URLS = (
    'https://example.org/"><script>alert(1)</script>',
    "https://example.org/' onclick='alert(1)",
    "http://example.org/\njavascript:alert(1)",
)
IDENTIFIER = "01890a5d-ac96-774b-bcce-b302099a8057"
# What may hold an address that a browser follows or loads.
ADDRESSES = ("href", "src", "action", "formaction", "data", "poster", "srcset", "xlink:href")
OURS = ("/", "#", "?")
# Canonical addresses and those of other languages are whole ones.
SITE = "http://map.test/"
# Maps drawn by the service, beside QR codes of its own; nobody else's picture is ever shown.
DRAWINGS = ("/dessins/", "/coordination")
DATA = ("application/json", "application/ld+json")


class Skeleton(HTMLParser):
    """The elements of a page with their attributes, and the contents of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self._open = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script" and data.strip():
            self.scripts.append(data)

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(tag, tuple(attributes)) for tag, attributes in self.elements]


def check_inert(page: str) -> Skeleton:
    skeleton = Skeleton(page)
    for tag, attributes in skeleton.elements:
        assert tag not in ("iframe", "object", "embed", "style", "video")
        assert tag != "base" or attributes == {"target": "_blank"}
        if tag == "img":
            own_code = attributes["src"].partition("?")[0].endswith("/qr.svg")
            assert own_code or attributes["src"].startswith(DRAWINGS), attributes
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in ("style", "srcdoc"), (tag, name)
            if name in ADDRESSES and not (tag == "a" and name == "href"):
                assert value.startswith((*OURS, SITE) if tag == "link" else OURS), (tag, value)
                assert not value.startswith("//"), (tag, value)
            elif name == "href":
                assert value.startswith((*OURS, "https://", "http://", "mailto:")), value
        if tag == "script":
            assert "src" in attributes or attributes["type"] in DATA
    for content in skeleton.scripts:
        assert "<" not in content
        json.loads(content)
    return skeleton


def write(
    engine: Engine, words: str, description: str = "", url: str = "https://x.example"
) -> None:
    """One initiative with these words wherever people write, and nothing else."""
    empty(engine, "initiative")
    with engine.begin() as connection:
        made = Made(
            id=IDENTIFIER,
            title=words,
            summary=words,
            description=description or words,
            commune="35238",
            place_text=words,
            source_platform=words,
            source_licence=words,
            source_url=url,
        )
        insert(connection, [made])


@pytest.mark.parametrize(
    "address", ["/", "/initiatives", "/embed", f"/embed/initiatives/{IDENTIFIER}"]
)
def test_words_never_become_elements_of_a_list(
    client: FlaskClient, engine: Engine, address: str
) -> None:
    write(engine, "Un jardin")
    plain = check_inert(client.get(address).text)
    for trick in TRICKS:
        write(engine, trick)
        assert check_inert(client.get(address).text).shape == plain.shape, trick


def test_words_never_become_elements_of_their_page(client: FlaskClient, engine: Engine) -> None:
    write(engine, "Un jardin", description="Du texte")
    plain = check_inert(client.get(f"/initiatives/{IDENTIFIER}").text)
    for trick in TRICKS:
        write(engine, trick, description="Du texte")
        assert check_inert(client.get(f"/initiatives/{IDENTIFIER}").text).shape == plain.shape


@pytest.mark.parametrize("description", [*TRICKS, *MARKDOWN])
def test_a_description_holds_no_element_that_acts(
    client: FlaskClient, engine: Engine, description: str
) -> None:
    write(engine, "Un jardin", description=description)
    skeleton = check_inert(client.get(f"/initiatives/{IDENTIFIER}").text)
    for tag, attributes in skeleton.elements:
        if tag == "a" and attributes["href"].startswith("http"):
            assert "nofollow" in attributes["rel"]


def test_markdown_is_rendered(client: FlaskClient, engine: Engine) -> None:
    write(engine, "x", description="# Titre\n\n- **un** [lien](https://example.org)\n- deux")
    page = client.get(f"/initiatives/{IDENTIFIER}").text
    assert "<h3>Titre</h3>" in page
    assert "<strong>un</strong>" in page
    assert '<a href="https://example.org" rel="noopener nofollow ugc">lien</a>' in page


@pytest.mark.parametrize("url", URLS)
def test_the_address_of_a_source_is_only_an_address(
    client: FlaskClient, engine: Engine, url: str
) -> None:
    write(engine, "Un jardin", url=url)
    skeleton = check_inert(client.get(f"/initiatives/{IDENTIFIER}").text)
    links = [attributes for tag, attributes in skeleton.elements if tag == "a"]
    (source,) = [link for link in links if link["href"].endswith(url[-10:])]
    assert source["href"] == url
    assert set(source) <= {"href", "rel"}


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "ftp://x", " https://x"]
)
def test_the_database_takes_no_other_address(engine: Engine, url: str) -> None:
    with pytest.raises(IntegrityError):
        write(engine, "Un jardin", url=url)


@pytest.mark.parametrize("trick", TRICKS)
def test_machines_get_the_words_as_they_were_written(
    client: FlaskClient, engine: Engine, trick: str
) -> None:
    write(engine, trick)
    listed = client.get("/initiatives.geojson", buffered=True)
    assert listed.get_json()["features"][0]["properties"]["title"] == trick
    z, x, y = 9, *column_row(9, -1.67, 48.09)
    tile = client.get(f"/tiles/initiatives/{z}/{x}/{y}.geojson")
    assert tile.get_json()["features"][0]["properties"]["title"] == trick
    for response in (listed, tile):
        assert response.content_type == "application/geo+json"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    sheet = client.get("/initiatives.csv", buffered=True)
    rows = list(csv.DictReader(io.StringIO(sheet.text, newline="")))
    assert rows[0]["title"] == trick


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("address", ["/", "/initiatives", "/embed"])
def test_what_was_searched_for_is_shown_as_text(
    client: FlaskClient, engine: Engine, address: str, trick: str
) -> None:
    for name in ("q", "theme", "territory", "bbox", trick[:20]):
        response = client.get(address, query_string={name: trick})
        assert response.status_code in (200, 400)
        check_inert(response.text)


@pytest.mark.parametrize("trick", TRICKS)
def test_an_error_page_shows_what_was_asked_for_as_text(client: FlaskClient, trick: str) -> None:
    for path in (f"/initiatives/{trick}", f"/{trick}"):
        check_inert(client.get(path).text)
