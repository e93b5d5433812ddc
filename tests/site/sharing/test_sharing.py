"""How pages are passed on: address, mail, QR code; without scripts and without anybody else."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import pytest
import segno
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.site.sharing.model import MOST_QR_LENGTH
from tests.web.population import Made, insert

HERE = "http://map.test"
GARDEN = Made(
    id="0197f000-0000-4000-8000-00000000d001",
    title="Jardin & verger : 100 % bio ?",
    precision="point",
    commune="35238",
    lon=-1.675,
    lat=48.111,
)
DRAFT = Made(id="0197f000-0000-4000-8000-00000000d002", commune="35238", status="pending")


@pytest.fixture
def filled(client: FlaskClient, engine: Engine) -> FlaskClient:
    with engine.begin() as connection:
        insert(connection, [GARDEN, DRAFT])
    return client


def modules(svg: str) -> set[tuple[int, int]]:
    """The dark squares of a drawn code, column and row without its quiet zone."""
    root = ET.fromstring(svg)
    (path,) = [one for one in root.iter() if one.get("stroke") == "#000"]
    found, x, y = set(), 0.0, 0.0
    for step, numbers in re.findall(r"([Mmh])([-\d. ]+)", path.get("d") or ""):
        values = [float(one) for one in re.findall(r"-?[\d.]+", numbers)]
        if step == "M":
            x, y = values
        elif step == "m":
            x, y = x + values[0], y + values[1]
        else:
            found |= {(int(x) + n - 4, int(y) - 4) for n in range(int(values[0]))}
            x += values[0]
    return found


def dark(address: str) -> set[tuple[int, int]]:
    rows = enumerate(segno.make_qr(address, error="m").matrix)
    return {(x, y) for y, row in rows for x, module in enumerate(row) if module}


@pytest.mark.parametrize(
    ("path", "qr"),
    [
        ("/", "/qr.svg"),
        ("/?theme=culture", "/qr.svg?theme=culture"),
        ("/initiatives", "/initiatives/qr.svg"),
        ("/initiatives?q=v%C3%A9lo&territory=departement:35",
         "/initiatives/qr.svg?q=v%C3%A9lo&territory=departement:35"),
        (f"/initiatives/{GARDEN.id}", f"/initiatives/{GARDEN.id}/qr.svg"),
        ("/territoires/commune/35238", "/territoires/commune/35238/qr.svg"),
        ("/territoires/departement/2A", "/territoires/departement/2A/qr.svg"),
    ],
)  # fmt: skip
def test_a_code_is_the_address_of_its_page(filled: FlaskClient, path: str, qr: str) -> None:
    page = filled.get(path).text
    assert f'src="{qr.replace("&", "&amp;")}"' in page
    assert f'<a href="{qr.replace("&", "&amp;")}" download>' in page
    assert f'value="{(HERE + path).replace("&", "&amp;")}"' in page
    answer = filled.get(qr)
    assert answer.content_type == "image/svg+xml"
    assert modules(answer.text) == dark(HERE + path)
    assert len(modules(answer.text)) > 200
    assert f"<title>Code QR\u00a0: {HERE}" in unescape(answer.text)


@pytest.mark.parametrize(
    ("qr", "status"),
    [
        (f"/initiatives/{DRAFT.id}/qr.svg", 404),
        ("/initiatives/x/qr.svg", 404),
        ("/territoires/commune/00000/qr.svg", 404),
        ("/territoires/canton/35/qr.svg", 404),
        ("/initiatives/qr.svg?theme=rien", 400),
        ("/initiatives/qr.svg?colour=red", 400),
        (f"/initiatives/{GARDEN.id}/qr.svg?size=3", 400),
        ("/territoires/commune/93059/qr.svg", 200),
    ],
)
def test_what_has_a_code(filled: FlaskClient, qr: str, status: int) -> None:
    assert filled.get(qr).status_code == status


def test_what_is_too_long_for_a_camera_has_none(filled: FlaskClient, engine: Engine) -> None:
    some = "SELECT code FROM territory WHERE level = 'commune' AND departement = '35' LIMIT 60"
    with engine.connect() as connection:
        refs = ",".join(f"commune:{code}" for code in connection.scalars(text(some)))
    assert len(refs) > MOST_QR_LENGTH
    page = filled.get(f"/initiatives?territory={refs}")
    assert page.status_code == 200
    assert "qr.svg" not in page.text
    assert 'id="share-address"' in page.text
    assert filled.get(f"/initiatives/qr.svg?territory={refs}").status_code == 400


def test_a_mail_holds_the_title_and_the_address(filled: FlaskClient) -> None:
    page = filled.get(f"/initiatives/{GARDEN.id}").text
    (mail,) = re.findall(r'href="(mailto:[^"]+)"', page)
    parts = urlsplit(unescape(mail))
    assert parts.path == ""
    assert "+" not in parts.query  # a mail program takes it as it is
    told = parse_qs(parts.query, strict_parsing=True)
    assert told["subject"] == [GARDEN.title]
    (body,) = told["body"]
    assert body.split("\r\n") == [
        GARDEN.title, "au point indiqué, Rennes", "", f"{HERE}/initiatives/{GARDEN.id}", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "path", ["/", "/initiatives", f"/initiatives/{GARDEN.id}", "/territoires/commune/35238"]
)
def test_sharing_needs_no_script_and_nobody_else(filled: FlaskClient, path: str) -> None:
    page = filled.get(path).text
    (sheet,) = re.findall(r'<details class="share".*?</details>', page, re.DOTALL)
    for address in re.findall(r'(?:href|src|action)="([^"]+)"', sheet):
        assert address.startswith(("/", "mailto:", HERE)), address
    hidden = re.findall(r"<button[^>]*>", sheet)
    assert hidden
    assert all(" hidden" in button for button in hidden)


@pytest.mark.parametrize("path", ["/proposer", "/compte", "/methode", "/connexion"])
def test_what_is_ones_own_is_not_offered(filled: FlaskClient, path: str) -> None:
    assert 'class="share"' not in filled.get(path).text
