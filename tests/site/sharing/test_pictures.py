"""The picture of a shared address: true for its filter, its place, its theme, its photo."""

import base64
import re
import struct
import zlib
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine

from mapservice.static_maps.card_photos import CardPhotos
from mapservice.static_maps.listing import HUES
from mapservice.static_maps.model import (
    CARD_MAP,
    CARD_PHOTO_HEIGHT,
    CARD_WIDTH,
    LIGHT,
    CardPhoto,
    card,
)
from mapservice.static_maps.png import png
from mapservice.web.edge import SERVICES, Services
from tests.web.population import Made, insert

GARDEN = Made(
    id="0197f000-0000-4000-8000-00000000f001",
    title="Un verger de trois cents pommiers anciens plantés sur la colline au-dessus du bourg",
    precision="point",
    commune="35238",
    lon=-1.675,
    lat=48.111,
    theme="environnement",
)
SOMEWHERE = Made(
    id="0197f000-0000-4000-8000-00000000f002",
    title="Cars du soir",
    precision="region",
    region="53",
    theme="mobilite",
)
NOWHERE = Made(
    id="0197f000-0000-4000-8000-00000000f003", title="Sans lieu", precision="none", theme="culture"
)
FAR = Made(
    id="0197f000-0000-4000-8000-00000000f004",
    title="Au piton",
    commune="97411",
    theme="culture",
)


@pytest.fixture
def filled(client: FlaskClient, engine: Engine) -> FlaskClient:
    with engine.begin() as connection:
        insert(connection, [GARDEN, SOMEWHERE, NOWHERE, FAR])
    return client


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The documents that are made into pictures."""
    found: list[str] = []

    def keep(document: str) -> bytes:
        found.append(document)
        return png(document)

    monkeypatch.setattr("mapservice.static_maps.routes.png", keep)
    return found


def size_of(picture: bytes) -> tuple[int, int]:
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


def picture_of(client: FlaskClient, path: str) -> str:
    found = re.search(r'<meta property="og:image" content="http://map\.test([^"]+)"',
                      client.get(path).text)  # fmt: skip
    assert found
    return found[1].replace("&amp;", "&")


def words(document: str) -> list[str]:
    """What the left side says, from above."""
    return re.findall(r'<text x="(?:56|92)"[^>]*>([^<]*)</text>', document)


@pytest.mark.parametrize(
    ("path", "picture"),
    [
        ("/", "/dessins/france.png"),
        ("/?theme=culture", "/dessins/carte.png?theme=culture"),
        ("/initiatives?sort=supported", "/dessins/france.png"),
        ("/initiatives?territory=departement:35", "/dessins/departement/35.png"),
        ("/initiatives?territory=departement:35&theme=culture",
         "/dessins/carte.png?theme=culture&territory=departement:35"),
        ("/initiatives?territory=departement:35,departement:29",
         "/dessins/carte.png?territory=departement:29,departement:35"),
        ("/initiatives?status=archived", "/dessins/carte.png?status=archived"),
        ("/initiatives?q=verger&sort=supported&limit=3", "/dessins/carte.png?q=verger"),
        ("/territoires/commune/35238", "/dessins/commune/35238.png"),
        ("/territoires", "/dessins/france.png"),
        (f"/initiatives/{GARDEN.id}", f"/dessins/initiatives/{GARDEN.id}.png"),
        (f"/initiatives/{GARDEN.id}?lang=en", f"/dessins/initiatives/{GARDEN.id}.png?lang=en"),
        ("/initiatives?theme=culture&lang=en", "/dessins/carte.png?theme=culture&lang=en"),
    ],
)  # fmt: skip
def test_a_page_has_the_picture_of_what_it_shows(
    filled: FlaskClient, path: str, picture: str
) -> None:
    assert picture_of(filled, path) == picture
    answer = filled.get(picture)
    assert answer.content_type == "image/png"
    assert size_of(answer.data) == (1200, 630)


@pytest.mark.parametrize(
    ("query", "title", "count"),
    [
        ("theme=culture", "Culture", "2 initiatives"),
        ("theme=mobilite&q=cars", "«\u00a0cars\u00a0», Mobilité", "1 initiative"),
        ("theme=habitat", "Habitat", "Aucune initiative"),
        ("near=-1.675,48.11&radius=5000", "Autour d’un lieu", "1 initiative"),
        (
            "territory=region:53&precision=region",
            "Bretagne, selon la précision du lieu",
            "1 initiative",
        ),
    ],
)
def test_the_picture_of_a_filter_says_and_shows_what_it_finds(
    filled: FlaskClient, drawn: list[str], query: str, title: str, count: str
) -> None:
    assert filled.get(f"/dessins/carte.png?{query}").status_code == 200
    (document,) = drawn
    told = words(document)
    assert told[0] == "Initiatives locales"
    assert " ".join(told[1:]).startswith(f"{title} ")
    assert count in told
    shown = {theme for theme in HUES if f'data-theme="{theme}"' in document}
    asked = re.search(r"theme=(\w+)", query)
    assert shown <= ({asked[1]} if asked else set(HUES))


def test_what_lies_overseas_is_shown_beside(filled: FlaskClient, drawn: list[str]) -> None:
    filled.get("/dessins/carte.png?theme=culture")
    (document,) = drawn
    island = re.search(r"<svg[^>]*>((?:(?!<svg).)*?)La Réunion</text></svg>", document, re.DOTALL)
    assert island
    assert 'data-theme="culture" data-count="1"' in island[1]
    assert document.count('data-theme="culture"') == 1  # the other one has no place


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("", "Toutes les initiatives"),
        ("?sort=supported", "Toutes les initiatives"),
        ("?theme=culture", "Initiatives\u00a0: Culture"),
        ("?territory=region:53&theme=culture", "Initiatives\u00a0: Culture, Bretagne"),
        ("?q=verger", "Initiatives\u00a0: «\u00a0verger\u00a0»"),
    ],
)
def test_a_filtered_list_is_not_called_all_of_them(
    filled: FlaskClient, query: str, title: str
) -> None:
    assert f"<h1>{title}</h1>" in filled.get(f"/initiatives{query}").text


@pytest.mark.parametrize(
    ("made", "theme", "place"),
    [
        (GARDEN, "Environnement", "Au point indiqué, Rennes"),
        (SOMEWHERE, "Mobilité", "Quelque part en Bretagne"),
        (NOWHERE, "Culture", "Lieu à préciser"),
        (FAR, "Culture", "Dans la commune de Saint-Denis"),
    ],
)
def test_the_picture_of_an_initiative_has_title_place_and_theme(
    filled: FlaskClient, drawn: list[str], made: Made, theme: str, place: str
) -> None:
    filled.get(f"/dessins/initiatives/{made.id}.png")
    (document,) = drawn
    told = words(document)
    assert told[0] == theme
    assert f'fill="{HUES[next(one for one in HUES if one == made.theme)][0]}"' in document
    text = " ".join(told)
    assert made.title in text or ("…" in text and told[1] in made.title)
    assert place in text


@pytest.mark.long
@pytest.mark.parametrize(
    "title",
    [
        GARDEN.title,
        "MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM",
        "iiii " * 60,
        "Anticonstitutionnellement, hexakosioihexekontahexaphobie et WWW.EXAMPLE.ORG",
        "Un",
        "",
    ],
)
def test_long_words_stay_beside_the_map(title: str) -> None:
    """By the picture itself: not a pixel differs on the map, nor close before it."""
    parts = [
        pixels(png(card("", LIGHT, "Thème", text, f"à cette adresse, {text}", "Site")))
        for text in (title, "")
    ]
    edge = CARD_WIDTH - CARD_MAP
    for words, bare in zip(*parts, strict=True):
        assert words[4 * (edge - 8) :] == bare[4 * (edge - 8) :]


def pixels(picture: bytes) -> list[bytes]:
    """Rows of red, green, blue and opacity (PNG, 9: filters of lines)."""
    width, _height = size_of(picture)
    assert picture[24:26] == b"\x08\x06", "8 bits, RGBA"
    body, at = b"", 8
    while at < len(picture):
        (length,) = struct.unpack(">I", picture[at : at + 4])
        if picture[at + 4 : at + 8] == b"IDAT":
            body += picture[at + 8 : at + 8 + length]
        at += 12 + length
    raw = np.frombuffer(zlib.decompress(body), np.uint8).reshape(-1, 1 + 4 * width)
    above, rows = np.zeros(4 * width, np.uint8), []
    for line in raw:
        above = unfiltered(int(line[0]), line[1:], above)
        rows.append(above.tobytes())
    return rows


def unfiltered(kind: int, line: npt.NDArray[np.uint8], above: npt.NDArray[np.uint8]) -> Any:
    if kind == 0:
        return line.copy()
    if kind == 2:
        return line + above
    row = np.zeros_like(line)
    before = corner = np.zeros(4, np.int32)
    for at in range(0, len(line), 4):
        up = above[at : at + 4].astype(np.int32)
        if kind == 1:
            told = before
        elif kind == 3:
            told = (before + up) // 2
        else:
            guess = before + up - corner
            left, top, both = (abs(guess - one) for one in (before, up, corner))
            told = np.where(
                (left <= top) & (left <= both), before, np.where(top <= both, up, corner)
            )
        before = (line[at : at + 4] + told) % 256
        corner = up
        row[at : at + 4] = before
    return row


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(
        ">I", zlib.crc32(kind + content)
    )  # fmt: skip


def red_picture() -> bytes:
    """Two pixels."""
    head = struct.pack(">IIBBBBB", 2, 1, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\x00" + b"\xff\x00\x00" * 2)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", head), chunk(b"IDAT", body), chunk(b"IEND", b""))
    )


def test_a_photo_stands_above_a_smaller_map(
    app: Flask, filled: FlaskClient, drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = CardPhoto(red_picture(), "image/png", focus=(0.9, 0.1))

    def photo_of(_connection: Connection, initiative: UUID) -> CardPhoto | None:
        return photo if str(initiative) == GARDEN.id else None

    without = filled.get(f"/dessins/initiatives/{GARDEN.id}.png").data
    services: Services = app.extensions[SERVICES]
    assert isinstance(services.held, dict)
    monkeypatch.setitem(services.held, CardPhotos, CardPhotos((photo_of,)))
    answer = filled.get(f"/dessins/initiatives/{GARDEN.id}.png")
    assert size_of(answer.data) == (1200, 630)
    assert answer.data != without
    document = drawn[-1]
    assert base64.b64encode(photo.content).decode() in document
    assert 'preserveAspectRatio="xMaxYMin slice"' in document
    assert (
        f'y="{CARD_PHOTO_HEIGHT}" width="{CARD_MAP}" height="{630 - CARD_PHOTO_HEIGHT}"' in document
    )
    filled.get(f"/dessins/initiatives/{SOMEWHERE.id}.png")
    assert "<image" not in drawn[-1]
